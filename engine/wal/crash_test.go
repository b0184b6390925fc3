package wal_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// reference applies h on a disk where nothing happens.
func reference(t tb, h history) *process {
	_, p := fresh(t, 99, 1<<20)
	p.apply(h, uint64(len(h)))
	return p
}

// reborn kills p, loses what kind loses, and opens the log again. A checkpoint
// below atLeast is a broken promise.
func (p *process) reborn(kind loss, atLeast machine.Checkpoint) (*process, machine.Checkpoint) {
	p.t.Helper()
	p.kill()
	p.mount.powerLoss(kind)
	q := start(p.t, p.mount.platter, 4096)
	c, err := q.open()
	if err != nil {
		p.t.Fatalf("after %v: %v", kind, err)
	}
	if c.ID < atLeast.ID || c.Index < atLeast.Index {
		p.t.Fatalf("after %v: checkpoint %d at %d, had promised %d at %d", kind, c.ID, c.Index, atLeast.ID, atLeast.Index)
	}
	return q, c
}

// TestCrashAtEveryStepOfACheckpoint stops the process after each single
// operation or completion of a checkpoint, loses what was not synced, opens,
// loses power once more, opens, applies the rest and compares all bytes.
func TestCrashAtEveryStepOfACheckpoint(t *testing.T) {
	h := makeHistory(11, 120)
	want := reference(t, h)
	for kind := range losses {
		t.Run(kind.String(), func(t *testing.T) {
			for steps, ended := 0, false; !ended; steps++ {
				_, p := fresh(t, uint64(steps), 4096)
				p.apply(h, 40)
				promised := p.checkpoint("first")
				p.apply(h, 90)
				p.log.Checkpoint([]byte("second"), func(c machine.Checkpoint, err error) {
					promised, ended = c, true
				})
				p.apply(h, 110)
				p.steps(steps)

				p, c := p.reborn(kind, promised)
				if c.Index != 40 && c.Index != 90 {
					t.Fatalf("after %d steps: at index %d", steps, c.Index)
				}
				p, _ = p.reborn(loseAll, c)
				p.apply(h, 120)
				equal(t, want, p)
				p, _ = p.reborn(kind, p.checkpoint("third"))
				equal(t, want, p)
				p.kill()
			}
		})
	}
}

// TestFailedSyncIsFatal: one failed sync, of a file or of the directory, is
// reported once and nothing completes; after a restart, with or without loss
// of power, the log is what was promised.
func TestFailedSyncIsFatal(t *testing.T) {
	h := makeHistory(12, 120)
	want := reference(t, h)
	for kind := range losses {
		for nth := 1; ; nth++ {
			d, p := fresh(t, uint64(nth), 4096)
			p.apply(h, 40)
			promised := p.checkpoint("first")
			p.apply(h, 90)
			d.failAt = d.syncs + nth
			completed := false
			p.log.Checkpoint(nil, func(machine.Checkpoint, error) { completed = true })
			p.steps(1 << 20)
			if completed {
				if len(p.fatal) != 0 || nth < 4 {
					t.Fatalf("sync %d: completed, fatal %v", nth, p.fatal)
				}
				break
			}
			if len(p.fatal) != 1 || !errors.Is(p.fatal[0], env.ErrIO) {
				t.Fatalf("sync %d: fatal %v", nth, p.fatal)
			}
			p.apply(h, 100)
			p.log.Read(0, 10, 10, func(_ []byte, err error) {
				if err == nil {
					t.Errorf("sync %d: a stopped log answered", nth)
				}
			})
			p, c := p.reborn(kind, promised)
			p, _ = p.reborn(loseAll, c)
			p.apply(h, 110)
			p, _ = p.reborn(loseAll, p.checkpoint("after"))
			p.apply(h, 120)
			equal(t, want, p)
		}
	}
}

// TestFilesLeftByOthers: what the log did not make stays, what it left goes.
func TestFilesLeftByOthers(t *testing.T) {
	d, p := fresh(t, 1, 4096)
	h := makeHistory(3, 100)
	p.apply(h, 50)
	promised := p.checkpoint("")
	p.apply(h, 100)
	p.steps(1 << 20)
	for _, name := range []string{"note.txt", "checkpoint-7", "0.log", "checkpoint-00000000000000ff.tmp", fmt.Sprintf("%020d.log.00000009", 5)} {
		d.names["groups/7/"+name] = &inode{}
	}
	before := len(d.names)
	p, _ = p.reborn(crashOnly, promised)
	for name, there := range map[string]bool{
		"note.txt": true, "checkpoint-7": true, "0.log": true,
		"checkpoint-00000000000000ff.tmp": false, "00000000000000000005.log.00000009": false,
	} {
		if d.names["groups/7/"+name] != nil != there {
			t.Errorf("%s is there: %v, want %v", name, !there, there)
		}
	}
	if len(d.names) >= before-2 {
		t.Errorf("segments begun after the checkpoint were not removed")
	}
	p.apply(h, 100)
	equal(t, reference(t, h), p)
}
