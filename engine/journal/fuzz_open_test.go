package journal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// FuzzOpen writes anything over two places of a journal's newest file. Open
// never panics: it fences, says that the whole is damaged, or finds what was
// there.
func FuzzOpen(f *testing.F) {
	f.Add(uint16(0), []byte{0}, uint16(9000), []byte("LKJB"))
	f.Add(uint16(2048), []byte(strings.Repeat("\x00", 600)), uint16(3000), []byte{1, 2, 3})
	f.Add(uint16(40), []byte{255, 255, 255, 255}, uint16(1100), []byte{255})
	f.Fuzz(func(t *testing.T, at uint16, over []byte, at2 uint16, over2 []byte) {
		n := newNode(t, 1, smallConfig(), 2)
		n.open()
		for i := uint64(1); i <= 14; i++ {
			n.j.Append(1, journal.HardState{Term: i}, span(i, i, i, strings.Repeat("z", 500)), nil)
			n.j.Append(2, journal.HardState{Term: i}, span(i, i+1, i, "s"), nil)
			n.settle()
		}
		n.kill()
		file := n.inode("journal/" + n.current())
		for _, c := range []change{{off: int64(at), data: over, size: -1}, {off: int64(at2), data: over2, size: -1}} {
			file.cache = c.apply(file.cache)
			file.durable = c.apply(file.durable)
		}
		_, err := n.tryOpen()
		if err != nil {
			if !errors.Is(err, journal.ErrDamaged) && !errors.Is(err, journal.ErrForeign) && !errors.Is(err, journal.ErrVersion) {
				t.Fatalf("open: %v", err)
			}
			return
		}
		for _, r := range n.j.Groups() {
			if r.Fenced != nil {
				continue
			}
			for _, e := range n.all(r.Group) {
				if term, err := n.j.View(r.Group).Term(e.GetIndex()); err != nil || term != e.GetTerm() {
					t.Errorf("group %d: entry %d of term %d, the view says %d, %v", r.Group, e.GetIndex(), e.GetTerm(), term, err)
				}
			}
			n.put(r.Group, journal.HardState{Term: 99}, span(r.Last+1, r.Last+1, 99, "on"))
		}
		if n.failed != nil {
			t.Errorf("failed: %v", n.failed)
		}
	})
}

var _ env.Disk = (*disk)(nil)
