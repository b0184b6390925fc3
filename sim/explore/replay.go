package explore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Recorded is a trace file that was read to its end once, so that a truncated
// or damaged one is known before anything is run.
type Recorded struct {
	Schedule cluster.Schedule
	Build    string // of the binary that recorded it
	Events   uint64
	Hash     Hash
	file     []byte
}

// OpenTrace checks a trace file and reads its schedule.
func OpenTrace(path string) (*Recorded, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := &Recorded{file: b}
	r, err := t.reader()
	if err != nil {
		return nil, err
	}
	if t.Build, t.Schedule, err = parseHeader(r.Header()); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	for {
		if _, err = r.Next(); err != nil {
			break
		}
		t.Events++
	}
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	t.Hash = Hash(r.Hash())
	return t, nil
}

// header is what a trace file says before its events.
type header struct {
	Build    string          `json:"build"`
	Schedule json.RawMessage `json:"schedule"`
}

func newHeader(s cluster.Schedule) ([]byte, error) {
	build, err := Build()
	if err != nil {
		return nil, fmt.Errorf("naming this build: %w", err)
	}
	return json.Marshal(header{build, s.JSON()})
}

func parseHeader(b []byte) (string, cluster.Schedule, error) {
	var h header
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return "", cluster.Schedule{}, err
	}
	s, err := cluster.ParseSchedule(h.Schedule)
	return h.Build, s, err
}

func (t *Recorded) reader() (*sim.TraceReader, error) {
	return sim.NewTraceReader(bytes.NewReader(t.file))
}

// Divergence is the first event in which a replay differs from its recording. A
// nil side had ended.
type Divergence struct {
	Seq      uint64      // number of the event, from 1
	Before   []sim.Event // the last equal ones
	Recorded *sim.Event
	Replayed *sim.Event
}

// Replay runs the trace's schedule again and compares event by event. It comes
// back at the first divergence, or with the outcome of a run that was equal.
//
// A run that diverged is left standing where it is, in a goroutine that never
// ends: there is no way to take a simulation down from inside one of its
// events. No other simulation may run in this process after it.
func (r *Registry) Replay(t *Recorded) (*Outcome, *Divergence, error) {
	reader, err := t.reader()
	if err != nil {
		return nil, nil, err
	}
	c := &comparison{reader: reader, diverged: make(chan *Divergence)}
	type end struct {
		out *Outcome
		err error
	}
	ended := make(chan end, 1)
	go func() {
		options := r.Options
		options.Sink = c.compare
		_, out, err := r.guarded(t.Schedule, options)
		ended <- end{out, err}
	}()
	select {
	case d := <-c.diverged:
		return nil, d, nil
	case e := <-ended:
		if e.err != nil {
			return nil, nil, e.err
		}
		return e.out, c.rest(), nil
	}
}

// comparison walks the recorded events beside the new ones.
type comparison struct {
	reader   *sim.TraceReader
	before   []sim.Event
	seq      uint64
	diverged chan *Divergence
}

// shownBefore is how many equal events lead up to a divergence.
const shownBefore = 5

func (c *comparison) compare(now sim.Event) {
	c.seq++
	then, err := c.reader.Next()
	if err == nil && then == now {
		if len(c.before) == shownBefore {
			c.before = append(c.before[:0], c.before[1:]...)
		}
		c.before = append(c.before, now)
		return
	}
	d := &Divergence{Seq: c.seq, Before: c.before, Replayed: &now}
	if err == nil {
		d.Recorded = &then
	}
	c.diverged <- d
	select {} // the run stands still: see Replay
}

// rest tells whether the recording goes on after the replay ended.
func (c *comparison) rest() *Divergence {
	then, err := c.reader.Next()
	if err != nil {
		return nil
	}
	return &Divergence{Seq: c.seq + 1, Before: c.before, Recorded: &then}
}
