package diskmodel

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/lockstep-log/lockstep/sim"
)

// SetThrottle lets all transfers of the disk share so many bytes per second: the
// bytes of reads and writes, and those that syncs make durable, one transfer
// after the other in the order in which they begin. An operation ends when its
// latency has passed and its bytes are through. Transfers under way go on at the
// new rate. Zero: unlimited. Simulated: 100 KB/s to 100 MB/s.
func (d *Disk) SetThrottle(bytesPerSecond int64) {
	old := d.bytesPerSecond
	if old != max(bytesPerSecond, 0) {
		d.bytesPerSecond = max(bytesPerSecond, 0)
		d.recordFault(opThrottle, 0, uint64(d.bytesPerSecond), 0)
		d.retime(old)
	}
}

// transfer queues bytes behind those on their way, and tells when they and the
// latency are through.
func (d *Disk) transfer(op *operation, bytes int64, readyAt sim.Time) sim.Time {
	if bytes == 0 {
		return readyAt
	}
	d.transferredAt = max(d.transferredAt, d.kernel.Now()) + scale(bytes, 1e9, d.bytesPerSecond)
	op.readyAt, op.transferredAt = readyAt, d.transferredAt
	if d.transferredAt > readyAt {
		d.stats.Throttled++
	}
	return max(readyAt, d.transferredAt)
}

// retime moves the transfers that are under way to another rate.
func (d *Disk) retime(old int64) {
	now := d.kernel.Now()
	under := d.underWay(func(op *operation) bool { return op.transferredAt > now })
	slices.SortFunc(under, func(a, b *operation) int { return cmp.Compare(a.transferredAt, b.transferredAt) })
	before := now
	d.transferredAt = now
	for _, op := range under {
		left := op.transferredAt - before
		before = op.transferredAt
		if d.bytesPerSecond > 0 {
			d.transferredAt += scale(left, old, d.bytesPerSecond)
		}
		op.transferredAt = d.transferredAt
		op.endAt(max(op.readyAt, op.transferredAt))
	}
}

// underWay lists the operations that stand first in their queues and are wanted,
// in order of their files.
func (d *Disk) underWay(want func(op *operation) bool) []*operation {
	var out []*operation
	look := func(q *queue) {
		if !q.empty() && want(q.waiting()[0]) {
			out = append(out, q.waiting()[0])
		}
	}
	look(&d.entries)
	for _, n := range d.files {
		look(&n.queue)
	}
	return out
}

// endAt lets an operation that is under way end at another time.
func (op *operation) endAt(at sim.Time) {
	op.queue.timer.Stop()
	op.queue.timer = op.disk.kernel.At(at, op.expire)
}

// scale is n*num/den, at least 1 and within what a time can say.
func scale(n, num, den int64) sim.Time {
	const most = 1 << 60
	hi, lo := bits.Mul64(uint64(n), uint64(num))
	if hi >= uint64(den) {
		return most
	}
	q, _ := bits.Div64(hi, lo, uint64(den))
	return max(int64(min(q, most)), 1)
}
