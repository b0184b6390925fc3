package diskmodel

import (
	"cmp"
	"slices"
	"strings"
)

// DamageKind says what is wrong with a piece of the medium.
type DamageKind uint8

// The kinds of Damage.
const (
	KindRot         DamageKind = iota + 1 // bits flipped at rest
	KindUnreadable                        // the device gives nothing
	KindMisdirected                       // a misdirected write: where it should have gone, and where it went
	KindLostWrite                         // a write that never got there
	KindLostEntry                         // the file's name is gone; Off and N are 0
	damageKinds
)

// String names the kind.
func (k DamageKind) String() string {
	if k == 0 || k >= damageKinds {
		return "damage?"
	}
	return [...]string{"", "rot", "unreadable", "misdirected", "lost write", "lost entry"}[k]
}

// Damage is N bytes at Off of a file that are laid over: the first and the last
// of them are wrong.
type Damage struct {
	Name   string
	Off, N int64
	Kind   DamageKind
}

func (a Damage) compare(b Damage) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Off, b.Off), cmp.Compare(a.Kind, b.Kind))
}

// Damaged lists what is laid over files that have a name, in order of name and
// offset, also what the page cache still hides. Lost entries are listed by the
// name that is gone. A lost disk lists nothing: all of it is.
func (d *Disk) Damaged() []Damage {
	var out []Damage
	if d.lost {
		return nil
	}
	for _, n := range d.files {
		if !n.at.set() {
			continue
		}
		if n.entryLost {
			out = append(out, Damage{Name: n.name, Kind: KindLostEntry})
		}
		if n.overlay != nil {
			out = n.damages(out)
		}
	}
	slices.SortStableFunc(out, Damage.compare)
	return out
}

// Intact tells whether the n bytes at off of the file now under name are on the
// medium, or in the page cache alone, as they were last written, with no damage
// over them, hidden or not.
func (d *Disk) Intact(name string, off, n int64) bool {
	file := d.file(name)
	if file == nil || off < 0 || n < 0 || off > file.cache.size-n {
		return false
	}
	return file.overlay == nil || file.overlay.intact(off, off+n)
}

// file finds the file that a process would find under a name; nil if none.
func (d *Disk) file(name string) *node {
	n := d.lookup(checkName(name))
	if d.lost || n == nil || n.dir != nil {
		return nil
	}
	return n
}

// Rot flips one bit of a file on the medium: a read shows it at once unless the
// page cache has the byte unsynced. It reports false if there is no such byte.
// Simulated: 1 to 8 bits, each in a sector of its own.
func (d *Disk) Rot(name string, off int64, bit uint) bool {
	n := d.file(name)
	if n == nil || off < 0 || off >= n.mediumSize() {
		return false
	}
	n.laid().flip(off, 1<<(bit%8))
	d.stats.RottenBits++
	d.recordFault(opRot, n.id, uint64(off), int(bit%8))
	return true
}

// FailReads makes reads that need any of [off, off+n) from the medium fail with
// env.ErrIO, until those bytes are written again or the fault is lifted. It
// reports false if the medium has none of them. Simulated: 1 to 8 sectors.
func (d *Disk) FailReads(name string, off, n int64) bool {
	file := d.file(name)
	if file == nil || off < 0 || n <= 0 || off >= file.mediumSize() {
		return false
	}
	end := off + min(n, file.mediumSize()-off)
	o := file.laid()
	o.unreadable = o.unreadable.with(off, end)
	d.recordFault(opFailReads, file.id, uint64(off), int(end-off))
	return true
}
