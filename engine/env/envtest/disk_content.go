package envtest

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// diskContent is what a file's bytes do.
var diskContent = []diskPart{
	{"reads give what was written", diskReadWrite},
	{"a write behind the end leaves zeros", diskHole},
	{"what was never written reads as zeros", diskSparse},
	{"a short read comes with io.EOF", diskEOF},
	{"a write of nothing changes nothing", diskNothing},
	{"large writes and reads are whole", diskLarge},
	{"many writes equal the same in memory", diskMany},
	{"Truncate cuts and extends with zeros", diskTruncate},
	{"what Truncate cut never comes back", diskCut},
	{"a buffer is the caller's again once done", diskBuffer},
	{"a write reads back before its Sync and after", diskSync},
	{"two open files of one name see each other's writes", diskTwoHandles},
}

func diskReadWrite(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "hello, world", 0)
	s.write(f, "W", 7)
	s.holds(f, "hello, World")
	p := make([]byte, 5)
	n, err := s.ReadAt(f, p, 7)
	s.check(n == 5 && err == nil && string(p) == "World", "read %d, %v, %q", n, err, p)
	size, err := s.Size(f)
	s.check(size == 12 && err == nil, "size %d, %v", size, err)
	s.write(f, "", 3)
	s.holds(f, "hello, World")
}

func diskHole(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "x", 10_000)
	s.holds(f, string(make([]byte, 10_000))+"x")
}

// diskSparse leaves holes of all sorts, across pages and sectors.
func diskSparse(s *diskScript) {
	const size = 3 << 20
	f := s.open("a", env.OpenNew)
	want := make([]byte, size)
	s.must(s.Truncate(f, size))
	for _, off := range []int{size - 1, 0, 511, 4095, 4096, 1 << 20, 1<<20 + 513, 2<<20 - 1} {
		s.write(f, "x", int64(off))
		want[off] = 'x'
	}
	s.contains(f, want)
	s.must(s.Sync(f))
	s.contains(f, want)
	p := bytes.Repeat([]byte{'?'}, 10_000)
	n, err := s.ReadAt(f, p, 5000)
	s.check(n == len(p) && err == nil && bytes.Equal(p, make([]byte, len(p))), "a hole read as %d bytes, %v, not as zeros", n, err)
}

func diskEOF(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "0123456789", 0)
	p := make([]byte, 8)
	n, err := s.ReadAt(f, p, 6)
	s.check(n == 4 && errors.Is(err, io.EOF) && string(p[:n]) == "6789", "across the end: %d, %v, %q", n, err, p[:n])
	n, err = s.ReadAt(f, p, 10)
	s.check(n == 0 && errors.Is(err, io.EOF), "at the end: %d, %v", n, err)
	n, err = s.ReadAt(f, p, 1000)
	s.check(n == 0 && errors.Is(err, io.EOF), "behind the end: %d, %v", n, err)
	n, err = s.ReadAt(f, p, 2)
	s.check(n == 8 && err == nil, "up to the end: %d, %v", n, err)
}

func diskNothing(s *diskScript) {
	f := s.open("a", env.OpenNew)
	for _, off := range []int64{0, 5, 100_000} {
		s.must(s.WriteAt(f, nil, off))
		s.must(s.WriteAt(f, []byte{}, off))
	}
	s.holds(f, "")
	s.write(f, "0123456789", 0)
	for _, off := range []int64{0, 5, 10, 100_000} {
		s.must(s.WriteAt(f, nil, off))
		n, err := s.ReadAt(f, nil, off)
		s.check(n == 0 && err == nil, "a read of nothing at %d: %d, %v", off, n, err)
	}
	s.must(s.Truncate(f, 10))
	s.must(s.Sync(f))
	s.must(s.Sync(f))
	s.holds(f, "0123456789")
}

