package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
)

// The first in rank campaigns at once. Whether its timer fires before or after
// what the same turn posted, it must see that the old leader is gone: raft
// refuses no campaign, but one that sees a leader is none of its own.
func TestACampaignThatIsDueAtOnceHappensInEitherOrder(t *testing.T) {
	for _, timersFirst := range []bool{false, true} {
		w := newWorld(t, 3, nil)
		w.timersFirst = timersFirst
		w.formatAndStart()
		old := w.leader()
		w.sleep(time.Second)
		old.crash()
		crashed := w.k.Now()
		var next *host
		w.until(func() bool {
			for _, h := range w.nodes {
				if h != old && h.node.Metadata(nil).Partitions[0].Leader == h.id {
					next = h
				}
			}
			return next != nil
		}, "new leader")
		if took := time.Duration(w.k.Now() - crashed); took > 5*time.Millisecond {
			t.Errorf("timers first %v: a new leader after %v, want about 2 ms", timersFirst, took)
		}
		if r := next.produce(t, batch("x")); r.Err != engine.None && r.Err != engine.NotLeaderOrFollower {
			t.Errorf("timers first %v: the new leader answers %v", timersFirst, r.Err)
		}
	}
}
