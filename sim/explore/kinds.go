package explore

import (
	"cmp"
	"slices"
	"strings"
)

// FailureKind is all failures with one signature.
type FailureKind struct {
	Signature
	Count uint64 `json:"count"`
	First []Job  `json:"first"` // of the lowest seeds, at most maxFirst
}

const maxFirst = 5

// artefactsMark begins what a failure's message says of files that could not be
// kept: no part of its signature.
const artefactsMark = " (artefacts: "

// signature of the failure's first violation.
func (f *Failure) signature() Signature {
	message, _, _ := strings.Cut(f.Message, artefactsMark)
	return SignatureOf(Violation{Oracle: f.Oracle, Message: message})
}

// addKind counts a failure under its signature. The order in which failures
// come makes no difference.
func (r *Report) addKind(f *Failure) {
	s := f.signature()
	at, found := slices.BinarySearchFunc(r.Kinds, s, func(k FailureKind, s Signature) int {
		return cmp.Or(cmp.Compare(k.Oracle, s.Oracle), cmp.Compare(k.Message, s.Message))
	})
	if !found {
		r.Kinds = slices.Insert(r.Kinds, at, FailureKind{Signature: s})
	}
	k := &r.Kinds[at]
	k.Count++
	place, _ := slices.BinarySearchFunc(k.First, f.Job, r.compareJobs)
	k.First = slices.Insert(k.First, place, f.Job)
	k.First = k.First[:min(len(k.First), maxFirst)]
}

func (r *Report) compareJobs(a, b Job) int { return cmp.Compare(r.number(a), r.number(b)) }

// KindsByCount are the failures by signature, the most frequent first.
func (r *Report) KindsByCount() []FailureKind {
	return slices.SortedStableFunc(slices.Values(r.Kinds), func(a, b FailureKind) int { return cmp.Compare(b.Count, a.Count) })
}
