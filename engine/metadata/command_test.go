package metadata_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// refused applies a command that must be rejected.
func (c *cluster) refused(code int16, cmd metadata.Command, says ...string) {
	c.t.Helper()
	next, answer, err := c.Do(c.Version()+1, cmd)
	var e *metadata.Error
	if !errors.As(err, &e) || e.Code != code || answer != nil || next != c.State {
		c.t.Fatalf("%+v: %v, %v, want code %d", cmd, answer, err, code)
	}
	for _, part := range append(says, ": ") { // what to do stands behind a colon
		if !strings.Contains(e.Error(), part) {
			c.t.Fatalf("%+v: %q does not say %q", cmd, e.Error(), part)
		}
	}
}

// story is a cluster with one topic of each sort.
func story(t *testing.T) *cluster {
	c := newCluster(t, "", "", "", "")
	c.do(metadata.RegisterNode{Node: 5})
	c.do(metadata.RegisterNode{Node: 6, Disk: 6, Incarnation: 6})
	c.do(metadata.RemoveNode{Node: 6})
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2}, {2, 3}}, Configs: []metadata.Setting{{Key: metadata.MinISR, Value: 2}}})
	c.do(metadata.CreateTopic{Name: "alone", Placement: [][]env.NodeID{{1}}, Unreplicated: true})
	c.do(metadata.CreateTopic{Name: "old", Placement: [][]env.NodeID{{4}}})
	c.do(metadata.DeleteTopic{Name: "old"})
	return c
}

