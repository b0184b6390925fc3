package journal

import (
	"encoding/binary"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Trailer: magic 4, records 4, batch offset 8, batch length 4, incarnation 8,
// checksum over the directory before it and the rest of it 4.
func putTrailer(b []byte, h *batchHeader) {
	at := dirEntryBytes * h.records
	t := b[at : at+trailerBytes]
	le := binary.LittleEndian
	le.PutUint32(t[0:], trailerMagic)
	le.PutUint32(t[4:], uint32(h.records))
	le.PutUint64(t[8:], uint64(h.offset))
	le.PutUint32(t[16:], uint32(h.length))
	le.PutUint64(t[20:], h.incarnation)
	le.PutUint32(t[28:], h.place().sum(b[:at+28]))
}

// trailer is the decoded end of a batch.
type trailer struct {
	records     int
	offset      int64 // of the batch
	length      int64
	incarnation uint64
}

// parseTrailer decodes the last trailerBytes of b without its checksum, which
// covers the directory before it too.
func parseTrailer(b []byte) (trailer, error) {
	if len(b) < trailerBytes {
		return trailer{}, errShort
	}
	b = b[len(b)-trailerBytes:]
	le := binary.LittleEndian
	if le.Uint32(b) != trailerMagic {
		return trailer{}, errMagic
	}
	t := trailer{
		records: int(le.Uint32(b[4:])), offset: int64(le.Uint64(b[8:])),
		length: int64(le.Uint32(b[16:])), incarnation: le.Uint64(b[20:]),
	}
	if t.offset < 0 || t.offset%sectorBytes != 0 || t.length%sectorBytes != 0 || batchBytes(t.records, 0) > t.length {
		return trailer{}, errShape
	}
	return t, nil
}

// directory is a checked directory: one entry a record, in order.
type directory []byte

func (d directory) len() int { return len(d) / dirEntryBytes }

// at gives the group of record i and where it stands in the batch.
func (d directory) at(i int) (g env.GroupID, start, length int) {
	e := d[i*dirEntryBytes:]
	le := binary.LittleEndian
	return env.GroupID(le.Uint64(e)), int(le.Uint32(e[8:])), int(le.Uint32(e[12:]))
}

// record cuts record i out of the batch; nil if it does not lie inside.
func (d directory) record(batch []byte, i int) []byte {
	_, start, length := d.at(i)
	if start < headerBytes || length < 0 || start+length > len(batch) {
		return nil
	}
	return batch[start : start+length]
}

// firstDirectory reads the copy behind the header.
func firstDirectory(batch []byte, h *batchHeader) (directory, error) {
	end := headerBytes + dirEntryBytes*h.records
	if end+dirSumBytes > len(batch) {
		return nil, errShort
	}
	d := batch[headerBytes:end]
	if h.place().plus(headerBytes).sum(d) != binary.LittleEndian.Uint32(batch[end:]) {
		return nil, errChecksum
	}
	return directory(d), nil
}

// secondDirectory reads the copy at the end of the batch. It needs no header.
func secondDirectory(batch []byte) (directory, trailer, error) {
	t, err := parseTrailer(batch)
	if err != nil {
		return nil, t, err
	}
	at := len(batch) - trailerBytes - dirEntryBytes*t.records
	if t.length != int64(len(batch)) || at < headerBytes {
		return nil, t, errShape
	}
	sum := place{t.incarnation, t.offset}.sum(batch[at : len(batch)-4])
	if sum != binary.LittleEndian.Uint32(batch[len(batch)-4:]) {
		return nil, t, errChecksum
	}
	return directory(batch[at : len(batch)-trailerBytes]), t, nil
}
