package engine

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// An unreplicated partition is a partition without a replica: its log is of
// package direct, its node always leads it, in epoch 0, and everything that shows
// is durable. What is lost on its disk is lost: it is fenced then, by itself.

// hosted lists all partitions of the node, those with a replica first.
func (n *Node) hosted() iter.Seq[*partition] {
	return func(yield func(*partition) bool) {
		for _, of := range [][]*partition{n.partitions, n.directs} {
			for _, p := range of {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// directOf finds an unreplicated partition hosted here; nil if it is not.
func (n *Node) directOf(g env.GroupID) *partition {
	i, found := slices.BinarySearchFunc(n.directs, g, func(p *partition, g env.GroupID) int { return cmp.Compare(p.spec.Group, g) })
	if !found {
		return nil
	}
	return n.directs[i]
}

// openDirects opens the unreplicated logs that the topology places here.
func (n *Node) openDirects(t *env.Task) error {
	for i := range n.cfg.Topology.Partitions {
		if spec := &n.cfg.Topology.Partitions[i]; spec.Unreplicated && spec.on(n.cfg.Node) != 0 {
			n.directs = append(n.directs, &partition{node: n, spec: spec})
		}
	}
	slices.SortFunc(n.directs, func(a, b *partition) int { return cmp.Compare(a.spec.Group, b.spec.Group) })
	for _, p := range n.directs {
		p.buildDirect()
	}
	for _, p := range n.directs {
		if err := p.openDirect(t); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) buildDirect() {
	n := p.node
	p.direct = direct.New(n.env, &n.tasks, direct.Config{
		Log: placed(&n.cfg, p.spec, wal.Config{
			Pool: n.pool, Tails: n.tails, ZeroBytes: n.cfg.ZeroBytes,
			OnDamage: p.traceDamage, OnRepaired: p.traceRepaired, OnTrim: p.traceTrim,
		}),
		MaxWaiters: n.cfg.MaxWaiters, MaxUnsynced: int64(n.cfg.MaxUncommitted), CheckpointBytes: n.cfg.CheckpointBytes,
		Trace:     p.trace,
		OnDurable: func() { p.retryFetches(func(*fetch) bool { return true }) },
	}, n.fail)
	p.log, p.keeper = p.direct, p.direct
	p.state = StateOpening
}

// openDirect opens the log. One that lost records is fenced; one that cannot be
// read, or needs room, is tried again; an error is the node's end.
func (p *partition) openDirect(t *env.Task) error {
	err := p.direct.Open(t)
	switch {
	case err == nil:
		p.state, p.why = StateServing, nil
		p.traceSalvaged(p.direct.Salvaged())
	case errors.Is(err, env.ErrNoSpace), errors.Is(err, wal.ErrUnread):
		p.state, p.why = StateOpening, err
		p.openDirectLater()
	case direct.Own(err):
		p.state, p.why = StateFenced, err
		p.trace(env.Event{Kind: env.EventFenced, Text: err.Error()})
	default:
		return fmt.Errorf("engine: open unreplicated group %d: %w", p.spec.Group, err)
	}
	return nil
}

func (p *partition) openDirectLater() {
	n := p.node
	n.tasks.Go("open", func(t *env.Task) {
		t.Sleep(n.env.Clock, n.cfg.LostEvery)
		p.buildDirect()
		if err := p.openDirect(t); err != nil {
			n.fail(err)
		}
	})
}

func (p *partition) traceSalvaged(s wal.Salvaged) {
	if s.Bytes > 0 {
		p.trace(env.Event{Kind: env.EventResynced, Length: s.Bytes})
	}
	if s.File != "" {
		p.trace(env.Event{Kind: env.EventTornTail, File: s.File, Offset: s.Pos})
	}
}

// produceDirect appends a batch that was checked.
func (p *partition) produceDirect(r *ProduceRequest, header *record.Header, answer func(code Code, unknown bool, base int64)) {
	n := p.node
	switch err := p.checkLeader(); {
	case err != nil:
		answer(codeOf(err), false, -1)
		return
	case n.space.out:
		answer(KafkaStorageError, false, -1)
		return
	case n.space.backlog > n.cfg.BacklogBytes:
		answer(ThrottlingQuotaExceeded, false, -1)
		return
	}
	deadline := n.env.Clock.Monotonic() + orDefault(r.Timeout, n.cfg.ProduceTimeout)
	p.direct.ProduceValid(r.Batch, header, deadline, func(base int64, unknown bool, err error) {
		if errors.Is(err, record.ErrTooLarge) || errors.Is(err, wal.ErrLogFull) {
			answer(InvalidRecord, false, -1)
			return
		}
		answer(codeOf(err), unknown, base)
	})
}

// trimDirect lets the log begin at offset.
func (p *partition) trimDirect(offset int64, done func(replica.Outcome)) {
	p.direct.Trim(offset, func(start int64, err error) {
		unknown := err != nil && !errors.Is(err, direct.ErrClosed)
		done(replica.Outcome{Err: err, Unknown: unknown, Result: machine.Result{Offset: start}})
	})
}

// tickDirect looks at deadlines.
func (n *Node) tickDirect() {
	now := n.env.Clock.Monotonic()
	for _, p := range n.directs {
		p.direct.Expire(now)
		p.expireFetches()
	}
}

// statusDirect completes the status of an unreplicated partition.
func (p *partition) statusDirect(s PartitionStatus) PartitionStatus {
	s.Replica, s.State, s.Damaged = p.self(), p.state, p.lostRanges()
	s.HighWatermark, s.LogStart, s.LeaderEpoch = p.log.EndOffset(), p.log.StartOffset(), p.leaderEpoch()
	if !p.serves() {
		s.Err, s.HighWatermark, s.LogStart = KafkaStorageError, -1, -1
		if p.why != nil {
			s.Fenced = p.why.Error()
		}
		return s
	}
	s.Err, s.Leader, s.ISR = None, p.leader(), []env.NodeID{p.leader()}
	return s
}

// lostRanges names the offsets that an unreplicated log cannot give.
func (p *partition) lostRanges() (out []DamagedRange) {
	if lost, ok := errors.AsType[*wal.LostError](p.why); ok {
		out = append(out, DamagedRange{Base: lost.From, End: lost.End, Everywhere: true})
	}
	for _, b := range p.direct.Bad() {
		out = append(out, DamagedRange{Base: b.Base, End: b.End, Everywhere: true})
	}
	return out
}

// formatDirect makes an empty unreplicated log. On the disk of a node that lost
// its old one that means: without the records, which nobody else has.
func formatDirect(t *env.Task, e env.Env, tasks *env.Tasks, cfg *Config, p *Partition) error {
	var failed error
	l := direct.New(e, tasks, direct.Config{Log: placed(cfg, p, wal.Config{})}, func(err error) { failed = err })
	defer l.Kill()
	return errors.Join(l.Format(t), failed)
}

// What differs between a partition with a replica and one without.

// self is the id of the replica here.
func (p *partition) self() env.ReplicaID {
	if p.spec.Unreplicated {
		return p.spec.on(p.node.cfg.Node)
	}
	return p.replica.Self()
}

// leader is the node that leads, 0 if none is known.
func (p *partition) leader() env.NodeID {
	if p.direct != nil {
		return p.node.cfg.Node
	}
	return p.replica.Leader()
}

func (p *partition) leads() bool {
	if p.direct != nil {
		return p.serves()
	}
	return p.replica.Leading()
}

func (p *partition) leaderEpoch() int32 {
	if p.direct != nil {
		return 0
	}
	return int32(p.replica.Term())
}

// checkLeader tells whether this node may answer reads of the partition.
func (p *partition) checkLeader() error {
	if p.direct == nil {
		return p.replica.CheckLeader()
	}
	if !p.serves() {
		return replica.ErrFenced
	}
	return nil
}

// readBarrier calls done once what was acknowledged before can be read here.
func (p *partition) readBarrier(timeout time.Duration, done func(error)) {
	if p.direct != nil {
		done(p.checkLeader())
		return
	}
	p.replica.ReadBarrier(timeout, done)
}
