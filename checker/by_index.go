package checker

// byIndex holds one T per log index, densely where indexes are near to each
// other. It never allocates for an index it was merely told of: a history that
// names index 2^60 costs one map element. The zero T means absent.
type byIndex[T any] struct {
	base  uint64
	dense []T
	rare  map[uint64]*T
}

// denseGap is how far beyond the end the dense part still grows.
const denseGap = 64

// at returns the place of index i, made if need be; valid until the next call.
func (v *byIndex[T]) at(i uint64) *T {
	if len(v.dense) == 0 {
		v.base = i
	}
	if n := uint64(len(v.dense)); i >= v.base && i-v.base < n+denseGap {
		for uint64(len(v.dense)) <= i-v.base {
			var zero T
			v.dense = append(v.dense, zero)
		}
		if old := v.rare[i]; old != nil {
			v.dense[i-v.base] = *old
			delete(v.rare, i)
		}
		return &v.dense[i-v.base]
	}
	if v.rare == nil {
		v.rare = map[uint64]*T{}
	}
	if v.rare[i] == nil {
		v.rare[i] = new(T)
	}
	return v.rare[i]
}

// get returns what is at index i, or the zero T.
func (v *byIndex[T]) get(i uint64) (out T) {
	if i >= v.base && i-v.base < uint64(len(v.dense)) {
		out = v.dense[i-v.base]
		if v.rare == nil {
			return out
		}
	}
	if p := v.rare[i]; p != nil {
		return *p
	}
	return out
}
