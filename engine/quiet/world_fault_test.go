package quiet

import (
	"slices"
	"time"
)

// disturb does something bad, or ends it.
func (w *world) disturb() {
	a, b := w.r.IntN(nodeCount), w.r.IntN(nodeCount)
	n := w.nodes[a]
	switch w.r.IntN(13) {
	case 12:
		if r := n.replicas[w.r.IntN(groups)]; r != nil && n.runs() {
			n.fence(r)
		}
	case 0, 1:
		w.cut[a][b] = a != b
	case 2:
		w.cut[a][b], w.cut[b][a] = a != b, a != b
	case 3, 4:
		w.cut = [nodeCount][nodeCount]bool{}
	case 5:
		if n.runs() {
			n.paused = w.now + grain*time.Duration(1+w.r.IntN(400))
		}
	case 6:
		n.up = false
	case 7, 8:
		for _, n := range w.nodes {
			if !n.up {
				n.start()
			}
		}
	case 9:
		n.start()
	case 10:
		w.loss = w.r.IntN(8)
	default:
		w.slow = [...]time.Duration{0, 0, 40 * ms, 2000 * ms}[w.r.IntN(4)]
	}
}

func (w *world) heal() {
	w.cut, w.loss, w.slow = [nodeCount][nodeCount]bool{}, 0, 0
	for _, n := range w.nodes {
		if !n.up || slices.ContainsFunc(n.replicas[:], func(r *replica) bool { return r != nil && r.fenced }) {
			n.start()
		}
	}
}