func TestRejections(t *testing.T) {
	nodes := func(ids ...env.NodeID) []env.NodeID { return ids }
	move := func(g env.GroupID, n []env.NodeID) metadata.Reassign {
		return metadata.Reassign{Moves: []metadata.Move{{Group: g, Nodes: n}}}
	}
	c := story(t)
	for _, r := range []struct {
		code    int16
		command metadata.Command
		says    string
	}{
		{metadata.InvalidRequest, metadata.RegisterNode{Node: 0}, "node id 0"},
		{metadata.InvalidRequest, metadata.RegisterNode{Node: 1 << 31}, "2147483647"},
		{metadata.InvalidRequest, metadata.RegisterNode{Node: 7, Incarnation: 1}, "disk"},
		{metadata.InvalidRequest, metadata.RegisterNode{Node: 7, Address: strings.Repeat("x", 256)}, "the address has 256 bytes"},
		{metadata.InvalidRequest, metadata.RegisterNode{Node: 7, Rack: "a b"}, "rack"},
		{metadata.InvalidRequest, metadata.RegisterNode{Node: 7, Address: "\xff"}, "UTF-8"},
		{metadata.DuplicateBrokerRegistration, metadata.RegisterNode{Node: 6, Disk: 6, Incarnation: 7}, "fresh id"},
		{metadata.DuplicateBrokerRegistration, metadata.RegisterNode{Node: 6}, "removed"},
		{metadata.DuplicateBrokerRegistration, metadata.RegisterNode{Node: 7, Disk: 1001, Incarnation: 9}, "node 1"},
		{metadata.StaleBrokerEpoch, metadata.RegisterNode{Node: 1, Disk: 1001, Incarnation: 0}, "incarnation 1"},
		{metadata.BrokerIDNotRegistered, metadata.RemoveNode{Node: 8}, "no node 8"},
		{metadata.InvalidRequest, metadata.RemoveNode{Node: 1}, "t/0"},
		{metadata.BrokerIDNotRegistered, metadata.DrainNode{Node: 8}, "no node 8"},
		{metadata.BrokerIDNotRegistered, metadata.DrainNode{Node: 6}, "removed"},
		{metadata.InvalidRequest, metadata.DrainNode{Node: 1}, "alone/0"},
		{metadata.BrokerIDNotRegistered, metadata.UndrainNode{Node: 8}, "no node 8"},
		{metadata.BrokerIDNotRegistered, metadata.UndrainNode{Node: 6}, "removed"},

		{metadata.InvalidTopic, metadata.CreateTopic{Name: "no good", Partitions: 1, Factor: 1}, "byte 2"},
		{metadata.TopicAlreadyExists, metadata.CreateTopic{Name: "t", Partitions: 1, Factor: 1}, "topic t"},
		{metadata.InvalidPartitions, metadata.CreateTopic{Name: "n", Factor: 1}, "0 partitions"},
		{metadata.InvalidPartitions, metadata.CreateTopic{Name: "n", Partitions: -1, Factor: 1}, "-1 partitions"},
		{metadata.PolicyViolation, metadata.CreateTopic{Name: "n", Partitions: metadata.MaxPartitions, Factor: 1}, "100000"},
		{metadata.InvalidReplicationFactor, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: -1}, "-1 replicas"},
		{metadata.InvalidReplicationFactor, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 10}, "1 to 9"},
		{metadata.InvalidReplicationFactor, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 5}, "only 4 nodes"},
		{metadata.InvalidReplicationFactor, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 2, Unreplicated: true}, "give 1"},
		{metadata.InvalidReplicaAssignment, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{1}, {8}}}, "partition 1"},
		{metadata.InvalidReplicaAssignment, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{1, 1}}}, "twice"},
		{metadata.InvalidReplicaAssignment, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{5}}}, "joining"},
		{metadata.InvalidReplicaAssignment, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{6}}}, "removed"},
		{metadata.InvalidReplicaAssignment, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{1, 2}, {3}}}, "has 2 replicas"},
		{metadata.InvalidReplicationFactor, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{}}}, "0 replicas"},
		{metadata.InvalidRequest, metadata.CreateTopic{Name: "n", Partitions: 2, Placement: [][]env.NodeID{{1}}}, "2 partitions"},
		{metadata.InvalidRequest, metadata.CreateTopic{Name: "n", Factor: 2, Placement: [][]env.NodeID{{1}}}, "2 replicas"},
		{metadata.InvalidConfig, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 1, Configs: []metadata.Setting{{Key: metadata.MinISR, Value: 2}}}, "min.insync.replicas is 2"},
		{metadata.InvalidConfig, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 1, Configs: []metadata.Setting{{Key: 99, Value: 2}}}, "setting 99"},
		{metadata.InvalidRequest, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 1, Configs: []metadata.Setting{{Key: metadata.LagMs, Value: 2}, {Key: metadata.LagMs, Value: 2}}}, "twice"},

		{metadata.UnknownTopicOrPartition, metadata.DeleteTopic{Name: "n"}, `"n"`},
		{metadata.UnknownTopicOrPartition, metadata.DeleteTopic{Name: "old"}, `"old"`},
		{metadata.UnknownTopicOrPartition, metadata.DeleteTopic{Name: "t", ID: 2}, "id 1, not 2"},
		{metadata.UnknownTopicOrPartition, metadata.DeleteTopic{Name: "n", ID: 50}, `"n"`},
		{metadata.BrokerIDNotRegistered, metadata.ReportDropped{Node: 8, Group: 5}, "no node 8"},
		{metadata.UnknownTopicOrPartition, metadata.ReportDropped{Node: 4, Group: 6}, "group 6"},
		{metadata.UnknownTopicOrPartition, metadata.ReportDropped{Node: 4, Group: 1}, "group 1"},
		{metadata.InvalidRequest, metadata.ReportDropped{Node: 1, Group: 2}, "t/0"},
		{metadata.UnknownTopicOrPartition, metadata.AlterTopic{Name: "old"}, "old"},
		{metadata.InvalidConfig, metadata.AlterTopic{Name: "t", Unset: []metadata.Key{0}}, "setting 0"},
		{metadata.InvalidRequest, metadata.AlterTopic{Name: "t", Set: []metadata.Setting{{Key: metadata.LagMs, Value: 9}}, Unset: []metadata.Key{metadata.LagMs}}, "topic t"},
		{metadata.InvalidConfig, metadata.AlterTopic{Name: "t", Set: []metadata.Setting{{Key: metadata.MinISR, Value: 3}}}, "only 2 replicas:"},
		{metadata.UnknownTopicOrPartition, metadata.AddPartitions{Name: "old", Total: 3}, "old"},
		{metadata.InvalidPartitions, metadata.AddPartitions{Name: "t", Total: 2}, "has 2"},
		{metadata.PolicyViolation, metadata.AddPartitions{Name: "t", Total: math.MaxInt32}, "limit"},
		{metadata.InvalidReplicaAssignment, metadata.AddPartitions{Name: "t", Total: 4, Placement: [][]env.NodeID{{1, 2}}}, "by 2"},
		{metadata.InvalidReplicaAssignment, metadata.AddPartitions{Name: "t", Total: 3, Placement: [][]env.NodeID{{1, 8}}}, "partition 2"},

		{metadata.InvalidRequest, metadata.Reassign{}, "0 partitions"},
		{metadata.InvalidRequest, metadata.Reassign{Moves: make([]metadata.Move, metadata.MaxMoves+1)}, "10001"},
		{metadata.InvalidRequest, metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: nodes(1, 3)}, {Group: 2, Nodes: nodes(1, 4)}}}, "group 2"},
		{metadata.UnknownTopicOrPartition, move(9, nodes(1)), "group 9"},
		{metadata.UnknownTopicOrPartition, move(5, nodes(1)), "group 5"},
		{metadata.InvalidReplicaAssignment, move(4, nodes(2)), "unreplicated"},
		{metadata.InvalidReplicaAssignment, move(2, nil), "0 nodes"},
		{metadata.InvalidReplicaAssignment, move(2, make([]env.NodeID, 10)), "10 nodes"},
		{metadata.InvalidReplicaAssignment, move(2, nodes(1)), "min.insync.replicas is 2"},
		{metadata.InvalidReplicaAssignment, move(2, nodes(1, 5)), "joining"},
		{metadata.InvalidRequest, metadata.CancelReassign{}, "0 partitions"},
		{metadata.UnknownTopicOrPartition, metadata.CancelReassign{Groups: []env.GroupID{9}}, "group 9"},
		{metadata.NoReassignmentInProgress, metadata.CancelReassign{Groups: []env.GroupID{2, 3}}, "none of the 2"},
		{metadata.UnknownTopicOrPartition, metadata.Settled{Group: 6}, "group 6"},
		{metadata.InvalidRequest, metadata.Settled{Group: 2, Nodes: nodes(1, 3), WishVersion: c.Partition(2).WishVersion}, "[1 2]"},
		{metadata.InvalidRequest, metadata.Settled{Group: 2, Nodes: nodes(1, 1), WishVersion: c.Partition(2).WishVersion}, "[1 2]"},
		{metadata.InvalidRequest, metadata.AllocateProducers{}, "0 producer ids"},
		{metadata.InvalidRequest, metadata.AllocateProducers{Count: metadata.MaxProducers + 1}, "1048577"},
	} {
		c.refused(r.code, r.command, r.says)
	}
}

