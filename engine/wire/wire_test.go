package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

func entry(term, index uint64, data string) *raftpb.Entry {
	return &raftpb.Entry{Term: &term, Index: &index, Type: raftpb.EntryNormal.Enum(), Data: []byte(data)}
}

// sample is a frame that uses every field.
func sample() wire.Frame {
	id := func(v uint64) *uint64 { return &v }
	return wire.Frame{
		Cluster: 0xc1a5, From: 1, To: 2, Incarnation: 9, Disk: 0xd15c,
		Messages: []wire.Message{
			{Group: 7, RetainFrom: 88, Raft: &raftpb.Message{
				Type: raftpb.MsgApp.Enum(), To: id(12), From: id(11), Term: id(5), LogTerm: id(4), Index: id(99), Commit: id(98),
				Entries: []*raftpb.Entry{entry(4, 100, "one"), entry(5, 101, ""), entry(5, 103, "far")},
			}},
			{Group: 300, Raft: &raftpb.Message{Type: raftpb.MsgHeartbeat.Enum(), To: id(2), From: id(1), Term: id(1), Context: []byte("read")}},
			{Group: 8, Raft: &raftpb.Message{
				Type: raftpb.MsgAppResp.Enum(), To: id(1), From: id(2), Term: id(5), Index: id(7), LogTerm: id(3), Reject: new(true), RejectHint: id(6), Vote: id(2),
			}},
			{Group: math.MaxUint64, Raft: &raftpb.Message{
				Type: raftpb.MsgSnap.Enum(), To: id(math.MaxUint64), From: id(1), Term: id(6),
				Snapshot: &raftpb.Snapshot{Data: []byte("manifest"), Metadata: &raftpb.SnapshotMetadata{
					Index: id(1000), Term: id(6),
					ConfState: &raftpb.ConfState{
						Voters: []uint64{1, 2, 3}, Learners: []uint64{4}, VotersOutgoing: []uint64{1, 2}, LearnersNext: []uint64{500}, AutoLeave: new(true),
					},
				}},
			}},
			{Group: 9, Own: &wire.Own{
				Kind: wire.OwnChunk, From: 12, To: 11, ID: 1 << 40, Term: 6, Index: 1000, Disk: math.MaxUint64, Incarnation: 3,
				File: "segment.log", Bytes: math.MaxInt64, Offset: 512, Count: math.MaxUint32, Sum: 77, Code: wire.Full, Data: []byte("bytes"),
			}},
			{Own: &wire.Own{Kind: wire.OwnNodeStatus}},
		},
	}
}

// equal compares what raft can see of two frames.
func equal(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want wire.Frame,
) {
	t.Helper()
	if got.Cluster != want.Cluster || got.From != want.From || got.To != want.To || got.Incarnation != want.Incarnation || got.Disk != want.Disk {
		t.Fatalf("header: got %d %d %d %d %d", got.Cluster, got.From, got.To, got.Incarnation, got.Disk)
	}
	if len(got.Messages) != len(want.Messages) {
		t.Fatalf("%d messages, want %d", len(got.Messages), len(want.Messages))
	}
	for i := range want.Messages {
		g, w := got.Messages[i], want.Messages[i]
		if g.Group != w.Group || g.RetainFrom != w.RetainFrom {
			t.Fatalf("message %d: group %d retain %d, want %d and %d", i, g.Group, g.RetainFrom, w.Group, w.RetainFrom)
		}
		if (g.Own == nil) != (w.Own == nil) || (g.Raft == nil) != (w.Raft == nil) {
			t.Fatalf("message %d: got %v, want %v", i, g, w)
		}
		if w.Own != nil {
			if !reflect.DeepEqual(g.Own, canonicalOwn(w.Own)) {
				t.Fatalf("message %d: got %+v, want %+v", i, g.Own, w.Own)
			}
			continue
		}
		if !proto.Equal(canonical(g.Raft), canonical(w.Raft)) {
			t.Fatalf("message %d: got %v, want %v", i, g.Raft, w.Raft)
		}
	}
}

