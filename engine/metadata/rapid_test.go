package metadata_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

var (
	anyNode = rapid.Custom(func(t *rapid.T) env.NodeID { return env.NodeID(rapid.Uint64Range(1, 6).Draw(t, "node")) })
	anyName = rapid.SampledFrom([]string{"a", "b", "c.d", "c_d", "c.d.e", "..", "white space"})
	nodeSet = rapid.Custom(func(t *rapid.T) []env.NodeID {
		all := rapid.Permutation([]env.NodeID{1, 2, 3, 4, 5, 6}).Draw(t, "order")
		return all[:rapid.IntRange(1, 4).Draw(t, "count")]
	})
	anySetting = rapid.Custom(func(t *rapid.T) metadata.Setting {
		key := rapid.SampledFrom([]metadata.Key{metadata.MinISR, metadata.MinISR, metadata.MinISR, metadata.RetentionMs, metadata.RetentionMs, 99}).Draw(t, "key")
		return metadata.Setting{Key: key, Value: rapid.Int64Range(-1, 4).Draw(t, "value")}
	})
)

// settingsOf draws settings, each key once.
func settingsOf(t *rapid.T) []metadata.Setting {
	return rapid.SliceOfNDistinct(anySetting, 0, 2, func(s metadata.Setting) metadata.Key { return s.Key }).Draw(t, "settings")
}

// sometimes draws an explicit placement for count partitions, more or less.
func sometimes(t *rapid.T, count int) (out [][]env.NodeID) {
	if rapid.IntRange(0, 3).Draw(t, "explicit") > 0 || count < 1 {
		return nil
	}
	factor := rapid.IntRange(1, 3).Draw(t, "factor")
	for range max(1, count+rapid.SampledFrom([]int{0, 0, 0, 1, -1}).Draw(t, "off by")) {
		nodes := nodeSet.Draw(t, "nodes")
		out = append(out, nodes[:min(len(nodes), factor)])
	}
	return out
}

// groupOf draws a group: one that is, was, or never was.
func groupOf(t *rapid.T, s *metadata.State) env.GroupID {
	if s.PartitionCount() > 0 && rapid.IntRange(0, 9).Draw(t, "any group") > 0 {
		var groups []env.GroupID
		for topic := range s.Topics() {
			for p := range s.Partitions(topic) {
				groups = append(groups, p.Group)
			}
		}
		return rapid.SampledFrom(groups).Draw(t, "group")
	}
	return env.GroupID(rapid.Uint64Range(0, uint64(s.NextGroup())+1).Draw(t, "group"))
}

func liveNames(s *metadata.State) (names []string) {
	for t := range s.Topics() {
		if !t.Deleting {
			names = append(names, t.Name)
		}
	}
	return names
}

func topicID(t *rapid.T, s *metadata.State) metadata.TopicID {
	return metadata.TopicID(rapid.SampledFrom([]uint64{0, 0, 0, 1, 2, s.Counters().Topic - 1, s.Counters().Topic}).Draw(t, "topic id"))
}

func drawNodeCommand(t *rapid.T) metadata.Command {
	n := anyNode.Draw(t, "node")
	switch rapid.IntRange(0, 9).Draw(t, "which") {
	case 0:
		return metadata.RemoveNode{Node: n}
	case 1:
		return metadata.RemoveNode{Node: n, Force: rapid.IntRange(0, 2).Draw(t, "force") == 0}
	case 2, 3:
		return metadata.DrainNode{Node: n}
	case 4:
		return metadata.UndrainNode{Node: n}
	case 5:
		return metadata.RegisterNode{Node: rapid.SampledFrom([]env.NodeID{0, n}).Draw(t, "id"), Rack: rapid.SampledFrom([]string{"", "a", "no good"}).Draw(t, "rack"), Incarnation: rapid.SampledFrom([]uint64{0, 0, 1}).Draw(t, "incarnation")}
	default:
		if rapid.IntRange(0, 9).Draw(t, "announced") == 0 {
			return metadata.RegisterNode{Node: n, Rack: "z"}
		}
		disk := uint64(n)*10 + rapid.SampledFrom([]uint64{0, 0, 0, 1, 10}).Draw(t, "disk")
		return metadata.RegisterNode{Node: n, Address: "host", Rack: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "rack"), Disk: disk, Incarnation: rapid.Uint64Range(1, 4).Draw(t, "incarnation")}
	}
}