// All moves of a command are made, or none.
func TestReassignIsOneOperation(t *testing.T) {
	c := story(t)
	c.refused(metadata.InvalidReplicaAssignment, metadata.Reassign{Moves: []metadata.Move{
		{Group: 2, Nodes: []env.NodeID{3, 4}}, {Group: 3, Nodes: []env.NodeID{8, 9}},
	}}, "t/1")
	if c.MovingCount() != 0 {
		t.Fatal("one of the moves was made")
	}
	answer := c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{3, 4}}, {Group: 3, Nodes: []env.NodeID{3, 2}}}})
	if answer != (metadata.Moved{Partitions: 2}) || c.MovingCount() != 1 {
		t.Fatalf("%+v, %d move", answer, c.MovingCount())
	}
	for _, id := range []env.NodeID{1, 2, 3, 4} {
		if !slices.Contains(c.Partition(2).Holders(), id) {
			t.Errorf("node %d may have a replica", id)
		}
	}
}

func TestCancelGoesBackToWhereItBegan(t *testing.T) {
	c := story(t)
	was := c.Partition(2).Wish
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{3, 4}}}})
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{1, 4}}}})
	first := c.Partition(2).WishVersion
	c.do(metadata.CancelReassign{Groups: []env.GroupID{3, 2}})
	p := c.Partition(2)
	if !slices.Equal(p.Wish, was) || !p.Moving() || !slices.Equal(p.Tried, []env.NodeID{3, 4}) {
		t.Fatalf("%+v", p)
	}
	// A report of the time before, although it names the right nodes, is too old.
	c.do(metadata.Settled{Group: 2, Nodes: was, ConfigIndex: 7, WishVersion: first})
	if !c.Partition(2).Moving() {
		t.Fatal("an old report was believed")
	}
	c.do(metadata.Settled{Group: 2, Nodes: []env.NodeID{2, 1}, ConfigIndex: 9, WishVersion: p.WishVersion})
	if p := c.Partition(2); p.Moving() || p.Tried != nil || p.Settled != 9 {
		t.Fatalf("%+v", p)
	}
	c.refused(metadata.NoReassignmentInProgress, metadata.CancelReassign{Groups: []env.GroupID{2}})
}

