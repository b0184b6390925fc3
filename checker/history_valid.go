package checker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrInvalid marks a history that cannot be judged: it contradicts what every
// history promises, so no verdict on it would mean anything.
var ErrInvalid = errors.New("the history cannot be judged")

// maxOffset keeps sums of offsets and lengths from overflowing.
const maxOffset = int64(1) << 60

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// partitionKey names a partition.
type partitionKey struct {
	topic string
	id    int32
}

func (k partitionKey) String() string { return fmt.Sprintf("%s/%d", k.topic, k.id) }

// Validate says whether the history can be judged, as an ErrInvalid that says
// what is wrong with it. The promises:
//
//  1. Operation ids are unique. Call and return stamps are unique over the
//     history and a return is later than its call; what returned with success
//     has a return.
//  2. A produce has values, and no value is produced twice in a partition.
//  3. Every partition has at most one log, and a log if an operation on it
//     succeeded.
//  4. A group is described once and has each replica once.
//  5. Events have terms and indexes that a log can reach, entries from 1 on.
func (h *History) Validate() error {
	logs := make(map[partitionKey]bool, len(h.Logs))
	for i := range h.Logs {
		l := &h.Logs[i]
		key := partitionKey{l.Topic, l.Partition}
		if logs[key] {
			return invalid("partition %v has two agreed logs", key)
		}
		logs[key] = true
		if err := l.validate(key); err != nil {
			return err
		}
	}
	if err := validateGroups(h.Groups); err != nil {
		return err
	}
	for i := range h.Events {
		if err := h.Events[i].validate(); err != nil {
			return err
		}
	}
	for i := range h.Ops {
		if err := h.Ops[i].validate(logs); err != nil {
			return err
		}
	}
	if err := validateStamps(h.Ops); err != nil {
		return err
	}
	return validateValues(h.Ops)
}

func (l *Log) validate(key partitionKey) error {
	if l.StartOffset < 0 || l.StartOffset > maxOffset {
		return invalid("the agreed log of %v starts at offset %d", key, l.StartOffset)
	}
	for _, u := range l.Unread {
		if u.Base < 0 || u.End <= u.Base || u.End > maxOffset {
			return invalid("the agreed log of %v cannot be read from offset %d to %d", key, u.Base, u.End)
		}
	}
	for _, r := range l.Records {
		if r.Offset < 0 || r.Offset > maxOffset {
			return invalid("the agreed log of %v has a record at offset %d", key, r.Offset)
		}
	}
	return nil
}

func validateGroups(groups []Group) error {
	ids := map[uint64]bool{}
	for _, g := range groups {
		if ids[g.ID] {
			return invalid("group %d is described twice", g.ID)
		}
		ids[g.ID] = true
		if g.Unreplicated && len(g.Members) > 1 {
			return invalid("group %d is unreplicated and has %d replicas", g.ID, len(g.Members))
		}
		replicas := map[uint64]bool{}
		for _, m := range g.Members {
			if m.Replica == 0 {
				return invalid("group %d has a replica without an id", g.ID)
			}
			if replicas[m.Replica] {
				return invalid("group %d has replica %d twice", g.ID, m.Replica)
			}
			replicas[m.Replica] = true
		}
	}
	return nil
}

// maxIndex keeps sums of indexes from overflowing.
const maxIndex = uint64(1) << 60

func (e *Event) validate() error {
	switch {
	case max(e.Term, e.Index, e.First, e.Last) > maxIndex:
		return invalid("event %d (%v) has term %d, index %d, first %d, last %d", e.Seq, e.Kind, e.Term, e.Index, e.First, e.Last)
	case (e.Kind == EventEntry || e.Kind == EventApply) && e.Index == 0:
		return invalid("event %d (%v) has index 0", e.Seq, e.Kind)
	}
	return nil
}

func (o *Op) validate(logs map[partitionKey]bool) error {
	key := partitionKey{o.Topic, o.Partition}
	switch {
	case o.Kind < Produce || o.Kind > DeleteRecords:
		return invalid("operation %d has kind %v", o.Seq, o.Kind)
	case o.Outcome < OK || o.Outcome > Unknown:
		return invalid("operation %d has outcome %v", o.Seq, o.Outcome)
	case o.Call == 0 || o.Call > maxStamp || o.Return > maxStamp || (o.Return != 0 && o.Return <= o.Call):
		return invalid("operation %d is called at stamp %d and returns at %d", o.Seq, o.Call, o.Return)
	case o.Outcome == OK && o.Return == 0:
		return invalid("operation %d succeeded and never returned", o.Seq)
	case (o.Kind == Produce) != (len(o.Values) > 0):
		return invalid("operation %d is a %v with %d values", o.Seq, o.Kind, len(o.Values))
	case o.Kind != Fetch && len(o.Fetched) > 0:
		return invalid("operation %d is a %v with fetched records", o.Seq, o.Kind)
	case o.Attempts < 0 || o.UnknownAttempts < 0:
		return invalid("operation %d has a negative number of attempts", o.Seq)
	case o.Outcome == OK && !logs[key]:
		return invalid("operation %d succeeded on %v, whose agreed log is missing", o.Seq, key)
	case o.LogStart < 0 || o.LogStart > maxOffset:
		return invalid("operation %d was told the log start %d", o.Seq, o.LogStart)
	case o.Kind == DeleteRecords && o.Offset == -1:
	case o.Outcome == OK && (o.Offset < 0 || o.Offset > maxOffset || o.HighWatermark < 0 || o.HighWatermark > maxOffset):
		return invalid("operation %d succeeded with offset %d and high watermark %d", o.Seq, o.Offset, o.HighWatermark)
	}
	for _, r := range o.Fetched {
		if r.Offset < 0 || r.Offset > maxOffset {
			return invalid("operation %d fetched a record at offset %d", o.Seq, r.Offset)
		}
	}
	return nil
}

func validateStamps(ops []Op) error {
	type stamp struct{ at, seq uint64 }
	stamps := make([]stamp, 0, 2*len(ops))
	seqs := make([]uint64, 0, len(ops))
	for i := range ops {
		o := &ops[i]
		seqs = append(seqs, o.Seq)
		stamps = append(stamps, stamp{o.Call, o.Seq})
		if o.Return != 0 {
			stamps = append(stamps, stamp{o.Return, o.Seq})
		}
	}
	slices.Sort(seqs)
	for i := 1; i < len(seqs); i++ {
		if seqs[i] == seqs[i-1] {
			return invalid("two operations have id %d", seqs[i])
		}
	}
	slices.SortFunc(stamps, func(a, b stamp) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
	})
	for i := 1; i < len(stamps); i++ {
		if a, b := stamps[i-1], stamps[i]; a.at == b.at {
			return invalid("operations %d and %d share the stamp %d", a.seq, b.seq, a.at)
		}
	}
	return nil
}

func validateValues(ops []Op) error {
	type produced struct {
		partitionKey
		value string
	}
	by := make(map[produced]uint64, len(ops))
	for i := range ops {
		o := &ops[i]
		for _, v := range o.Values {
			p := produced{partitionKey{o.Topic, o.Partition}, v}
			if first, twice := by[p]; twice {
				return invalid("operations %d and %d both produce %q to %v: values must be unique", first, o.Seq, v, p.partitionKey)
			}
			by[p] = o.Seq
		}
	}
	return nil
}
