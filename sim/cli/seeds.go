package cli

import (
	"math"
	"strconv"
	"strings"
)

// parseSeeds reads "A..B", both included, or a single seed; with open also "A..",
// which ends where the numbers or the seeds of one sweep end.
func parseSeeds(s string, open bool) (from, to uint64, err error) {
	first, last, ranged := strings.Cut(s, "..")
	switch from, err := strconv.ParseUint(first, 10, 64); {
	case open && err == nil && last == "":
		return from, from + min(maxSeeds-1, math.MaxUint64-from), nil
	case !ranged:
		last = first
	}
	from, errFrom := strconv.ParseUint(first, 10, 64)
	to, errTo := strconv.ParseUint(last, 10, 64)
	switch {
	case errFrom != nil || errTo != nil:
		return 0, 0, badInput("--seeds %q is no range of seeds; write 1..2000", s)
	case from > to:
		return 0, 0, badInput("--seeds %q: the first seed lies after the last; write %d..%d", s, to, from)
	case to-from >= maxSeeds:
		return 0, 0, badInput("--seeds %q: more than %d seeds in one sweep", s, uint64(maxSeeds))
	}
	return from, to, nil
}

const maxSeeds = 1_000_000_000
