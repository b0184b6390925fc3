package explore

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// Distribution collects times of many runs in bounded space: milliseconds to
// three significant digits, rounded up. It survives in a report.
type Distribution struct {
	Quantiles
	Longest Job              `json:"longest"` // the run with the longest
	Counts  map[int64]uint64 `json:"counts"`  // milliseconds -> samples
}

// add takes the samples of one run, in nanoseconds. A distribution without
// samples is nil.
func (d *Distribution) add(job Job, ns []int64) *Distribution {
	if len(ns) == 0 {
		return d
	}
	if d == nil {
		d = &Distribution{Counts: map[int64]uint64{}}
	}
	before, longest := d.max(), int64(0)
	for _, t := range ns {
		ms := roundUp((t + int64(time.Millisecond) - 1) / int64(time.Millisecond))
		d.Counts[ms]++
		longest = max(longest, ms)
	}
	if longest > before || longest == before && job.Seed < d.Longest.Seed {
		d.Longest = job
	}
	d.Quantiles = d.quantiles()
	return d
}

// merge takes the samples of another distribution.
func (d *Distribution) merge(o *Distribution) *Distribution {
	if o == nil {
		return d
	}
	if d == nil {
		d = &Distribution{Counts: map[int64]uint64{}}
	}
	if now, then := o.max(), d.max(); now > then || now == then && o.Longest.Seed < d.Longest.Seed {
		d.Longest = o.Longest
	}
	for ms, n := range o.Counts {
		d.Counts[ms] += n
	}
	d.Quantiles = d.quantiles()
	return d
}

// roundUp keeps three significant digits.
func roundUp(ms int64) int64 {
	unit := int64(1)
	for ms/unit >= 1000 {
		unit *= 10
	}
	return (ms + unit - 1) / unit * unit
}

func (d *Distribution) max() int64 {
	most := int64(-1)
	for ms := range d.Counts {
		most = max(most, ms)
	}
	return most
}

func (d *Distribution) quantiles() Quantiles {
	var total uint64
	for _, n := range d.Counts {
		total += n
	}
	q := Quantiles{Samples: total, P50: -1, P99: -1}
	var below uint64
	for _, ms := range slices.Sorted(maps.Keys(d.Counts)) {
		below += d.Counts[ms]
		if q.P50 < 0 && below*100 >= total*50 {
			q.P50 = float64(ms)
		}
		if q.P99 < 0 && below*100 >= total*99 {
			q.P99 = float64(ms)
		}
		q.Max = float64(ms)
	}
	return q
}

// check tells what is wrong with a distribution from outside.
func (d *Distribution) check() error {
	if d == nil {
		return nil
	}
	if len(d.Counts) == 0 || d.max() != int64(d.Max) {
		return errors.New("a distribution that contradicts itself")
	}
	return nil
}
