package diskmodel

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// Latency is the distribution of one kind of operation: Base, a uniform draw up
// to Jitter, PerKiB for each KiB it moves, and in TailPPM of a million cases a
// draw from a heavy tail that begins at Tail (sim.Rand.Tail).
type Latency struct {
	Base    time.Duration `json:"baseNs"`   // simulated: 1 us to 10 ms
	Jitter  time.Duration `json:"jitterNs"` // simulated: 0 to 10 ms
	PerKiB  time.Duration `json:"perKiBNs"` // simulated: 0 to 20 us
	TailPPM uint64        `json:"tailPPM"`  // simulated: 0 to 20,000
	Tail    time.Duration `json:"tailNs"`   // simulated: 0 to 5 ms, so 500 ms at worst
}

// Config are the knobs of one disk.
type Config struct {
	Read  Latency `json:"read"`  // ReadAt and Size
	Write Latency `json:"write"` // WriteAt and Truncate: into the cache
	Sync  Latency `json:"sync"`  // Sync; PerKiB counts the changed bytes
	Entry Latency `json:"entry"` // Open, Rename, Remove, Mkdir, List
	// SyncDir is the latency of SyncDir.
	SyncDir Latency `json:"syncDir"`
	// DirtyBytes bounds the unsynced bytes of one file.
	DirtyBytes int64 `json:"dirtyBytes"`
	// MaxFileBytes bounds the length of one file.
	MaxFileBytes int64 `json:"maxFileBytes"`
	// CapacityBytes bounds the sum of the lengths of all files that have a name or
	// are open; 0: no bound. Simulated: 0, or 16 MiB to 1 GiB.
	CapacityBytes int64 `json:"capacityBytes"`
}

// DefaultConfig resembles a cloud machine's ext4 on a solid state disk: about
// 0.2 ms for an fdatasync of 4 KiB, 1.3 ms for one of 1 MiB.
func DefaultConfig() Config {
	return Config{
		Read:         Latency{Base: 8 * time.Microsecond, Jitter: 8 * time.Microsecond, PerKiB: 200 * time.Nanosecond},
		Write:        Latency{Base: 5 * time.Microsecond, Jitter: 5 * time.Microsecond, PerKiB: 200 * time.Nanosecond},
		Sync:         Latency{Base: 150 * time.Microsecond, Jitter: 80 * time.Microsecond, PerKiB: time.Microsecond, TailPPM: 2000, Tail: time.Millisecond},
		Entry:        Latency{Base: 15 * time.Microsecond, Jitter: 15 * time.Microsecond},
		SyncDir:      Latency{Base: 200 * time.Microsecond, Jitter: 150 * time.Microsecond, TailPPM: 2000, Tail: time.Millisecond},
		DirtyBytes:   64 << 20,
		MaxFileBytes: 1 << 30,
	}
}

func (l *Latency) draw(r *sim.Rand, bytes int64) time.Duration {
	d := l.Base + l.PerKiB*time.Duration(bytes)/1024
	if l.Jitter > 0 {
		d += r.Duration(0, l.Jitter)
	}
	if r.PPM(l.TailPPM) {
		d += r.Tail(l.Tail)
	}
	return d
}
