package ship

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// MaxManifestBytes bounds an encoded manifest: it is held in memory.
const MaxManifestBytes = 64 << 20

const (
	manifestMagic   = "LKSM"
	manifestVersion = 1
	manifestHeader  = 64
	fileHeader      = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// EncodeManifest gives the bytes in which a manifest travels and is staged.
func EncodeManifest(g env.GroupID, m machine.Manifest) ([]byte, error) {
	if err := admit(m); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	b := make([]byte, manifestHeader)
	copy(b, manifestMagic)
	le.PutUint32(b[8:], manifestVersion)
	le.PutUint64(b[16:], uint64(g))
	le.PutUint64(b[24:], m.Checkpoint.Index)
	le.PutUint64(b[32:], m.Checkpoint.Term)
	le.PutUint64(b[40:], m.Checkpoint.ID)
	le.PutUint32(b[48:], uint32(len(m.Files)))
	le.PutUint32(b[52:], uint32(len(m.Checkpoint.Meta)))
	le.PutUint32(b[56:], uint32(len(m.Body)))
	for _, f := range m.Files {
		b = le.AppendUint64(b, uint64(f.Bytes))
		b = le.AppendUint32(b, f.Sum)
		b = le.AppendUint32(b, uint32(len(f.Name)))
		b = append(b, f.Name...)
	}
	b = append(b, m.Checkpoint.Meta...)
	b = append(b, m.Body...)
	le.PutUint32(b[12:], uint32(len(b)))
	le.PutUint32(b[4:], checksum(b[8:]))
	return b, nil
}

// admit refuses what cannot be staged.
func admit(m machine.Manifest) error {
	size := manifestHeader + len(m.Checkpoint.Meta) + len(m.Body)
	seen := make(map[string]bool, len(m.Files))
	var total int64
	for _, f := range m.Files {
		total += max(f.Bytes, 0)
		switch {
		case !fit(f.Name):
			return fmt.Errorf("%w: no name for a file: %q", ErrManifest, f.Name)
		case seen[f.Name]:
			return fmt.Errorf("%w: %q twice", ErrManifest, f.Name)
		case f.Bytes < 0 || total < 0, f.Bytes == 0 && f.Sum != 0:
			return fmt.Errorf("%w: %q has %d bytes, sum %08x", ErrManifest, f.Name, f.Bytes, f.Sum)
		}
		seen[f.Name] = true
		size += fileHeader + len(f.Name)
	}
	if size > MaxManifestBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrManifest, size, MaxManifestBytes)
	}
	return nil
}

// DecodeManifest reads what EncodeManifest wrote, and nothing else: ErrManifest,
// or ErrVersion for an intact one of another version. The result shares no
// memory with b.
func DecodeManifest(b []byte) (env.GroupID, machine.Manifest, error) {
	var m machine.Manifest
	if err := checkManifest(b); err != nil {
		return 0, m, err
	}
	le := binary.LittleEndian
	m.Checkpoint.Index = le.Uint64(b[24:])
	m.Checkpoint.Term = le.Uint64(b[32:])
	m.Checkpoint.ID = le.Uint64(b[40:])
	files, meta, body := int64(le.Uint32(b[48:])), int64(le.Uint32(b[52:])), int64(le.Uint32(b[56:]))
	rest := b[manifestHeader:]
	if files*fileHeader > int64(len(rest)) {
		return 0, m, fmt.Errorf("%w: %d files in %d bytes", ErrManifest, files, len(rest))
	}
	m.Files = make([]machine.FileInfo, files)
	for i := range m.Files {
		var ok bool
		if m.Files[i], rest, ok = readFile(rest); !ok {
			return 0, m, fmt.Errorf("%w: file %d of %d ends early", ErrManifest, i+1, files)
		}
	}
	if int64(len(rest)) != meta+body || le.Uint32(b[60:]) != 0 {
		return 0, m, fmt.Errorf("%w: its lengths contradict each other", ErrManifest)
	}
	m.Checkpoint.Meta = append([]byte(nil), rest[:meta]...)
	m.Body = append([]byte(nil), rest[meta:]...)
	return env.GroupID(le.Uint64(b[16:])), m, admit(m)
}

func checkManifest(b []byte) error {
	le := binary.LittleEndian
	switch {
	case len(b) < manifestHeader || string(b[:4]) != manifestMagic:
		return fmt.Errorf("%w: %d bytes that are none", ErrManifest, len(b))
	case int64(le.Uint32(b[12:])) != int64(len(b)):
		return fmt.Errorf("%w: %d bytes, it says %d", ErrManifest, len(b), le.Uint32(b[12:]))
	case le.Uint32(b[4:]) != checksum(b[8:]):
		return fmt.Errorf("%w: its checksum is wrong", ErrManifest)
	case le.Uint32(b[8:]) != manifestVersion:
		return fmt.Errorf("%w: %d of a manifest, this is %d", ErrVersion, le.Uint32(b[8:]), manifestVersion)
	}
	return nil
}

func readFile(b []byte) (f machine.FileInfo, rest []byte, ok bool) {
	if len(b) < fileHeader {
		return f, nil, false
	}
	le := binary.LittleEndian
	f.Bytes, f.Sum = int64(le.Uint64(b)), le.Uint32(b[8:])
	n := int64(le.Uint32(b[12:]))
	if b = b[fileHeader:]; n > int64(len(b)) {
		return f, nil, false
	}
	f.Name = string(b[:n])
	return f, b[n:], true
}
