package metadata_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// The bytes of every command, for ever: what is in logs must stay readable.
var goldenCommands = []struct {
	hex     string
	command metadata.Command
}{
	{"01010504686f737402723109" + "03", metadata.RegisterNode{Node: 5, Address: "host", Rack: "r1", Disk: 9, Incarnation: 3}},
	{"01020501", metadata.RemoveNode{Node: 5, Force: true}},
	{"010305", metadata.DrainNode{Node: 5}},
	{"010405", metadata.UndrainNode{Node: 5}},
	{"01050174" + "0c06" + "00" + "010302" + "00", metadata.CreateTopic{Name: "t", Partitions: 6, Factor: 3, Configs: []metadata.Setting{{Key: metadata.RetentionMs, Value: 1}}}},
	{"01050174" + "0000" + "02" + "020102" + "020201" + "00" + "01", metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2}, {2, 1}}, Unreplicated: true}},
	{"0106017407", metadata.DeleteTopic{Name: "t", ID: 7}},
	{"010705ac02", metadata.ReportDropped{Node: 5, Group: 300}},
	{"0108017407" + "010201" + "020106", metadata.AlterTopic{Name: "t", ID: 7, Set: []metadata.Setting{{Key: metadata.RetentionBytes, Value: metadata.Forever}}, Unset: []metadata.Key{metadata.MinISR, metadata.LagMs}}},
	{"010901740710" + "01" + "0103", metadata.AddPartitions{Name: "t", ID: 7, Total: 8, Placement: [][]env.NodeID{{3}}}},
	{"010a02" + "02020102" + "00" + "030103" + "09", metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{1, 2}}, {Group: 3, Nodes: []env.NodeID{3}, Replaces: 9}}}},
	{"010b020203", metadata.CancelReassign{Groups: []env.GroupID{2, 3}}},
	{"010c02020102" + "0a09", metadata.Settled{Group: 2, Nodes: []env.NodeID{1, 2}, ConfigIndex: 10, WishVersion: 9}},
	{"010de807", metadata.AllocateProducers{Count: 1000}},
}

func TestCommandBytes(t *testing.T) {
	for _, g := range goldenCommands {
		b := metadata.AppendCommand(nil, g.command)
		if hex.EncodeToString(b) != g.hex {
			t.Errorf("%+v\nis   %x\nwant %s", g.command, b, g.hex)
		}
		again, err := metadata.DecodeCommand(b)
		if err != nil || !reflect.DeepEqual(again, g.command) {
			t.Errorf("%+v came back as %+v, %v", g.command, again, err)
		}
		for n := 2; n < len(b); n++ {
			if _, err := metadata.DecodeCommand(b[:n]); !errors.Is(err, metadata.ErrMalformed) {
				t.Errorf("%+v cut to %d bytes: %v", g.command, n, err)
			}
		}
		if _, err := metadata.DecodeCommand(append(b, 0)); !errors.Is(err, metadata.ErrMalformed) {
			t.Errorf("%+v with a byte more: %v", g.command, err)
		}
	}
}

func TestDecodeCommandRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":          {nil, metadata.ErrMalformed},
		"one byte":         {[]byte{1}, metadata.ErrMalformed},
		"another version":  {[]byte{2, 3, 5}, metadata.ErrVersion},
		"kind 0":           {[]byte{1, 0, 5}, metadata.ErrVersion},
		"a later kind":     {[]byte{1, 14, 5}, metadata.ErrVersion},
		"a long number":    {[]byte{1, 3, 0x85, 0}, metadata.ErrMalformed},
		"a huge list":      {[]byte{1, 11, 0xff, 0xff, 0xff, 0xff, 0x0f}, metadata.ErrMalformed},
		"no such flag":     {[]byte{1, 2, 5, 2}, metadata.ErrMalformed},
		"beyond 32 bits":   {[]byte{1, 9, 1, 't', 0, 0xfe, 0xff, 0xff, 0xff, 0x7f, 0}, metadata.ErrMalformed},
		"too many ids":     {[]byte{1, 13, 0x80, 0x80, 0x80, 0x80, 0x10}, metadata.ErrMalformed},
		"beyond 64 bits":   {[]byte{1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, metadata.ErrMalformed},
		"more than there":  {[]byte{1, 6, 9, 't', 0}, metadata.ErrMalformed},
		"no setting there": {[]byte{1, 8, 1, 't', 0, 1, 1}, metadata.ErrMalformed},
	} {
		if got, err := metadata.DecodeCommand(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, c.want)
		}
	}
}

var goldenAnswers = []struct {
	hex    string
	answer metadata.Answer
}{
	{"010101", metadata.Done{Changed: true}},
	{"0102070206", metadata.TopicCreated{ID: 7, First: 2, Partitions: 6}},
	{"0103080602", metadata.PartitionsAdded{First: 8, From: 6, Count: 2}},
	{"01040201", metadata.Moved{Partitions: 2, Skipped: 1}},
	{"0105e807e807", metadata.Producers{First: 1000, Count: 1000}},
}

