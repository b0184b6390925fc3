package wire_test

import (
	"bytes"
	"math"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

var (
	number = rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64())
	blob   = rapid.SliceOfN(rapid.Byte(), 0, 40)
	ids    = rapid.SliceOfN(number, 0, 4)
	kinds  = rapid.SampledFrom([]raftpb.MessageType{
		raftpb.MsgProp, raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgVote, raftpb.MsgVoteResp, raftpb.MsgSnap, raftpb.MsgHeartbeat,
		raftpb.MsgHeartbeatResp, raftpb.MsgTransferLeader, raftpb.MsgTimeoutNow, raftpb.MsgReadIndex, raftpb.MsgReadIndexResp, raftpb.MsgPreVote, raftpb.MsgPreVoteResp,
	})
)

// scalar draws a number, or an absent one.
func scalar(t *rapid.T, name string) *uint64 {
	if rapid.Bool().Draw(t, name+" absent") {
		return nil
	}
	return new(number.Draw(t, name))
}

var anyEntry = rapid.Custom(func(t *rapid.T) *raftpb.Entry {
	e := &raftpb.Entry{Term: scalar(t, "entry term"), Index: scalar(t, "entry index"), Data: blob.Draw(t, "entry data")}
	if rapid.Bool().Draw(t, "typed") {
		e.Type = raftpb.EntryType(rapid.Int32Range(0, 2).Draw(t, "entry type")).Enum()
	}
	return e
})

var anySnapshot = rapid.Custom(func(t *rapid.T) *raftpb.Snapshot {
	s := &raftpb.Snapshot{Data: blob.Draw(t, "snapshot data")}
	if !rapid.Bool().Draw(t, "metadata") {
		return s
	}
	s.Metadata = &raftpb.SnapshotMetadata{Index: scalar(t, "snapshot index"), Term: scalar(t, "snapshot term")}
	if rapid.Bool().Draw(t, "configuration") {
		s.Metadata.ConfState = &raftpb.ConfState{
			Voters: ids.Draw(t, "voters"), Learners: ids.Draw(t, "learners"), VotersOutgoing: ids.Draw(t, "outgoing"), LearnersNext: ids.Draw(t, "next"),
			AutoLeave: new(rapid.Bool().Draw(t, "auto-leave")),
		}
	}
	return s
})

var anyOwn = rapid.Custom(func(t *rapid.T) *wire.Own {
	size := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, math.MaxInt64))
	return &wire.Own{
		Kind: wire.OwnKind(rapid.Uint8Range(uint8(wire.OwnFetch), uint8(wire.OwnLeaving)).Draw(t, "kind")),
		From: env.ReplicaID(number.Draw(t, "from")), To: env.ReplicaID(number.Draw(t, "to")), ID: number.Draw(t, "id"),
		Term: number.Draw(t, "term"), Index: number.Draw(t, "index"), Disk: number.Draw(t, "disk"), Incarnation: number.Draw(t, "incarnation"),
		File: rapid.StringN(0, 20, wire.MaxFileBytes).Draw(t, "file"), Bytes: size.Draw(t, "bytes"), Offset: size.Draw(t, "offset"),
		Count: rapid.Uint32().Draw(t, "count"), Sum: rapid.Uint32().Draw(t, "sum"),
		Code: wire.Code(rapid.Uint8Range(0, uint8(wire.Full)).Draw(t, "code")), Data: blob.Draw(t, "data"),
	}
})

var anyMessage = rapid.Custom(func(t *rapid.T) wire.Message {
	if rapid.IntRange(0, 3).Draw(t, "own") == 0 {
		return wire.Message{Group: env.GroupID(number.Draw(t, "group")), RetainFrom: number.Draw(t, "retain"), Own: anyOwn.Draw(t, "message")}
	}
	m := &raftpb.Message{
		Type: kinds.Draw(t, "type").Enum(), To: scalar(t, "to"), From: scalar(t, "from"), Term: scalar(t, "term"), LogTerm: scalar(t, "log term"),
		Index: scalar(t, "index"), Commit: scalar(t, "commit"), Vote: scalar(t, "vote"), RejectHint: scalar(t, "reject hint"),
		Entries: rapid.SliceOfN(anyEntry, 0, 5).Draw(t, "entries"), Context: blob.Draw(t, "context"),
	}
	if rapid.Bool().Draw(t, "reject present") {
		m.Reject = new(rapid.Bool().Draw(t, "reject"))
	}
	if rapid.Bool().Draw(t, "snapshot present") {
		m.Snapshot = anySnapshot.Draw(t, "snapshot")
	}
	return wire.Message{Group: env.GroupID(number.Draw(t, "group")), RetainFrom: number.Draw(t, "retain"), Raft: m}
})

var anyFrame = rapid.Custom(func(t *rapid.T) wire.Frame {
	return wire.Frame{
		Cluster: number.Draw(t, "cluster"), From: env.NodeID(number.Draw(t, "from node")), To: env.NodeID(number.Draw(t, "to node")),
		Incarnation: number.Draw(t, "incarnation"), Disk: number.Draw(t, "disk"), Messages: rapid.SliceOfN(anyMessage, 0, 4).Draw(t, "messages"),
	}
})

// TestRoundTrip: every field comes back, the encoding is unique, and SizeHint
// is a bound.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFrame.Draw(t, "frame")
		b := wire.AppendFrame(nil, &f)
		got, err := wire.Decode(b)
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		equal(t, got, f)
		if !bytes.Equal(wire.AppendFrame(nil, &got), b) {
			t.Fatalf("encoded again, it differs")
		}
		bound := wire.HeaderBytes
		for _, m := range f.Messages {
			bound += wire.SizeHint(m)
		}
		if len(b) > bound {
			t.Fatalf("%d bytes, hinted at most %d", len(b), bound)
		}
	})
}

// TestAnyDamageIsNoticed: one changed byte makes the frame unreadable.
func TestAnyDamageIsNoticed(t *testing.T) {
	f := sample()
	whole := wire.AppendFrame(nil, &f)
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(whole)
		at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		b[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if _, err := wire.Decode(b); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", at)
		}
	})
}