// canonicalOwn is a copy whose data is not empty but present.
func canonicalOwn(o *wire.Own) *wire.Own {
	c := *o
	if len(c.Data) == 0 {
		c.Data = nil
	}
	return &c
}

// canonical is a copy in which every scalar is set and no byte string or list
// is empty but present, so that proto.Equal compares values alone.
func canonical(m *raftpb.Message) *raftpb.Message {
	c := &raftpb.Message{
		Type: m.GetType().Enum(), To: new(m.GetTo()), From: new(m.GetFrom()), Term: new(m.GetTerm()), LogTerm: new(m.GetLogTerm()),
		Index: new(m.GetIndex()), Commit: new(m.GetCommit()), Vote: new(m.GetVote()), Reject: new(m.GetReject()), RejectHint: new(m.GetRejectHint()),
	}
	if len(m.GetContext()) > 0 {
		c.Context = m.GetContext()
	}
	for _, e := range m.GetEntries() {
		k := &raftpb.Entry{Type: e.GetType().Enum(), Term: new(e.GetTerm()), Index: new(e.GetIndex())}
		if len(e.GetData()) > 0 {
			k.Data = e.GetData()
		}
		c.Entries = append(c.Entries, k)
	}
	if s := m.GetSnapshot(); s != nil {
		c.Snapshot = proto.CloneOf(s)
		if len(s.GetData()) == 0 {
			c.Snapshot.Data = nil
		}
		if s.GetMetadata() != nil {
			c.Snapshot.Metadata.Index, c.Snapshot.Metadata.Term = new(s.GetMetadata().GetIndex()), new(s.GetMetadata().GetTerm())
		}
		if conf := s.GetMetadata().GetConfState(); conf != nil {
			c.Snapshot.Metadata.ConfState.AutoLeave = new(conf.GetAutoLeave())
		}
	}
	return c
}

// resum makes length and checksum right again after a test changed the rest.
func resum(b []byte) []byte {
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestSampleSurvives(t *testing.T) {
	f := sample()
	b := wire.AppendFrame([]byte("before"), &f)
	if !bytes.Equal(b[:6], []byte("before")) {
		t.Fatalf("what stood before is gone: %q", b[:6])
	}
	got, err := wire.Decode(b[6:])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, f)
	if again := wire.AppendFrame(nil, &got); !bytes.Equal(again, b[6:]) {
		t.Errorf("encoded again: %x, first %x", again, b[6:])
	}
}

// TestBytes holds the format itself: a changed byte here is a new version.
func TestBytes(t *testing.T) {
	f := sample()
	f.Messages = append(f.Messages[:2:2], f.Messages[4])
	got := hex.EncodeToString(wire.AppendFrame(nil, &f)[8:])
	want := "02000000" + "03000000" + "a5c1000000000000" + "0100000000000000" + "0200000000000000" + "0900000000000000" + "5cd1000000000000" +
		// group 7, retain 88, MsgApp, mask 0x023f: to, from, term, log term, index, commit, entries
		"07" + "58" + "03" + "3f02" + "0c" + "0b" + "05" + "04" + "63" + "62" +
		// three entries: (4,100) follows on (4,99); (5,101) names its term; (5,103) names its index
		"03" + "00" + "03" + "6f6e65" + "04" + "05" + "00" + "08" + "67" + "03" + "666172" +
		// group 300, MsgHeartbeat, mask 0x0807: to, from, term, context
		"ac02" + "00" + "08" + "0708" + "02" + "01" + "01" + "04" + "72656164" +
		// group 9, chunk, mask 0x3fff: to, from, id, term, index, disk, incarnation
		"09" + "00" + "82" + "ff3f" + "0b" + "0c" + "808080808020" + "06" + "e807" + "ffffffffffffffffff01" + "03" +
		// bytes, offset, count, sum, code, file, data
		"ffffffffffffffff7f" + "8004" + "ffffffff0f" + "4d" + "06" + "0b" + "7365676d656e742e6c6f67" + "05" + "6279746573"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEmptyFrame(t *testing.T) {
	b := wire.AppendFrame(nil, &wire.Frame{Cluster: 1, From: 2, To: 3, Incarnation: 4, Disk: 5})
	if len(b) != wire.HeaderBytes {
		t.Errorf("%d bytes", len(b))
	}
	got, err := wire.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, wire.Frame{Cluster: 1, From: 2, To: 3, Incarnation: 4, Disk: 5})
}

