package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// HeaderBytes is the size of a frame without messages.
const HeaderBytes = 56

const (
	version = 2

	lengthAt      = 4 // the checksum covers everything from here
	versionAt     = 8
	countAt       = 12
	clusterAt     = 16
	fromAt        = 24
	toAt          = 32
	incarnationAt = 40
	diskAt        = 48
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Message is one message of one group: exactly one of Raft and Own. Raft.To and
// Raft.From are replica ids.
type Message struct {
	Group env.GroupID
	// RetainFrom is the leader's hint: the least index known durable on every
	// member, so nobody will ask for what lies before it. 0: unknown.
	RetainFrom uint64
	Raft       *raftpb.Message
	Own        *Own
}

// Frame is what one node sends to another at once.
type Frame struct {
	Cluster     uint64
	From, To    env.NodeID
	Incarnation uint64 // the sender's, grows with each of its boots
	Disk        uint64 // the sender's, drawn when its data directory was formatted
	Messages    []Message
}

// AppendFrame appends the encoding of f to dst. It allocates only if dst has
// no room.
func AppendFrame(dst []byte, f *Frame) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, HeaderBytes)...)
	for i := range f.Messages {
		dst = appendMessage(dst, &f.Messages[i])
	}
	b := dst[start:]
	if len(b) > math.MaxUint32 {
		panic("wire: a frame cannot exceed 4 GiB")
	}
	le := binary.LittleEndian
	le.PutUint32(b[lengthAt:], uint32(len(b)))
	le.PutUint32(b[versionAt:], version)
	le.PutUint32(b[countAt:], uint32(len(f.Messages)))
	le.PutUint64(b[clusterAt:], f.Cluster)
	le.PutUint64(b[fromAt:], uint64(f.From))
	le.PutUint64(b[toAt:], uint64(f.To))
	le.PutUint64(b[incarnationAt:], f.Incarnation)
	le.PutUint64(b[diskAt:], f.Disk)
	le.PutUint32(b, crc32.Checksum(b[lengthAt:], castagnoli))
	return dst
}

// Decode reads a frame. The result aliases b.
func Decode(b []byte) (Frame, error) {
	if err := checkEnvelope(b); err != nil {
		return Frame{}, err
	}
	le := binary.LittleEndian
	f := Frame{
		Cluster:     le.Uint64(b[clusterAt:]),
		From:        env.NodeID(le.Uint64(b[fromAt:])),
		To:          env.NodeID(le.Uint64(b[toAt:])),
		Incarnation: le.Uint64(b[incarnationAt:]),
		Disk:        le.Uint64(b[diskAt:]),
	}
	count := le.Uint32(b[countAt:])
	if int64(count)*leastMessageBytes > int64(len(b)-HeaderBytes) {
		return Frame{}, fmt.Errorf("%w: %d messages in %d bytes", ErrMalformed, count, len(b)-HeaderBytes)
	}
	r := reader{b: b, at: HeaderBytes}
	f.Messages = make([]Message, count)
	blocks := make([]block, count)
	for i := range f.Messages {
		r.message(&f.Messages[i], &blocks[i])
		if r.bad != "" {
			return Frame{}, fmt.Errorf("%w: message %d of %d: %s at byte %d", ErrMalformed, i+1, count, r.bad, r.at)
		}
	}
	if r.at != len(b) {
		return Frame{}, fmt.Errorf("%w: %d bytes follow the last of %d messages", ErrMalformed, len(b)-r.at, count)
	}
	return f, nil
}

// checkEnvelope checks length, checksum and version: the version last, for it
// means something only in intact bytes.
func checkEnvelope(b []byte) error {
	if len(b) < HeaderBytes {
		return fmt.Errorf("%w: %d bytes, a header has %d", ErrTruncated, len(b), HeaderBytes)
	}
	le := binary.LittleEndian
	switch length := uint64(le.Uint32(b[lengthAt:])); {
	case uint64(len(b)) < length:
		return fmt.Errorf("%w: %d of %d bytes", ErrTruncated, len(b), length)
	case uint64(len(b)) > length:
		return fmt.Errorf("%w: %d bytes, its length says %d", ErrMalformed, len(b), length)
	}
	want := le.Uint32(b)
	if got := crc32.Checksum(b[lengthAt:], castagnoli); got != want {
		return fmt.Errorf("%w: bytes give %08x, header says %08x", ErrChecksum, got, want)
	}
	if v := le.Uint32(b[versionAt:]); v != version {
		return fmt.Errorf("%w: %d, this is %d", ErrVersion, v, version)
	}
	return nil
}
