package diskmodel

import "slices"

// order is a fate that waits for its write.
type order struct {
	match func(name string) bool
	fate  fate
	shift int64 // bytes, whole sectors
}

// MisdirectNextWrite lets the next write that can go astray, to a file for whose
// name match is true, land shift bytes off its place, elsewhere in the same
// file: its place keeps the bytes that stood there, those where it lands are
// overwritten. The process is told success, and reads what it wrote as long as
// that is unsynced. shift counts in whole sectors, rounded away from zero, and is
// shortened to what the file has room for, or else turned round; a write that
// has no other place in its file is left alone. match is asked once a write, and
// its yes is final. Simulated: 1 to 64 sectors, either way.
func (d *Disk) MisdirectNextWrite(match func(name string) bool, shift int64) {
	d.orders = append(d.orders, order{match, fateMisdirected, wholeSectors(shift)})
	d.recordFault(opMisdirect, 0, uint64(wholeSectors(shift)), 0)
}

// LoseNextWrite lets the next write to a file for whose name match is true be
// told success and never reach the medium: what stood there reads once the write
// is no longer unsynced. match is as above.
func (d *Disk) LoseNextWrite(match func(name string) bool) {
	d.orders = append(d.orders, order{match, fateLost, 0})
	d.recordFault(opLoseWrite, 0, 0, 0)
}

// ForgetNextWrites takes back the orders of the two above that no write has met.
func (d *Disk) ForgetNextWrites() {
	if len(d.orders) > 0 {
		d.recordFault(opForgetWrites, 0, uint64(len(d.orders)), 0)
		d.orders = nil
	}
}

// meetOrder gives a write of n bytes at off, just carried out, the fate of the
// first order that takes it.
func (d *Disk) meetOrder(file *node, off, n int64) {
	for i, o := range d.orders {
		if o.fate == fateMisdirected {
			o.shift = room(o.shift, off, n, file.cache.size)
		}
		if n > 0 && (o.fate == fateLost || o.shift != 0) && o.match(file.name) {
			d.orders = slices.Delete(d.orders, i, i+1)
			d.stray(file, o)
			return
		}
	}
}

// room shortens a shift so that n bytes at off land in a file of size bytes; it
// turns round if there is no room ahead, and is zero if there is none at all.
func room(shift, off, n, size int64) int64 {
	ahead := (size - off - n) / sectorBytes * sectorBytes
	behind := off / sectorBytes * sectorBytes
	if shift > 0 && ahead > 0 || behind == 0 {
		return min(max(shift, -shift), ahead)
	}
	return -min(max(shift, -shift), behind)
}

func wholeSectors(shift int64) int64 {
	sectors := (max(shift, -shift) + sectorBytes - 1) / sectorBytes * sectorBytes
	if shift < 0 {
		return -max(sectors, sectorBytes)
	}
	return max(sectors, sectorBytes)
}

func (d *Disk) stray(n *node, o order) {
	n.doom(o.fate, o.shift)
	if o.fate == fateLost {
		d.stats.LostDeviceWrites++
	} else {
		d.stats.MisdirectedWrites++
	}
	d.recordFault(opStrayed, n.id, uint64(o.shift), 0)
}
