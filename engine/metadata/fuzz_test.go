package metadata_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// FuzzDecodeCommand: any bytes give an error or a command that encodes to them,
// and that any state can be told; of two replicas both end up equal.
func FuzzDecodeCommand(f *testing.F) {
	for _, g := range goldenCommands {
		f.Add(metadata.AppendCommand(nil, g.command))
	}
	s := eventful(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := metadata.DecodeCommand(b)
		if err != nil {
			if !errors.Is(err, metadata.ErrMalformed) && !errors.Is(err, metadata.ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		if got := metadata.AppendCommand(nil, c); !bytes.Equal(got, b) {
			t.Fatalf("%x is %+v, which is %x", b, c, got)
		}
		one, two := metadata.NewMachine(s), metadata.NewMachine(s)
		x, y := one.Apply(s.Version()+1, b), two.Apply(s.Version()+1, b)
		if !bytes.Equal(x.Data, y.Data) || one.Fingerprint() != two.Fingerprint() || x.Err != nil && one.State() != s {
			t.Fatalf("%+v gave %+v and %+v", c, x, y)
		}
		if again, err := metadata.Decode(one.Append(nil)); err != nil || again.Fingerprint() != one.Fingerprint() {
			t.Fatalf("%+v made a state that does not come back: %v", c, err)
		}
	})
}

// FuzzDecode: any bytes give an error or a state that encodes to them, and that
// any command can be applied to.
func FuzzDecode(f *testing.F) {
	empty, err := metadata.New(metadata.Genesis{Cluster: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(empty.Append(nil))
	f.Add(eventful(f).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := metadata.Decode(b)
		if err != nil {
			return
		}
		if got := s.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("%x became %x", b, got)
		}
		if s.Version() == 1<<64-1 {
			return // a log has no entry after that
		}
		commands := []metadata.Command{metadata.CreateTopic{Name: "fresh", Partitions: 2, Factor: 1}}
		for n := range s.Nodes() {
			commands = append(commands, metadata.DrainNode{Node: n.ID}, metadata.RemoveNode{Node: n.ID, Force: true})
		}
		for topic := range s.Topics() {
			for p := range s.Partitions(topic) {
				commands = append(commands,
					metadata.Reassign{Moves: []metadata.Move{{Group: p.Group, Nodes: []env.NodeID{1}}}},
					metadata.CancelReassign{Groups: []env.GroupID{p.Group}},
					metadata.Settled{Group: p.Group, Nodes: p.Wish, ConfigIndex: 1 << 40, WishVersion: p.WishVersion},
					metadata.ReportDropped{Node: p.Wish[0], Group: p.Group})
			}
			commands = append(commands, metadata.AddPartitions{Name: topic.Name, Total: 9}, metadata.DeleteTopic{Name: topic.Name})
		}
		for i, c := range commands {
			if i > 50 || s.Version() == 1<<64-1 {
				break
			}
			s.Evacuate(3)
			s.Rebalance(3)
			if next, _, err := s.Do(s.Version()+1, c); err == nil {
				s = next
			}
		}
		if _, err := metadata.Decode(s.Append(nil)); err != nil {
			t.Fatalf("the state does not come back: %v", err)
		}
	})
}
