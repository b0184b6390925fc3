package cluster

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/checker"
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
		if err := c.readAgreed(g, &log); err != nil {
			c.readable = false
			if proof := c.lostEverywhere(g); proof != "" && c.schedule.Beyond {
				c.proof = proof
				continue
			}
			c.violate(checker.Convergence, fmt.Sprintf("the agreed log of group %d cannot be read back: %v", g.id, err))
			continue
		}
		for _, r := range g.members {
			if !c.owes(r) {
				continue
			}
			d, err := c.digestReplica(r)
			if err != nil {
				c.violate(checker.ReplicasEqual, fmt.Sprintf("group %d on node %d cannot be read back: %v", g.id, r.host.id, err))
				continue
			}
			log.Replicas = append(log.Replicas, d)
		}
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
	if g.leader.hurt() {
		return c.readCopy(g, log)
	}
	h, values := g.leader.host, c.values()
	log.StartOffset = h.status(g.id).LogStart
	for next := log.StartOffset; ; {
		r, err := c.fetch(h, engine.FetchRequest{
			Topic: log.Topic, Partition: log.Partition, Offset: next, MaxBytes: readBackBytes,
			LeaderEpoch: -1, Linearizable: true,
		})
		switch {
		case err != nil:
			return err
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

// readCopy reads a partition from a replica that has applied all that the leader
// has, whose own files are damaged: from a whole one, or from the first that gives
// all of it.
func (c *Cluster) readCopy(g *group, log *checker.Log) error {
	failed := errors.New("no replica is as far as the leader")
	applied := g.leader.host.status(g.id).Applied
	whole := slices.SortedStableFunc(slices.Values(g.members), func(a, b *replica) int { return compare(!c.owes(a), !c.owes(b)) })
	for _, r := range whole {
		if !r.host.awake() || r.fenced() || r.host.status(g.id).Applied != applied {
			continue
		}
		if failed = c.readReplica(r, log); failed == nil {
			return nil
		}
	}
	return failed
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// readReplica reads a partition from one replica's own files.
func (c *Cluster) readReplica(r *replica, log *checker.Log) error {
	own, ok := r.host.process.node.Machine(r.group.id).(*wal.Log)
	if !ok {
		return nil
	}
	log.StartOffset, log.Records = r.host.status(r.group.id).LogStart, nil
	for _, s := range own.Segments() {
		bytes, err := c.readSegment(r.host, own, s)
		if err == nil {
			err = appendRecords(log, bytes, c.values())
		}
		if err != nil {
			return fmt.Errorf("node %d: %w", r.host.id, err)
		}
	}
	return nil
}

// appendRecords adds the records of whole batches to a log.
func appendRecords(log *checker.Log, batches []byte, values func([]byte) string) error {
	for batch, err := range record.Batches(batches) {
		if err != nil {
			return err
		}
		for rec, err := range record.Records(batch) {
			if err != nil {
				return err
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

// digestReplica digests a replica's state and, of a log, the bytes of its
// segments: sealed ones as they stand on the disk, the active one as it reads.
func (c *Cluster) digestReplica(r *replica) (checker.ReplicaDigest, error) {
	m := r.host.process.node.Machine(r.group.id)
	d := checker.ReplicaDigest{
		Node: uint64(r.host.id), Replica: uint64(r.id),
		AppliedIndex: r.host.status(r.group.id).Applied, Fingerprint: m.Fingerprint(),
	}
	log, ok := m.(*wal.Log)
	if !ok {
		return d, nil
	}
	segments := log.Segments()
	for i, s := range segments {
		var bytes []byte
		if i < len(segments)-1 {
			raw, found := r.host.disk.ReadRaw(s.Name)
			if !found || int64(len(raw)) != s.Bytes {
				return d, fmt.Errorf("segment %s of %d bytes is %d bytes long on the disk", s.Name, s.Bytes, len(raw))
			}
			bytes = raw
		} else {
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

// readSegment reads a whole segment through the log.
func (c *Cluster) readSegment(h *host, log *wal.Log, s wal.SegmentInfo) ([]byte, error) {
	var all []byte
	for next := s.Base; next < s.End; {
		var got []byte
		var failed error
		answered, p := false, h.process
		p.exec(func() {
			log.Read(next, s.End, readBackBytes, func(b []byte, err error) { got, failed, answered = b, err, true })
		})
		if !c.until(readBudget, func() bool { return answered || p.dead }) || !answered {
			return nil, fmt.Errorf("no answer to a read of offset %d", next)
		}
		if failed != nil {
			return nil, failed
		}
		all = append(all, got...)
		before := next
		for batch, err := range record.Batches(got) {
			if err != nil {
				return nil, err
			}
			header, err := record.ParseHeader(batch)
			if err != nil {
				return nil, err
			}
			next = header.BaseOffset + int64(header.LastOffsetDelta) + 1
		}
		if next <= before {
			return nil, fmt.Errorf("a read of offset %d below %d answers nothing", next, s.End)
		}
	}
	return all, nil
}