func drawTopicCommand(t *rapid.T, s *metadata.State) metadata.Command {
	name := anyName.Draw(t, "name")
	if names := liveNames(s); len(names) > 0 && rapid.IntRange(0, 3).Draw(t, "known") > 0 {
		name = rapid.SampledFrom(names).Draw(t, "known name")
	}
	switch rapid.IntRange(0, 8).Draw(t, "which") {
	case 0:
		return metadata.DeleteTopic{Name: name, ID: topicID(t, s)}
	case 1, 2:
		return drawReport(t, s)
	case 3:
		return metadata.AlterTopic{Name: name, ID: topicID(t, s), Set: settingsOf(t), Unset: rapid.SliceOfNDistinct(rapid.SampledFrom(metadata.Keys()), 0, 2, rapid.ID).Draw(t, "unset")}
	case 4:
		total := rapid.Int32Range(-1, 6).Draw(t, "total")
		has := 0
		if topic := s.Topic(name); topic != nil {
			has = topic.Partitions()
		}
		return metadata.AddPartitions{Name: name, ID: topicID(t, s), Total: total, Placement: sometimes(t, int(total)-has)}
	default:
		c := metadata.CreateTopic{
			Name: anyName.Draw(t, "new name"), Partitions: rapid.Int32Range(0, 3).Draw(t, "partitions"), Factor: rapid.Int32Range(0, 4).Draw(t, "factor"),
			Configs: settingsOf(t), Unreplicated: rapid.IntRange(0, 5).Draw(t, "unreplicated") == 0,
		}
		if c.Placement = sometimes(t, int(c.Partitions)); c.Placement != nil {
			c.Partitions, c.Factor = 0, 0
		}
		return c
	}
}

// drawReport draws the report of a node that has something to drop, mostly.
func drawReport(t *rapid.T, s *metadata.State) metadata.Command {
	var reports []metadata.ReportDropped
	for topic := range s.Topics() {
		for p := range s.Partitions(topic) {
			for _, n := range p.Holders() {
				if topic.Deleting {
					reports = append(reports, metadata.ReportDropped{Node: n, Group: p.Group})
				}
			}
		}
	}
	if len(reports) > 0 && rapid.IntRange(0, 4).Draw(t, "due") > 0 {
		return rapid.SampledFrom(reports).Draw(t, "report")
	}
	return metadata.ReportDropped{Node: anyNode.Draw(t, "node"), Group: groupOf(t, s)}
}

func drawMove(t *rapid.T, s *metadata.State) metadata.Move {
	m := metadata.Move{Group: groupOf(t, s), Nodes: nodeSet.Draw(t, "nodes")}
	if p := s.Partition(m.Group); p != nil && rapid.Bool().Draw(t, "planned") {
		m.Replaces = p.WishVersion + rapid.SampledFrom([]uint64{0, 0, 1}).Draw(t, "off by")
		m.Nodes = append([]env.NodeID{}, p.Wish...)
		m.Nodes[0] = anyNode.Draw(t, "other")
	}
	return m
}

func drawMoveCommand(t *rapid.T, s *metadata.State) metadata.Command {
	switch rapid.IntRange(0, 5).Draw(t, "which") {
	case 0:
		return metadata.CancelReassign{Groups: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) env.GroupID { return groupOf(t, s) }), 0, 3).Draw(t, "groups")}
	case 1:
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		if r, _ := s.Evacuate(limit); r != nil {
			return *r
		}
		if r := s.Rebalance(limit); r != nil {
			return *r
		}
		return metadata.AllocateProducers{Count: rapid.Uint32Range(0, 1000).Draw(t, "count")}
	case 2, 3:
		c := metadata.Settled{Group: groupOf(t, s), ConfigIndex: rapid.Uint64Range(0, 50).Draw(t, "config")}
		if p := s.Partition(c.Group); p != nil {
			c.Nodes, c.WishVersion = p.Wish, p.WishVersion
			if rapid.IntRange(0, 4).Draw(t, "stale") == 0 {
				c.Nodes, c.WishVersion = p.Holders(), p.WishVersion-rapid.Uint64Range(0, 1).Draw(t, "off by")
			}
		}
		return c
	default:
		return metadata.Reassign{Moves: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) metadata.Move { return drawMove(t, s) }), 0, 3).Draw(t, "moves")}
	}
}

