package membership_test

import (
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/membership"
)

func genesis(n int) membership.State {
	var members []membership.Member
	for i := n; i > 0; i-- { // out of order on purpose
		members = append(members, membership.Member{ID: env.ReplicaID(100 + i), Node: env.NodeID(i)})
	}
	return membership.Genesis(members)
}

func raftOf(t *rapid.T, s membership.State) *raft.RawNode {
	storage := raft.NewMemoryStorage()
	index, term := uint64(1), uint64(1)
	err := storage.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: s.ConfState(), Index: &index, Term: &term}})
	if err != nil {
		t.Fatal(err)
	}
	rn, err := raft.NewRawNode(&raft.Config{
		ID: 1000, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 1,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rn
}

// draw makes a change that may or may not fit.
func draw(t *rapid.T, s membership.State, stale []*raftpb.ConfChangeV2) *raftpb.ConfChangeV2 {
	m := rapid.SampledFrom(s.Members).Draw(t, "member")
	var cc *raftpb.ConfChangeV2
	switch rapid.IntRange(0, 8).Draw(t, "change") {
	case 0:
		cc = s.Leave()
	case 1:
		cc, _ = s.Promote(m.ID)
	case 2:
		if len(stale) > 0 {
			return rapid.SampledFrom(stale).Draw(t, "stale")
		}
		cc = s.Leave()
	case 3, 4:
		cc, _ = s.Add(membership.Member{Node: env.NodeID(rapid.IntRange(1, 7).Draw(t, "node")), Disk: 1, Incarnation: 1})
	case 5:
		cc, _ = s.Dismiss(m.ID)
	case 6, 7:
		cc, _ = s.Swap(someIDs(t, s, "promoted"), someIDs(t, s, "removed"))
	default:
		cc, _ = s.Replace(m.ID, membership.Member{Node: m.Node, Disk: rapid.Uint64Range(1, 3).Draw(t, "disk"), Incarnation: rapid.Uint64Range(1, 5).Draw(t, "incarnation")})
	}
	return cc
}

// someIDs draws members that a swap might name, rarely the right ones alone.
func someIDs(t *rapid.T, s membership.State, label string) (ids []env.ReplicaID) {
	for _, m := range s.Members {
		if rapid.IntRange(0, 3).Draw(t, label) == 0 || m.Learner == (label == "promoted") && rapid.Bool().Draw(t, label+" rightly") {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// Whatever is applied in whatever order: raft's own configuration stays equal,
// no id returns, and what is encoded decodes to the same.
func TestApplyAgreesWithRaft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genesis(rapid.IntRange(1, 5).Draw(t, "size"))
		rn := raftOf(t, s)
		var stale []*raftpb.ConfChangeV2
		used := map[env.ReplicaID]bool{}
		for _, m := range s.Members {
			used[m.ID] = true
		}
		for index := uint64(2); index < 30; index++ {
			cc := draw(t, s, stale)
			stale = append(stale, cc)
			next, err := s.Apply(index, travelled(t, cc))
			if err != nil {
				if !errors.Is(err, membership.ErrRefused) || !reflect.DeepEqual(next, s) {
					t.Fatalf("refused with %v, and %+v became %+v", err, s, next)
				}
				continue
			}
			for _, m := range next.Members {
				if _, was := s.Member(m.ID); !was && used[m.ID] {
					t.Fatalf("id %d was used before", m.ID)
				}
				used[m.ID] = true
			}
			s = next
			if cs := rn.ApplyConfChange(cc); s.ConfState().Equivalent(cs) != nil {
				t.Fatalf("raft has %v, we have %v", cs, s.ConfState())
			}
			again, rest, err := membership.Decode(append(s.Append(nil), 7))
			if err != nil || !reflect.DeepEqual(again, s) || !slices.Equal(rest, []byte{7}) {
				t.Fatalf("%+v came back as %+v, rest %v, %v", s, again, rest, err)
			}
			if s.Index != index {
				t.Fatalf("index %d, want %d", s.Index, index)
			}
		}
	})
}

// travelled is the change as the log carries it.
func travelled(t *rapid.T, cc *raftpb.ConfChangeV2) *raftpb.ConfChangeV2 {
	b, err := proto.Marshal(cc)
	if err != nil {
		t.Fatal(err)
	}
	out := &raftpb.ConfChangeV2{}
	if err := proto.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAReplacementStepByStep(t *testing.T) {
	s := genesis(3)
	cc, err := s.Replace(102, membership.Member{Node: 2, Disk: 7, Incarnation: 4})
	if err != nil {
		t.Fatal(err)
	}
	s, err = s.Apply(10, cc)
	if err != nil || !s.Joint() || s.Next != 105 || s.Node(102) != 2 {
		t.Fatalf("%+v, %v", s, err)
	}
	if m, ok := s.OnNode(2); !ok || m != (membership.Member{ID: 104, Node: 2, Disk: 7, Incarnation: 4, Learner: true}) {
		t.Fatalf("on node 2: %+v", m)
	}
	if _, err := s.Promote(104); !errors.Is(err, membership.ErrRefused) {
		t.Fatalf("promoted in a joint configuration: %v", err)
	}
	if _, err := s.Apply(11, cc); !errors.Is(err, membership.ErrRefused) {
		t.Fatalf("applied twice: %v", err)
	}
	if s, err = s.Apply(11, s.Leave()); err != nil || s.Joint() || s.Node(102) != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	if cc, err = s.Promote(104); err != nil {
		t.Fatal(err)
	}
	if s, err = s.Apply(12, cc); err != nil || len(s.ConfState().Voters) != 3 || s.Index != 12 {
		t.Fatalf("%+v, %v", s, err)
	}
}

// A group moves to other nodes, and shrinks and grows on the way.
func TestAMoveStepByStep(t *testing.T) {
	s := genesis(3)
	step := func(cc *raftpb.ConfChangeV2, err error) {
		t.Helper()
		if err == nil {
			s, err = s.Apply(s.Index+1, cc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	step(s.Add(membership.Member{Node: 4, Disk: 9, Incarnation: 1}))
	step(s.Add(membership.Member{Node: 5, Disk: 8, Incarnation: 1}))
	step(s.Swap([]env.ReplicaID{105, 104}, []env.ReplicaID{101, 103, 102}))
	if !s.Joint() || len(s.Members) != 2 || len(s.Outgoing) != 3 || s.Node(101) != 1 || s.Node(105) != 5 {
		t.Fatalf("%+v", s)
	}
	if _, err := s.Add(membership.Member{Node: 6}); !errors.Is(err, membership.ErrRefused) {
		t.Fatalf("added in a joint configuration: %v", err)
	}
	step(s.Leave(), nil)
	if s.Joint() || s.Node(101) != 0 || s.Next != 106 {
		t.Fatalf("%+v", s)
	}
	step(s.Add(membership.Member{Node: 1, Disk: 7, Incarnation: 1})) // back, under another id
	if m, ok := s.OnNode(1); !ok || m.ID != 106 {
		t.Fatalf("on node 1: %+v", m)
	}
	step(s.Dismiss(106))
	if len(s.Members) != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestASwapIsRefused(t *testing.T) {
	s := genesis(3)
	cc, _ := s.Add(membership.Member{Node: 4, Disk: 9, Incarnation: 1})
	s, _ = s.Apply(1, cc)
	type ids = []env.ReplicaID
	for name, c := range map[string]struct{ promoted, removed ids }{
		"nothing to do":            {nil, nil},
		"nobody would vote":        {nil, ids{101, 102, 103}},
		"a voter is promoted":      {ids{103}, nil},
		"a stranger is removed":    {nil, ids{99}},
		"twice":                    {ids{104, 104}, nil},
		"promoted and removed too": {ids{104}, ids{104}},
	} {
		if _, err := s.Swap(c.promoted, c.removed); !errors.Is(err, membership.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Add(membership.Member{Node: 4, Disk: 9, Incarnation: 2}); !errors.Is(err, membership.ErrRefused) {
		t.Errorf("a second member on a node: %v", err)
	}
	if _, err := s.Dismiss(101); !errors.Is(err, membership.ErrRefused) {
		t.Errorf("a voter is dismissed: %v", err)
	}
}

func TestReplaceIsRefused(t *testing.T) {
	s := genesis(3)
	cc, _ := s.Replace(102, membership.Member{Node: 2, Disk: 7, Incarnation: 4})
	s, _ = s.Apply(10, cc)
	s, _ = s.Apply(11, s.Leave())
	for name, c := range map[string]struct {
		s   membership.State
		old env.ReplicaID
		n   membership.Member
	}{
		"the only voter":         {genesis(1), 101, membership.Member{Node: 1, Disk: 1, Incarnation: 1}},
		"no member":              {s, 102, membership.Member{Node: 2, Disk: 9, Incarnation: 1}},
		"on another node":        {s, 104, membership.Member{Node: 1, Disk: 9, Incarnation: 1}},
		"an earlier incarnation": {s, 104, membership.Member{Node: 2, Disk: 7, Incarnation: 3}},
	} {
		if _, err := c.s.Replace(c.old, c.n); !errors.Is(err, membership.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Replace(104, membership.Member{Node: 2, Disk: 7, Incarnation: 4}); err != nil {
		t.Errorf("a fenced grantee of the same life: %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := genesis(3).Append(nil)
	for n := range good {
		if _, _, err := membership.Decode(good[:n]); !errors.Is(err, membership.ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 { // no panic, and nothing invalid comes out
		b := slices.Clone(good)
		b[r.IntN(len(b))] = byte(r.Uint32())
		if s, _, err := membership.Decode(b); err == nil {
			if again, _, err := membership.Decode(s.Append(nil)); err != nil || !reflect.DeepEqual(s, again) {
				t.Fatalf("%v decodes to %+v, which does not hold: %v", b, s, err)
			}
		}
	}
}
