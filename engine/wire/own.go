package wire

import (
	"encoding/binary"
	"math"

	"github.com/lockstep-log/lockstep/engine/env"
)

// OwnKind says what an Own message is. The package comment lists which fields
// each kind fills.
type OwnKind uint8

// The kinds of own messages.
const (
	OwnFetch      OwnKind = iota + 1 // asks for a piece of a file
	OwnChunk                         // answers a fetch
	OwnSnapStatus                    // a follower tells how its snapshot goes
	OwnNodeStatus                    // a node tells whether its disk is full
	OwnLost                          // a node tells that a replica of it is lost
	OwnGrant                         // the leader's answer to a lost report
	OwnRemoved                       // a replica is told that it was removed
	OwnLeaving                       // a removed replica asks whether it is needed yet
	ownKinds                         // one more than the last
)

// String names the kind.
func (k OwnKind) String() string {
	if k == 0 || k >= ownKinds {
		return "own?"
	}
	return [...]string{"fetch", "chunk", "snap-status", "node-status", "lost", "grant", "removed", "leaving"}[k-1]
}

// Code is the outcome that an own message tells.
type Code uint8

// The codes.
const (
	OK      Code = iota
	Gone         // no such file, or it has fewer bytes here
	Damaged      // the bytes are there and cannot be read as they should
	Busy         // too much is asked already: later
	NotHere      // the node holds no such replica, or it does not serve
	Failed       // what was begun has failed
	Full         // no space left on the disk
	codes        // one more than the last
)

// String names the code.
func (c Code) String() string {
	if c >= codes {
		return "code?"
	}
	return [...]string{"ok", "gone", "damaged", "busy", "not here", "failed", "full"}[c]
}

// MaxFileBytes is the longest name of a file in an Own message.
const MaxFileBytes = 128

// Own is a message of ours from node to node, beside raft's: flat, so that all
// kinds share one encoding. Fields a kind does not use are zero.
type Own struct {
	Kind     OwnKind
	From, To env.ReplicaID // 0 where a node speaks for itself
	// ID is that of a request, chosen by the asker; its answer repeats it.
	ID          uint64
	Term, Index uint64
	// Disk and Incarnation name a life of the node that is spoken of.
	Disk, Incarnation uint64
	File              string // at most MaxFileBytes; empty: the manifest
	Bytes, Offset     int64  // never negative
	Count             uint32
	Sum               uint32
	Code              Code
	Data              []byte // aliases the frame
}

// Bits of an own message's presence mask; bits 0 to ownScalars-1 are the
// scalars.
const (
	ownBit       = 0x80 // of the type byte
	ownScalars   = 12
	ownFileBit   = 1 << 12
	ownDataBit   = 1 << 13
	ownKnownBits = 1<<14 - 1
)

// mostOwnBytes is the largest own message, without file name and data.
const mostOwnBytes = 2*binary.MaxVarintLen64 + 1 + 2 + ownScalars*binary.MaxVarintLen64

func (o *Own) sizeHint() int {
	return mostOwnBytes + 2*binary.MaxVarintLen64 + len(o.File) + len(o.Data)
}

// check panics on what no frame can carry: sending it is our bug.
func (o *Own) check() {
	switch {
	case o.Kind == 0 || o.Kind >= ownKinds:
		panic("wire: own message of no kind")
	case o.Code >= codes:
		panic("wire: unknown code")
	case len(o.File) > MaxFileBytes:
		panic("wire: file name too long: " + o.File)
	case o.Bytes < 0 || o.Offset < 0:
		panic("wire: negative size in an own message")
	}
}

func appendOwn(dst []byte, o *Own) []byte {
	o.check()
	dst = append(dst, ownBit|byte(o.Kind), 0, 0)
	maskAt := len(dst) - 2
	var mask uint16
	for i, v := range [ownScalars]uint64{
		uint64(o.To), uint64(o.From), o.ID, o.Term, o.Index, o.Disk, o.Incarnation,
		uint64(o.Bytes), uint64(o.Offset), uint64(o.Count), uint64(o.Sum), uint64(o.Code),
	} {
		if v != 0 {
			mask |= 1 << i
			dst = binary.AppendUvarint(dst, v)
		}
	}
	if o.File != "" {
		mask |= ownFileBit
		dst = binary.AppendUvarint(dst, uint64(len(o.File)))
		dst = append(dst, o.File...)
	}
	if len(o.Data) > 0 {
		mask |= ownDataBit
		dst = appendBytes(dst, o.Data)
	}
	binary.LittleEndian.PutUint16(dst[maskAt:], mask)
	return dst
}

// own reads the rest of an own message whose type byte was read.
func (r *reader) own(kind byte) *Own {
	o := &Own{Kind: OwnKind(kind &^ ownBit)}
	if o.Kind == 0 || o.Kind >= ownKinds {
		r.fail("an unknown own message")
	}
	mask := r.uint16()
	if mask&^ownKnownBits != 0 {
		r.fail("unknown fields")
	}
	var v [ownScalars]uint64
	for i := range v {
		if mask&(1<<i) == 0 {
			continue
		}
		if v[i] = r.uvarint(); v[i] == 0 {
			r.fail("a present field that is zero")
		}
		if v[i] > ownLimits[i] {
			r.fail("a number out of its range")
		}
	}
	o.To, o.From = env.ReplicaID(v[0]), env.ReplicaID(v[1])
	o.ID, o.Term, o.Index, o.Disk, o.Incarnation = v[2], v[3], v[4], v[5], v[6]
	o.Bytes, o.Offset = int64(v[7]), int64(v[8])
	o.Count, o.Sum, o.Code = uint32(v[9]), uint32(v[10]), Code(v[11])
	if mask&ownFileBit != 0 {
		name := r.present()
		if len(name) > MaxFileBytes {
			r.fail("a file name that is too long")
			name = nil
		}
		o.File = string(name)
	}
	if mask&ownDataBit != 0 {
		o.Data = r.present()
	}
	return o
}

// ownLimits are the greatest values of an own message's scalars, in the order
// of their bits.
var ownLimits = [ownScalars]uint64{
	math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64,
	math.MaxInt64, math.MaxInt64, math.MaxUint32, math.MaxUint32, uint64(codes - 1),
}
