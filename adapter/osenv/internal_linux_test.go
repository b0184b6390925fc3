package osenv

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A device that is always full stands in for a full disk.
func TestFullDiskIsNoSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &File{os: full, opened: "journal/1"}
	var d Disk
	op := operation{verb: verbWrite, file: f, p: []byte("x")}
	d.carryOut(&op)
	if !errors.Is(op.err, env.ErrNoSpace) || errors.Is(op.err, env.ErrIO) {
		t.Fatalf("write to a full device: %v", op.err)
	}
	if err := full.Close(); err != nil {
		t.Fatal(err)
	}
}

// The kernel reports a failed write-back once. A pipe cannot be synced, so it
// fails the first time for real; then the file below it is exchanged for one
// that can.
func TestAFailedSyncStaysFailed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	good, err := os.Create(filepath.Join(t.TempDir(), "good"))
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	f := &File{os: w, opened: "x"}
	first := f.sync()
	f.os = good
	if second := f.sync(); first == nil || !errors.Is(second, first) {
		t.Fatalf("first sync %v, then %v", first, second)
	}
}
