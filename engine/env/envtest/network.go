package envtest

import (
	"testing"
)

// largestFrame is what every network carries.
const largestFrame = 8 << 20

// Network tests an env.Network. Each part gets a world of its own.
func Network(t *testing.T, world func(t *testing.T) NetworkWorld) {
	for _, part := range []struct {
		name string
		body func(n *lan)
	}{
		{"frames arrive whole, once, from whom they came, on their lane", networkFrames},
		{"a lane keeps its order, whatever the sizes", networkOrder},
		{"all nodes send to all others at once", networkMesh},
		{"a busy lane keeps no other lane waiting for ever", networkLanes},
		{"the bytes of a frame stay as they are", networkBytes},
		{"nothing is called inside Send, Attach, or another call", networkNotInside},
		{"Send may be called inside a callback", networkEcho},
		{"a frame to an unknown peer or to oneself is dropped", networkUnknown},
		{"frames before a receiver is attached are dropped", networkUnattached},
		{"a second Attach is a bug", networkAttachTwice},
		{"both sides hear once that a peer is up", networkPeerUp},
		{"a node without a receiver is not up", networkNotUp},
		{"what is sent to a peer that is up arrives", networkUpMeansUp},
		{"a stopped peer is reported down, and up again", networkRestart},
		{"a quick restart is reported too", networkQuickRestart},
		{"after restarts frames flow both ways", networkRestarts},
		{"frames to a process never reach its successor", networkSuccessor},
		{"a stop disturbs no other connection", networkBystander},
	} {
		t.Run(part.name, func(t *testing.T) {
			n := &lan{w: world(t)}
			defer func() {
				if t.Failed() && n.waits != "" {
					t.Logf("waited in vain for: %s", n.waits)
				}
			}()
			run(t, n.w, func(s *script) {
				n.script = s
				part.body(n)
				n.checkNotices()
			})
		})
	}
}
