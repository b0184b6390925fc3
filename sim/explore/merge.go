package explore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Part is what one report covers of those that were merged into another.
type Part struct {
	From  uint64 `json:"from"`
	To    uint64 `json:"to"`
	Shard Shard  `json:"shard,omitzero"`
}

func (p Part) String() string {
	if p.Shard == (Shard{}) {
		return fmt.Sprintf("%d..%d", p.From, p.To)
	}
	return fmt.Sprintf("%d..%d shard=%v", p.From, p.To, p.Shard)
}

// maxParts bounds how many reports make one.
const maxParts = 1 << 10

// ErrMerge is wrapped when reports are not of one sweep.
var ErrMerge = errors.New("these reports cannot be merged")

// Merge makes one report of several, each of other seeds: of one build, over the
// same scenarios. Its time is the sum of theirs. It cannot be resumed.
func Merge(reports ...*Report) (*Report, error) {
	if len(reports) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrMerge)
	}
	first := reports[0]
	m := newReport(first.Build, first.From, first.To, Shard{}, first.Scenarios)
	m.Complete, m.Probes = true, map[string]ProbeCount{}
	for i, r := range reports {
		switch {
		case r.Build != m.Build:
			return nil, fmt.Errorf("%w: the first was made by build %s, number %d by build %s", ErrMerge, m.Build, i+1, r.Build)
		case !slices.Equal(r.Scenarios, m.Scenarios):
			return nil, fmt.Errorf("%w: the first covers scenarios %q, number %d %q", ErrMerge, m.Scenarios, i+1, r.Scenarios)
		}
		m.From, m.To = min(m.From, r.From), max(m.To, r.To)
		m.Parts = append(m.Parts, r.parts()...)
		m.Complete = m.Complete && r.Complete
		m.Origin = m.Origin.and(r.Origin)
	}
	if m.To-m.From >= maxSeeds {
		return nil, fmt.Errorf("%w: seeds %d..%d are too far apart", ErrMerge, m.From, m.To)
	}
	slices.SortFunc(m.Parts, comparePart)
	if err := checkParts(m.Parts); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMerge, err)
	}
	var err error
	if m.Done, err = m.union(reports); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMerge, err)
	}
	for _, r := range reports {
		m.include(r)
	}
	m.elapsed(m.ElapsedNs)
	return m, nil
}

// parts are what a report covers.
func (r *Report) parts() []Part {
	if len(r.Parts) > 0 {
		return r.Parts
	}
	return []Part{{r.From, r.To, r.Shard}}
}

func comparePart(a, b Part) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Shard.Index, b.Shard.Index), cmp.Compare(a.To, b.To))
}

// checkParts refuses parts that share a seed.
func checkParts(parts []Part) error {
	if len(parts) > maxParts {
		return fmt.Errorf("more than %d reports", maxParts)
	}
	for i, b := range parts {
		if b.Shard.Valid() != nil || b.From > b.To || b.To-b.From >= maxSeeds {
			return fmt.Errorf("a part covers %v", b)
		}
		for _, a := range parts[:i] {
			if seed, both := shared(a, b); both {
				return fmt.Errorf("seed %d is in two of them: %v and %v", seed, a, b)
			}
		}
	}
	return nil
}

// shared finds the first seed that two parts have in common: among as many seeds
// of the one as the other has remainders.
func shared(a, b Part) (uint64, bool) {
	from, to := max(a.From, b.From), min(a.To, b.To)
	if from > to || a.Shard.of() == b.Shard.of() && a.Shard.Index != b.Shard.Index {
		return 0, false
	}
	n := min(a.Shard.Count(from, to), b.Shard.of())
	for k := range n {
		if seed := a.Shard.first(from) + k*a.Shard.of(); seed%b.Shard.of() == b.Shard.Index {
			return seed, true
		}
	}
	return 0, false
}

// union gives what the reports have done, in the merged one's numbers.
func (r *Report) union(reports []*Report) (spans, error) {
	var all spans
	for _, part := range reports {
		if part.Shard != (Shard{}) && part.Seeds > maxShardRuns {
			return nil, fmt.Errorf("a shard of more than %d runs", maxShardRuns)
		}
		for _, span := range part.Done {
			all = part.renumber(all, span, r)
		}
	}
	slices.SortFunc(all, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
	var joined spans
	for _, span := range all {
		last := len(joined) - 1
		switch {
		case last < 0 || span[0] > joined[last][1]:
			joined = append(joined, span)
		case span[0] < joined[last][1]:
			return nil, fmt.Errorf("seed %d is in two of them", r.job(span[0]).Seed)
		default:
			joined[last][1] = span[1]
		}
	}
	return append(spans{}, joined...), nil
}

// maxShardRuns bounds what a merge holds in memory: the runs of a shard lie
// apart.
const maxShardRuns = 1 << 26

// renumber appends a range of the report's numbers as ranges of another's, seed
// by seed where the report is of a shard.
func (r *Report) renumber(to spans, span [2]uint64, other *Report) spans {
	each := uint64(len(r.Scenarios))
	for n := span[0]; n < span[1]; {
		end := span[1]
		if r.Shard != (Shard{}) {
			end = min(end, n-n%each+each)
		}
		at := other.number(r.job(n))
		to = append(to, [2]uint64{at, at + end - n})
		n = end
	}
	return to
}

// include adds what another report counted.
func (r *Report) include(o *Report) {
	r.Seeds, r.Passed, r.Failed = r.Seeds+o.Seeds, r.Passed+o.Passed, r.Failed+o.Failed
	r.includeExcuses(&o.Unrecoverable)
	r.Audited += o.Audited
	r.Failures = append(r.Failures, o.Failures...)
	slices.SortFunc(r.Failures, func(a, b Failure) int { return r.compareJobs(a.Job, b.Job) })
	for i := range o.Failures {
		r.addKind(&o.Failures[i])
	}
	r.ElapsedNs += o.ElapsedNs
	r.VirtualNs += o.VirtualNs
	r.Events += o.Events
	r.Elections += o.Elections
	r.Ops.add(o.Ops)
	for kind, n := range o.Faults {
		r.Faults[kind] += n
	}
	for name, n := range o.Counters {
		r.Counters[name] += n
	}
	for name, n := range o.Probes {
		c := r.Probes[name]
		r.Probes[name] = ProbeCount{c.Runs + n.Runs, c.Times + n.Times}
	}
	for _, v := range o.Oracles {
		r.addVerdict(v)
	}
	r.Hashes += o.Hashes
	r.Metrics.ElectionMs = r.Metrics.ElectionMs.merge(o.Metrics.ElectionMs)
	r.Metrics.FailoverMs = r.Metrics.FailoverMs.merge(o.Metrics.FailoverMs)
	r.Metrics.DataLoss += o.Metrics.DataLoss
	r.PeakWorkerBytes = max(r.PeakWorkerBytes, o.PeakWorkerBytes)
}

// checkMerged tells what is wrong with the parts of a report from outside.
func (r *Report) checkMerged() error {
	for _, p := range r.Parts {
		if r.Shard != (Shard{}) || p.From < r.From || p.To > r.To {
			return fmt.Errorf("a part of seeds %v, which it does not cover", p)
		}
	}
	if err := checkParts(r.Parts); err != nil {
		return err
	}
	if r.Seeds > r.total() {
		return fmt.Errorf("%d runs of %d", r.Seeds, r.total())
	}
	return nil
}
