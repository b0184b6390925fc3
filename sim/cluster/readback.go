package cluster

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

// readBackBytes is how much one request of the final read asks for.
const readBackBytes = 1 << 20

// readBack reads the agreed log of every partition through its leader, and
// digests every replica's copy. The cluster is at rest.
func (c *Cluster) readBack() {
	c.readable = true
	for i, g := range c.groups {
		log := checker.Log{Topic: c.topology.Partitions[i].Topic, Partition: c.topology.Partitions[i].Partition}
		if g.alone != nil {
			c.readBackAlone(g, log)
			continue
		}
		if err := c.readAgreed(g, &log); err != nil {
			c.readable = false
			if proof := c.unread(g, err); proof != "" && c.schedule.Beyond {
				c.proof = proof
				continue
			}
			c.violate(checker.Convergence, fmt.Sprintf("the agreed log of group %d cannot be read back: %v", g.id, err))
			continue
		}
		log.Replicas = c.digest(g)
		trimmed := c.monitor.TrimmedTo(uint64(g.id))
		log.TrimmedTo = &trimmed
		p := &c.topology.Partitions[i]
		log.Retention = &checker.LogRetention{Bytes: p.RetentionBytes, Ms: p.RetentionMs}
		c.logs = append(c.logs, log)
	}
	if j, ok := c.load.(Judge); ok {
		c.found = append(c.found, j.Judge()...)
	}
}

// readAgreed fetches a partition from its leader as a client would, without
// the network.
func (c *Cluster) readAgreed(g *group, log *checker.Log) error {
	if c.options.NewMachine != nil {
		return nil // there is no log to fetch
	}
	h, values := g.leader.host, c.values()
	log.StartOffset = h.status(g.id).LogStart
	deadline := c.k.Now() + c.schedule.HealNs
	for next := log.StartOffset; ; {
		r, err := c.fetch(h, engine.FetchRequest{
			Topic: log.Topic, Partition: log.Partition, Offset: next, MaxBytes: readBackBytes,
			LeaderEpoch: -1, Linearizable: true,
		})
		switch {
		case err != nil:
			return err
		case r.Err == engine.OffsetOutOfRange && r.LogStart > next: // it was trimmed just now
			log.StartOffset, log.Records, next = r.LogStart, nil, r.LogStart
			continue
		case r.Err == engine.NotLeaderOrFollower && c.k.Now() < deadline: // it moved away from damaged files
			c.k.Run(c.k.Now() + sim.Time(lookEvery))
			if moved := g.leaderHost(); moved != nil {
				h = moved
			}
			continue
		case r.Err == engine.KafkaStorageError && c.k.Now() < deadline:
			c.k.Run(c.k.Now() + sim.Time(lookEvery)) // this read has found damage, which is repaired now
			continue
		case r.Err != engine.None:
			return fmt.Errorf("a fetch from offset %d answers %v", next, r.Err)
		}
		c.k.Record(sim.KindClient, uint64(g.id), uint64(next), uint64(r.HighWatermark), r.Batches)
		before := next
		if err := appendRecords(log, r.Batches, values); err != nil {
			return err
		}
		if n := len(log.Records); n > 0 {
			next = log.Records[n-1].Offset + 1
		}
		if next >= r.HighWatermark {
			return nil
		}
		if next <= before {
			return fmt.Errorf("a fetch from offset %d below the high watermark %d answers nothing", next, r.HighWatermark)
		}
	}
}

// appendRecords adds the records of whole batches to a log, which may begin within
// the first one.
func appendRecords(log *checker.Log, batches []byte, values func([]byte) string) error {
	for batch, err := range record.Batches(batches) {
		if err != nil {
			return err
		}
		for rec, err := range record.Records(batch) {
			if err != nil {
				return err
			}
			if rec.Offset < log.StartOffset {
				continue
			}
			log.Records = append(log.Records, checker.LogRecord{Offset: rec.Offset, Value: values(rec.Value)})
		}
	}
	return nil
}

// values interns what clients produced, if the load is the default one.
func (c *Cluster) values() func([]byte) string {
	if l, ok := c.load.(*logLoad); ok {
		return l.intern
	}
	return func(b []byte) string { return string(b) }
}

// fetch asks a node directly and lets the simulation run until it answers.
func (c *Cluster) fetch(h *host, request engine.FetchRequest) (answer engine.FetchResponse, err error) {
	answered := false
	p := h.process
	p.exec(func() {
		p.node.Fetch(request, func(r engine.FetchResponse) { answer, answered = r, true })
	})
	if !c.until(readBudget, func() bool { return answered || p.dead }) || !answered {
		return answer, fmt.Errorf("no answer to a fetch from offset %d", request.Offset)
	}
	return answer, nil
}