// diskLarge writes more than a page cache or a pipe takes at once, at odd places.
func diskLarge(s *diskScript) {
	f := s.open("a", env.OpenNew)
	const size = 5<<20 + 1234
	want := make([]byte, 777+size)
	for i := range want[777:] {
		want[777+i] = byte(i ^ i>>8 ^ i>>16)
	}
	s.must(s.WriteAt(f, want[777:], 777))
	s.contains(f, want)
	over := bytes.Repeat([]byte("over"), 300_000)
	copy(want[1_000_001:], over)
	s.must(s.WriteAt(f, over, 1_000_001))
	s.contains(f, want)
	s.must(s.Sync(f))
	s.contains(f, want)
}

func diskMany(s *diskScript) {
	f := s.open("a", env.OpenNew)
	var want []byte
	next := uint32(12345)
	draw := func(below uint32) int {
		next = next*1664525 + 1013904223
		return int(next >> 8 % below)
	}
	for i := range 200 {
		off, n := draw(50_000), draw(9_000)
		p := bytes.Repeat([]byte{byte(i), byte(i >> 3), 0}, n/3+1)[:n]
		if end := off + n; end > len(want) && n > 0 {
			want = append(want, make([]byte, end-len(want))...)
		}
		copy(want[min(off, len(want)):], p)
		s.must(s.WriteAt(f, p, int64(off)))
	}
	s.must(s.Sync(f))
	got, err := s.ReadFile(f)
	s.must(err)
	s.check(bytes.Equal(got, want), "%d bytes read back are not the %d written", len(got), len(want))
}

func diskTruncate(s *diskScript) {
	f := s.open("a", env.OpenNew)
	s.write(f, "0123456789", 0)
	s.must(s.Truncate(f, 4))
	s.holds(f, "0123")
	s.must(s.Truncate(f, 6))
	s.holds(f, "0123\x00\x00")
	s.must(s.Truncate(f, 0))
	s.holds(f, "")
	s.must(s.Truncate(f, 5000))
	s.holds(f, string(make([]byte, 5000)))
}

// diskCut shrinks and grows a file in every way there is, with and without
// syncs in between: what was cut must not show again.
func diskCut(s *diskScript) {
	const size = 20_000
	for i, sync := range []bool{false, true} {
		f := s.open([]string{"a", "b"}[i], env.OpenNew)
		settle := func() {
			if sync {
				s.must(s.Sync(f))
			}
		}
		want := bytes.Repeat([]byte{0xee}, size)
		for _, cut := range []int{19_999, 16_384, 9001, 4096, 4095, 512, 1, 0} {
			s.must(s.WriteAt(f, want[:cut], 0))
			settle()
			s.must(s.Truncate(f, int64(cut)))
			settle()
			s.must(s.Truncate(f, size))
			s.contains(f, slices.Concat(want[:cut], make([]byte, size-cut)))
			s.must(s.WriteAt(f, want, 0))
			settle()
			s.must(s.Truncate(f, int64(cut)))
			settle()
			s.write(f, "x", size-1)
			s.contains(f, slices.Concat(want[:cut], make([]byte, size-1-cut), []byte("x")))
		}
	}
}

func diskBuffer(s *diskScript) {
	f := s.open("a", env.OpenNew)
	p := []byte("first")
	s.must(s.WriteAt(f, p, 0))
	copy(p, "other")
	s.must(s.Sync(f))
	s.holds(f, "first")
}

func diskSync(s *diskScript) {
	f, other := s.open("a", env.OpenNew), s.open("a", env.OpenExisting)
	look := func(want string) {
		s.t.Helper()
		s.holds(f, want)
		s.holds(other, want)
		again := s.open("a", env.OpenCreate)
		s.holds(again, want)
		again.Close()
	}
	s.write(f, "before", 0)
	look("before")
	s.must(s.Sync(f))
	look("before")
	s.write(f, "after", 6)
	look("beforeafter")
	s.must(s.Truncate(f, 3))
	look("bef")
	s.must(s.Sync(other))
	look("bef")
}

func diskTwoHandles(s *diskScript) {
	a := s.open("a", env.OpenNew)
	b := s.open("a", env.OpenExisting)
	s.write(a, "one", 0)
	s.holds(b, "one")
	s.write(b, "two", 3)
	a.Close()
	s.holds(b, "onetwo")
}
