package diskmodel

import (
	"strings"
	"testing"
)

func always(string) bool { return true }

func TestLoseNextWrite(t *testing.T) {
	s := newStory(t, 1)
	a, b := s.durableFile("a", "aaaa"), s.durableFile("b", "bbbb")
	s.LoseNextWrite(func(name string) bool { return name == "b" })
	s.write(a, "x", 0)
	s.write(b, "new", 0)
	s.write(b, "y", 3)
	s.reads(b, 0, "newy") // the page cache has it
	s.must(s.sync(a))
	s.must(s.sync(b))
	s.reads(a, 0, "xaaa")
	s.reads(b, 0, "bbby")
	s.damaged(Damage{"b", 0, 3, KindLostWrite})
	if !s.Durable("b", 0, 4) || s.Intact("b", 0, 1) || s.Stats().LostDeviceWrites != 1 {
		t.Error("a lost write counts as durable, and not as intact")
	}
	s.write(b, "n", 0) // overwriting heals what it covers
	s.must(s.sync(b))
	s.damaged(Damage{"b", 1, 2, KindLostWrite})
	s.PowerLoss(LoseAll)
	s.holds("b", "nbby")
}

// TestLostAppend: the file grows, and holds zeros.
func TestLostAppend(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.LoseNextWrite(always)
	s.write(f, "bb", 4)
	s.write(f, "cc", 6)
	s.must(s.sync(f))
	s.reads(f, 0, "aaaa\x00\x00cc")
}

// TestLostWriteOfTheSameBytes hurts nobody.
func TestLostWriteOfTheSameBytes(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.LoseNextWrite(always)
	s.write(f, "abba", 0)
	s.must(s.sync(f))
	s.damaged(Damage{"a", 1, 2, KindLostWrite})
	s.LoseNextWrite(always)
	s.write(f, "aaaa", 0) // which is what the medium holds still
	s.must(s.sync(f))
	s.damaged()
}

func TestMisdirectNextWrite(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2048))
	s.FailReads("a", 1024, 512)
	s.MisdirectNextWrite(always, 1000)
	s.write(f, strings.Repeat("b", 512), 0)
	s.reads(f, 0, strings.Repeat("b", 512))
	s.must(s.sync(f))
	s.reads(f, 0, strings.Repeat("a", 1024)+strings.Repeat("b", 512)+strings.Repeat("a", 512))
	s.damaged(Damage{"a", 0, 512, KindMisdirected}, Damage{"a", 1024, 512, KindMisdirected})
	if !s.Durable("a", 0, 2048) || !s.Intact("a", 512, 512) || s.Intact("a", 1024, 1) || s.Stats().MisdirectedWrites != 1 {
		t.Error("a misdirected write counts as durable, and hurts both places alone")
	}
	s.LiftFaults()
	s.reads(f, 0, strings.Repeat("b", 512)+strings.Repeat("a", 1536))
}

// TestMisdirectedWhereThereIsRoom: an append goes back into the file, a write
// that fills its file stays.
func TestMisdirectedWhereThereIsRoom(t *testing.T) {
	s := newStory(t, 1)
	f := s.open("a")
	asked := 0
	s.MisdirectNextWrite(func(string) bool { asked++; return true }, 5000)
	s.write(f, strings.Repeat("a", 700), 0)
	if asked > 0 {
		t.Error("a write was asked about that has no other place")
	}
	s.write(f, "bb", 700)
	s.must(s.sync(f))
	s.damaged(Damage{"a", 188, 2, KindMisdirected}, Damage{"a", 700, 2, KindMisdirected})
	s.reads(f, 186, "aabbaa")
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestForgetNextWrites(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2048))
	s.write(f, "dd", 0)
	s.MisdirectNextWrite(always, -512)
	s.LoseNextWrite(always)
	s.write(f, "", 1024)   // meets nothing
	s.write(f, "bb", 1024) // meets the first order
	s.ForgetNextWrites()
	s.write(f, "cc", 1024+100)
	s.must(s.sync(f))
	s.damaged(Damage{"a", 512, 2, KindMisdirected}, Damage{"a", 1024, 2, KindMisdirected})
}

// TestUnsyncedStrayedWrite: a power loss that loses it leaves no trace of it.
func TestUnsyncedStrayedWrite(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2048))
	s.MisdirectNextWrite(always, 512)
	s.write(f, "bb", 0)
	s.PowerLoss(LoseAll)
	s.holds("a", strings.Repeat("a", 2048))
	s.damaged()
}

// TestRotOverALostWrite changes what stood there, and not why it does.
func TestRotOverALostWrite(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.LoseNextWrite(always)
	s.write(f, "bb", 1)
	s.must(s.sync(f))
	s.Rot("a", 1, 0)
	s.reads(f, 0, "a`aa")
	s.damaged(Damage{"a", 1, 2, KindLostWrite})
}

// TestLiftBeforeTheSync: a write that was to be lost is not, though other damage
// is laid before it is synced.
func TestLiftBeforeTheSync(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", "aaaa")
	s.LoseNextWrite(always)
	s.write(f, "bb", 0)
	s.LiftFaults()
	s.Rot("a", 3, 0)
	s.must(s.sync(f))
	s.reads(f, 0, "bba`")
}
