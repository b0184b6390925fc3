package memstate_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// TestHistoriesOfDisaster drives a machine through checkpoints, restarts, crashes,
// power losses, full disks, scrubs, damage and snapshots, in any order and beside
// each other. What was reported is there, and the state is that of its index.
func TestHistoriesOfDisaster(t *testing.T) {
	h := history(200)
	rapid.Check(t, func(rt *rapid.T) {
		l := fresh(rt, rapid.Uint64().Draw(rt, "disk"))
		promised, busy, full := machine.Checkpoint{ID: 1}, false, false
		reported := func(c machine.Checkpoint, err error) {
			switch busy = false; {
			case err == nil && c.ID <= promised.ID:
				rt.Fatalf("%+v after %+v", c, promised)
			case err == nil:
				promised = c
			case !errors.Is(err, env.ErrNoSpace) || !l.m.NoSpace():
				rt.Fatal(err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(rt *rapid.T) {
				l.apply(h, min(int(l.m.AppliedIndex())+rapid.IntRange(1, 20).Draw(rt, "n"), len(h)))
			},
			"checkpoint": func(rt *rapid.T) {
				if busy {
					rt.Skip()
				}
				busy = true
				l.m.Checkpoint([]byte("meta"), reported)
			},
			"restore": func(rt *rapid.T) {
				if busy || full {
					rt.Skip()
				}
				busy = true
				at := rapid.IntRange(int(l.m.AppliedIndex()), len(h)).Draw(rt, "index")
				man, files := donor(rt, h[:at], "meta")
				// The engine applies nothing meanwhile.
				l.m.Restore(man, source{clock: clock{l.kernel}, files: files}, reported)
				l.until(func() bool { return !busy })
				if l.m.AppliedIndex() != uint64(at) {
					rt.Fatalf("at %d, restored to %d", l.m.AppliedIndex(), at)
				}
			},
			"steps": func(rt *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(rt, "n") {
					l.kernel.Step()
				}
			},
			"full": func(rt *rapid.T) {
				full = rapid.Bool().Draw(rt, "full")
				l.disk.SetFull(full)
			},
			"scrub": func(rt *rapid.T) {
				if err := l.tryScrub(); err != nil && !errors.Is(err, env.ErrNoSpace) {
					rt.Fatal(err)
				}
			},
			"rot": func(rt *rapid.T) {
				if busy || full {
					rt.Skip()
				}
				name := rapid.SampledFrom(l.records()).Draw(rt, "file")
				raw, _ := l.disk.ReadRaw(name)
				l.disk.Rot(name, int64(rapid.IntRange(0, len(raw)-1).Draw(rt, "at")), 3)
				if rapid.Bool().Draw(rt, "found in service") {
					l.scrub()
				} else {
					l = l.reborn(-1)
					l.open()
					promised.ID = l.checkpoint("meta").ID
					promised.Index = l.m.AppliedIndex()
				}
			},
			"end": func(rt *rapid.T) {
				l.disk.SetFull(false)
				full, busy = false, false
				l = l.reborn(rapid.SampledFrom(crashModes).Draw(rt, "mode"))
				if c := l.open(); c.Index < promised.Index || c.ID < promised.ID {
					rt.Fatalf("opened at %+v, promised %+v", c, promised)
				} else {
					promised = c
				}
			},
			"": func(rt *rapid.T) {
				if l.failed != nil {
					rt.Fatal(l.failed)
				}
				l.equals(h[:l.m.AppliedIndex()])
			},
		})
		l.tasks.Stop()
	})
}
