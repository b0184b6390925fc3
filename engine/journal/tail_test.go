package journal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// A sector that cannot be read behind the watermark may hold what was
// acknowledged last: Open fails, and once it reads again all is there.
func TestUnreadableTailIsNotTorn(t *testing.T) {
	cfg := testConfig()
	cfg.SealAfter = 1 << 40
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 3, 1, "a"))
	n.put(1, journal.HardState{}, span(4, 6, 1, strings.Repeat("b", 3000)))
	w := n.written(1)[1]
	n.kill()
	for range 2 {
		n.bad = func(name string, off int64) bool { return name == w.File && off == w.Offset/512*512+1024 }
		if _, err := n.tryOpen(); !errors.Is(err, env.ErrIO) || !strings.Contains(err.Error(), w.File) {
			t.Fatalf("open: %v", err)
		}
		n.kill()
	}
	n.open()
	n.expect(1, append(span(1, 3, 1, "a"), span(4, 6, 1, strings.Repeat("b", 3000))...))
}
