package wal

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// termStart says that the first batch of Term stands at offset Start.
type termStart struct {
	Term  uint64
	Start int64
}

// enter notes the term of the batch that is appended now. Terms of a committed
// log never fall.
func (s *state) enter(term uint64) {
	if n := len(s.terms); n > 0 {
		switch last := s.terms[n-1].Term; {
		case last == term:
			return
		case last > term:
			panic(fmt.Sprintf("wal: batch of term %d after one of term %d", term, last))
		}
	}
	s.terms = append(s.terms, termStart{Term: term, Start: s.end})
}

// termAt is the term of the batch that holds offset; 0 if there is none.
func termAt(terms []termStart, offset int64) uint64 {
	i := sort.Search(len(terms), func(i int) bool { return terms[i].Start > offset })
	if i == 0 {
		return 0
	}
	return terms[i-1].Term
}

// epochEnd is the end offset of the largest term of terms that is at most term,
// or -1 if there is none. terms are sorted; end is the log's end offset.
func epochEnd(terms []termStart, term uint64, end int64) int64 {
	i, found := slices.BinarySearchFunc(terms, term, func(e termStart, t uint64) int {
		return cmp.Compare(e.Term, t)
	})
	if found {
		i++
	}
	switch {
	case i == 0:
		return -1
	case i < len(terms):
		return terms[i].Start
	}
	return end
}

// EpochEnd is the offset after the last record of the largest term that is at
// most term and has records; -1 if no such term has any. It is the answer to
// Kafka's OffsetForLeaderEpoch (KIP-101): what a client has beyond it, under
// that epoch, is not in this log.
func (l *Log) EpochEnd(term uint64) int64 {
	return epochEnd(l.state.terms, term, l.state.end)
}
