package explore

import (
	"encoding/xml"
	"fmt"
	"io"
)

type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    uint64       `xml:"tests,attr"`
		Failures uint64       `xml:"failures,attr"`
		Time     string       `xml:"time,attr"` // seconds
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    uint64      `xml:"tests,attr"`
		Failures uint64      `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junitCases is up to how many runs a JUnit file has a case for every seed;
// above it only the failed ones have.
const junitCases = 10_000

// WriteJUnit renders the report as JUnit XML: a suite for each scenario, a case
// for each seed.
func (r *Report) WriteJUnit(w io.Writer) error {
	suites := make([]junitSuite, len(r.Scenarios))
	for i, name := range r.Scenarios {
		suites[i].Name = name
	}
	each := uint64(len(r.Scenarios))
	for _, span := range r.Done {
		for n := span[0]; n < span[1]; n++ {
			suites[n%each].Tests++
		}
	}
	failed := make(map[uint64]*Failure, len(r.Failures))
	for i := range r.Failures {
		f := &r.Failures[i]
		failed[r.number(f.Job)] = f
		suites[r.number(f.Job)%each].Failures++
	}
	for _, span := range r.Done {
		for n := span[0]; n < span[1]; n++ {
			if f := failed[n]; f != nil || r.Seeds <= junitCases {
				s := &suites[n%each]
				s.Cases = append(s.Cases, junitCaseOf(r.job(n), f))
			}
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	seconds := fmt.Sprintf("%.3f", float64(r.ElapsedNs)/1e9)
	if err := e.Encode(junitSuites{Name: "sim sweep", Tests: r.Seeds, Failures: r.Failed, Time: seconds, Suites: suites}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitCaseOf(job Job, f *Failure) junitCase {
	c := junitCase{Class: "sim." + job.Scenario, Name: fmt.Sprintf("seed %d", job.Seed)}
	if f != nil {
		c.Failure = &junitFailure{
			Type: f.Oracle, Message: f.Message,
			Text: fmt.Sprintf("%s: %s\nschedule: %s\n", f.Oracle, f.Message, f.Schedule),
		}
	}
	return c
}
