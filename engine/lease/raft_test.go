package lease

import (
	crand "crypto/rand"
	"io"
	"log"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The assumptions on raft, with raft: the rules around RawNodes of
// go.etcd.io/raft/v3, with joint changes, transfers, restarts, and campaigns
// whenever no promise forbids them. The wiring is that of package replica in
// small.

func TestMain(m *testing.M) {
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)})
	m.Run()
}

// disk is what a replica keeps over a restart: the log, the hard state with it,
// and the configuration at the index applied.
type disk struct {
	*raft.MemoryStorage
	conf    *raftpb.ConfState
	applied uint64
}

// InitialState implements raft.Storage.
func (d *disk) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	hs, _, err := d.MemoryStorage.InitialState()
	return hs, d.conf, err
}

type member struct {
	id      env.ReplicaID
	disk    *disk
	rn      *raft.RawNode
	clock   time.Duration
	ppm     int64
	lease   *Leader
	promise *Supporter

	term   uint64
	role   raft.StateType
	leader env.ReplicaID
	begun  uint64 // the term in which leases have begun
	commit uint64
}

type parcel struct {
	from, to env.ReplicaID
	raft     *raftpb.Message
	round    Round
	ask      bool
}

type group struct {
	r         *rand.Rand
	cfg       Config
	careless  bool // supporters vote
	members   []*member
	parcels   []parcel
	elected   uint64
	acked     uint64
	elections int
	valid     int
	joint     int
	transfers int
	fault     string
}

func newGroup(seed uint64, careless bool) *group {
	crand.Reader = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	g := &group{r: rand.New(rand.NewPCG(seed, 8)), careless: careless}
	g.cfg = Config{Promise: 100 * time.Millisecond, DriftPPM: 50_000, IdleAfter: time.Second}
	one := uint64(1)
	conf := &raftpb.ConfState{Voters: []uint64{1, 2, 3}}
	for id := env.ReplicaID(1); id <= most; id++ {
		m := &member{id: id, disk: &disk{MemoryStorage: raft.NewMemoryStorage(), conf: conf, applied: 1}}
		must(m.disk.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: conf, Index: &one, Term: &one}}))
		g.members = append(g.members, m)
		g.start(m)
		m.promise.ready = never // the first life
	}
	return g
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (g *group) start(m *member) {
	rn, err := raft.NewRawNode(&raft.Config{
		ID: uint64(m.id), ElectionTick: 10, HeartbeatTick: 1, Storage: m.disk, Applied: m.disk.applied,
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 16, CheckQuorum: true, PreVote: true,
		DisableProposalForwarding: true, StepDownOnRemoval: true,
	})
	must(err)
	m.rn, m.begun, m.role, m.leader = rn, 0, raft.StateFollower, 0
	m.clock = time.Duration(g.r.IntN(1000)) * time.Millisecond
	m.ppm = million + int64(g.r.IntN(3)-1)*g.cfg.DriftPPM
	m.lease, m.promise = NewLeader(g.cfg, m.id), NewSupporter(g.cfg, m.clock)
	g.ready(m)
}

// ready ends a turn: what is stored is stored, then applied, and only then do
// messages leave.
func (g *group) ready(m *member) {
	var out []*raftpb.Message
	for m.rn.HasReady() {
		rd := m.rn.Ready()
		if !raft.IsEmptyHardState(rd.HardState) {
			must(m.disk.SetHardState(rd.HardState))
			m.commit = max(m.commit, rd.HardState.GetCommit())
		}
		must(m.disk.Append(rd.Entries))
		out = append(out, rd.Messages...)
		g.noticed(m)
		for _, e := range rd.CommittedEntries {
			g.apply(m, e)
		}
		m.rn.Advance(rd)
	}
	g.noticed(m)
	for _, one := range out {
		switch one.GetType() {
		case raftpb.MsgTimeoutNow:
			m.lease.Revoke(one.GetTerm())
			g.transfers++
		case raftpb.MsgSnap:
			m.rn.ReportSnapshot(one.GetTo(), raft.SnapshotFailure) // nothing is compacted here
			continue
		default:
		}
		g.send(parcel{from: m.id, to: env.ReplicaID(one.GetTo()), raft: one})
	}
	if m.role == raft.StateLeader {
		g.acked = max(g.acked, m.commit)
	}
}

