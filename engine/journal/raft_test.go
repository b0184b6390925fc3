package journal_test

import (
	"fmt"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// peer is a raft member on a journal of its own, with no machine behind it.
type peer struct {
	id      uint64
	j       *journal.Journal
	rn      *raft.RawNode
	down    bool
	applied uint64
	data    []string
}

// cluster is three peers on one disk, in directories of their own.
type cluster struct {
	*node
	cfg   journal.Config
	peers []*peer
	mail  []*raftpb.Message
}

func (c *cluster) config(id uint64) journal.Config {
	cfg := c.cfg
	cfg.Dir = fmt.Sprintf("n%d", id)
	return cfg
}

func newCluster(t *testing.T, cfg journal.Config) *cluster {
	c := &cluster{node: &node{world: newWorld(t, 1)}, cfg: cfg}
	for id := uint64(1); id <= 3; id++ {
		c.peers = append(c.peers, &peer{id: id})
		c.await(func(task *env.Task) {
			err := journal.Format(task, c.env(), c.config(id), testID, []journal.Genesis{{Group: 1, Replica: env.ReplicaID(id)}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	c.start()
	return c
}

// start opens all journals and replays what is committed, as a node does.
func (c *cluster) start() {
	for _, p := range c.peers {
		p.data, p.applied = nil, 0
		c.await(func(task *env.Task) {
			var err error
			p.j, err = journal.Open(task, c.env(), c.config(p.id), testID, nil, c.tasks, func(err error) { c.tb.Error(err) })
			if err != nil {
				c.tb.Errorf("open: %v", err)
				return
			}
			c.boot(task, p)
		})
	}
}

func (c *cluster) boot(task *env.Task, p *peer) {
	v, r := p.j.View(1), p.j.Groups()[0]
	if r.First != 1 {
		c.tb.Errorf("first entry %d", r.First)
	}
	if r.HardState.Commit > 0 {
		if err := v.Replay(task, 1, r.HardState.Commit, func(e *raftpb.Entry) error { p.apply(e); return nil }); err != nil {
			c.tb.Error(err)
		}
	}
	v.SetApplied(p.applied)
	v.SetVoters([]env.ReplicaID{1, 2, 3})
	rn, err := raft.NewRawNode(&raft.Config{
		ID: p.id, ElectionTick: 10, HeartbeatTick: 1, Storage: v, Applied: p.applied, AsyncStorageWrites: true,
		MaxSizePerMsg: 4 << 10, MaxInflightMsgs: 16, MaxUncommittedEntriesSize: 1 << 20, Logger: quiet{},
	})
	if err != nil {
		c.tb.Error(err)
		return
	}
	p.rn = rn
}

func (p *peer) apply(e *raftpb.Entry) {
	p.applied = e.GetIndex()
	if len(e.GetData()) > 0 {
		p.data = append(p.data, string(e.GetData()))
	}
}

// turn does everything that is ready on one peer.
func (c *cluster) turn(p *peer) bool {
	if !p.rn.HasReady() {
		return false
	}
	for _, m := range p.rn.Ready().Messages {
		switch m.GetTo() {
		case raft.LocalAppendThread:
			hs := journal.HardState{Term: m.GetTerm(), Vote: env.ReplicaID(m.GetVote()), Commit: m.GetCommit()}
			p.j.Append(1, hs, m.GetEntries(), func() { c.answer(p, m.GetResponses()) })
		case raft.LocalApplyThread:
			for _, e := range m.GetEntries() {
				p.apply(e)
			}
			c.answer(p, m.GetResponses())
			p.j.View(1).SetApplied(p.applied)
		default:
			c.mail = append(c.mail, m)
		}
	}
	return true
}

func (c *cluster) answer(p *peer, responses []*raftpb.Message) {
	for _, m := range responses {
		if m.GetTo() == p.id {
			if err := p.rn.Step(m); err != nil {
				c.tb.Errorf("step: %v", err)
			}
			continue
		}
		c.mail = append(c.mail, m)
	}
}

// deliver runs until nothing moves.
func (c *cluster) deliver() {
	for moved := true; moved; {
		moved = false
		for _, p := range c.peers {
			moved = c.turn(p) || moved
		}
		for len(c.mail) > 0 {
			m := c.mail[0]
			c.mail = c.mail[1:]
			if to := c.peers[m.GetTo()-1]; !to.down && !c.peers[m.GetFrom()-1].down {
				_ = to.rn.Step(m) // raft refuses what is out of date
			}
			moved = true
		}
		moved = c.step() || moved
	}
}

func (c *cluster) tick(n int) {
	for range n {
		for _, p := range c.peers {
			if !p.down {
				p.rn.Tick()
			}
		}
		c.deliver()
	}
}

type quiet struct{}

func (quiet) Debug(...any)            {}
func (quiet) Debugf(string, ...any)   {}
func (quiet) Error(...any)            {}
func (quiet) Errorf(string, ...any)   {}
func (quiet) Info(...any)             {}
func (quiet) Infof(string, ...any)    {}
func (quiet) Warning(...any)          {}
func (quiet) Warningf(string, ...any) {}
func (quiet) Fatal(a ...any)          { panic(fmt.Sprint(a...)) }
func (quiet) Fatalf(f string, a ...any) {
	panic(fmt.Sprintf(f, a...))
}
func (quiet) Panic(a ...any)            { panic(fmt.Sprint(a...)) }
func (quiet) Panicf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// TestRaftOnJournals runs real raft on journals with hardly any memory: a
// follower that was away is served from what is read back, and all of them
// stand a power loss.
func TestRaftOnJournals(t *testing.T) {
	cfg := smallConfig()
	cfg.WindowBytes, cfg.ReadBackBytes = 2<<10, 4<<10
	c := newCluster(t, cfg)
	leader := c.peers[0]
	if err := leader.rn.Campaign(); err != nil {
		t.Fatal(err)
	}
	c.deliver()
	propose := func(from, to int) {
		for i := from; i < to; i++ {
			if err := leader.rn.Propose(fmt.Appendf(nil, "%d %s", i, strings.Repeat("v", i%7*100))); err != nil {
				t.Fatalf("propose %d: %v", i, err)
			}
			c.deliver()
		}
	}
	propose(0, 20)
	c.peers[2].down = true
	propose(20, 150)
	if len(c.peers[2].data) != 20 || len(leader.data) != 150 {
		t.Fatalf("the follower that is away has %d, the leader %d", len(c.peers[2].data), len(leader.data))
	}
	c.peers[2].down = false
	for range 400 {
		if c.tick(1); len(c.peers[2].data) == 150 {
			break
		}
	}
	c.tick(2)
	c.agree(150)
	if n := leader.j.Stats().ReadBacks; n < 3 {
		t.Errorf("%d reads served the follower", n)
	}
	c.powerLoss(loseAll)
	c.mail = nil
	c.start()
	if err := c.peers[1].rn.Campaign(); err != nil {
		t.Fatal(err)
	}
	c.deliver()
	leader = c.peers[1]
	propose(150, 160)
	c.tick(3)
	c.agree(160)
}

func (c *cluster) agree(want int) {
	c.tb.Helper()
	for _, p := range c.peers {
		if len(p.data) != want {
			c.tb.Fatalf("peer %d applied %d, want %d", p.id, len(p.data), want)
		}
		for i, d := range p.data {
			if n := fmt.Sprintf("%d ", i); !strings.HasPrefix(d, n) {
				c.tb.Fatalf("peer %d: entry %d is %.10q", p.id, i, d)
			}
		}
	}
}