func TestAnswerBytes(t *testing.T) {
	for _, g := range goldenAnswers {
		b := metadata.AppendAnswer(nil, g.answer)
		if hex.EncodeToString(b) != g.hex {
			t.Errorf("%+v is %x, want %s", g.answer, b, g.hex)
		}
		if again, err := metadata.DecodeAnswer(b); err != nil || again != g.answer {
			t.Errorf("%+v came back as %+v, %v", g.answer, again, err)
		}
		for n := range b {
			if a, err := metadata.DecodeAnswer(b[:n]); !errors.Is(err, metadata.ErrMalformed) {
				t.Errorf("%+v cut to %d bytes: %+v, %v", g.answer, n, a, err)
			}
		}
	}
	for _, b := range [][]byte{{2, 1, 1}, {1, 9, 1}} {
		if a, err := metadata.DecodeAnswer(b); !errors.Is(err, metadata.ErrVersion) {
			t.Errorf("%x: %+v, %v", b, a, err)
		}
	}
}

// eventful is a state with everything in it.
func eventful(t testing.TB) *metadata.State {
	c := clusterOf(t, []string{"a", "b", "c", ""})
	c.do(metadata.RegisterNode{Node: 9, Address: "[::1]:9092"})
	c.do(metadata.CreateTopic{Name: "t", Partitions: 3, Factor: 2, Configs: []metadata.Setting{{Key: metadata.MinISR, Value: 2}}})
	c.do(metadata.CreateTopic{Name: "alone", Partitions: 1, Factor: 1, Unreplicated: true})
	c.do(metadata.AddPartitions{Name: "t", Total: 4})
	c.do(metadata.CreateTopic{Name: "old", Placement: [][]env.NodeID{{1, 2}, {2, 3}}})
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{3, 4}}}})
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{4, 2}}}})
	c.do(metadata.DeleteTopic{Name: "old"})
	old := c.NextGroup() - 2
	c.do(metadata.ReportDropped{Node: 1, Group: old})
	c.do(metadata.ReportDropped{Node: 2, Group: old})
	c.do(metadata.ReportDropped{Node: 3, Group: old + 1})
	c.do(metadata.RegisterNode{Node: 10, Disk: 10, Incarnation: 2})
	c.do(metadata.RemoveNode{Node: 10})
	c.do(metadata.AllocateProducers{Count: 300})
	return c.State
}

func TestStateBytes(t *testing.T) {
	s := eventful(t)
	b := s.Append(nil)
	again, err := metadata.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if dumpState(again) != dumpState(s) || !bytes.Equal(again.Append(nil), b) || again.Fingerprint() != s.Fingerprint() {
		t.Fatalf("came back as\n%s\nwant\n%s", dumpState(again), dumpState(s))
	}
	if again.Cluster() != 1 || again.MaxMessageBytes() != 1<<30 || again.Defaults() != metadata.BuiltinDefaults() {
		t.Fatalf("cluster %d, batches of %d, defaults %v", again.Cluster(), again.MaxMessageBytes(), again.Defaults().List())
	}
	const golden = 0xb90979c4a43fdd4f
	if got := s.Fingerprint(); got != golden {
		t.Errorf("fingerprint %#x, want %#x: the encoding has changed, so its version must", got, uint64(golden))
	}
}

// No part of the encoding can be left out or doubled, and each byte counts.
func TestDecodeRefuses(t *testing.T) {
	s := eventful(t)
	b := s.Append(nil)
	for n := range b {
		if _, err := metadata.Decode(b[:n]); !errors.Is(err, metadata.ErrMalformed) {
			t.Fatalf("cut to %d bytes of %d: %v", n, len(b), err)
		}
	}
	if _, err := metadata.Decode(append(b, 0)); !errors.Is(err, metadata.ErrMalformed) {
		t.Fatalf("a byte more: %v", err)
	}
	b[0] = 2
	if _, err := metadata.Decode(b); !errors.Is(err, metadata.ErrVersion) {
		t.Fatalf("another version: %v", err)
	}
	b[0] = 1
	for i := 1; i < len(b); i++ {
		for _, flip := range []byte{1, 2, 4, 0x80} {
			b[i] ^= flip
			if again, err := metadata.Decode(b); err == nil {
				if !bytes.Equal(again.Append(nil), b) {
					t.Fatalf("byte %d with %x flipped: accepted, and encoded otherwise", i, flip)
				}
			} else if !errors.Is(err, metadata.ErrMalformed) {
				t.Fatalf("byte %d with %x flipped: %v", i, flip, err)
			}
			b[i] ^= flip
		}
	}
}
