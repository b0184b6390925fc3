package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// life drives a log through whatever may happen to it. The model is the history
// alone: at every index there is one log that it can be.
type life struct {
	*process
	h        history
	batches  []stored
	ends     []int64  // the end offset after each index
	want     *process // the reference: all of h, and nothing happened to it
	promised machine.Checkpoint
	busy     bool // a checkpoint is under way
}

func newLife(t *rapid.T) *life {
	h := makeHistory(rapid.Uint64().Draw(t, "history"), rapid.IntRange(1, 150).Draw(t, "entries"))
	_, want := fresh(t, 99, 1<<20)
	l := &life{h: h, batches: expected(h), ends: []int64{0}, want: want}
	for i := range h {
		want.apply(h, uint64(i+1))
		l.ends = append(l.ends, want.log.EndOffset())
	}
	_, l.process = fresh(t, rapid.Uint64().Draw(t, "disk"), rapid.SampledFrom([]int{1, 8192, 1 << 20}).Draw(t, "tail"))
	return l
}

// TestStateMachine: replicas with different checkpoints, snapshots, restarts,
// crashes and power losses end as the same log.
func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		t.Repeat(map[string]func(*rapid.T){
			"":            l.invariants,
			"apply":       l.anyApply,
			"checkpoint":  l.anyCheckpoint,
			"steps":       func(t *rapid.T) { l.steps(rapid.IntRange(1, 60).Draw(t, "n")) },
			"settle":      l.settle,
			"read":        l.anyRead,
			"begin read":  l.beginRead,
			"segments":    l.anySegment,
			"snapshot":    l.anySnapshot,
			"restore":     l.anyRestore,
			"old restore": l.oldRestore,
			"failed sync": l.anyFailedSync,
			"close":       l.anyClose,
			"crash":       func(t *rapid.T) { l.reborn(anyLoss(t)) },
		})
		l.apply(l.h, uint64(len(l.h)))
		equal(t, l.want, l.process)
		if len(l.fatal) > 0 {
			t.Fatal(l.fatal)
		}
		l.kill()
		l.want.kill()
	})
}

func (l *life) invariants(t *rapid.T) {
	log := l.log
	if len(l.fatal) > 0 || log.Backlog() < 0 {
		t.Fatalf("fatal %v, backlog %d", l.fatal, log.Backlog())
	}
	if log.StartOffset() != 0 || log.EndOffset() != l.ends[log.AppliedIndex()] {
		t.Fatalf("at index %d the log is %d to %d, want its end at %d", log.AppliedIndex(), log.StartOffset(), log.EndOffset(), l.ends[log.AppliedIndex()])
	}
	next := int64(0)
	for _, s := range log.Segments() {
		if s.Base != next || s.End < s.Base {
			t.Fatalf("a segment from %d to %d where %d is next", s.Base, s.End, next)
		}
		next = s.End
	}
	if next != log.EndOffset() {
		t.Fatalf("the segments end at %d, the log at %d", next, log.EndOffset())
	}
}

func (l *life) anyApply(t *rapid.T) {
	l.apply(l.h, min(l.log.AppliedIndex()+uint64(rapid.IntRange(1, 30).Draw(t, "n")), uint64(len(l.h))))
}

func (l *life) anyCheckpoint(*rapid.T) {
	if !l.busy {
		l.beginCheckpoint()
	}
}

// beginCheckpoint begins one whose meta is its index.
func (l *life) beginCheckpoint() {
	l.busy = true
	p := l.process
	l.log.Checkpoint(fmt.Append(nil, l.log.AppliedIndex()), func(c machine.Checkpoint, err error) {
		if err != nil || p != l.process {
			l.t.Fatalf("a checkpoint, of this process %v, ended with %v", p == l.process, err)
		}
		l.promised, l.busy = c, false
	})
}

// settle lets a checkpoint end, and everything else.
func (l *life) settle(t *rapid.T) {
	l.steps(1 << 20)
	if l.busy || l.log.Backlog() > 0 {
		t.Fatalf("the loop ran dry; a checkpoint is under way: %v, backlog %d", l.busy, l.log.Backlog())
	}
}

