package osenv

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// SyncBounds are the upper bounds of the buckets that syncs are counted in; one
// more bucket holds what took longer.
var SyncBounds = [...]time.Duration{
	100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second,
}

// DirStats counts what a Disk did with the files below one of the data
// directory's own directories, failed operations included.
type DirStats struct {
	Reads, ReadBytes   uint64
	Writes, WriteBytes uint64
	Syncs              uint64 // of files and directories
	SyncTime           time.Duration
	SyncBuckets        [len(SyncBounds) + 1]uint64 // by how long each took
	Failed             uint64                      // operations of any kind, for want of space too
}

// tally is DirStats by directory, as the workers count it.
type tally struct {
	mu   sync.Mutex
	dirs map[string]DirStats
}

// Stats gives the counters by the data directory's own directories, "." for
// what is in none. May be called from any goroutine.
func (d *Disk) Stats() map[string]DirStats {
	d.tally.mu.Lock()
	defer d.tally.mu.Unlock()
	return maps.Clone(d.tally.dirs)
}

// add counts an operation that took some time.
func (y *tally) add(op *operation, name string, took time.Duration) {
	dir, rest, nested := strings.Cut(name, "/")
	if op.verb != verbSyncDir && (!nested || rest == "") {
		dir = "."
	}
	failed := errors.Is(op.err, env.ErrIO) || errors.Is(op.err, env.ErrNoSpace)
	y.mu.Lock()
	defer y.mu.Unlock()
	s := y.dirs[dir]
	switch op.verb {
	case verbRead:
		s.Reads++
		s.ReadBytes += uint64(max(op.n, 0))
	case verbWrite:
		s.Writes++
		s.WriteBytes += uint64(len(op.p))
	case verbSync, verbSyncDir:
		s.Syncs++
		s.SyncTime += took
		s.SyncBuckets[bucket(took)]++
	default:
		if !failed {
			return // cheap, not worth counting
		}
	}
	if failed {
		s.Failed++
	}
	if y.dirs == nil {
		y.dirs = map[string]DirStats{}
	}
	y.dirs[dir] = s
}

func bucket(took time.Duration) int {
	for i, bound := range SyncBounds {
		if took <= bound {
			return i
		}
	}
	return len(SyncBounds)
}
