package engine

import "time"

// CheckpointBounds are the upper bounds of the buckets that checkpoints are counted
// in; one more bucket holds what took longer.
var CheckpointBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 20 * time.Second, time.Minute,
}

// CheckpointStats are the checkpoints of all replicas since the start, by how long
// each took from its beginning until it was durable.
type CheckpointStats struct {
	Count   uint64
	Time    time.Duration // of all of them
	Buckets [len(CheckpointBounds) + 1]uint64
}

func (s *CheckpointStats) took(d time.Duration) {
	s.Count++
	s.Time += d
	i := 0
	for i < len(CheckpointBounds) && d > CheckpointBounds[i] {
		i++
	}
	s.Buckets[i]++
}

// Bound is one of the node's limits and how much of it is used. docs/bounds.md tells
// what happens where it is reached.
type Bound struct {
	Name        string // of its field in Config
	Unit        string // bytes, files, requests or transfers
	Used, Limit int64
}

// Bounds tells of everything node-wide that fills up. Limits of a single partition,
// batch or peer are not among them. Before the node is ready there are none.
func (n *Node) Bounds() []Bound {
	if !n.Ready() {
		return nil
	}
	j, s := n.journal.Stats(), n.ship.Stats()
	return []Bound{
		{"Journal.WindowBytes", "bytes", j.WindowBytes + j.ColdBytes, n.cfg.Journal.WindowBytes},
		{"Journal.MaxBytes", "bytes", n.journal.Needed(), n.cfg.Journal.MaxBytes},
		{"LogTailsBytes", "bytes", n.tails.Bytes(), n.cfg.LogTailsBytes},
		{"BacklogBytes", "bytes", n.space.backlog, n.cfg.BacklogBytes},
		{"FetchBytes", "bytes", n.fetched, n.cfg.FetchBytes},
		{"OutboxBytes", "bytes", n.outbox.most(), int64(n.cfg.OutboxBytes)},
		{"MaxOpenFiles", "files", int64(n.pool.Open()), int64(n.cfg.MaxOpenFiles)},
		{"CheckpointsAtOnce", "checkpoints", int64(n.releasing), int64(n.cfg.CheckpointsAtOnce)},
		{"Ship.StagesAtOnce", "transfers", s.Stages, s.StagesLimit},
		{"Ship.RepairsAtOnce", "transfers", s.Repairs, s.RepairsLimit},
		{"Ship.ServeQueue", "requests", s.Queued, s.QueueLimit},
	}
}

// most is what waits for the end of the turn toward the peer with the most.
func (o *outbox) most() (bytes int64) {
	for _, p := range o.peers {
		bytes = max(bytes, int64(p.bytes))
	}
	return bytes
}
