package machine

// Entry is one committed command. Data is shared and must not be changed.
type Entry struct {
	Index uint64
	Term  uint64
	Data  []byte
}

// Result is what applying an entry gave; it reaches the proposer only.
type Result struct {
	// Offset is the base offset a log gave to the entry's records, or where the
	// log begins after a trim; -1 if neither.
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
	// Installed says that a snapshot was installed and no checkpoint of our own
	// has followed: the journal may not have heard of it yet.
	Installed bool
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

// Giver is a Source whose files are on this machine's disk already, verified
// and synced, in the directory of the machine that they are meant for.
type Giver interface {
	Source
	// Give renames the file of the manifest to the path to, relative to the data
	// directory, over what stands there. The name is durable after the next
	// SyncDir of that directory, which is the taker's part. A file that is not
	// there is an error that is env.ErrNotExist. After Give it is the taker's.
	Give(file, to string, done func(error))
}

// Keeper is implemented by machines that can go on with files of their own
// where a snapshot names equal ones.
type Keeper interface {
	// Keeps tells for each file of the manifest whether the machine holds one of
	// equal name, length and sum. That is a claim: Verify reads the bytes.
	Keeps(m Manifest) []bool
}

// Verifier is implemented by machines that can tell whether a file of theirs
// is still what its description says.
type Verifier interface {
	// Verify reads the whole file. ok says that it is intact; err is why it could
	// not be told. Restore takes a verified file without reading it again.
	Verify(file FileInfo, done func(ok bool, err error))
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
	// An error that is env.ErrNoSpace says that the disk is full and nothing
	// changed: the last checkpoint stands, and it may be asked again.
	Checkpoint(meta []byte, done func(Checkpoint, error))

	// Snapshot describes the newest durable checkpoint for shipping.
	Snapshot() (Manifest, error)

	// Restore replaces the whole state by the snapshot's: all files are fetched,
	// verified and synced first; the installation is atomic. Files of a Giver are
	// renamed into place instead, and a Keeper's own files may stay.
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
