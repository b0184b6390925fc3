package cluster

import (
	"encoding/binary"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
)

// beyondEnd is how far a deletion that has to be refused asks beyond what its
// client knows of the log: more records than a run's load writes.
const beyondEnd = int64(1) << 40

// deleteRecords asks that a log begin later: now and then at its very end, now and
// then where it cannot, most often somewhere in the part that this client has read
// or passed over, so that slower readers find their place gone.
func (c *logClient) deleteRecords(part int, then func()) {
	at := c.begin(checker.DeleteRecords, part)
	p := &c.load.parts[part]
	offset := c.deletion(part)
	c.load.ops[at].Offset = offset
	c.api.DeleteRecords(p.Topic, p.Partition, offset, time.Duration(c.load.spec.DeadlineNs), func(r client.DeleteRecordsResult) {
		op := &c.load.ops[at]
		op.LogStart = max(r.LogStart, 0)
		c.cursors[part] = max(c.cursors[part], op.LogStart)
		c.end(at, r.Outcome, binary.LittleEndian.AppendUint64(nil, uint64(op.LogStart)))
		then()
	})
}

// deletion draws an offset.
func (c *logClient) deletion(part int) int64 {
	end := c.ends[part]
	switch c.draw.Pick(16) {
	case 0:
		return engine.AllRecords
	case 1:
		return end + beyondEnd
	case 2:
		return end
	default:
		return c.draw.Between(0, end)
	}
}