func TestCancelNeedsTheNodes(t *testing.T) {
	c := story(t)
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{3, 4}}}})
	c.do(metadata.RemoveNode{Node: 1, Force: true})
	c.refused(metadata.InvalidReplicaAssignment, metadata.CancelReassign{Groups: []env.GroupID{2}}, "node 1 was removed")
}

func TestDeletingEndsWithTheLastReport(t *testing.T) {
	c := story(t)
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{1, 4}}}})
	c.do(metadata.DeleteTopic{Name: "t"})
	if c.MovingCount() != 0 || c.Load(1).Replicas != 1 || c.Load(1).Held != 2 {
		t.Fatalf("%d move, node 1 bears %+v", c.MovingCount(), c.Load(1))
	}
	c.do(metadata.CreateTopic{Name: "t", Partitions: 1, Factor: 1}) // the name is free
	if c.Topic("t").ID == 1 || c.TopicByID(1) == nil {
		t.Fatal("the old topic is the new one")
	}
	for _, r := range []metadata.ReportDropped{{1, 2}, {2, 2}, {2, 3}, {4, 2}} {
		if c.Verdict(r.Group) != metadata.Drop || c.TopicByID(1) == nil {
			t.Fatalf("forgotten before %+v", r)
		}
		c.do(r)
		if answer := c.do(r); answer != (metadata.Done{}) {
			t.Fatalf("%+v the second time: %+v", r, answer)
		}
	}
	if c.Partition(2) != nil || c.Partition(3) == nil {
		t.Fatal("group 2 is all dropped, group 3 is not")
	}
	c.do(metadata.RemoveNode{Node: 3, Force: true}) // it would have been the last
	if c.TopicByID(1) != nil || c.Verdict(3) != metadata.Drop {
		t.Fatal("the topic is still there")
	}
	if answer := c.do(metadata.DeleteTopic{Name: "t", ID: 1}); answer != (metadata.Done{}) || c.Topic("t") == nil {
		t.Fatalf("deleting the old one again: %+v, %v", answer, c.Topic("t"))
	}
}

func TestDeletingWhatOnlyRemovedNodesHeld(t *testing.T) {
	c := story(t)
	c.do(metadata.RemoveNode{Node: 1, Force: true})
	c.do(metadata.DeleteTopic{Name: "alone"})
	if c.TopicByID(2) != nil || c.Partition(4) != nil {
		t.Fatal("nobody is left to report it, and it is still there")
	}
}

