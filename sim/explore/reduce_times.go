package explore

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// gapEdits move each of n faults, and all behind it, towards the one before it,
// or the first towards the beginning of the load.
func gapEdits(n int) []edit {
	var list []edit
	for i := range n {
		for _, left := range []time.Duration{100 * time.Millisecond, time.Second, 2 * time.Second} {
			list = append(list, func(s *cluster.Schedule) {
				before := int64(0)
				if i > 0 {
					before = s.Faults[i-1].AtNs
				}
				earlier := max(s.Faults[i].AtNs-before-int64(left), 0)
				for j := i; j < len(s.Faults); j++ {
					s.Faults[j].AtNs -= earlier
				}
				s.DurationNs = max(s.DurationNs-earlier, 1)
			})
		}
	}
	return list
}

// units that times are rounded to, the coarsest first.
var units = []time.Duration{
	time.Second, 100 * time.Millisecond, 10 * time.Millisecond, time.Millisecond, 100 * time.Microsecond, 10 * time.Microsecond,
}

// roundEdits round the times of n faults and of the run: all to one unit, then
// each.
func roundEdits(n int) []edit {
	var list []edit
	for _, u := range units {
		list = append(list, func(s *cluster.Schedule) {
			s.DurationNs = ceiling(s.DurationNs, u)
			for i := range s.Faults {
				roundFault(&s.Faults[i], u)
			}
		})
	}
	for _, u := range units {
		list = append(list, func(s *cluster.Schedule) { s.DurationNs = ceiling(s.DurationNs, u) })
		for i := range n {
			list = append(list,
				func(s *cluster.Schedule) { roundFault(&s.Faults[i], u) },
				func(s *cluster.Schedule) { s.Faults[i].AtNs = rounded(s.Faults[i].AtNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].ForNs = rounded(s.Faults[i].ForNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].DelayNs = rounded(s.Faults[i].DelayNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].LatencyNs = rounded(s.Faults[i].LatencyNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].PeriodNs = rounded(s.Faults[i].PeriodNs, u) },
			)
		}
	}
	return list
}

func roundFault(f *cluster.Fault, unit time.Duration) {
	for _, t := range []*int64{&f.AtNs, &f.ForNs, &f.DelayNs, &f.LatencyNs, &f.PeriodNs} {
		*t = rounded(*t, unit)
	}
}

// rounded is the nearest multiple; a time never becomes 0 by it.
func rounded(ns int64, unit time.Duration) int64 {
	if r := int64(time.Duration(ns).Round(unit)); r != 0 {
		return r
	}
	return ns
}

func ceiling(ns int64, unit time.Duration) int64 {
	return (ns + int64(unit) - 1) / int64(unit) * int64(unit)
}