// noticed takes over raft's term and role.
func (g *group) noticed(m *member) {
	st := m.rn.BasicStatus()
	if m.role == raft.StateLeader && (st.RaftState != raft.StateLeader || st.GetTerm() != m.term) {
		m.lease.End()
		m.begun = 0
	}
	if st.RaftState == raft.StateLeader && m.role != raft.StateLeader {
		g.elections++
		g.elected = max(g.elected, st.GetTerm())
	}
	m.term, m.role, m.leader = st.GetTerm(), st.RaftState, env.ReplicaID(st.Lead)
}

func (g *group) apply(m *member, e *raftpb.Entry) {
	if e.GetType() == raftpb.EntryConfChangeV2 {
		cc := &raftpb.ConfChangeV2{}
		must(proto.Unmarshal(e.GetData(), cc))
		m.disk.conf = m.rn.ApplyConfChange(cc)
		if len(m.disk.conf.GetVotersOutgoing()) > 0 {
			g.joint++
		}
		if m.begun != 0 {
			m.lease.Reconfigured(ids(m.disk.conf.GetVoters()), ids(m.disk.conf.GetVotersOutgoing()))
		}
	}
	m.disk.applied = e.GetIndex()
	if m.role == raft.StateLeader && e.GetTerm() == m.term && m.begun != m.term {
		m.begun = m.term
		m.lease.Begin(m.term, ids(m.disk.conf.GetVoters()), ids(m.disk.conf.GetVotersOutgoing()))
	}
}

func ids(list []uint64) []env.ReplicaID {
	var out []env.ReplicaID
	for _, id := range list {
		out = append(out, env.ReplicaID(id))
	}
	return out
}

func (g *group) send(p parcel) {
	if len(g.parcels) == 64 {
		i := g.r.IntN(len(g.parcels))
		g.parcels = slices.Delete(g.parcels, i, i+1)
	}
	g.parcels = append(g.parcels, p)
}

func (g *group) deliver(p parcel) {
	m := g.members[p.to-1]
	switch {
	case p.raft == nil && p.ask:
		f := Following{Term: m.term}
		if m.role == raft.StateFollower {
			f.Leader = m.leader
		}
		if m.promise.Support(m.clock, p.from, p.round, f) {
			g.send(parcel{from: m.id, to: p.from, round: p.round})
		}
		return
	case p.raft == nil:
		m.lease.Supported(p.from, p.round)
		return
	}
	switch p.raft.GetType() {
	case raftpb.MsgVote, raftpb.MsgPreVote:
		if m.promise.Refuses(m.clock, p.raft.GetTerm(), string(p.raft.GetContext()) == "CampaignTransfer") && !g.careless {
			return
		}
	case raftpb.MsgTimeoutNow:
		if !m.promise.TimeoutNow(m.clock, p.from, p.raft.GetTerm()) {
			return
		}
	default:
	}
	_ = m.rn.Step(p.raft)
	g.ready(m)
}

func (g *group) act(m *member) {
	if m.role != raft.StateLeader {
		if !m.promise.Promised(m.clock) {
			_ = m.rn.ForgetLeader()
			_ = m.rn.Campaign()
		}
		return
	}
	switch p := g.r.IntN(20); {
	case p < 8:
		m.lease.Want(m.clock)
		if r, ok := m.lease.Send(m.clock); ok {
			for id := env.ReplicaID(1); id <= most; id++ {
				if id != m.id {
					g.send(parcel{from: m.id, to: id, round: r, ask: true})
				}
			}
		}
	case p < 12:
		m.rn.Tick()
	case p < 15:
		_ = m.rn.Propose([]byte("x"))
	case p < 19:
		if m.begun == m.term {
			g.change(m)
		}
	default:
		m.lease.Revoke(m.term)
		m.rn.TransferLeader(uint64(1 + g.r.IntN(most)))
	}
}

