package explore

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Recording says what of a run is kept in files; an empty path is not written.
type Recording struct {
	Trace   string
	History string
}

// Run runs one schedule in this process. A schedule that cannot be run is an
// error; a run that panics is not: it ends in an outcome with a Crash.
func (r *Registry) Run(s cluster.Schedule, rec Recording) (*Outcome, error) {
	options := r.Options
	var trace *traceFile
	if rec.Trace != "" {
		var err error
		if trace, err = createTrace(rec.Trace, s); err != nil {
			return nil, err
		}
		defer trace.discard()
		options.Sink = trace.write
	}
	options.KeepHistory = rec.History != ""
	result, outcome, err := r.guarded(s, options)
	if err != nil {
		return nil, err
	}
	if result == nil {
		return outcome, nil // it panicked: there is nothing to record
	}
	if trace != nil {
		if err := trace.commit(result.Hash); err != nil {
			return nil, err
		}
	}
	if rec.History != "" {
		if err := writeHistory(rec.History, result.History); err != nil {
			return nil, err
		}
	}
	return outcome, nil
}

// guarded runs the schedule and turns a panic into an outcome without result.
func (r *Registry) guarded(s cluster.Schedule, options cluster.Options) (result *cluster.Result, out *Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, nil
			out = died(Job{s.Scenario, s.Seed}, Crash, fmt.Sprintf("panic: %v", p))
			out.Timeline = []cluster.Note{{Text: "the simulator panicked: " + string(debug.Stack())}}
		}
	}()
	began := time.Now()
	result, err = r.run(s, options)
	if err != nil {
		return nil, nil, err
	}
	result.WallNs = time.Since(began).Nanoseconds()
	return result, outcomeOf(result), nil
}

// run runs a schedule under its scenario. A schedule of a scenario that this
// binary does not know, written by hand perhaps, runs all the same; it only
// lacks a point of its own to prove.
func (r *Registry) run(s cluster.Schedule, options cluster.Options) (*cluster.Result, error) {
	scenario, err := r.Lookup(s.Scenario)
	if err != nil || s.Scenario == "" {
		return cluster.Run(s, options)
	}
	return scenarios.Run(scenario, s, options)
}

// Record runs a schedule and leaves everything a person needs to look into it
// in dir: schedule.json, trace.bin, history.jsonl and report.txt.
func (r *Registry) Record(s cluster.Schedule, dir string) (*Outcome, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := WriteBytes(path(scheduleName), s.JSON()); err != nil {
		return nil, err
	}
	out, err := r.Run(s, Recording{Trace: path(traceName), History: path("history.jsonl")})
	if err != nil {
		return nil, err
	}
	return out, WriteText(path("report.txt"), s, out)
}

const (
	scheduleName = "schedule.json"
	traceName    = "trace.bin"
)

// traceFile is a trace under way into a file. Writing goes on in memory after
// an error; the first one comes out of commit.
type traceFile struct {
	file   *AtomicFile
	writer *sim.TraceWriter
	err    error
}

func createTrace(path string, s cluster.Schedule) (*traceFile, error) {
	f, err := CreateAtomic(path)
	if err != nil {
		return nil, err
	}
	head, err := newHeader(s)
	if err != nil {
		f.Discard()
		return nil, err
	}
	w, err := sim.NewTraceWriter(f, head)
	if err != nil {
		f.Discard()
		return nil, err
	}
	return &traceFile{file: f, writer: w}, nil
}

func (t *traceFile) write(e sim.Event) {
	if t.err == nil {
		t.err = t.writer.Write(e)
	}
}

func (t *traceFile) commit(hash uint64) error {
	if t.err == nil {
		t.err = t.writer.Close(hash)
	}
	if t.err != nil {
		return t.err
	}
	err := t.file.Commit()
	t.file = nil
	return err
}

func (t *traceFile) discard() {
	if t.file != nil {
		t.file.Discard()
	}
}

func writeHistory(path string, h *checker.History) error {
	return WriteFile(path, func(w io.Writer) error { return checker.WriteHistory(w, h) })
}
