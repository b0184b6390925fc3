package cluster

import (
	"github.com/lockstep-log/lockstep/checker"
)

// oracleCrash names what the run itself judges: a node that panics, fences a
// group or stops itself although nothing justifies it.
const oracleCrash = "crash"

// violate adds a finding of the run itself.
func (c *Cluster) violate(oracle, message string) {
	c.found = append(c.found, checker.Violation{Oracle: oracle, Message: message, AtNs: c.k.Now()})
}

// newMonitor makes the oracles that watch while the run happens.
func (c *Cluster) newMonitor() *checker.Monitor {
	cfg := checker.Config{Groups: c.checkedGroups()}
	return checker.NewMonitor(cfg, func(node uint64, file string, off, n int64) bool {
		return c.hosts[node-1].disk.Durable(file, off, n)
	})
}

func (c *Cluster) checkedGroups() []checker.Group {
	var groups []checker.Group
	for i, g := range c.groups {
		p := &c.topology.Partitions[i]
		out := checker.Group{ID: uint64(g.id), Topic: p.Topic, Partition: p.Partition, MinISR: p.MinISR, Unreplicated: p.Unreplicated}
		for _, r := range g.members {
			out.Members = append(out.Members, checker.Member{Replica: uint64(r.id), Node: uint64(r.host.id)})
		}
		groups = append(groups, out)
	}
	return groups
}

// history is everything the clients did and the replicas hold.
func (c *Cluster) history() *checker.History {
	h := &checker.History{
		Meta:   checker.Meta{Source: "simulation", Seed: c.schedule.Seed, Scenario: c.schedule.Scenario, Complete: true},
		Groups: c.checkedGroups(),
		Logs:   c.logs,
	}
	if c.load != nil {
		h.Ops = c.judgedOps()
	}
	return h
}

// judge merges what watched the run, what judges its history, and what the run
// found itself. A run that never came to rest has no agreed log, so its history
// says nothing more.
func (c *Cluster) judge(h *checker.History) checker.Report {
	report := c.monitor.Finish()
	if c.readable {
		if err := h.Validate(); err != nil {
			c.violate(checker.InconsistentOffsets, "clients were told what cannot be: "+err.Error())
		} else {
			// Its search grows without bound exactly when something is wrong, and then
			// nobody needs a second opinion.
			sound := len(report.Violations) == 0 && len(c.found) == 0
			after := checker.Check(h, checker.Options{Porcupine: sound && !c.options.WithoutPorcupine})
			c.historyChecked = map[string]uint64{}
			for _, v := range after.Verdicts {
				c.historyChecked[v.Oracle] = v.Checked
			}
			report = checker.Merge(report, after)
		}
	}
	report.Violations = append(report.Violations, c.found...)
	own := map[string]int{}
	for _, v := range c.found {
		own[v.Oracle]++
	}
	for i := range report.Verdicts {
		v := &report.Verdicts[i]
		v.Violations += own[v.Oracle]
		if v.Oracle == checker.Convergence {
			v.Checked++
		}
	}
	crash := checker.Verdict{Oracle: oracleCrash, Checked: c.count.restarts + uint64(len(c.hosts)), Violations: own[oracleCrash]}
	report.Verdicts = append(report.Verdicts, crash)
	return report
}
