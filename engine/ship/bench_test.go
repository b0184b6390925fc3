package ship_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/ship"
)

// BenchmarkStage stages 16 MiB on the models, with the default limits but the
// budgets: what shipping itself costs, checksums and frames included.
func BenchmarkStage(b *testing.B) {
	files := randomFiles(1, 8<<20, 8<<20)
	b.SetBytes(16 << 20)
	for b.Loop() {
		w := newWorld(b, 1, 2, ship.Config{SendBytes: 1 << 40, ReceiveBytes: 1 << 40})
		w.replicate(files)
		o := w.stage(w.offer(10), nil)
		w.until(func() bool { return o.done > 0 })
		if o.err != nil {
			b.Fatal(o.err)
		}
	}
}
