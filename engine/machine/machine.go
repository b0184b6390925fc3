package machine

// Entry is one committed command. Data is shared and must not be changed.
type Entry struct {
	Index uint64
	Term  uint64
	Data  []byte
}

// Result is what applying an entry gave; it reaches the proposer only.
type Result struct {
	// Offset is the base offset a log gave to the entry's records; -1 if none.
	Offset int64
	// Data is a machine's own answer.
	Data []byte
	// Err is a rejection, equal on all replicas. It is no failure of the node.
	Err error
}

// Checkpoint names a durable state: everything up to Index is in it.
type Checkpoint struct {
	// ID grows with each checkpoint of one machine on one disk; 0 means none.
	ID    uint64
	Index uint64
	Term  uint64
	// Meta is the engine's own replicated state at Index, opaque to the machine.
	Meta []byte
}

// FileInfo is one immutable file of a Manifest.
type FileInfo struct {
	Name  string
	Bytes int64
	Sum   uint32 // CRC32C of all its bytes
}

// Manifest describes a snapshot: the checkpoint it equals, the files to fetch,
// and a small body that the machine understands.
type Manifest struct {
	Checkpoint Checkpoint
	Files      []FileInfo
	Body       []byte
}

// Source reads files of a Manifest from wherever they are.
type Source interface {
	// ReadAt reads n bytes of the file at offset off.
	ReadAt(file string, off int64, n int, done func([]byte, error))
}

// StateMachine is a replicated state machine. See the package comment for who
// promises what.
type StateMachine interface {
	// Open recovers the newest durable checkpoint. A machine that was never
	// formatted, or whose checkpoint is damaged, answers with an error: it never
	// starts empty on its own.
	Open(done func(Checkpoint, error))

	// Apply applies one committed command.
	Apply(e Entry) Result

	// Checkpoint makes the state after the last applied entry durable, with meta.
	Checkpoint(meta []byte, done func(Checkpoint, error))

	// Snapshot describes the newest durable checkpoint for shipping.
	Snapshot() (Manifest, error)

	// Restore replaces the whole state by the snapshot's: all files are fetched,
	// verified and synced first; the installation is atomic.
	Restore(m Manifest, from Source, done func(Checkpoint, error))

	// Fingerprint digests the state after the last applied entry. Equal states
	// have equal fingerprints on all replicas.
	Fingerprint() uint64

	// Close releases files. Nothing is called after it.
	Close()
}

// Formatter is implemented by machines that need their place on the disk made
// before the first Open.
type Formatter interface {
	// Format makes the empty machine's durable checkpoint at index 0 with meta.
	Format(meta []byte, done func(error))
}
