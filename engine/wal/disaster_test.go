package wal_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// TestHistoriesOfDisasterGiveEqualLogs drives two replicas through different
// checkpoints, restarts, crashes, power losses, full disks, scrubs and damage.
func TestHistoriesOfDisasterGiveEqualLogs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := trimmedHistory(rapid.Uint64().Draw(rt, "history"), rapid.IntRange(1, 150).Draw(rt, "entries"))
		want := reference(rt, h)
		d, p := fresh(rt, rapid.Uint64().Draw(rt, "disk"), 0)
		p.kill()
		d.openFiles = rapid.IntRange(0, 3).Draw(rt, "open files")
		p = start(rt, d, rapid.SampledFrom([]int{1, 8192, 1 << 20}).Draw(rt, "tail"))
		p.mustOpen()
		var (
			promised machine.Checkpoint
			busy     bool
		)
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(rt *rapid.T) {
				p.apply(h, min(p.log.AppliedIndex()+uint64(rapid.IntRange(1, 30).Draw(rt, "n")), uint64(len(h))))
			},
			"checkpoint": func(rt *rapid.T) {
				if busy {
					rt.Skip()
				}
				busy = true
				p.log.Checkpoint(nil, func(c machine.Checkpoint, err error) {
					if busy = false; err == nil {
						promised = c
					} else if !errors.Is(err, env.ErrNoSpace) {
						rt.Error(err)
					}
				})
			},
			"": func(rt *rapid.T) {
				if p.pool != nil && p.pool.Open() > p.mount.openFiles {
					rt.Fatalf("%d open files", p.pool.Open())
				}
			},
			"sweep": func(*rapid.T) {
				if p.pool != nil {
					p.pool.Sweep(0, 1)
				}
			},
			"full":  func(rt *rapid.T) { p.mount.full = rapid.Bool().Draw(rt, "full") },
			"steps": func(rt *rapid.T) { p.steps(rapid.IntRange(1, 60).Draw(rt, "n")) },
			"crash": func(rt *rapid.T) {
				p.mount.full = false
				p, promised = p.reborn(loss(rapid.IntRange(0, int(losses)-1).Draw(rt, "loss")), promised)
				busy = false
			},
			"read": func(rt *rapid.T) {
				if start, end := p.log.StartOffset(), p.log.EndOffset(); end > start {
					offset := rapid.Int64Range(start, end-1).Draw(rt, "offset")
					b, err := p.read(offset, end, 300)
					if err != nil {
						rt.Fatal(err)
					}
					if msg := judge(expected(h), b, offset, end, 300); msg != "" {
						rt.Fatal(msg)
					}
				}
			},
			"restore": func(rt *rapid.T) {
				if busy {
					rt.Skip()
				}
				_, other := fresh(rt, 7, 4096)
				other.apply(h, rapid.Uint64Range(p.log.AppliedIndex(), uint64(len(h))).Draw(rt, "index"))
				other.checkpoint("")
				m, err := other.log.Snapshot()
				if err != nil {
					rt.Fatal(err)
				}
				c, err := p.restore(m, other.fetched(m))
				other.kill()
				switch {
				case err == nil && c.Installed:
					promised = c
				case !errors.Is(err, env.ErrNoSpace) || !p.mount.full:
					rt.Fatal(c, err)
				}
			},
			"scrub": func(rt *rapid.T) { p.scrub() },
			"damage": func(rt *rapid.T) {
				segments := p.log.Segments()
				if len(segments) == 0 || p.mount.full || p.log.NoSpace() {
					rt.Skip()
				}
				s := segments[rapid.IntRange(0, len(segments)-1).Draw(rt, "segment")]
				truth := filesOf(p.content()) // all of it is written now
				n := p.mount.names[s.Name]
				if n == nil || int64(len(n.data)) < s.Bytes {
					return // it waits for room
				}
				n.data[s.Bytes/2] ^= 1
				p.scrub()
				for _, b := range p.log.Bad() {
					if err := p.repair(b, truth); err != nil {
						rt.Fatal(err)
					}
				}
			},
		})
		p.mount.full = false
		p.apply(h, uint64(len(h)))
		equal(rt, want, p)
		p.scrub()
		if len(p.fatal) > 0 || len(p.log.Bad()) > 0 {
			rt.Fatal(p.fatal, p.log.Bad())
		}
		p.kill()
		want.kill()
	})
}
