package ship

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Item is one thing that a staged file holds.
type Item struct {
	Offset, Length int64
	What           string
	Err            error // why it is damaged; nil: intact
}

// ErrNotOurs marks a file that is neither a manifest nor a progress file.
var ErrNotOurs = errors.New("ship: no manifest and no progress file")

// Inspect reads a staged manifest or progress file, by its name, and visits
// what it holds in the order of the bytes. Its error is the first damage, a
// failed read, or ErrNotOurs.
func Inspect(r io.ReaderAt, size int64, name string, visit func(Item)) error {
	name = path.Base(name)
	switch {
	case name == manifestName, name == temporaryName:
		return inspectManifest(r, size, visit)
	case name == progressName, strings.HasPrefix(name, repairPrefix+progressName[len(Prefix):]+"."):
		return inspectProgress(r, size, visit)
	default:
		return fmt.Errorf("%w: %s", ErrNotOurs, name)
	}
}

func inspectManifest(r io.ReaderAt, size int64, visit func(Item)) error {
	if size > MaxManifestBytes {
		return fmt.Errorf("%w: %d bytes", ErrManifest, size)
	}
	b := make([]byte, size)
	if _, err := r.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	g, m, err := DecodeManifest(b)
	if err != nil {
		visit(Item{Length: size, What: "manifest", Err: err})
		return err
	}
	c := m.Checkpoint
	visit(Item{Length: manifestHeader, What: fmt.Sprintf("manifest of group %d at index %d, term %d, checkpoint %d, sum %08x", g, c.Index, c.Term, c.ID, checksum(b))})
	at := int64(manifestHeader)
	for _, f := range m.Files {
		n := int64(fileHeader + len(f.Name))
		visit(Item{Offset: at, Length: n, What: fmt.Sprintf("file %s, %d bytes, sum %08x", f.Name, f.Bytes, f.Sum)})
		at += n
	}
	visit(Item{Offset: at, Length: int64(len(c.Meta)), What: "meta"})
	visit(Item{Offset: at + int64(len(c.Meta)), Length: int64(len(m.Body)), What: "body"})
	return nil
}

// inspectProgress visits both slots. One that was never written is no damage,
// nor is one damaged slot beside a good one: that is what a torn write leaves.
func inspectProgress(r io.ReaderAt, size int64, visit func(Item)) error {
	var first error
	good := false
	for at := int64(0); at < size; at += slotBytes {
		b := make([]byte, min(slotBytes, size-at))
		if _, err := r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		item := Item{Offset: at, Length: int64(len(b)), What: "slot"}
		s, err := decodeSlot(b)
		switch {
		case allZero(b):
			item.What = "slot, never written"
		case err != nil:
			item.Err = err
			if first == nil {
				first = err
			}
		default:
			good = true
			item.What = fmt.Sprintf("slot %d: %s, %d of %d bytes are durable, sum %08x of those, %08x of all", s.counter, s.file, s.synced, s.bytes, s.prefix, s.sum)
		}
		visit(item)
	}
	if good {
		return nil
	}
	return first
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
