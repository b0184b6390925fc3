package checker

import "time"

// Options of Check.
type Options struct {
	// Porcupine asks porcupine for a second opinion on linearizability.
	Porcupine bool
	// Window is how many operations of a partition porcupine sees at once; 0
	// means DefaultWindow.
	Window int
	// Timeout bounds the wall-clock time of one window; 0 means DefaultTimeout.
	Timeout time.Duration
}

// Check judges a history with every oracle that it has material for. Events and
// samples in it are judged as a Monitor without a disk model would have. It
// panics on a history that Validate refuses.
func Check(h *History, o Options) Report {
	if err := h.Validate(); err != nil {
		panic("checker: " + err.Error())
	}
	monitor := NewMonitor(Config{Groups: h.Groups}, nil)
	for i := range h.Events {
		monitor.Observe(h.Events[i])
	}
	for i := range h.Samples {
		monitor.ObserveISR(h.Samples[i])
	}
	j := &judge{}
	j.exists(h)
	for _, p := range partitions(h) {
		if len(p.log.Unread) > 0 {
			j.unread(p)
			continue
		}
		j.gapless(p)
		j.written(p, h.Meta.Complete)
		j.acknowledged(p)
		j.fetched(p)
		j.seen(p)
		j.replicas(p)
		j.retained(p, trimmedTo(p, monitor, h), h.Meta.Complete)
		j.linearizable(p, o)
	}
	return Merge(monitor.Finish(), Report{Violations: j.violations, Verdicts: j.verdicts()})
}

// judge holds what the oracles of a history say.
type judge struct {
	tally
}

// object records a violation at an operation.
func (j *judge) object(o oracle, op *Op, format string, args ...any) {
	at := op.ReturnNs
	if op.Return == 0 {
		at = op.CallNs
	}
	j.fail(o, at, op.Seq, format, args...)
}
