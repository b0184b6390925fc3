package journal

import (
	"bytes"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The decoders get bytes that a disk may have turned into anything. They never
// panic, never read outside, and whatever they accept encodes to the same.

func sampleEntries() []*raftpb.Entry {
	var out []*raftpb.Entry
	for i := uint64(5); i < 9; i++ {
		kind := raftpb.EntryType(i % 3)
		out = append(out, &raftpb.Entry{Index: &i, Term: &i, Type: &kind, Data: bytes.Repeat([]byte{byte(i)}, int(i*i*i))})
	}
	return out
}

func sampleBatch() []byte {
	w := &batchWriter{}
	w.begin(batchHeader{kind: batchData, id: Identity{7, 3, 5}, incarnation: 99, seq: 4, offset: 1024, watermark: position{4, 1024}}, 2)
	for i, entries := range [][]*raftpb.Entry{sampleEntries(), nil} {
		r := record{kind: recordAppend, group: 1, replica: 2, index: 5, hs: HardState{Term: 3, Vote: 2, Commit: 4}}
		if i == 1 {
			r = record{kind: recordCheckpoint, group: 2, replica: 3, index: 17, term: 2, id: 9}
		}
		start := len(w.buf)
		w.buf = appendRecord(w.buf, w.next(), &r, entries)
		w.added(r.group, start)
	}
	return bytes.Clone(w.finish())
}

func sampleHead() (*head, []byte) {
	h := &head{
		seq: 4, incarnation: 99, id: Identity{7, 3, 5}, prevSeq: 3, prevEnd: 5120, oldest: 2, fileBytes: 1 << 20,
		table: []tableRow{
			{group: 1, replica: 11, hs: HardState{5, 11, 8}, first: 3, log: outline{runs: []run{{8, 4}, {9, 5}}, last: 12}, checkpoint: checkpoint{2, 7, 4}},
			{group: 6, replica: 12, log: newOutline(0, 0), fenced: true, reason: "because"},
		},
	}
	return h, appendHead(nil, h, 2048)
}

func FuzzHeader(f *testing.F) {
	b := sampleBatch()
	f.Add(b[:headerBytes])
	_, head := sampleHead()
	f.Add(head[:headerBytes])
	f.Add([]byte("LKJB"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(b)
		if err != nil {
			return
		}
		var again [headerBytes]byte
		h.put(again[:])
		if other, err := parseHeader(again[:]); err != nil || other != h {
			t.Errorf("%+v encodes to %+v, %v", h, other, err)
		}
	})
}

// FuzzBatch also seals the checksums of what it mutated, or nothing behind them
// would ever be reached.
func FuzzBatch(f *testing.F) {
	f.Add(sampleBatch(), uint16(0), byte(0), false)
	f.Add(sampleBatch(), uint16(headerBytes+9), byte(0xff), true)
	f.Add(sampleBatch(), uint16(200), byte(7), true)
	f.Fuzz(func(t *testing.T, b []byte, at uint16, flip byte, reseal bool) {
		if len(b) < headerBytes {
			return
		}
		b = bytes.Clone(b)
		b[int(at)%len(b)] ^= flip
		h, err := parseHeader(b)
		if err != nil || h.length > int64(len(b)) {
			return
		}
		b = b[:h.length]
		second, tr, err := secondDirectory(b)
		if err == nil && batchBytes(tr.records, 0) > tr.length {
			t.Errorf("trailer %+v of %d bytes", tr, len(b))
		}
		first, err := firstDirectory(b, &h)
		if err != nil {
			return
		}
		for _, dir := range []directory{first, second} {
			for i := range dir.len() {
				_, start, _ := dir.at(i)
				part := dir.record(b, i)
				if reseal {
					resealRecord(part, h.place().plus(start))
				}
				checkRecord(t, part, h.place().plus(start))
			}
		}
	})
}

func resealRecord(b []byte, at place) {
	if len(b) < recordHeaderBytes {
		return
	}
	size := int64(le32(b[56:]))
	if size > int64(len(b)-recordHeaderBytes) {
		return
	}
	putLE32(b[60:], at.plus(recordHeaderBytes).sum(b[recordHeaderBytes:recordHeaderBytes+size]))
	putLE32(b[68:], at.sum(b[:68]))
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func putLE32(b []byte, v uint32) {
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

// checkRecord decodes a record and compares it with its own encoding.
func checkRecord(t *testing.T, b []byte, at place) {
	r, err := parseRecord(b, at)
	if err != nil {
		return
	}
	n := 0
	r.each(func(uint64, entry) bool { n++; return true })
	if n != r.count {
		t.Errorf("%d entries of %d", n, r.count)
	}
	if again, err := parseRecord(appendRecord(nil, at, &r, nil), at); err != nil || again.group != r.group || again.hs != r.hs || again.count != r.count || !bytes.Equal(again.payload, r.payload) {
		t.Errorf("%+v encodes to %+v, %v", r, again, err)
	}
	if got := appendEntries(nil, &r, r.index, r.last()); r.kind == recordAppend && len(got) != r.count {
		t.Errorf("%d entries built of %d", len(got), r.count)
	}
}

func FuzzRecord(f *testing.F) {
	at := place{5, 512}
	f.Add(appendRecord(nil, at, &record{kind: recordAppend, group: 1, replica: 2, index: 5}, sampleEntries()))
	f.Add(appendRecord(nil, at, &record{kind: recordRestart, group: 1, replica: 2, index: 5, term: 2, id: 1}, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		checkRecord(t, b, at)
		resealRecord(b, at)
		checkRecord(t, b, at)
	})
}

func FuzzHead(f *testing.F) {
	_, b := sampleHead()
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, err := parseHead(b); err == nil && len(b) < headerBytes {
			t.Error("a head out of nothing")
		}
		// Behind the checksum.
		if len(b) < headerBytes {
			return
		}
		var h head
		if h.parseBody(b[headerBytes:]) != nil {
			return
		}
		for i := range h.table {
			r := &h.table[i]
			if _, ok := r.log.term(r.log.last); !ok {
				t.Errorf("row %d: last entry %d without a term in %+v", i, r.log.last, r.log.runs)
			}
			r.log.since(r.log.last)
		}
		var again head
		if err := again.parseBody(appendHeadBody(nil, &h)); err != nil || len(again.table) != len(h.table) {
			t.Errorf("does not encode to itself: %v", err)
		}
	})
}

func FuzzTrailer(f *testing.F) {
	f.Add(sampleBatch())
	f.Fuzz(func(t *testing.T, b []byte) {
		if dir, tr, err := secondDirectory(b); err == nil && dir.len() != tr.records {
			t.Errorf("%d entries, the trailer says %d", dir.len(), tr.records)
		}
	})
}

func TestHeadRoundTrip(t *testing.T) {
	h, b := sampleHead()
	length := len(b) / 2
	for copy := range 2 {
		got, bh, err := parseHead(b[copy*length:])
		if err != nil || bh.copy != uint8(copy) {
			t.Fatalf("copy %d: %v, %+v", copy, err, bh)
		}
		if got.end != int64(len(b)) || got.durableEnd != got.end+2048 || got.prevEnd != h.prevEnd || got.oldest != 2 || got.fileBytes != 1<<20 || got.id != h.id {
			t.Errorf("copy %d: %+v", copy, got)
		}
		r := got.table[0]
		if term, ok := r.log.term(8); r.hs != h.table[0].hs || r.checkpoint != h.table[0].checkpoint || term != 4 || !ok || r.log.lastTerm() != 5 {
			t.Errorf("copy %d: row %+v", copy, r)
		}
		if r := got.table[1]; !r.fenced || r.reason != "because" || r.log.last != 0 {
			t.Errorf("copy %d: row %+v", copy, r)
		}
	}
}

// Bytes are only good in the place they were written for.
func TestChecksumsBindThePlace(t *testing.T) {
	b := sampleBatch()
	s := scanner{reader: reader{size: 8192, buf: make([]byte, 8192)}, seq: 4, incarnation: 99}
	copy(s.buf[1024:], b)
	copy(s.buf[4096:], b)
	if _, err := s.batchAt(1024); err != nil {
		t.Fatal(err)
	}
	if _, err := s.batchAt(4096); err == nil {
		t.Error("a misdirected batch is accepted")
	}
	s.incarnation = 98
	if _, err := s.batchAt(1024); err == nil {
		t.Error("a batch of an earlier use is accepted")
	}
	h, _ := parseHeader(b)
	dir, _ := firstDirectory(b, &h)
	_, start, _ := dir.at(0)
	for _, p := range []place{{99, 1024 + 512}, {98, 1024}} {
		if _, err := parseRecord(dir.record(b, 0), p.plus(start)); err == nil {
			t.Errorf("a record is accepted at %+v", p)
		}
	}
}

func TestOutline(t *testing.T) {
	o := newOutline(10, 2)
	for _, term := range []uint64{2, 2, 5, 5, 9} {
		o.add(term)
	}
	want := map[uint64]uint64{10: 2, 12: 2, 13: 5, 14: 5, 15: 9}
	for i, term := range want {
		if got, ok := o.term(i); got != term || !ok {
			t.Errorf("term of %d: %d", i, got)
		}
	}
	if _, ok := o.term(16); ok {
		t.Error("a term beyond the end")
	}
	if _, ok := o.term(9); ok {
		t.Error("a term before the dummy")
	}
	o.cut(15)
	o.cut(14)
	o.add(7)
	o.compact(14)
	if o.first() != 14 || o.dummy() != 13 || o.last != 14 || o.lastTerm() != 7 || len(o.runs) != 2 || o.runs[0] != (run{13, 5}) {
		t.Errorf("%+v", o)
	}
	o.compact(99)
	if o.first() != 15 || o.last != 14 || o.lastTerm() != 7 {
		t.Errorf("%+v", o)
	}
}

func TestNames(t *testing.T) {
	l := sortNames([]string{"j-000000000000000a", "j-00", "lost+found", "spare-0000000000000002", "j-000000000000000A"})
	if len(l.files) != 1 || l.files[0] != 10 || len(l.spares) != 1 || l.spares[0] != 2 || len(l.others) != 3 {
		t.Errorf("%+v", l)
	}
}

// A head that does not continue what was read before it fences the group: a
// write in between was lost, whatever the checksums say.
func TestHeadContradictsTheRecords(t *testing.T) {
	row := tableRow{group: 1, replica: 11, hs: HardState{5, 11, 8}, log: outline{runs: []run{{8, 4}, {9, 5}}, last: 12}}
	for what, change := range map[string]func(*tableRow){
		"nothing":   func(*tableRow) {},
		"term":      func(r *tableRow) { r.hs.Term++ },
		"vote":      func(r *tableRow) { r.hs.Vote++ },
		"commit":    func(r *tableRow) { r.hs.Commit++ },
		"last":      func(r *tableRow) { r.log.last++ },
		"last term": func(r *tableRow) { r.log.runs = []run{{8, 4}, {9, 6}} },
		"replica":   func(r *tableRow) { r.replica++ },
	} {
		j := newJournal(env.Env{}, Config{}, Identity{}, nil, nil)
		r := &recovery{journal: j}
		next := row
		change(&next)
		r.meet(&recovering{file: &file{name: "a"}, head: head{table: []tableRow{row}}})
		r.meet(&recovering{file: &file{name: "b"}, head: head{table: []tableRow{next}}})
		if fenced := j.groups[1].fenced != nil; fenced != (what != "nothing") {
			t.Errorf("%s differs: fenced with %v", what, j.groups[1].fenced)
		}
	}
}

// So does a record that no writer puts after the one before it.
func TestRecordContradictsTheRecords(t *testing.T) {
	entries := appendRecord(nil, place{}, &record{kind: recordAppend, index: 5}, sampleEntries())
	read, err := parseRecord(entries, place{})
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		rec    record
		fenced bool
	}{
		"next":         {record{kind: recordAppend, replica: 11, count: read.count, index: 13, payload: read.payload, hs: HardState{Term: 6}}, false},
		"replaces":     {record{kind: recordAppend, replica: 11, count: read.count, index: 9, payload: read.payload, hs: HardState{Term: 6}}, false},
		"a gap":        {record{kind: recordAppend, replica: 11, count: read.count, index: 14, payload: read.payload, hs: HardState{Term: 6}}, true},
		"too deep":     {record{kind: recordAppend, replica: 11, count: read.count, index: 8, payload: read.payload, hs: HardState{Term: 6}}, true},
		"older term":   {record{kind: recordAppend, replica: 11, hs: HardState{Term: 4}}, true},
		"another self": {record{kind: recordAppend, replica: 12, hs: HardState{Term: 6}}, true},
	} {
		j := newJournal(env.Env{}, Config{}, Identity{}, nil, nil)
		g := &group{id: 0, replica: 11, hs: HardState{5, 11, 8}, log: outline{runs: []run{{8, 4}, {9, 5}}, last: 12}}
		j.addGroup(g)
		(&recovery{journal: j}).apply(&c.rec, extent{file: &file{name: "a"}})
		if fenced := g.fenced != nil; fenced != c.fenced {
			t.Errorf("%s: fenced with %v", what, g.fenced)
		}
		if !c.fenced && g.log.last != c.rec.last() {
			t.Errorf("%s: last entry %d", what, g.log.last)
		}
	}
}

// Entries between the checkpoint and the oldest record must be somewhere.
func TestGapAboveTheCheckpoint(t *testing.T) {
	g := &group{id: 1, log: newOutline(20, 2), checkpoint: checkpoint{1, 15, 2}}
	g.checkGap(nil)
	if g.fenced == nil {
		t.Error("entries 16..20 are nowhere, and nobody minds")
	}
	g = &group{id: 1, log: newOutline(20, 2), checkpoint: checkpoint{1, 20, 2}}
	g.checkGap(nil)
	if g.fenced != nil {
		t.Error(g.fenced)
	}
}
