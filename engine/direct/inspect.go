package direct

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/lockstep-log/lockstep/engine/wal"
)

// NoteFile is the name of the file with the durable end. No other kind of log has
// one in its directory.
const NoteFile = noteName

// Inspect verifies a file of an unreplicated log on its own and visits what is in
// it, as wal.Inspect does. Of the file of the durable end it visits both slots; its
// error is the first bad one's, though the log opens with the other.
func Inspect(r io.ReaderAt, size int64, name string, visit func(wal.Item)) error {
	if path.Base(name) != noteName {
		return wal.InspectAlone(r, size, name, visit)
	}
	p := make([]byte, min(size, slotApart+slotBytes))
	if n, err := r.ReadAt(p, 0); n < len(p) && err != nil && !errors.Is(err, io.EOF) {
		visit(wal.Item{Length: size, What: "unreadable", Err: err})
		return err
	}
	var first error
	for i, at := range []int{0, slotApart} {
		item := wal.Item{Offset: int64(at), Length: slotBytes, What: fmt.Sprintf("slot %d", i)}
		var counter uint64
		var end int64
		if counter, end, item.Err = parseSlot(p[min(at, len(p)):]); item.Err == nil {
			item.What = fmt.Sprintf("slot %d: counter %d, durable end %d", i, counter, end)
		}
		first = cmp.Or(first, item.Err)
		visit(item)
	}
	if counter, end, err := parseNote(p); err == nil {
		visit(wal.Item{Length: size, What: fmt.Sprintf("durable end %d, counter %d", end, counter)})
	}
	return first
}
