package explore

import (
	"fmt"
	"strings"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// cluster prints what the schedule made; knobs that are off are left out.
func (p *page) cluster(s *cluster.Schedule) {
	p.section("Cluster", func(row func(...string)) {
		optional := func(name string, words ...string) {
			if words = present(words); len(words) > 0 {
				row(name, strings.Join(words, ", "))
			}
		}
		row("scenario", fmt.Sprintf("%s, seed %d", s.Scenario, s.Seed))
		row("nodes", fmt.Sprintf("%d; %s, replication %d, min ISR %d", s.Nodes, plural(s.Partitions, "partition"), s.Replication, s.MinISR))
		n, d, e := &s.Network, &s.Disk, &s.Engine
		optional("network", reach(n.BaseNs, n.JitterNs), late(n.TailPPM, n.TailNs), chance(n.LossPPM, "lost"),
			chance(n.DuplicatePPM, "twice"), chance(n.ReorderPPM, "reordered"), chance(n.CorruptPPM, "corrupted"),
			bandwidth(n.BytesPerSecond), size("queues of ", n.QueueBytes))
		optional("disk", timed("write ", d.WriteNs, ""), timed("sync ", d.SyncNs, ""), timed("each up to ", d.JitterNs, " more"), late(d.TailPPM, d.TailNs))
		optional("clocks", timed("wall off by up to ", s.Clock.WallSpreadNs, ""), counted("drift up to ", s.Clock.DriftPPM, " ppm"))
		optional("engine", size("journal files ", e.JournalFileBytes), size("segments ", e.SegmentBytes), size("checkpoints every ", e.CheckpointBytes),
			timed("ISR lag ", e.ISRLagNs, ""), timed("loop turns of ", e.TurnNs, ""))
		l := &s.Workload
		optional("clients", fmt.Sprint(l.Clients), rate(l.ProducesPerMinute, "produces"),
			rate(l.FetchesPerMinute, "fetches")+chance(l.LinearizablePPM, "linearizable", l.FetchesPerMinute), rate(l.ListsPerMinute, "list-offsets"),
			fmt.Sprintf("values of %d B", l.ValueBytes), timed("an attempt waits ", l.AttemptTimeoutNs, ""), timed("an operation ", l.DeadlineNs, ""))
		healed := "healed"
		if s.Heal == cluster.HealQuorum {
			healed = "with a quorum of each group healed and the rest broken"
		}
		row("time", fmt.Sprintf("%v of load and faults, then up to %v %s", cluster.Rounded(s.DurationNs), cluster.Rounded(s.HealNs), healed))
		if s.Beyond {
			row("damage", "may go beyond what the protocol promises to survive")
		}
	})
}

// present leaves out the knobs that said nothing.
func present(words []string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

func reach(base, jitter int64) string {
	if jitter == 0 {
		return fmt.Sprint(cluster.Rounded(base))
	}
	return fmt.Sprintf("%v to %v", cluster.Rounded(base), cluster.Rounded(base+jitter))
}

func late(ppm uint64, ns int64) string {
	if ppm == 0 || ns == 0 {
		return ""
	}
	return fmt.Sprintf("%s some %v late", cluster.Percent(ppm), cluster.Rounded(ns))
}

// chance renders a share unless it, or what it is a share of, is nothing.
func chance(ppm uint64, what string, of ...int64) string {
	switch {
	case ppm == 0 || len(of) > 0 && of[0] == 0:
		return ""
	case len(of) > 0:
		return fmt.Sprintf(" (%s %s)", cluster.Percent(ppm), what)
	default:
		return cluster.Percent(ppm) + " " + what
	}
}

func timed(before string, ns int64, after string) string {
	if ns == 0 {
		return ""
	}
	return fmt.Sprintf("%s%v%s", before, cluster.Rounded(ns), after)
}

func counted(before string, n int64, after string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d%s", before, n, after)
}

func size(before string, bytes int64) string {
	switch {
	case bytes == 0:
		return ""
	case bytes%(1<<20) == 0:
		return fmt.Sprintf("%s%d MiB", before, bytes>>20)
	case bytes%(1<<10) == 0:
		return fmt.Sprintf("%s%d KiB", before, bytes>>10)
	default:
		return fmt.Sprintf("%s%d B", before, bytes)
	}
}

func rate(perMinute int64, what string) string {
	if perMinute == 0 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", float64(perMinute)/60), "0"), ".") + " " + what + "/s"
}

func bandwidth(bytes int64) string {
	switch {
	case bytes == 0:
		return ""
	case bytes >= 1_000_000:
		return fmt.Sprintf("%.4g MB/s", float64(bytes)/1e6)
	default:
		return fmt.Sprintf("%.4g kB/s", float64(bytes)/1e3)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
