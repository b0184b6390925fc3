package explore

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"reflect"
	"strings"
	"text/template"
	"unicode"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// RegressionPackage is the package of a generated test unless another is named.
const RegressionPackage = "regressions_test"

// Regression is a Go test file that runs a schedule and wants no violation. It
// holds the schedule itself and runs what cmd/sim would: a registry's own
// workload and state machine are not in it.
func (r *Registry) Regression(pkg string, found *Shrunk) ([]byte, error) {
	if !token.IsIdentifier(pkg) || pkg == "_" {
		return nil, fmt.Errorf("%q is no name for a package", pkg)
	}
	schedule := strings.TrimSuffix(string(found.Schedule.JSON()), "\n")
	if strings.Contains(schedule, "`") {
		return nil, fmt.Errorf("the scenario's name %q does not fit into a Go file", found.Schedule.Scenario)
	}
	_, err := r.Lookup(found.Schedule.Scenario)
	var out bytes.Buffer
	err = regression.Execute(&out, map[string]any{
		"Package": pkg, "Name": testName(found), "Found": found, "Schedule": schedule,
		"Known":     err == nil && found.Schedule.Scenario != "",
		"Cluster":   reflect.TypeFor[cluster.Schedule]().PkgPath(),
		"Scenarios": reflect.TypeFor[scenarios.Scenario]().PkgPath(),
	})
	if err != nil {
		return nil, err
	}
	return format.Source(out.Bytes())
}

// testName is as TestLostWriteSeed3.
func testName(found *Shrunk) string {
	var name strings.Builder
	for word := range strings.FieldsFuncSeq(found.Signature.Oracle, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		runes := []rune(word)
		name.WriteString(string(unicode.ToUpper(runes[0])) + string(runes[1:]))
	}
	return fmt.Sprintf("Test%sSeed%d", name.String(), found.Schedule.Seed)
}

var regression = template.Must(template.New("regression").Parse(`package {{.Package}}

import (
	"testing"
	"time"

{{if .Known}}	"{{.Scenarios}}"
{{end}}	"{{.Cluster}}"
)

// {{.Name}} runs a schedule that failed, made small by sim shrink: {{.Found.Before.Faults}} faults
// were {{.Found.After.Faults}} then. What it failed with:
//
//	{{.Found.Signature}}
func {{.Name}}(t *testing.T) {
	const schedule = ` + "`{{.Schedule}}`" + `
	s, err := cluster.ParseSchedule([]byte(schedule))
	if err != nil {
		t.Fatal(err)
	}
{{if .Known}}	scenario, err := scenarios.Lookup(s.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	r, err := scenarios.Run(scenario, s, cluster.Options{})
{{else}}	r, err := cluster.Run(s, cluster.Options{})
{{end}}	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Errorf("at %v: %v", time.Duration(v.AtNs), v)
	}
}
`))
