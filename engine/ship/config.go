package ship

import (
	"errors"
	"fmt"
	"time"
)

// Config are the limits of one node's shipping. A zero field takes its default;
// simulated ranges are given where schedules draw them.
type Config struct {
	// ChunkBytes is the size of one piece of a file. Default 256 KiB; simulated 512
	// to 8 KiB.
	ChunkBytes int
	// Window is how many pieces of one file are asked for, or here and not yet
	// written. When it is full nothing more is asked. Default 4.
	Window int
	// ChunkTimeout is how long an answer may take before the piece is asked again,
	// the second time in a row of another node. Default 2 s.
	ChunkTimeout time.Duration

	// ReceiveBytes is how many bytes a second are asked for, all transfers of the
	// node together. Beyond it they wait, each in its turn. Default 64 MiB;
	// simulated 64 KiB to 4 MiB.
	ReceiveBytes int64
	// SendBytes is how many bytes a second are served. Beyond it requests wait in
	// the queue. Default 64 MiB; simulated as ReceiveBytes.
	SendBytes int64
	// ServeQueue is how many pieces that others ask for may wait. Beyond it the
	// answer is "busy". Default 64.
	ServeQueue int
	// PeerQueue is how many of those may be one node's. Beyond it the answer is
	// "busy". Default half of ServeQueue.
	PeerQueue int

	// StageSyncBytes is after how many bytes of a file the progress is made durable:
	// what a crash costs at most, per file. Default 4 MiB; simulated 1 to 64 KiB.
	StageSyncBytes int64
	// StageBytes is the largest snapshot that is staged, in bytes of its files that
	// are not here already. Beyond it Stage answers ErrTooLarge. Default 0: no limit
	// but the disk's own, which answers env.ErrNoSpace.
	StageBytes int64
	// StagesAtOnce is how many snapshots are staged at once. Beyond it Stage answers
	// ErrBusy. Default 2.
	StagesAtOnce int
	// RepairsAtOnce is how many single files are fetched at once. Beyond it Fetch
	// answers ErrBusy. Default 4.
	RepairsAtOnce int
}

// serveReads is how many pieces are read from this node's disk at once.
const serveReads = 4

func (c Config) withDefaults() Config {
	c.ChunkBytes = or(c.ChunkBytes, 256<<10)
	c.Window = or(c.Window, 4)
	c.ChunkTimeout = or(c.ChunkTimeout, 2*time.Second)
	c.ReceiveBytes = or(c.ReceiveBytes, 64<<20)
	c.SendBytes = or(c.SendBytes, 64<<20)
	c.ServeQueue = or(c.ServeQueue, 64)
	c.PeerQueue = or(c.PeerQueue, max(1, c.ServeQueue/2))
	c.StageSyncBytes = or(c.StageSyncBytes, 4<<20)
	c.StagesAtOnce = or(c.StagesAtOnce, 2)
	c.RepairsAtOnce = or(c.RepairsAtOnce, 4)
	return c
}

func or[T int | int64 | time.Duration](v, instead T) T {
	if v == 0 {
		return instead
	}
	return v
}

// MaxChunkBytes bounds what one request may ask for: a frame has to carry the
// answer, and what it carries already.
const MaxChunkBytes = 1 << 20

// ErrConfig marks limits that cannot be.
var ErrConfig = errors.New("ship: bad configuration")

// Validate tells what is wrong with the limits, with its defaults filled in.
func (c Config) Validate() error {
	d := c.withDefaults()
	for _, v := range []struct {
		name           string
		least, v, most int64
	}{
		{"ChunkBytes", 1, int64(d.ChunkBytes), MaxChunkBytes},
		{"Window", 1, int64(d.Window), 1 << 10},
		{"ChunkTimeout", int64(time.Millisecond), int64(d.ChunkTimeout), int64(time.Hour)},
		{"ReceiveBytes", 1, d.ReceiveBytes, 1 << 40},
		{"SendBytes", 1, d.SendBytes, 1 << 40},
		{"ServeQueue", 1, int64(d.ServeQueue), 1 << 16},
		{"PeerQueue", 1, int64(d.PeerQueue), int64(d.ServeQueue)},
		{"StageSyncBytes", 1, d.StageSyncBytes, 1 << 40},
		{"StageBytes", 0, d.StageBytes, 1 << 60},
		{"StagesAtOnce", 1, int64(d.StagesAtOnce), 1 << 10},
		{"RepairsAtOnce", 1, int64(d.RepairsAtOnce), 1 << 10},
	} {
		if v.v < v.least || v.v > v.most {
			return fmt.Errorf("%w: %s is %d, not within %d and %d", ErrConfig, v.name, v.v, v.least, v.most)
		}
	}
	return nil
}
