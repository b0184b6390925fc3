package explore

import (
	"fmt"
	"slices"
)

// Excuse is a run that passed although it did not come to rest.
type Excuse struct {
	Job
	Proof string `json:"proof"` // why no correct system could have gone on
}

// Excuses count such runs.
type Excuses struct {
	Count uint64   `json:"count"`
	First []Excuse `json:"first"` // of the lowest seeds, at most maxExcuses
}

const maxExcuses = 10

// excuse counts a passed run if it has a proof. The order in which they come
// makes no difference.
func (r *Report) excuse(job Job, proof string) {
	if proof == "" {
		return
	}
	r.Unrecoverable.Count++
	r.keepExcuse(Excuse{job, proof})
}

func (r *Report) keepExcuse(e Excuse) {
	u := &r.Unrecoverable
	at, _ := slices.BinarySearchFunc(u.First, e.Job, func(a Excuse, j Job) int { return r.compareJobs(a.Job, j) })
	u.First = slices.Insert(u.First, at, e)
	u.First = u.First[:min(len(u.First), maxExcuses)]
}

// RunsText counts the runs by how they ended.
func (r *Report) RunsText() string {
	passed := fmt.Sprintf("%d passed", r.Passed)
	if n := r.Unrecoverable.Count; n > 0 {
		passed += fmt.Sprintf(", of them %d proven unrecoverable", n)
	}
	return fmt.Sprintf("%d of %d: %s, %d failed", r.Seeds, r.total(), passed, r.Failed)
}

// includeExcuses adds another report's.
func (r *Report) includeExcuses(o *Excuses) {
	r.Unrecoverable.Count += o.Count
	for _, e := range o.First {
		r.keepExcuse(e)
	}
}

// checkExcuses tells what is wrong with those of a report from outside.
func (r *Report) checkExcuses() error {
	u := &r.Unrecoverable
	if u.Count > r.Passed || uint64(len(u.First)) != min(u.Count, maxExcuses) {
		return fmt.Errorf("%d unrecoverable runs of %d passed ones, %d of them named", u.Count, r.Passed, len(u.First))
	}
	for _, e := range u.First {
		if !r.covers(e.Job) {
			return fmt.Errorf("seed %d of %q is unrecoverable, which it does not cover", e.Seed, e.Scenario)
		}
	}
	return nil
}