// digestAgain bounds how often replicas are digested until they hold still: a
// damaged one that owes nothing may still come back and change the in-sync set.
const digestAgain = 200

// digest digests every replica of a group that has to keep up, all at the same
// applied index if they come to it.
func (c *Cluster) digest(g *group) []checker.ReplicaDigest {
	var all []checker.ReplicaDigest
	for try := 1; try <= digestAgain; try++ {
		all = all[:0]
		still := true
		for _, r := range g.members {
			if !c.owes(r) || c.hidden(r) {
				continue
			}
			d, err := c.digestReplica(r)
			if err != nil && c.schedule.Beyond && c.unread(g, err) != "" {
				c.proof = c.unread(g, err)
				continue
			}
			if err != nil && try == digestAgain {
				c.violate(checker.ReplicasEqual, fmt.Sprintf("group %d on node %d cannot be read back: %v", g.id, r.host.id, err))
				return all
			}
			if err != nil { // this read has found damage, which is repaired now
				still = false
				break
			}
			all = append(all, d)
			r.host.reported = nil // reading took its time
			now := r.host.status(g.id).Applied
			still = still && d.AppliedIndex == all[0].AppliedIndex && now == d.AppliedIndex
		}
		if still {
			break
		}
		c.k.Run(c.k.Now() + sim.Time(lookEvery))
		for _, h := range c.hosts {
			h.reported = nil
		}
	}
	return all
}

// hidden tells whether a replica has damaged files that may stay so: without scrub
// nobody had a reason to read them, in Beyond nobody may have good bytes.
func (c *Cluster) hidden(r *replica) bool {
	return (c.schedule.Engine.ScrubBytesPerSecond == 0 || c.schedule.Beyond) && slices.ContainsFunc(r.host.disk.Damaged(), func(d diskmodel.Damage) bool {
		_, group := areaOf(d.Name)
		return group == r.group.id
	})
}

// digestReplica digests a replica's state and, of a log, the bytes of its
// segments: sealed ones as they stand on the disk, the active one as it reads, and
// one in which the log begins from there on.
func (c *Cluster) digestReplica(r *replica) (checker.ReplicaDigest, error) {
	m := r.host.process.node.Machine(r.group.id)
	r.host.reported = nil
	s := r.host.status(r.group.id)
	d := checker.ReplicaDigest{
		Node: uint64(r.host.id), Replica: uint64(s.Replica), AppliedIndex: s.Applied, Fingerprint: m.Fingerprint(),
	}
	log, ok := m.(*wal.Log)
	if !ok {
		return d, nil
	}
	d.StartOffset = log.StartOffset()
	segments := log.Segments()
	for i, s := range segments {
		bytes, whole := r.host.disk.ReadRaw(s.Name)
		if i == len(segments)-1 || !whole || int64(len(bytes)) != s.Bytes || s.Base < d.StartOffset { // the end may still be under way to the disk
			read, err := c.readSegment(r.host, log, s)
			if err != nil {
				return d, err
			}
			bytes = read
		}
		d.Segments = append(d.Segments, checker.SegmentDigest{Base: s.Base, Bytes: int64(len(bytes)), Sum: sim.Sum(bytes)})
	}
	return d, nil
}

// readSegment reads a segment through the log, as far as that goes back.
func (c *Cluster) readSegment(h *host, log *wal.Log, s wal.SegmentInfo) ([]byte, error) {
	var all []byte
	for next := max(s.Base, log.StartOffset()); next < s.End; {
		got, after, err := c.read(h, log, next, s.End)
		if err != nil {
			return nil, err
		}
		all, next = append(all, got...), after
	}
	return all, nil
}

// read gives whole batches of a log from an offset on, one at least, and the
// offset behind them.
func (c *Cluster) read(h *host, log *wal.Log, next, end int64) (got []byte, after int64, err error) {
	answered, p := false, h.process
	p.exec(func() {
		log.Read(next, end, readBackBytes, func(b []byte, e error) { got, err, answered = b, e, true })
	})
	if !c.until(readBudget, func() bool { return answered || p.dead }) || !answered {
		return nil, 0, fmt.Errorf("no answer to a read of offset %d", next)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("node %d: %w", h.id, err)
	}
	after = next
	for batch, err := range record.Batches(got) {
		if err != nil {
			return nil, 0, err
		}
		header, err := record.ParseHeader(batch)
		if err != nil {
			return nil, 0, err
		}
		after = header.BaseOffset + int64(header.LastOffsetDelta) + 1
	}
	if after <= next {
		return nil, 0, fmt.Errorf("node %d: a read of offset %d below %d answers nothing", h.id, next, end)
	}
	return got, after, nil
}
