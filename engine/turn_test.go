package engine

import (
	"bytes"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// entriesIn cuts entries of these sizes out of one frame, as decoding does.
func entriesIn(frame []byte, sizes ...int) []*raftpb.Entry {
	var entries []*raftpb.Entry
	at := 0
	for _, n := range sizes {
		entries = append(entries, &raftpb.Entry{Data: frame[at : at+n : at+n]})
		at += n
	}
	return entries
}

func TestDetachCopiesWhatIsASmallPartOfItsFrame(t *testing.T) {
	const whole = 1000
	for _, c := range []struct {
		sizes  []int
		copied bool
	}{
		{nil, false},
		{[]int{0}, false},
		{[]int{1}, true},
		{[]int{100, 0, 150}, true},
		{[]int{100, 151}, false},
		{[]int{1000}, false},
	} {
		frame := bytes.Repeat([]byte("abcdefg"), whole)[:whole]
		want := entriesIn(bytes.Clone(frame), c.sizes...)
		got := entriesIn(frame, c.sizes...)
		detach(got, whole)
		for i, e := range got {
			if !bytes.Equal(e.Data, want[i].Data) {
				t.Fatalf("sizes %v: entry %d holds %q, want %q", c.sizes, i, e.Data, want[i].Data)
			}
			if cap(e.Data) != len(e.Data) {
				t.Fatalf("sizes %v: entry %d has room to grow into the next", c.sizes, i)
			}
		}
		clear(frame)
		for i, e := range got {
			if len(e.Data) > 0 && bytes.Equal(e.Data, want[i].Data) != c.copied {
				t.Errorf("sizes %v: entry %d, copied %v, want %v", c.sizes, i, !c.copied, c.copied)
			}
		}
	}
}

// The price of letting a frame go: one allocation a message.
func BenchmarkDetach(b *testing.B) {
	frame := make([]byte, 64<<10)
	for name, sizes := range map[string][]int{"one of 100 B": {100}, "ten of 1 KiB": {1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024}, "kept 32 KiB": {32 << 10}} {
		b.Run(name, func(b *testing.B) {
			entries := entriesIn(frame, sizes...)
			data := make([][]byte, len(entries))
			for i, e := range entries {
				data[i] = e.Data
			}
			b.ReportAllocs()
			for b.Loop() {
				for i, e := range entries {
					e.Data = data[i]
				}
				detach(entries, len(frame))
			}
		})
	}
}
