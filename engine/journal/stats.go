package journal

// Stats are counters since Open, and sizes now.
type Stats struct {
	Batches   uint64 // writes, seals included
	Seals     uint64
	Syncs     uint64 // completed syncs of batches
	Records   uint64
	Entries   uint64
	Bytes     uint64 // written in batches
	Rolls     uint64
	Recycled  uint64 // files given back
	Spares    uint64 // files filled with zeros
	ReadBacks uint64

	RollsWaiting int // 1 while the next file waits for a spare

	Full bool // at its bound: it has refused what is not small, see Journal.Takes

	Files       int   // in use
	QueueLength int   // appends that wait for a batch
	WindowBytes int64 // entries in memory
	PinnedBytes int64 // of these, not durable or not applied
	ColdBytes   int64 // entries read back
}

// Stats returns the counters.
func (j *Journal) Stats() Stats {
	s := j.stats
	s.Full, s.Files, s.QueueLength = j.Room() < max(j.refused, 1), len(j.files), j.queue.len()
	s.WindowBytes, s.PinnedBytes, s.ColdBytes = j.memory.window, j.memory.pinned, j.memory.cold
	return s
}
