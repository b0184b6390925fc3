package diskmodel

import (
	"bytes"
	"strings"
	"testing"
)

// BenchmarkWriteSync is the journal's pattern: a batch into a zeroed file, then
// a sync.
func BenchmarkWriteSync(b *testing.B) {
	s := newStory(b, 1)
	f := s.open("journal")
	s.write(f, string(make([]byte, 16<<20)), 0)
	s.must(s.sync(f))
	p := bytes.Repeat([]byte("x"), 700)
	off := int64(0)
	done := func(error) {}
	b.ReportAllocs()
	for b.Loop() {
		f.WriteAt(p, off, done)
		f.Sync(done)
		for s.Step() {
		}
		off = (off + 700) % (16<<20 - 700)
	}
}

// BenchmarkAppend is the log's pattern: many writes, rarely a sync.
func BenchmarkAppend(b *testing.B) {
	s := newStory(b, 1)
	f := s.open("segment")
	p := bytes.Repeat([]byte("x"), 200)
	n := 0
	done := func(error) {}
	b.ReportAllocs()
	for b.Loop() {
		f.WriteAt(p, int64(n%5000)*200, done)
		if n++; n%1000 == 0 {
			f.Sync(done)
		}
		for s.Step() {
		}
	}
}

func BenchmarkDurable(b *testing.B) {
	s := newStory(b, 1)
	f := s.durableFile("journal", strings.Repeat("x", 10_000))
	f.WriteAt([]byte("y"), 9_000, func(error) {})
	b.ReportAllocs()
	for b.Loop() {
		if !s.Durable("journal", 1000, 700) {
			b.Fatal("not durable")
		}
	}
}
