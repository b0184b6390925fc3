package quiet

// digest is the exclusive or of the hashes of a set's members: adding and
// removing one cost the same, and the order does not matter.
type digest uint64

func (d *digest) toggle(key uint64, g Grant) {
	*d ^= digest(mix(mix(mix(key^uint64(g.Group))^g.Term) ^ uint64(g.Replica)))
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood, 2014) after one step
// of its sequence.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
