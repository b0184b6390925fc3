package checker

// JournalSize is what a node's journal takes of its disk, by the disk itself, and
// what its configuration allows.
type JournalSize struct {
	AtNs  int64
	Node  uint64
	Bytes int64
	Bound int64
}

// ObserveJournal judges one size. To miss none, ask at each moment at which a file
// has come into being or has grown.
func (m *Monitor) ObserveJournal(s JournalSize) {
	m.checked[oJournalBounded]++
	if s.Bytes > s.Bound {
		m.fail(oJournalBounded, s.AtNs, 0, "node %d: its journal takes %d bytes of the disk, %d are allowed", s.Node, s.Bytes, s.Bound)
	}
}
