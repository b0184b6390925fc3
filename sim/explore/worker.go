package explore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// The talk between a sweep and its workers: a worker greets, then answers each
// request with one reply, all as JSON values on stdin and stdout. A worker ends
// when its stdin does.
type (
	greeting struct {
		Worker int `json:"worker"` // protocol version
	}
	request struct {
		Job
		// Schedule is run in place of the one that the scenario makes of the seed.
		Schedule *cluster.Schedule `json:"schedule,omitempty"`
		// Dir asks for a run that is recorded into this directory.
		Dir string `json:"dir,omitempty"`
		// Replay asks to compare this trace file with another run.
		Replay string `json:"replay,omitempty"`
	}
	reply struct {
		Outcome *Outcome `json:"outcome,omitempty"`
		Error   string   `json:"error,omitempty"`
		// The samples behind the outcome's metrics.
		ElectionNs []int64 `json:"electionNs,omitempty"`
		FailoverNs []int64 `json:"failoverNs,omitempty"`
		// PeakBytes is the most memory the worker has held resident so far.
		PeakBytes int64 `json:"peakBytes"`
	}
)

const workerVersion = 1

// workerHeapBytes is where a worker's collector stops being lazy.
const workerHeapBytes = 160 << 20

// Worker serves runs until in ends.
func (r *Registry) Worker(in io.Reader, out io.Writer) error {
	// As many workers as cores run beside each other.
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(workerHeapBytes)
	encode := json.NewEncoder(out)
	if err := encode.Encode(greeting{workerVersion}); err != nil {
		return err
	}
	for decode := json.NewDecoder(in); ; {
		var req request
		if err := decode.Decode(&req); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("worker: unreadable request: %w", err)
		}
		if err := encode.Encode(r.answer(req)); err != nil {
			return err
		}
	}
}

func (r *Registry) answer(req request) reply {
	var s cluster.Schedule
	var err error
	if req.Schedule != nil {
		s = *req.Schedule
	} else if s, err = r.Schedule(req.Job); err != nil {
		return reply{Error: err.Error()}
	}
	var out *Outcome
	if req.Replay != "" {
		out, err = r.replayed(req.Job, req.Replay)
	} else if req.Dir != "" {
		out, err = r.Record(s, req.Dir)
	} else if out, err = r.Run(s, Recording{}); err != nil {
		// The scenario made a schedule that nobody can run: its own failure.
		out, err = died(req.Job, Crash, err.Error()), nil
	}
	if err != nil {
		return reply{Error: err.Error()}
	}
	out.Timeline = nil // the timeline is for the report in Dir
	return reply{Outcome: out, ElectionNs: out.electionNs, FailoverNs: out.failoverNs, PeakBytes: peakBytes()}
}