func TestNodesLife(t *testing.T) {
	c := newCluster(t)
	is := func(want metadata.NodeState, disk, incarnation uint64) {
		t.Helper()
		n, ok := c.Node(1)
		if !ok || n.State != want || n.Disk != disk || n.Incarnation != incarnation {
			t.Fatalf("%+v, want %v on disk %d, incarnation %d", n, want, disk, incarnation)
		}
	}
	c.do(metadata.RegisterNode{Node: 1, Address: "a:1", Rack: "r"})
	is(metadata.Joining, 0, 0)
	c.do(metadata.DrainNode{Node: 1})
	c.do(metadata.UndrainNode{Node: 1})
	is(metadata.Joining, 0, 0)
	c.do(metadata.RegisterNode{Node: 1, Address: "a:1", Rack: "r", Disk: 4, Incarnation: 7})
	is(metadata.Active, 4, 7)
	c.do(metadata.RegisterNode{Node: 1, Address: "b:1", Rack: "s"}) // announced again: it moves
	is(metadata.Active, 4, 7)
	if n, _ := c.Node(1); n.Address != "b:1" || n.Rack != "s" {
		t.Fatalf("%+v", n)
	}
	c.do(metadata.DrainNode{Node: 1})
	c.do(metadata.RegisterNode{Node: 1, Disk: 5, Incarnation: 1}) // a new disk counts anew
	is(metadata.Draining, 5, 1)
	c.do(metadata.UndrainNode{Node: 1})
	is(metadata.Active, 5, 1)
	c.do(metadata.RemoveNode{Node: 1})
	is(metadata.Gone, 5, 1)
	if answer := c.do(metadata.RemoveNode{Node: 1}); answer != (metadata.Done{}) {
		t.Fatalf("%+v", answer)
	}
	names := ""
	for s := metadata.NodeState(0); s <= metadata.Gone; s++ {
		names += s.String() + " "
	}
	if names != "unknown joining active draining gone " {
		t.Error(names)
	}
}

func TestDrainNeedsRoomElsewhere(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "t", Partitions: 1, Factor: 3})
	c.refused(metadata.InvalidReplicationFactor, metadata.DrainNode{Node: 1}, "t/0", "other 2 active nodes")
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{2, 3}}}})
	c.do(metadata.DrainNode{Node: 1}) // it is leaving already
	c.refused(metadata.InvalidReplicaAssignment, metadata.CreateTopic{Name: "n", Placement: [][]env.NodeID{{1}}}, "draining")
	// Where it is, it may stay.
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{1, 2}}}})
}

func TestProducerIDs(t *testing.T) {
	c := newCluster(t)
	a := c.do(metadata.AllocateProducers{Count: 10})
	b := c.do(metadata.AllocateProducers{Count: 5})
	if a != (metadata.Producers{First: 1, Count: 10}) || b != (metadata.Producers{First: 11, Count: 5}) {
		t.Fatalf("%+v, then %+v", a, b)
	}
}

func TestProducerIDsEnd(t *testing.T) {
	c := newCluster(t)
	b := c.Append(nil)
	// version, then cluster 1, version 0, bound 2^30 (5 bytes), group 2, topic 1, producer 1
	at := 1 + 1 + 1 + 5 + 1 + 1
	if b[at] != 1 {
		t.Fatalf("%x", b[:at+1])
	}
	late := append(bytes.Clone(b[:at]), 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f) // 2^63-3
	s, err := metadata.Decode(append(late, b[at+1:]...))
	if err != nil {
		t.Fatal(err)
	}
	c.State = s
	c.do(metadata.AllocateProducers{Count: 2})
	c.refused(metadata.PolicyViolation, metadata.AllocateProducers{Count: 1}, "used up")
}

