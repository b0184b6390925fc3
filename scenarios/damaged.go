package scenarios

import (
	"slices"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// damaged is mixed with more damage to disks: they rot, lie, fill up and get
// lost. The atlas keeps a majority of each group's replicas whole, so nothing may
// be lost, and everything has to be repaired.
func damaged() Scenario {
	return Scenario{
		Name:     "damaged",
		About:    "as mixed, and disks rot, lie, fill up and get lost; a majority of each group's replicas stays whole",
		Extra:    true,
		Schedule: func(seed uint64) cluster.Schedule { return drawDamage("damaged", seed) },
	}
}

// beyond is damaged without the atlas: whole majorities are destroyed. Then a run
// passes if it goes on, or if the disks prove that it could not.
func beyond() Scenario {
	return Scenario{
		Name:  "beyond",
		About: "as damaged, beyond what the protocol promises: a run goes on, or the disks prove that it cannot",
		Extra: true,
		Schedule: func(seed uint64) cluster.Schedule {
			s := drawDamage("beyond", seed)
			s.Beyond = true
			return s
		},
	}
}

func drawDamage(name string, seed uint64) cluster.Schedule {
	s := drawAll(name, seed)
	s.Engine.ScrubBytesPerSecond = 1 << 20
	s.Faults = drawFaults(&s, slices.Concat(families, damages), seed)
	return s
}
