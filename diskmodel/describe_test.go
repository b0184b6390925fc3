package diskmodel

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim"
)

// TestFaultsAreInTheTrace, each of them, laid and lifted, and in words.
func TestFaultsAreInTheTrace(t *testing.T) {
	s := newStory(t, 1)
	f := s.durableFile("a", strings.Repeat("a", 2000))
	var lines []string
	hashes := map[uint64]bool{s.Hash(): true}
	s.SetSink(func(e sim.Event) { lines = append(lines, Describe(e)) })
	write := func() { s.write(f, "b", 100) }
	steps := []struct {
		lay  func()
		want string
	}{
		{func() { s.Rot("a", 7, 3) }, "rot of file #1 at 7, bit 3"},
		{func() { s.Rot("a", 7, 4) }, "rot of file #1 at 7, bit 4"},
		{func() { s.FailReads("a", 512, 1000) }, "file #1 unreadable at 512, 1000 bytes"},
		{func() { _, _ = s.read(f, 600, 1) }, "read of file #1 at 600, 0 bytes (digest"},
		{func() { s.MisdirectNextWrite(always, -3) }, "the next write is to land -512 bytes off"},
		{write, "that write of file #1 lands 512 bytes off"},
		{func() { s.LoseNextWrite(always) }, "lose the next write"},
		{write, "that write of file #1 is lost"},
		{func() { s.LoseNextWrite(always); s.ForgetNextWrites() }, "1 orders for writes forgotten"},
		{func() { s.LoseEntry("a") }, "the name of file #1 is lost"},
		{func() { s.SetFull(true) }, "full: true"},
		{func() { s.mount.Mkdir("d", func(error) {}); s.settle() }, "failed=1, failed by a fault"},
		{func() { s.SetFull(false) }, "full: false"},
		{func() { s.SetSyncErrors(true) }, "sync errors: true"},
		{func() { s.FailNextSync(2) }, "the next 2 syncs are to fail"},
		{func() { s.SetSlow(1e6) }, "slow by 1ms"},
		{func() { s.Stall(5e9) }, "stalled until 5s"},
		{func() { s.SetThrottle(1000) }, "throttled to 1000 bytes per second"},
		{s.LiftFaults, "faults lifted"},
		{s.Lose, "lost device"},
		{s.Replace, "new device"},
	}
	for _, step := range steps {
		lines = nil
		step.lay()
		if !strings.Contains(strings.Join(lines, "\n"), step.want) {
			t.Errorf("the trace does not say %q: %q", step.want, lines)
		}
		if hashes[s.Hash()] {
			t.Errorf("not in the hash: %q", step.want)
		}
		hashes[s.Hash()] = true
	}
	lines = nil
	s.SetFull(false)
	s.SetSyncErrors(false)
	s.FailNextSync(0)
	s.SetSlow(0)
	s.Stall(0)
	s.SetThrottle(0)
	s.Unstall()
	s.ForgetNextWrites()
	if s.Rot("a", 0, 0); len(lines) > 0 {
		t.Errorf("what changes nothing is in the trace: %q", lines)
	}
}

func TestNames(t *testing.T) {
	for k := opKind(1); k < opKinds; k++ {
		if k.String() == "" || k.String() == "op?" {
			t.Errorf("operation %d has no name", k)
		}
	}
	if opLift.String() != "faults lifted" || opKinds.String() != "op?" || StepSyncDir.String() != "syncdir" {
		t.Error("names are shifted")
	}
	if KindLostEntry.String() != "lost entry" || KindRot.String() != "rot" || DamageKind(0).String() != "damage?" {
		t.Error("names of damage are shifted")
	}
}