func drawCommand(t *rapid.T, s *metadata.State) metadata.Command {
	switch rapid.IntRange(0, 5).Draw(t, "about") {
	case 0:
		return drawNodeCommand(t)
	case 1, 2:
		return drawTopicCommand(t, s)
	default:
		return drawMoveCommand(t, s)
	}
}

// run is one random history of a cluster.
type run struct {
	*rapid.T
	index   uint64
	m       *model
	one     *metadata.Machine // applies everything
	other   *metadata.Machine // sometimes begins anew from encoded bytes
	past    *metadata.State   // a snapshot from some time ago
	was     []byte            // its encoding then
	groups  map[env.GroupID]place
	highest metadata.Counters
}

type place struct {
	topic  metadata.TopicID
	number int32
}

func newRun(t *rapid.T) *run {
	g := metadata.Genesis{Cluster: 77, Nodes: []metadata.Node{{ID: 1}, {ID: 2}, {ID: 3}}}
	a, err := metadata.New(g)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := metadata.New(g)
	r := &run{
		T: t, m: newModel(1, 2, 3), one: metadata.NewMachine(a), other: metadata.NewMachine(b),
		past: a, was: a.Append(nil), groups: map[env.GroupID]place{},
	}
	for _, n := range []env.NodeID{1, 2, 3, 4} {
		r.step(metadata.RegisterNode{Node: n, Address: "host", Disk: uint64(n) * 10, Incarnation: 1})
	}
	return r
}

// step has everyone apply a command.
func (r *run) step(c metadata.Command) {
	r.index++
	data := metadata.AppendCommand(nil, c)
	if again, err := metadata.DecodeCommand(data); err != nil || !bytes.Equal(metadata.AppendCommand(nil, again), data) {
		r.Fatalf("%+v came back as %+v, %v", c, again, err)
	}
	before := r.one.State()
	bytesBefore := before.Append(nil)
	result := r.one.Apply(r.index, data)
	twin := r.other.Apply(r.index, data)
	if !bytes.Equal(result.Data, twin.Data) || fmt.Sprint(result.Err) != fmt.Sprint(twin.Err) || result.Offset != -1 {
		r.Fatalf("%+v gave %+v and %+v", c, result, twin)
	}
	code := int16(0)
	if result.Err != nil {
		var e *metadata.Error
		if !errors.As(result.Err, &e) || e.Code == 0 || e.Text == "" || result.Data != nil {
			r.Fatalf("%+v was rejected with %v, %v", c, result.Err, result.Data)
		}
		code = e.Code
		if r.one.State() != before {
			r.Fatalf("%+v was rejected and changed something", c)
		}
	} else if a, err := metadata.DecodeAnswer(result.Data); err != nil {
		r.Fatalf("%+v answered %x: %v", c, result.Data, err)
	} else if !bytes.Equal(metadata.AppendAnswer(nil, a), result.Data) {
		r.Fatalf("the answer %x came back as %+v", result.Data, a)
	}
	if want := r.m.apply(r.index, c, r.one.State()); want != code {
		r.Fatalf("%+v\ngave %d (%v)\nwant %d\n%s", c, code, result.Err, want, r.m.dump())
	}
	if !bytes.Equal(before.Append(nil), bytesBefore) {
		r.Fatalf("%+v changed the state it was applied to", c)
	}
	r.check(c)
}

