package cluster

import (
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/netmodel"
)

// asks: a client turns to a node.
func (p *prober) asks(client int, node env.NodeID) {
	p.reachIf(p.hints[client] == uint64(node), hintFollowed)
	p.hints[client] = 0
}

// answered: a client has a node's answer, which may name a leader.
func (p *prober) answered(client int, node env.NodeID, code engine.Code, leader env.NodeID) {
	switch code {
	case engine.NotEnoughReplicas:
		p.reach(produceRefused)
	case engine.NotEnoughReplicasAfterAppend:
		p.reach(produceUnacknowledged)
	case engine.KafkaStorageError:
		p.reach(storageRefused)
	case engine.ThrottlingQuotaExceeded:
		p.reach(produceThrottled)
	case engine.OffsetNotAvailable:
		p.reach(readNotReady)
	case engine.NotLeaderOrFollower:
		if leader != node {
			p.hints[client] = uint64(leader)
		}
	default: // nothing that a probe is about
	}
}

// fetched: a fetch was answered after a time.
func (p *prober) fetched(r *engine.FetchRequest, a *engine.FetchResponse, tookNs int64) {
	p.reachIf(r.MaxWait > 0 && tookNs > 0 && a.Err == engine.None && len(a.Batches) > 0, longPoll)
	p.reachIf(a.Err == engine.OffsetOutOfRange && a.LogStart > r.Offset, fetchBelowStart)
}

// deleted: a deletion was answered.
func (p *prober) deleted(r *engine.DeleteRecordsRequest, a *engine.DeleteRecordsResponse) {
	p.reachIf(a.Err == engine.None && a.LogStart > 0, recordsDeleted)
	p.reachIf(a.Err == engine.OffsetOutOfRange && r.Offset > a.LogStart, deletionRefused)
}

// refused: a produce was not taken, for the state of a node's disk.
func (p *prober) refused(code engine.Code, node *engine.Node) {
	p.reachIf(code == engine.KafkaStorageError && node.Storage().Journal.Full, journalFullRefused)
}

// operations compares what clients know of their produces with the agreed logs.
func (p *prober) operations(ops []checker.Op, logs []checker.Log) {
	copies := map[string]int{} // by first value, of produces with an unknown attempt
	for i := range ops {
		if op := &ops[i]; op.Kind == checker.Produce && doubtful(op) {
			p.reachIf(op.Outcome == checker.OK, unknownRetried)
			copies[op.Values[0]] = 0
		}
	}
	for i := range logs {
		for _, r := range logs[i].Records {
			if n, asked := copies[r.Value]; asked {
				copies[r.Value] = n + 1
			}
		}
	}
	for i := range ops {
		op := &ops[i]
		if op.Kind != checker.Produce || !doubtful(op) {
			continue
		}
		n := copies[op.Values[0]]
		p.reachIf(n > 1, writtenTwice)
		if op.Outcome != checker.OK {
			p.reachIf(n > 0, unknownFound)
			p.reachIf(n == 0, unknownAbsent)
		}
	}
}

// doubtful tells whether an attempt of an operation had no definite answer.
func doubtful(op *checker.Op) bool {
	return len(op.Values) > 0 && (op.Outcome == checker.Unknown || op.UnknownAttempts > 0)
}

// network takes what the network did in the whole run.
func (p *prober) network(n netmodel.Stats) {
	p.counts[frameLost] = n.Lost
	p.counts[queueOverflowed] = n.QueueFull
	p.counts[frameReset] = n.Reset
	p.counts[frameTwice] = n.Duplicated
	p.counts[frameReordered] = n.Reordered
	p.counts[frameCorrupted] = n.Corrupted
}

// disk takes what a disk did in the whole run.
func (p *prober) disk(d diskmodel.Stats) {
	p.counts[syncFailed] += d.FailedSyncs
	p.counts[sectorTorn] += d.TornSectors
	p.counts[diskThrottled] += d.Throttled
	p.counts[bytesRotten] += d.RottenBits
	p.counts[readFailed] += d.ReadErrors
	p.counts[writeMisdirected] += d.MisdirectedWrites
	p.counts[writeSwallowed] += d.LostDeviceWrites
	p.counts[spaceRefused] += d.NoSpace
	p.counts[nameLost] += d.LostEntries
}

// probed ends the counting and gives what was reached.
func (c *Cluster) probed(ops []checker.Op) map[string]uint64 {
	if c.readable && c.options.NewMachine == nil {
		c.probes.operations(ops, c.logs)
	}
	c.probes.network(c.net.Stats())
	for _, h := range c.hosts {
		c.probes.disk(h.disk.Stats())
	}
	return c.probes.reached()
}