// change leaves a joint configuration, or begins one.
func (g *group) change(m *member) {
	cc := &raftpb.ConfChangeV2{}
	if len(m.disk.conf.GetVotersOutgoing()) == 0 {
		cc.Transition = raftpb.ConfChangeTransition_ConfChangeTransitionJointExplicit.Enum()
		for id := uint64(1); id <= most; id++ {
			kind := raftpb.ConfChangeType_ConfChangeAddNode
			if g.r.IntN(2) == 0 {
				kind = raftpb.ConfChangeType_ConfChangeRemoveNode
			}
			cc.Changes = append(cc.Changes, &raftpb.ConfChangeSingle{Type: kind.Enum(), NodeId: &id})
		}
		if !slices.ContainsFunc(cc.Changes, func(c *raftpb.ConfChangeSingle) bool {
			return c.GetType() == raftpb.ConfChangeType_ConfChangeAddNode
		}) {
			return
		}
	}
	_ = m.rn.ProposeConfChange(cc)
}

func (g *group) step() {
	m := g.members[g.r.IntN(most)]
	switch p := g.r.IntN(100); {
	case p < 10:
		d := time.Duration(1 + g.r.IntN(30))
		for _, one := range g.members {
			one.clock += d * time.Duration(one.ppm)
		}
	case p < 72:
		if len(g.parcels) > 0 {
			i, fate := g.r.IntN(min(len(g.parcels), 12)), g.r.IntN(12)
			one := g.parcels[i]
			if fate != 0 {
				g.parcels = slices.Delete(g.parcels, i, i+1)
			}
			if fate != 1 {
				g.deliver(one)
			}
		}
	case p < 90 || p < 97 && m.role == raft.StateLeader:
		g.act(m)
	case p < 97:
		if !m.promise.Promised(m.clock) {
			m.rn.Tick()
		}
	default:
		g.start(m)
	}
	g.ready(m)
	g.check()
}

func (g *group) check() {
	for _, m := range g.members {
		if !m.lease.Valid(m.term, m.clock) {
			continue
		}
		g.valid++
		switch {
		case g.elected > m.term:
			g.fault = "a lease is valid while another was elected in a later term"
		case g.acked > m.commit:
			g.fault = "a lease is valid where something committed is not known"
		}
	}
}

func (g *group) run(steps int) {
	for range steps {
		if g.step(); g.fault != "" {
			return
		}
	}
}

func TestWithRaft(t *testing.T) {
	seeds := uint64(1500)
	if testing.Short() {
		seeds = 200
	}
	valid, elections, joint, transfers := 0, 0, 0, 0
	for seed := range seeds {
		g := newGroup(seed, false)
		if g.run(600); g.fault != "" {
			t.Fatalf("seed %d: %s", seed, g.fault)
		}
		valid, elections, joint, transfers = valid+g.valid, elections+g.elections, joint+g.joint, transfers+g.transfers
	}
	t.Logf("%d seeds: %d steps with a lease, %d elections, %d joint configurations, %d transfers", seeds, valid, elections, joint, transfers)
	if least := int(seeds) / 10; valid < least || elections < least || joint < least || transfers < least {
		t.Error("too little happened to mean anything")
	}
}

func TestWithRaftFindsCarelessSupporters(t *testing.T) {
	for seed := range uint64(3000) {
		g := newGroup(seed, true)
		if g.run(600); g.fault != "" {
			t.Logf("after %d seeds: %s", seed+1, g.fault)
			return
		}
	}
	t.Error("supporters vote, and nothing is found")
}
