package checker

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Defaults of Options.
const (
	DefaultWindow  = 2000
	DefaultTimeout = 30 * time.Second
)

// ErrNothingToDraw says that a partition has no operations to draw.
var ErrNothingToDraw = errors.New("no operations to draw")

// model is the object of linear.go as porcupine wants it, without the keys: the
// state is the length of the log, and porcupine searches.
func model(start int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, _ any) (bool, any) {
			n, s := state.(int64), input.(*step)
			switch s.class {
			case classRead:
				return n == s.pos, n
			case classSeen:
				return n > s.pos, n
			default:
				return n == s.pos, n + s.size
			}
		},
		Equal:             func(a, b any) bool { return a == b },
		Hash:              func(s any) uint64 { return uint64(s.(int64)) },
		DescribeOperation: func(input, _ any) string { return input.(*step).describe() },
		DescribeState:     func(s any) string { return fmt.Sprintf("length %d", s) },
	}
}

func (s *step) describe() string {
	if s.op == nil {
		return fmt.Sprintf("%d records left out", s.size)
	}
	return fmt.Sprintf("%v %d %s", s.op.Kind, s.op.Seq, s.says())
}

// operations prepares steps, sorted by key, for porcupine: stretches of the log
// that no step covers become operations of their own, so that the search starts
// at the first step's length and misses nothing in between. An operation
// without a return gets the latest one it can have, that of the first operation
// which needs it done: porcupine's time explodes with open ends.
func operations(steps []step) (start int64, out []porcupine.Operation) {
	if len(steps) == 0 {
		return 0, nil
	}
	start = steps[0].pos
	filled := make([]step, 0, len(steps))
	n := start
	for _, s := range steps {
		need := s.pos
		if s.class == classSeen {
			need++
		}
		if need > n {
			filled = append(filled, step{pos: n, class: classProduce, size: need - n, ret: never})
			n = need
		}
		if s.class == classProduce {
			n = s.pos + s.size
		}
		filled = append(filled, s)
	}
	earliest := never
	for i := len(filled) - 1; i >= 0; i-- {
		s := &filled[i]
		if s.ret == never && s.call < earliest {
			s.ret = earliest
		}
		earliest = min(earliest, s.ret)
	}
	lanes := newLanes(filled)
	for i := range filled {
		s := &filled[i]
		call, ret := interval(s)
		out = append(out, porcupine.Operation{ClientId: lanes.of(s), Input: s, Call: call, Return: ret})
	}
	return start, out
}

// interval doubles the stamps, so that there is room before each. An observation
// happens right before its return: the log only grows, so what it needs holds
// there if it ever held before. Left open from the start, observations would
// double the search each.
func interval(s *step) (call, ret int64) {
	call, ret = 2*int64(s.call), math.MaxInt64
	if s.ret != never {
		ret = 2 * int64(s.ret)
	}
	if s.class == classSeen {
		call = ret - 1
	}
	return call, ret
}

// lanes are the rows of a picture: one per client, and one for each step that
// may overlap with others of its client.
type lanes struct {
	clients []int // sorted
	extra   int
}

func newLanes(steps []step) *lanes {
	l := &lanes{}
	for i := range steps {
		if steps[i].orderly() {
			l.clients = append(l.clients, steps[i].op.Client)
		}
	}
	slices.Sort(l.clients)
	l.clients = slices.Compact(l.clients)
	return l
}

func (l *lanes) of(s *step) int {
	if s.orderly() {
		i, _ := slices.BinarySearch(l.clients, s.op.Client)
		return i
	}
	l.extra++
	return len(l.clients) + l.extra - 1
}

// orderly says that the step has its operation's own interval, so that it
// overlaps with no other of its client.
func (s *step) orderly() bool {
	return s.op != nil && s.class != classSeen && (s.class == classRead || s.acknowledged())
}

// secondOpinion asks porcupine about windows of the order. A window in which
// the exact check found a conflict is failed already.
func (j *judge) secondOpinion(p *partition, steps []step, failed []conflict, o Options) {
	size, timeout := o.Window, o.Timeout
	if size <= 0 {
		size = DefaultWindow
	}
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	for len(steps) > 0 {
		window := steps[:min(size, len(steps))]
		steps = steps[len(window):]
		if touches(window, failed) {
			continue
		}
		start, ops := operations(window)
		switch porcupine.CheckOperationsTimeout(model(start), ops, timeout) {
		case porcupine.Ok:
		case porcupine.Illegal:
			j.object(oLinearizability, window[0].op, "%v: porcupine refuses lengths %d to %d, which the exact check accepts: one of the two is wrong", p.key, window[0].pos, window[len(window)-1].pos)
		default: // the next windows would hardly be easier
			steps = nil
			j.object(oLinearizability, window[0].op, "%v: porcupine had no answer about lengths %d to %d in %v", p.key, window[0].pos, window[len(window)-1].pos, timeout)
		}
	}
}

// touches says that the window holds an operation of a conflict.
func touches(window []step, failed []conflict) bool {
	low, high := &window[0], &window[len(window)-1]
	for i := range failed {
		for _, s := range []*step{&failed[i].first, &failed[i].second} {
			if s.compareKey(low) >= 0 && s.compareKey(high) <= 0 {
				return true
			}
		}
	}
	return false
}

// drawn is how many operations around each end of a conflict a picture shows.
const drawn = 40

// Visualize writes an HTML page that shows a partition's operations as
// porcupine sees them: those around the first pair that contradicts
// linearizability, or the first ones if there is none. It gives up the search,
// not the picture, after DefaultTimeout.
func Visualize(w io.Writer, h *History, topic string, id int32) error {
	if err := h.Validate(); err != nil {
		return err
	}
	for _, p := range partitions(h) {
		if p.key != (partitionKey{topic, id}) {
			continue
		}
		var j judge
		j.written(p, false)
		steps, _ := j.steps(p)
		if len(steps) == 0 {
			break
		}
		start, ops := operations(clip(steps, conflicts(steps)))
		tighten(ops)
		_, info := porcupine.CheckOperationsVerbose(model(start), ops, DefaultTimeout)
		return porcupine.Visualize(model(start), info, w)
	}
	return fmt.Errorf("partition %v: %w", partitionKey{topic, id}, ErrNothingToDraw)
}

// clip takes the steps around the first conflict.
func clip(steps []step, failed []conflict) []step {
	if len(failed) == 0 {
		return steps[:min(len(steps), 2*drawn)]
	}
	var out []step
	for i := range steps {
		if near(steps, i, &failed[0].first) || near(steps, i, &failed[0].second) {
			out = append(out, steps[i])
		}
	}
	return out
}

// tighten lets open intervals begin where the picture begins.
func tighten(ops []porcupine.Operation) {
	begin := int64(math.MaxInt64)
	for i := range ops {
		if ops[i].Call > 0 {
			begin = min(begin, ops[i].Call)
		}
	}
	for i := range ops {
		if ops[i].Call == 0 {
			ops[i].Call = min(begin, ops[i].Return) - 1
		}
	}
}

func near(steps []step, i int, s *step) bool {
	low, high := max(0, i-drawn), min(len(steps)-1, i+drawn)
	return steps[low].compareKey(s) <= 0 && s.compareKey(&steps[high]) <= 0
}
