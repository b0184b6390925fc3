package checker

import (
	"math/bits"
	"slices"
)

// MemberState is the truth about one member of a group, by the models.
type MemberState uint8

// The states.
const (
	// Undecided: within the detection delay; either report is right.
	Undecided MemberState = iota
	InSync
	OutOfSync
)

var memberStateNames = names{Undecided: "undecided", InSync: "in-sync", OutOfSync: "out-of-sync"}

// String names the state.
func (s MemberState) String() string { return memberStateNames.of(uint8(s)) }

// MarshalText names the state in a history file.
func (s MemberState) MarshalText() ([]byte, error) {
	return memberStateNames.marshal("member state", uint8(s))
}

// UnmarshalText reads the name in a history file.
func (s *MemberState) UnmarshalText(b []byte) error {
	i, err := memberStateNames.unmarshal("member state", b)
	*s = MemberState(i)
	return err
}

// MemberTruth is the truth about one node's copy.
type MemberTruth struct {
	Node  uint64      `json:"node"`
	State MemberState `json:"state"`
}

// Sample compares, at one moment, the in-sync set that a leader reports with
// the truth.
type Sample struct {
	AtNs     int64         `json:"atNs"`
	Group    uint64        `json:"group"`
	Leader   uint64        `json:"leader"` // node
	Reported []uint64      `json:"reported"`
	Truth    []MemberTruth `json:"truth"`
}

// ISRMetric counts the members of samples whose truth was decided.
type ISRMetric struct {
	Decided uint64 `json:"decided"`
	Right   uint64 `json:"right"`
}

// AccuracyMilliPercent is the accuracy in thousandths of a percent, rounded
// down, so that 100000 means without fault. Nil without samples.
func (m ISRMetric) AccuracyMilliPercent() *int64 {
	if m.Decided == 0 {
		return nil
	}
	// Quotient and rest apart: Right * 100000 could overflow.
	whole, rest := m.Right/m.Decided, m.Right%m.Decided
	out := int64(whole*100_000 + mulDiv(rest, 100_000, m.Decided))
	return &out
}

// ObserveISR judges one sample. Slices are not kept.
func (m *Monitor) ObserveISR(s Sample) {
	for _, t := range s.Truth {
		if t.State == Undecided {
			continue
		}
		m.checked[oISRAccuracy]++
		m.isr.Decided++
		reported := slices.Contains(s.Reported, t.Node)
		if reported == (t.State == InSync) {
			m.isr.Right++
			continue
		}
		says := "out of sync"
		if reported {
			says = "in sync"
		}
		m.fail(oISRAccuracy, s.AtNs, 0, "group %d: leader on node %d reports node %d %s, which is %v", s.Group, s.Leader, t.Node, says, t.State)
	}
}

// mulDiv is a * b / c for a < c.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}
