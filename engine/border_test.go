package engine_test

import (
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// borderWorld is the first of three nodes, alone, and a frame of the second
// with the first entry of term 5 that it takes as it is.
func borderWorld(t *testing.T) (*world, *host, wire.Frame) {
	t.Helper()
	w := newWorld(t, 3, nil)
	h := w.nodes[0]
	if err := h.format(); err != nil {
		t.Fatal(err)
	}
	h.start()
	w.until(func() bool { return h.ready > 0 }, "end of the recovery")
	return w, h, wire.Frame{
		Cluster: 7, From: 2, To: 1, Incarnation: 9,
		Messages: []wire.Message{entryFor(1, 1, "news")},
	}
}

// entryFor is an append of one record at the start of a group's log.
func entryFor(group env.GroupID, retain uint64, record string) wire.Message {
	kind, to, from, term, index, none := raftpb.MsgApp, uint64(101), uint64(102), uint64(5), uint64(1), uint64(0)
	data := wal.AppendBatchCommand(replica.AppendCommand(nil), batch(record))
	return wire.Message{Group: group, RetainFrom: retain, Raft: &raftpb.Message{
		Type: &kind, To: &to, From: &from, Term: &term, LogTerm: &none, Index: &none, Commit: &none,
		Entries: []*raftpb.Entry{{Term: &term, Index: &index, Data: data}},
	}}
}

func (h *host) receive(from env.NodeID, frame []byte) {
	h.do(func() { h.node.Receive(from, env.Append, frame) })
}

// untouched tells that no message has reached the group.
func (h *host) untouched() bool {
	s := h.node.Metadata(nil).Partitions[0]
	return s.LeaderEpoch == 0 && s.Leader == 0 && s.Fenced == ""
}

func TestFramesThatDoNotBelongHereAreDropped(t *testing.T) {
	for name, spoil := range map[string]func(f *wire.Frame){
		"foreign cluster":     func(f *wire.Frame) { f.Cluster = 8 },
		"for another node":    func(f *wire.Frame) { f.To = 3 },
		"from another node":   func(f *wire.Frame) { f.From = 3 },
		"earlier incarnation": func(f *wire.Frame) { f.Incarnation = 8 },
		"unknown group":       func(f *wire.Frame) { f.Messages[0].Group = 2 },
		"unknown sender":      func(f *wire.Frame) { *f.Messages[0].Raft.From = 77 },
		"sender elsewhere":    func(f *wire.Frame) { *f.Messages[0].Raft.From = 103 },
		"from itself":         func(f *wire.Frame) { *f.Messages[0].Raft.From = 101 },
		"for another replica": func(f *wire.Frame) { *f.Messages[0].Raft.To = 103 },
	} {
		_, h, good := borderWorld(t)
		empty := good
		empty.Messages = nil
		h.receive(2, wire.AppendFrame(nil, &empty)) // makes the incarnation known
		bad := good
		spoil(&bad)
		h.receive(2, wire.AppendFrame(nil, &bad))
		if !h.untouched() {
			t.Errorf("%s: taken", name)
		}
	}
	_, h, good := borderWorld(t)
	h.receive(2, wire.AppendFrame(nil, &good))
	if h.untouched() {
		t.Error("the frame is not taken as it is: the test says nothing")
	}
}

func TestNoDamagedFrameReachesAGroup(t *testing.T) {
	_, h, good := borderWorld(t)
	frame := wire.AppendFrame(nil, &good)
	for i := range frame {
		for _, flip := range []byte{0xff, 1, 1 << (i % 8)} {
			bad := slices.Clone(frame)
			bad[i] ^= flip
			h.receive(2, bad)
			if !h.untouched() {
				t.Fatalf("byte %d changed by %#x: taken", i, flip)
			}
		}
	}
	for n := range frame {
		h.receive(2, frame[:n])
		h.receive(2, append(slices.Clone(frame), make([]byte, n+1)...))
	}
	if !h.untouched() {
		t.Fatal("a frame of another length was taken")
	}
	h.receive(2, frame)
	if h.untouched() {
		t.Fatal("the frame is not taken as it is: the test says nothing")
	}
}

// A peer that is not as it should be may do harm, but none by a panic.
func TestNoFrameWithAGoodChecksumIsAPanic(t *testing.T) {
	w, h, good := borderWorld(t)
	frame := wire.AppendFrame(nil, &good)
	sum := crc32.MakeTable(crc32.Castagnoli)
	for i := 4; i < len(frame); i++ {
		for _, flip := range []byte{0xff, 1, 0x80} {
			bad := slices.Clone(frame)
			bad[i] ^= flip
			binary.LittleEndian.PutUint32(bad, crc32.Checksum(bad[4:], sum))
			h.receive(2, bad)
		}
		if i%50 == 0 {
			w.sleep(time.Millisecond)
			if h.failed != nil {
				t.Fatal(h.failed)
			}
			h.crash()
			h.disk.Crash()
			w.net.Close(h.id)
			h.start()
			before := h.ready
			w.until(func() bool { return h.ready > before || h.failed != nil }, "end of the recovery")
			if h.failed != nil {
				t.Fatal(h.failed)
			}
		}
	}
}

// An entry that stays in memory keeps its own bytes there, not those of all
// that came along with it.
func TestASmallEntryDoesNotKeepItsFrame(t *testing.T) {
	w, h, f := borderWorld(t)
	large := entryFor(99, 0, string(make([]byte, 100<<10))) // of a group that is not here
	f.Messages = append(f.Messages, large)
	frame := wire.AppendFrame(nil, &f)
	kept := weak.Make(&frame[0])
	h.receive(2, frame)
	frame = nil //nolint:wastedassign // lets go of it
	w.sleep(100 * time.Millisecond)
	if h.untouched() || h.traced(env.EventAckSent) != 1 {
		t.Fatalf("the entry was not taken: acknowledged %d times", h.traced(env.EventAckSent))
	}
	runtime.GC()
	runtime.GC()
	if kept.Value() != nil {
		t.Fatal("the frame is still in memory")
	}
	runtime.KeepAlive(h)
}

// The border is open while the node serves, and closed before and after.
func TestFramesAreDroppedWhenTheNodeDoesNotServe(t *testing.T) {
	_, h, good := borderWorld(t)
	frame := wire.AppendFrame(nil, &good)
	h.crash()
	h.start() // recovering
	h.receive(2, frame)
	h.do(func() { h.node.PeerDown(2) })
	h.w.until(func() bool { return h.ready == 1 }, "end of the recovery")
	if !h.untouched() {
		t.Error("taken during recovery")
	}
	h.do(func() {
		h.node.Stop(func(error) {})
		h.node.Receive(2, env.Append, frame)
		h.node.PeerDown(2)
	})
	h.w.sleep(time.Second)
	if h.traced(env.EventAckSent) > 0 || h.failed != nil {
		t.Errorf("after Stop: %+v, failed %v", h.node.Metadata(nil).Partitions[0], h.failed)
	}
	if code := h.fetch(t, engine.FetchRequest{}).Err; code != engine.LeaderNotAvailable {
		t.Errorf("a stopped node answers %v", code)
	}
}

// A node that was formatted again begins its incarnations anew, and is heard at
// once; its old disk is not, for as long as the new one speaks.
func TestANewDiskSupersedesTheOldOne(t *testing.T) {
	w, h, frame := borderWorld(t)
	heard := func(disk, incarnation, term uint64) bool {
		f := frame
		f.Disk, f.Incarnation = disk, incarnation
		f.Messages = []wire.Message{entryFor(1, 1, "news")}
		f.Messages[0].Raft.Term = &term
		h.receive(2, wire.AppendFrame(nil, &f))
		w.sleep(10 * time.Millisecond)
		return uint64(h.node.Metadata(nil).Partitions[0].LeaderEpoch) == term
	}
	for i, c := range []struct {
		disk, incarnation uint64
		heard             bool
	}{{1, 9, true}, {1, 8, false}, {2, 1, true}, {1, 9, false}, {1, 10, false}, {2, 2, true}, {2, 1, false}, {3, 1, true}, {2, 9, false}, {1, 99, false}} {
		if got := heard(c.disk, c.incarnation, uint64(100+i)); got != c.heard {
			t.Fatalf("%d: disk %d in incarnation %d: heard %v", i, c.disk, c.incarnation, got)
		}
	}
	w.sleep(11 * time.Second)
	if !heard(2, 9, 200) {
		t.Fatal("the newest disk is silent, and one that was taken for older is never heard again")
	}
}
