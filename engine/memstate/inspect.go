package memstate

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/lockstep-log/lockstep/engine/wal"
)

// Inspect verifies a record on its own, without the machine, and visits its parts
// as wal.Inspect does. What the state says only its State knows. wal.ErrNotOurs: it
// is another file's name.
func Inspect(r io.ReaderAt, size int64, name string, visit func(wal.Item)) error {
	name = strings.TrimSuffix(path.Base(name), unfinishedSuffix)
	id, ok := parseRecordName(name)
	if !ok {
		return fmt.Errorf("%w: %s", wal.ErrNotOurs, name)
	}
	p := make([]byte, size)
	if n, err := r.ReadAt(p, 0); err != nil && (n < len(p) || !errors.Is(err, io.EOF)) {
		visit(wal.Item{Length: size, What: "unreadable", Err: err})
		return err
	}
	rec, err := parseRecord(p)
	if err == nil && rec.id != id {
		err = fmt.Errorf("%w: it is checkpoint %d", ErrDamaged, rec.id)
	}
	if err != nil {
		visit(wal.Item{Length: size, What: "checkpoint record", Err: err})
		return err
	}
	state := int64(len(rec.state()))
	visit(wal.Item{Length: headerBytes, What: fmt.Sprintf("checkpoint %d at index %d in term %d, installed %t", rec.id, rec.index, rec.term, rec.installed)})
	visit(wal.Item{Offset: headerBytes, Length: int64(rec.metaBytes), What: "meta"})
	visit(wal.Item{Offset: size - state, Length: state, What: fmt.Sprintf("state, sum %08x", rec.stateSum)})
	return nil
}
