package journal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Names in the directory: a journal file carries its sequence number, a spare a
// number of no meaning.
const (
	filePrefix  = "j-"
	sparePrefix = "spare-"
)

// file is an open file of the journal, or a spare.
type file struct {
	seq         uint64 // 0: a spare
	name        string // with its directory
	handle      env.File
	size        int64
	incarnation uint64
	headEnd     int64
	oldest      uint64        // oldest file needed, as its head says
	unread      []env.GroupID // of which its head says nothing: see saysAll
	end         int64         // of valid data, once nothing is appended any more
	bad         bool          // damage was met in it: nobody is to need it any more
	wrecks      []harm        // where
	readers     int           // tasks that read from it: it is not recycled meanwhile
}

func fileName(dir string, seq uint64) string {
	return fmt.Sprintf("%s/%s%016x", dir, filePrefix, seq)
}

func spareName(dir string, n uint64) string {
	return fmt.Sprintf("%s/%s%016x", dir, sparePrefix, n)
}

// parseName reads the number out of a name made above, without its directory.
func parseName(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || len(digits) != 16 || strings.ToLower(digits) != digits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// listing is what the directory holds, by kind, ordered.
type listing struct {
	files  []uint64
	spares []uint64
	others []string
}

func sortNames(names []string) listing {
	var l listing
	for _, name := range names {
		if n, ok := parseName(name, filePrefix); ok {
			l.files = append(l.files, n)
		} else if n, ok := parseName(name, sparePrefix); ok {
			l.spares = append(l.spares, n)
		} else {
			l.others = append(l.others, name)
		}
	}
	return l // names come sorted, and so do fixed-width numbers
}
