package quiet

import (
	"encoding/binary"
	"errors"

	"github.com/lockstep-log/lockstep/engine/env"
)

// ErrBeat marks bytes that are no beat.
var ErrBeat = errors.New("quiet: malformed beat")

// Beat is what one node tells another at each beat: that it lives, which of the
// groups that it leads rest there, and what it made of the other's last beat.
//
// Everything but Stamp is void for a receiver whose life is not Yours.
type Beat struct {
	Yours uint64 // the receiver's life, as far as known; 0: unknown
	Stamp uint64 // the sender's clock, in nanoseconds; grows
	Echo  uint64 // the newest Stamp of the receiver's life that came here; 0: none

	Era    uint64 // counts how often the set below began anew, from 1
	First  uint64 // number of the first of Changes, within the era, from 1
	Digest uint64 // of the set after the last of Changes

	AckEra uint64 // of the receiver's set, as mirrored here
	Ack    uint64 // the last change of it that was taken over
	Broken bool   // the mirror is void: begin another era

	Changes []Change // all that the receiver has not acknowledged
	Awake   []Awake  // of the receiver's set, those that do not rest here
}

// Change adds a grant to the set, or takes it out.
type Change struct {
	Grant
	Rest bool // false: it is taken out; only Group is set then
}

// Awake asks to take a grant out of the set.
type Awake struct {
	Group  env.GroupID
	Number uint64 // of the change that added it
}

const brokenFlag = 1

// Append appends the beat's encoding: numbers as varints, in the order of the
// fields.
func (b *Beat) Append(dst []byte) []byte {
	for _, v := range [...]uint64{b.Yours, b.Stamp, b.Echo, b.Era, b.First, b.Digest, b.AckEra, b.Ack, flag(b.Broken)} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.Changes)))
	for i := range b.Changes {
		c := &b.Changes[i]
		dst = binary.AppendUvarint(dst, uint64(c.Group)<<1|flag(c.Rest))
		if c.Rest {
			dst = binary.AppendUvarint(dst, c.Term)
			dst = binary.AppendUvarint(dst, uint64(c.Replica))
			dst = binary.AppendUvarint(dst, c.Index)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.Awake)))
	for _, a := range b.Awake {
		dst = binary.AppendUvarint(dst, uint64(a.Group))
		dst = binary.AppendUvarint(dst, a.Number)
	}
	return dst
}

func flag(b bool) uint64 {
	if b {
		return brokenFlag
	}
	return 0
}

// Decode reads what Append wrote, and nothing else.
func Decode(p []byte) (Beat, error) {
	r := reader{rest: p}
	var b Beat
	for _, v := range [...]*uint64{&b.Yours, &b.Stamp, &b.Echo, &b.Era, &b.First, &b.Digest, &b.AckEra, &b.Ack} {
		*v = r.number()
	}
	flags := r.number()
	b.Broken = flags == brokenFlag
	for range r.count() {
		var c Change
		group := r.number()
		c.Group, c.Rest = env.GroupID(group>>1), group&1 == 1
		if c.Rest {
			c.Term, c.Replica, c.Index = r.number(), env.ReplicaID(r.number()), r.number()
		}
		b.Changes = append(b.Changes, c)
	}
	for range r.count() {
		b.Awake = append(b.Awake, Awake{Group: env.GroupID(r.number()), Number: r.number()})
	}
	if r.bad || len(r.rest) > 0 || flags > brokenFlag {
		return Beat{}, ErrBeat
	}
	return b, nil
}

type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 { // the shortest form only
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count reads how many follow; each takes a byte at least.
func (r *reader) count() uint64 {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return n
}
