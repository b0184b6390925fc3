package journal

import (
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Config are the knobs of one node's journal.
type Config struct {
	// Dir is the directory on the node's disk; default "journal".
	Dir string
	// FileBytes is the size of a journal file, a multiple of 512; default
	// 64 MiB. Simulated: 16 KiB to 1 MiB, so that files roll all the time.
	FileBytes int64
	// MaxBatchBytes bounds the bytes of one write; default 4 MiB. A single entry
	// above it is written alone.
	MaxBatchBytes int
	// WindowBytes is the budget of entries in memory over all groups; default
	// 256 MiB. Pinned entries may exceed it (see Journal.Pressure).
	WindowBytes int64
	// PendingBytes is how much may be neither durable nor applied, over all groups;
	// beyond it there is Pressure. Default, and at most, WindowBytes; what is more
	// than that counts as that. See also engine.Config.
	PendingBytes int64
	// ReadBackBytes is how much one read below the window fetches, at least one
	// record; default 1 MiB.
	ReadBackBytes int
	// RetainBytes is how much of the journal's end is kept for slow followers where
	// checkpoints need less: what is older goes, and who is below gets a snapshot.
	// Default 512 MiB; simulated 32 KiB to 512 KiB; 0 keeps nothing for them.
	RetainBytes int64
	// MaxBytes bounds all files but the spares, at least 8 files; default 1 GiB.
	// Near it the journal is Full. All of it may have to be read and replayed before a
	// node serves again: docs/performance.md has how long that takes. Simulated: 8
	// to 32 files.
	MaxBytes int64
	// Spares is how many zero-filled files are kept ready; default 2.
	Spares int
	// ReserveSpares is how many of them must be ready for a journal on a full disk
	// not to report NoSpace; default 1, at most Spares.
	ReserveSpares int
	// SealAfter is how long the journal must be idle before it writes a seal: a
	// producer that waits for each answer does not queue behind one. Default
	// 2 ms; 0 seals at once.
	SealAfter time.Duration
}

// DefaultConfig returns the defaults of a production node.
func DefaultConfig() Config {
	return Config{
		Dir:           "journal",
		FileBytes:     64 << 20,
		MaxBatchBytes: 4 << 20,
		WindowBytes:   256 << 20,
		ReadBackBytes: 1 << 20,
		Spares:        2,
		ReserveSpares: 1,
		RetainBytes:   512 << 20,
		MaxBytes:      1 << 30,
		SealAfter:     2 * time.Millisecond,
	}
}

// Validate checks the configuration; its errors name the field.
func (c *Config) Validate() error {
	switch {
	case c.Dir == "" || c.Dir == ".":
		return fmt.Errorf("%w: Dir is %q; name a directory of its own", ErrConfig, c.Dir)
	case c.FileBytes <= 0 || c.FileBytes%sectorBytes != 0 || c.FileBytes > maxFileBytes:
		return fmt.Errorf("%w: FileBytes %d; need a multiple of %d up to %d", ErrConfig, c.FileBytes, sectorBytes, int64(maxFileBytes))
	case c.MaxBatchBytes < sectorBytes || int64(c.MaxBatchBytes)+batchOverhead > c.FileBytes:
		return fmt.Errorf("%w: MaxBatchBytes %d; need %d up to FileBytes (%d) less %d", ErrConfig, c.MaxBatchBytes, sectorBytes, c.FileBytes, batchOverhead)
	case c.WindowBytes <= 0:
		return fmt.Errorf("%w: WindowBytes %d; need more than 0", ErrConfig, c.WindowBytes)
	case c.PendingBytes < 0:
		return fmt.Errorf("%w: PendingBytes %d; need 0 or more", ErrConfig, c.PendingBytes)
	case c.ReadBackBytes <= 0:
		return fmt.Errorf("%w: ReadBackBytes %d; need more than 0", ErrConfig, c.ReadBackBytes)
	case c.Spares < 1:
		return fmt.Errorf("%w: Spares %d; need at least 1", ErrConfig, c.Spares)
	case c.ReserveSpares < 0 || c.ReserveSpares > c.Spares:
		return fmt.Errorf("%w: ReserveSpares %d; need 0 to Spares (%d)", ErrConfig, c.ReserveSpares, c.Spares)
	case c.MaxBytes < 8*c.FileBytes:
		return fmt.Errorf("%w: MaxBytes %d; need at least 8 files of FileBytes (%d)", ErrConfig, c.MaxBytes, c.FileBytes)
	case c.RetainBytes < 0 || c.RetainBytes > c.MaxBytes-2*c.FileBytes:
		return fmt.Errorf("%w: RetainBytes %d; need 0 to MaxBytes (%d) less two files", ErrConfig, c.RetainBytes, c.MaxBytes)
	case c.SealAfter < 0:
		return fmt.Errorf("%w: SealAfter %v; need 0 or more", ErrConfig, c.SealAfter)
	}
	return nil
}

// Identity is the cluster and the node a journal belongs to, and the disk it was
// formatted on: random bits that tell this disk from the one before it, drawn by
// Format where Disk is 0. Open takes Disk from the files.
type Identity struct {
	Cluster uint64
	Node    env.NodeID
	Disk    uint64
}

// HardState is raft's hard state. The zero value means unchanged.
type HardState struct {
	Term   uint64
	Vote   env.ReplicaID
	Commit uint64
}

// Genesis names a group and this node's replica of it, at format. Replica 0: the
// row stays blank until the group is adopted.
type Genesis struct {
	Group   env.GroupID
	Replica env.ReplicaID
}