// reborn ends the process in some way and opens the log again.
func (l *life) reborn(kind loss) {
	l.t.Helper()
	next, c := l.process.reborn(kind, l.promised)
	if c.Index > 0 && string(c.Meta) != fmt.Sprint(c.Index) {
		l.t.Fatalf("checkpoint at %d has meta %q", c.Index, c.Meta)
	}
	l.process, l.promised, l.busy = next, c, false
}

func anyLoss(t *rapid.T) loss { return loss(rapid.IntRange(0, int(losses)-1).Draw(t, "loss")) }

// anyClose ends the process cleanly: nothing completes any more.
func (l *life) anyClose(t *rapid.T) {
	l.log.Close()
	l.steps(1 << 20)
	l.log.Read(0, 1, 1, func(_ []byte, err error) {
		if !errors.Is(err, wal.ErrStopped) {
			t.Fatalf("a closed log answers with %v", err)
		}
	})
	if l.mount.open != 0 {
		t.Fatalf("%d files are open after Close", l.mount.open)
	}
	l.reborn(anyLoss(t))
}

// anyFailedSync makes a sync of a checkpoint fail. The process ends, and what
// had been promised before stays.
func (l *life) anyFailedSync(t *rapid.T) {
	d := l.mount.platter
	d.failAt = d.syncs + rapid.IntRange(1, 6).Draw(t, "nth")
	if !l.busy {
		l.beginCheckpoint()
	}
	l.steps(rapid.IntRange(1, 200).Draw(t, "n"))
	failed := d.syncs >= d.failAt
	d.failAt = 0
	if !failed {
		return
	}
	l.steps(1 << 20)
	if len(l.fatal) != 1 || !errors.Is(l.fatal[0], env.ErrIO) || !l.busy {
		t.Fatalf("after a failed sync: fatal %v, the checkpoint completed: %v", l.fatal, !l.busy)
	}
	l.reborn(anyLoss(t))
}

// stretch draws what a reader asks for.
func (l *life) stretch(t *rapid.T) (offset, limit int64, maxBytes int, ok bool) {
	end := l.log.EndOffset()
	if end == 0 {
		return 0, 0, 0, false
	}
	offset = rapid.Int64Range(0, end-1).Draw(t, "offset")
	limit = rapid.Int64Range(offset+1, end).Draw(t, "limit")
	return offset, limit, rapid.SampledFrom([]int{0, 300, 5000}).Draw(t, "bytes"), true
}

func (l *life) anyRead(t *rapid.T) {
	offset, limit, maxBytes, ok := l.stretch(t)
	if !ok {
		return
	}
	b, err := l.read(offset, limit, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	if msg := judge(l.batches, b, offset, limit, maxBytes); msg != "" {
		t.Fatal(msg)
	}
}

// beginRead leaves a reader on its way, through whatever comes. What is applied
// meanwhile may push the rest out of the tail: then the answer ends early.
func (l *life) beginRead(t *rapid.T) {
	offset, limit, maxBytes, ok := l.stretch(t)
	if !ok {
		return
	}
	l.log.Read(offset, limit, maxBytes, func(b []byte, err error) {
		switch {
		case errors.Is(err, wal.ErrReplaced):
		case err != nil:
			t.Fatal(err)
		default:
			if msg := judge(l.batches, b, offset, limit, min(maxBytes, len(b))); msg != "" {
				t.Fatal(msg)
			}
		}
	})
}

// anySegment reads a segment whole, from memory and the disk.
func (l *life) anySegment(t *rapid.T) {
	all := l.log.Segments()
	if len(all) == 0 {
		return
	}
	s := all[rapid.IntRange(0, len(all)-1).Draw(t, "segment")]
	var got []byte
	var err error
	done := false
	l.tasks.Go("segment", func(task *env.Task) {
		got, err = l.log.ReadSegment(task, s.Base)
		done = true
	})
	l.until(func() bool { return done })
	var want []byte
	for _, b := range l.batches {
		if b.base >= s.Base && b.next <= s.End {
			want = append(want, b.bytes...)
		}
	}
	if err != nil || !bytes.Equal(got, want) || int64(len(want)) != s.Bytes {
		t.Fatalf("segment %s: %d bytes, want %d, is said to have %d: %v", s.Name, len(got), len(want), s.Bytes, err)
	}
}
