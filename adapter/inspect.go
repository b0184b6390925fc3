package adapter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// InspectedItem is one thing that stands in a file of a data directory.
type InspectedItem struct {
	Offset, Length int64
	What           string
	Err            error // why it does not verify; nil: it does
}

// Inspect reads one file of a data directory, of whatever kind, verifies it, and
// gives visit everything that stands in it, in the order of the bytes. Nothing is
// changed. Its error is the first damage. A file of no known kind, or one that
// cannot be opened, matches ErrInput.
func Inspect(file string, visit func(InspectedItem)) error {
	f, err := os.Open(file)
	if err != nil {
		return inputError{err}
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return inputError{err}
	}
	if !info.Mode().IsRegular() {
		return inputf("%s is no file; name the files to inspect", file)
	}
	_, err = os.Stat(filepath.Join(filepath.Dir(file), direct.NoteFile))
	alone := err == nil
	if alone {
		visit = tellOfSealed(file, visit)
	}
	err = inspectAs(f, info.Size(), filepath.Base(file), alone, visit)
	if errors.Is(err, wal.ErrNotOurs) || errors.Is(err, ship.ErrNotOurs) {
		return inputf("%s is no file of a node: its name is that of none", file)
	}
	return err
}

// sparePrefix begins the names of journal files that are not in use.
const sparePrefix = "spare-"

// tellOfSealed warns of zeros at the end of a segment of an unreplicated log that
// others follow. They are cut off when the next segment begins, but a crash may come
// before that is durable; the batches reach the next segment's base then, and the
// next start cuts them off. If they do not, what stood there is lost.
func tellOfSealed(file string, visit func(InspectedItem)) func(InspectedItem) {
	return func(i InspectedItem) {
		next, followed := nextSegment(file)
		if followed && i.Err == nil && strings.HasPrefix(i.What, "zeros") {
			i.What = fmt.Sprintf("zeros, and the next segment begins at offset %d: what is between the end told below and that is lost", next)
		}
		visit(i)
	}
}

// nextSegment finds the base offset of the segment behind a file's, if there is one.
func nextSegment(file string) (base int64, ok bool) {
	number, kind, _ := strings.Cut(filepath.Base(file), ".")
	of, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, false
	}
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*."+kind)) // its only error is of a bad pattern
	for _, name := range names {
		number, _, _ := strings.Cut(filepath.Base(name), ".")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n > of && (!ok || n < base) {
			base, ok = n, true
		}
	}
	return base, ok
}

// inspectAs finds out by the name whose file it is; alone: it stands among those of
// an unreplicated log.
func inspectAs(r io.ReaderAt, size int64, name string, alone bool, visit func(InspectedItem)) error {
	switch {
	case strings.HasPrefix(name, sparePrefix):
		visit(InspectedItem{Length: size, What: "spare of the journal: zeros, or a file that was given back; nothing in it counts, so nothing is verified"})
		return nil
	case alone:
		return direct.Inspect(r, size, name, func(i wal.Item) { visit(InspectedItem(i)) })
	case strings.HasSuffix(name, ".witness"), strings.HasPrefix(name, "j-"):
		return journal.Inspect(r, size, name, func(i journal.Item) {
			visit(InspectedItem{Offset: i.Offset, Length: i.Length, What: i.What, Err: i.Err})
		})
	case strings.HasPrefix(name, ship.Prefix):
		return ship.Inspect(r, size, name, func(i ship.Item) { visit(InspectedItem(i)) })
	default:
		return wal.Inspect(r, size, name, func(i wal.Item) { visit(InspectedItem(i)) })
	}
}

// String is the line that is printed of it.
func (i InspectedItem) String() string {
	if i.Err != nil {
		return fmt.Sprintf("%10d  %10d  %s: DAMAGED: %v", i.Offset, i.Length, i.What, i.Err)
	}
	return fmt.Sprintf("%10d  %10d  %s", i.Offset, i.Length, i.What)
}
