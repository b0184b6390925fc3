package explore

import "fmt"

// Shard is a share of a sweep's seeds: those that are Index modulo Of. The zero
// value is all of them.
type Shard struct {
	Index uint64 `json:"index"` // below Of
	Of    uint64 `json:"of"`
}

// MaxShards bounds Shard.Of.
const MaxShards = 1 << 16

// String is the shard as the option --shard takes it.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.of()) }

func (s Shard) of() uint64 { return max(s.Of, 1) }

// Valid tells what is wrong with a shard from outside.
func (s Shard) Valid() error {
	if s != (Shard{}) && (s.Of > MaxShards || s.Index >= s.Of) {
		return fmt.Errorf("shard %d/%d: the first counts from 0 and lies below the second, which is at most %d", s.Index, s.Of, MaxShards)
	}
	return nil
}

// first is the shard's first seed at or after from. It wraps round if there is
// none.
func (s Shard) first(from uint64) uint64 {
	return from + (s.Index+s.of()-from%s.of())%s.of()
}

// Count is how many seeds of a range, both ends included, the shard has.
func (s Shard) Count(from, to uint64) uint64 {
	first := s.first(from)
	if first < from || first > to {
		return 0
	}
	return (to-first)/s.of() + 1
}