// check looks at the state after a command.
func (r *run) check(c metadata.Command) {
	s := r.one.State()
	if got, want := dumpState(s), r.m.dump(); got != want {
		r.Fatalf("after %+v:\n%s\nwant\n%s", c, got, want)
	}
	b := s.Append(nil)
	if !bytes.Equal(b, r.other.Append(nil)) || r.one.Fingerprint() != r.other.Fingerprint() {
		r.Fatalf("after %+v two replicas differ", c)
	}
	again, err := metadata.Decode(b)
	if err != nil || !bytes.Equal(again.Append(nil), b) || dumpState(again) != r.m.dump() {
		r.Fatalf("after %+v the state does not come back: %v", c, err)
	}
	if !bytes.Equal(r.past.Append(nil), r.was) {
		r.Fatalf("after %+v an old snapshot is another", c)
	}
	r.checkIDs(s)
	r.checkIndexes(s)
	switch rapid.IntRange(0, 9).Draw(r.T, "chore") {
	case 0:
		r.past, r.was = s, b
	case 1:
		if err := r.other.Restore(b); err != nil {
			r.Fatal(err)
		}
	}
}

// checkIDs: ids are never used twice, counters never go down.
func (r *run) checkIDs(s *metadata.State) {
	c := s.Counters()
	if c.Group < r.highest.Group || c.Topic < r.highest.Topic || c.Producer < r.highest.Producer {
		r.Fatalf("counters went from %+v to %+v", r.highest, c)
	}
	for t := range s.Topics() {
		for p := range s.Partitions(t) {
			at := place{t.ID, p.Number}
			if was, used := r.groups[p.Group]; used && was != at || !used && uint64(p.Group) < r.highest.Group {
				r.Fatalf("group %d is %v, and was %v", p.Group, at, was)
			}
			r.groups[p.Group] = at
		}
	}
	r.highest = c
}

// checkIndexes: every way to a partition leads to it.
func (r *run) checkIndexes(s *metadata.State) {
	for t := range s.Topics() {
		if got := s.Topic(t.Name); t.Deleting == (got == t) || s.TopicByID(t.ID) != t {
			r.Fatalf("topic %s (deleting: %v) is found as %v", t.Name, t.Deleting, got)
		}
		for p := range s.Partitions(t) {
			want := metadata.Keep
			if t.Deleting {
				want = metadata.Drop
			}
			if s.Partition(p.Group) != p || t.Group(p.Number) != p.Group || s.Verdict(p.Group) != want {
				r.Fatalf("group %d is not found, or its verdict is %v", p.Group, s.Verdict(p.Group))
			}
			if least, _ := s.ConfigsOf(p).Get(metadata.MinISR); least < 1 || least > int64(len(p.Wish)) {
				r.Fatalf("group %d: min ISR %d of %v", p.Group, least, p.Wish)
			}
		}
	}
	for g := range r.groups {
		if s.Partition(g) == nil && s.Verdict(g) != metadata.Drop {
			r.Fatalf("group %d is gone, and its verdict is %v", g, s.Verdict(g))
		}
	}
	if s.Verdict(s.NextGroup()) != metadata.Wait || s.Verdict(1) != metadata.Keep {
		r.Fatalf("verdicts on groups 1 and %d", s.NextGroup())
	}
}

// idempotent tells whether a command that was accepted may be repeated.
func idempotent(c metadata.Command) bool {
	switch c := c.(type) {
	case metadata.CreateTopic, metadata.AddPartitions, metadata.AllocateProducers:
		return false
	case metadata.DeleteTopic:
		return c.ID != 0
	}
	return true
}

// Whatever is commanded in whatever order, the state is the naive model's; equal
// on all replicas; decodes to itself; and a rejected or repeated command changes
// nothing.
func TestStateIsTheModels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		for range rapid.IntRange(10, 60).Draw(t, "steps") {
			c := drawCommand(t, r.one.State())
			before := r.one.State()
			r.step(c)
			if r.one.State() != before && idempotent(c) && rapid.IntRange(0, 3).Draw(t, "repeat") == 0 {
				after := r.one.State()
				r.step(c)
				if r.one.State() != after {
					r.Fatalf("%+v changes something the second time", c)
				}
			}
		}
	})
}