func TestAlterWhileMoving(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1}}})
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{1, 2, 3}}}})
	two := metadata.AlterTopic{Name: "t", Set: []metadata.Setting{{Key: metadata.MinISR, Value: 2}}}
	c.refused(metadata.InvalidConfig, two, "until its reassignment is done")
	c.settle()
	c.do(two)
	at := c.Topic("t").ConfigVersion
	if answer := c.do(two); answer != (metadata.Done{}) || c.Topic("t").ConfigVersion != at {
		t.Fatalf("the second time: %+v", answer)
	}
	c.do(metadata.AlterTopic{Name: "t", Unset: []metadata.Key{metadata.MinISR}})
	if c.Topic("t").Configs != (metadata.Configs{}) {
		t.Fatalf("%v", c.Topic("t").Configs.List())
	}
}

// Groups of a topic that grew are found by number, whether they follow each
// other or not.
func TestGroupsOfATopicThatGrew(t *testing.T) {
	c := newCluster(t, "")
	c.do(metadata.CreateTopic{Name: "t", Partitions: 2, Factor: 1})
	c.do(metadata.AddPartitions{Name: "t", Total: 3})
	c.do(metadata.CreateTopic{Name: "other", Partitions: 2, Factor: 1})
	if answer := c.do(metadata.AddPartitions{Name: "t", Total: 5}); answer != (metadata.PartitionsAdded{First: 7, From: 3, Count: 2}) {
		t.Fatalf("%+v", answer)
	}
	topic := c.Topic("t")
	for number, want := range map[int32]env.GroupID{-1: 0, 0: 2, 1: 3, 2: 4, 3: 7, 4: 8, 5: 0} {
		if got := topic.Group(number); got != want {
			t.Errorf("partition %d is group %d, want %d", number, got, want)
		}
	}
	if topic.Partitions() != 5 {
		t.Errorf("%d partitions", topic.Partitions())
	}
}

func TestLimitOfNodes(t *testing.T) {
	var list []metadata.Node
	for i := range metadata.MaxNodes {
		list = append(list, metadata.Node{ID: env.NodeID(i + 1)})
	}
	s, err := metadata.New(metadata.Genesis{Cluster: 1, Nodes: list})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t, s}
	c.refused(metadata.PolicyViolation, metadata.RegisterNode{Node: metadata.MaxNodes + 1}, "limit")
	c.do(metadata.RegisterNode{Node: 1, Address: "known"})
}

func TestLimitOfPartitions(t *testing.T) {
	c := newCluster(t, "")
	c.do(metadata.CreateTopic{Name: "t", Partitions: metadata.MaxPartitions, Factor: 1})
	c.refused(metadata.PolicyViolation, metadata.CreateTopic{Name: "n", Partitions: 1, Factor: 1}, "limit")
	if s, err := metadata.Decode(c.Append(nil)); err != nil || s.PartitionCount() != metadata.MaxPartitions {
		t.Fatal(err)
	}
}

func TestEntriesAreAppliedOnce(t *testing.T) {
	c := newCluster(t, "")
	defer func() {
		if recover() == nil {
			t.Error("an entry was applied twice")
		}
	}()
	_, _, _ = c.Do(c.Version(), metadata.AllocateProducers{Count: 1})
}

// A state keeps nothing of the command that it was told.
func TestStateKeepsNothingOfTheCaller(t *testing.T) {
	c := newCluster(t, "", "", "")
	create := metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2}}}
	grow := metadata.AddPartitions{Name: "t", Total: 2, Placement: [][]env.NodeID{{1, 2}}}
	move := metadata.Reassign{Moves: []metadata.Move{{Group: 3, Nodes: []env.NodeID{2, 3}}}}
	c.do(create)
	c.do(grow)
	c.do(move)
	was := c.Append(nil)
	for _, nodes := range [][]env.NodeID{create.Placement[0], grow.Placement[0], move.Moves[0].Nodes} {
		nodes[0], nodes[1] = 3, 1
	}
	if !bytes.Equal(c.Append(nil), was) {
		t.Fatal("the state changed with the caller's lists")
	}
}