func TestNilAndEmptyAreOne(t *testing.T) {
	m := &raftpb.Message{Type: raftpb.MsgApp.Enum(), Context: []byte{}, Entries: []*raftpb.Entry{{Data: []byte{}}}, Snapshot: &raftpb.Snapshot{Data: []byte{}}}
	b := wire.AppendFrame(nil, &wire.Frame{Messages: []wire.Message{{Group: 1, Raft: m}}})
	f, err := wire.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	got := f.Messages[0].Raft
	if got.Context != nil || got.Entries[0].Data != nil || got.Snapshot == nil || got.Snapshot.Data != nil || got.Snapshot.Metadata != nil {
		t.Errorf("got %v", got)
	}
}

func TestDecodeAliasesTheFrame(t *testing.T) {
	f := sample()
	b := wire.AppendFrame(nil, &f)
	got, err := wire.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("one"))
	data := got.Messages[0].Raft.Entries[0].Data
	if &data[0] != &b[at] || cap(data) != len(data) {
		t.Error("entry data was copied, or could be appended to over its neighbour")
	}
}

func TestEnvelopeRefuses(t *testing.T) {
	f := sample()
	whole := wire.AppendFrame(nil, &f)
	for name, c := range map[string]struct {
		spoil func(b []byte) []byte
		want  error
	}{
		"nothing":       {func([]byte) []byte { return nil }, wire.ErrTruncated},
		"half a header": {func(b []byte) []byte { return b[:55] }, wire.ErrTruncated},
		"cut short":     {func(b []byte) []byte { return b[:len(b)-1] }, wire.ErrTruncated},
		"one byte more": {func(b []byte) []byte { return append(b, 0) }, wire.ErrMalformed},
		"flipped bit":   {func(b []byte) []byte { b[60] ^= 1; return b }, wire.ErrChecksum},
		"version 1":     {func(b []byte) []byte { b[8] = 1; return resum(b) }, wire.ErrVersion},
		"version 3":     {func(b []byte) []byte { b[8] = 3; return resum(b) }, wire.ErrVersion},
		"a message more": {func(b []byte) []byte {
			b[12]++
			return resum(b)
		}, wire.ErrMalformed},
		"a message less": {func(b []byte) []byte {
			b[12]--
			return resum(b)
		}, wire.ErrMalformed},
		"four billion messages": {func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[12:], math.MaxUint32)
			return resum(b)
		}, wire.ErrMalformed},
	} {
		got, err := wire.Decode(c.spoil(bytes.Clone(whole)))
		if !errors.Is(err, c.want) || got.Messages != nil {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// TestMessageRefuses gives hand-written messages to an intact envelope.
func TestMessageRefuses(t *testing.T) {
	for name, message := range map[string]string{
		"ends in the mask":         "0100080100",
		"local: hup":               "0100000000",
		"local: storage response":  "0100140000",
		"local: forget leader":     "0100170000",
		"type 24":                  "0100180000",
		"own: no kind":             "0100800000",
		"own: kind 9":              "0100890000",
		"own: unknown field":       "0100810040",
		"own: zero":                "010081010000",
		"own: negative bytes":      "0100818000ffffffffffffffffff01",
		"own: count of 33 bits":    "01008100028080808010",
		"own: sum of 33 bits":      "01008100048080808010",
		"own: code 7":              "010081000807",
		"own: empty file":          "010081001000",
		"own: empty data":          "010081002000",
		"own: file of 129 bytes":   "01008100108101" + strings.Repeat("61", 129),
		"own: data beyond":         "0100810020056161",
		"unknown field":            "0100080010",
		"zero that is present":     "010008010000",
		"long integer":             "01000801008100",
		"integer of 70 bits":       "0100080100ffffffffffffffffffff01",
		"no entries, present":      "010003000200",
		"entries beyond the frame": "01000300027f0000",
		"entry type 3":             "0100030002010300",
		"entry flag 16":            "0100030002011000",
		"term said twice":          "010003000201040000",
		"index said twice":         "010003000201080100",
		"data beyond the frame":    "01000300020100050000",
		"empty context":            "010003000800",
		"snapshot: unknown flag":   "010007000410",
		"snapshot: conf only":      "01000700040400000000",
		"snapshot: auto-leave":     "01000700040a0101",
		"snapshot: empty data":     "01000700040100",
		"snapshot: voters beyond":  "0100070004060101ffffff7f",
	} {
		body, err := hex.DecodeString(message)
		if err != nil {
			t.Fatal(err)
		}
		b := append(make([]byte, wire.HeaderBytes), body...)
		b[8], b[12] = 2, 1
		if got, err := wire.Decode(resum(b)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

// TestTravellers holds our list against raft's own.
func TestTravellers(t *testing.T) {
	for n := range raftpb.MessageType_name {
		kind := raftpb.MessageType(n)
		f := wire.Frame{Messages: []wire.Message{{Group: 1, Raft: &raftpb.Message{Type: &kind}}}}
		refused := panics(func() { wire.AppendFrame(nil, &f) })
		if want := raft.IsLocalMsg(kind) || kind == raftpb.MsgForgetLeader; refused != want {
			t.Errorf("%s: refused %v, want %v", kind, refused, want)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	for name, m := range map[string]*raftpb.Message{
		"responses":        {Type: raftpb.MsgApp.Enum(), Responses: []*raftpb.Message{{}}},
		"entry type":       {Type: raftpb.MsgApp.Enum(), Entries: []*raftpb.Entry{{Type: raftpb.EntryType(3).Enum()}}},
		"no message (hup)": nil,
	} {
		if !panics(func() { wire.AppendFrame(nil, &wire.Frame{Messages: []wire.Message{{Raft: m}}}) }) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func TestOwnMisusePanics(t *testing.T) {
	for name, m := range map[string]wire.Message{
		"no kind":      {Own: &wire.Own{}},
		"unknown kind": {Own: &wire.Own{Kind: wire.OwnLeaving + 1}},
		"unknown code": {Own: &wire.Own{Kind: wire.OwnChunk, Code: wire.Full + 1}},
		"long name":    {Own: &wire.Own{Kind: wire.OwnFetch, File: strings.Repeat("a", wire.MaxFileBytes+1)}},
		"negative":     {Own: &wire.Own{Kind: wire.OwnFetch, Offset: -1}},
		"both":         {Own: &wire.Own{Kind: wire.OwnFetch}, Raft: &raftpb.Message{Type: raftpb.MsgApp.Enum()}},
	} {
		if !panics(func() { wire.AppendFrame(nil, &wire.Frame{Messages: []wire.Message{m}}) }) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func TestNames(t *testing.T) {
	if got := wire.OwnSnapStatus.String() + " " + wire.OwnKind(0).String() + " " + wire.NotHere.String() + " " + wire.Code(99).String(); got != "snap-status own? not here code?" {
		t.Error(got)
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestLaneOf(t *testing.T) {
	for kind, want := range map[raftpb.MessageType]env.Lane{
		raftpb.MsgApp: env.Append, raftpb.MsgAppResp: env.Append, raftpb.MsgSnap: env.Bulk,
		raftpb.MsgVote: env.Urgent, raftpb.MsgPreVoteResp: env.Urgent, raftpb.MsgHeartbeat: env.Urgent,
		raftpb.MsgReadIndex: env.Urgent, raftpb.MsgTimeoutNow: env.Urgent,
	} {
		if got := wire.LaneOf(wire.Message{Raft: &raftpb.Message{Type: &kind}}); got != want {
			t.Errorf("%s goes %s, want %s", kind, got, want)
		}
	}
	for kind := wire.OwnFetch; kind <= wire.OwnLeaving; kind++ {
		want := env.Urgent
		if kind == wire.OwnChunk {
			want = env.Bulk
		}
		if got := wire.LaneOf(wire.Message{Own: &wire.Own{Kind: kind}}); got != want {
			t.Errorf("%s goes %s, want %s", kind, got, want)
		}
	}
}
