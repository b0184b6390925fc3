package explore

import (
	"fmt"
	"slices"
)

// spans is a set of numbers as disjoint, ascending ranges [from, to) that do
// not touch.
type spans [][2]uint64

// add puts n into the set; it may be in it already.
func (s spans) add(n uint64) spans {
	i, in := s.find(n)
	if in {
		return s
	}
	joinsLeft := i > 0 && s[i-1][1] == n
	joinsRight := i < len(s) && s[i][0] == n+1
	switch {
	case joinsLeft && joinsRight:
		s[i-1][1] = s[i][1]
		return slices.Delete(s, i, i+1)
	case joinsLeft:
		s[i-1][1] = n + 1
		return s
	case joinsRight:
		s[i][0] = n
		return s
	default:
		return slices.Insert(s, i, [2]uint64{n, n + 1})
	}
}

// has tells whether n is in the set.
func (s spans) has(n uint64) bool {
	_, in := s.find(n)
	return in
}

// find gives the first range that does not lie below n, and whether n is in it.
func (s spans) find(n uint64) (int, bool) {
	i, _ := slices.BinarySearchFunc(s, n, func(r [2]uint64, n uint64) int {
		if r[1] <= n {
			return -1
		}
		return 1
	})
	return i, i < len(s) && s[i][0] <= n
}

// count is the number of elements.
func (s spans) count() uint64 {
	var n uint64
	for _, r := range s {
		n += r[1] - r[0]
	}
	return n
}

// check tells what is wrong with ranges that came from outside.
func (s spans) check(limit uint64) error {
	var end uint64
	for i, r := range s {
		if r[0] >= r[1] || r[1] > limit || i > 0 && r[0] <= end {
			return fmt.Errorf("range %d, %d to %d, is empty, out of order or beyond %d", i, r[0], r[1], limit)
		}
		end = r[1]
	}
	return nil
}
