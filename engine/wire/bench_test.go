package wire_test

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// appends is a frame of appends for eight groups, eight entries of 1 KiB each.
func appends() wire.Frame {
	f := wire.Frame{Cluster: 1, From: 1, To: 2, Incarnation: 3}
	for g := range uint64(8) {
		m := &raftpb.Message{
			Type: raftpb.MsgApp.Enum(), To: new(g + 1), From: new(g + 2), Term: new(uint64(7)),
			LogTerm: new(uint64(7)), Index: new(uint64(1_000_000)), Commit: new(uint64(999_990)),
		}
		for i := range uint64(8) {
			m.Entries = append(m.Entries, entry(7, 1_000_001+i, string(make([]byte, 1024))))
		}
		f.Messages = append(f.Messages, wire.Message{Group: env.GroupID(g), RetainFrom: 999_000, Raft: m})
	}
	return f
}

// heartbeats is a frame of heartbeats for 64 groups.
func heartbeats() wire.Frame {
	f := wire.Frame{Cluster: 1, From: 1, To: 2, Incarnation: 3}
	for g := range uint64(64) {
		m := &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), To: new(g + 1), From: new(g + 2), Term: new(uint64(7)), Commit: new(uint64(999_990))}
		f.Messages = append(f.Messages, wire.Message{Group: env.GroupID(g), Raft: m})
	}
	return f
}

// chunks is a frame of one piece of a file.
func chunks() wire.Frame {
	return wire.Frame{Cluster: 1, From: 1, To: 2, Incarnation: 3, Messages: []wire.Message{{Group: 7, Own: &wire.Own{
		Kind: wire.OwnChunk, ID: 3<<32 | 17, File: "00000000000000001000.log", Offset: 1 << 20, Sum: 0xabcdef01, Data: make([]byte, 256<<10),
	}}}}
}

func BenchmarkAppendFrame(b *testing.B) {
	for name, f := range map[string]wire.Frame{"appends": appends(), "heartbeats": heartbeats(), "chunk": chunks()} {
		b.Run(name, func(b *testing.B) {
			dst := wire.AppendFrame(nil, &f)
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				dst = wire.AppendFrame(dst[:0], &f)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, f := range map[string]wire.Frame{"appends": appends(), "heartbeats": heartbeats(), "chunk": chunks()} {
		b.Run(name, func(b *testing.B) {
			encoded := wire.AppendFrame(nil, &f)
			b.SetBytes(int64(len(encoded)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wire.Decode(encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocations holds what the benchmarks show: none to encode, two a frame
// and two a message with entries or of our own to decode.
func TestAllocations(t *testing.T) {
	f, h := appends(), heartbeats()
	dst := wire.AppendFrame(nil, &f)
	if n := testing.AllocsPerRun(100, func() { dst = wire.AppendFrame(dst[:0], &f) }); n != 0 {
		t.Errorf("encoding allocates %v times", n)
	}
	c := chunks()
	piece := wire.AppendFrame(nil, &c)
	if n := testing.AllocsPerRun(100, func() { piece = wire.AppendFrame(piece[:0], &c) }); n != 0 {
		t.Errorf("encoding a chunk allocates %v times", n)
	}
	decode := func(b []byte) float64 {
		return testing.AllocsPerRun(100, func() {
			if _, err := wire.Decode(b); err != nil {
				t.Error(err)
			}
		})
	}
	if n := decode(dst); n != 2+2*8 {
		t.Errorf("decoding appends of 8 groups allocates %v times", n)
	}
	if n := decode(wire.AppendFrame(nil, &h)); n != 2 {
		t.Errorf("decoding heartbeats of 64 groups allocates %v times", n)
	}
	if n := decode(piece); n != 2+2 {
		t.Errorf("decoding a chunk allocates %v times", n)
	}
}
