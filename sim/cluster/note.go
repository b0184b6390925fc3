package cluster

import (
	"fmt"
	"strings"
	"time"
)

// Note is one line of the timeline for people.
type Note struct {
	AtNs int64  `json:"atNs"`
	Sign string `json:"sign"` // "!" a fault begins, "<" one ends, "" the cluster's own doing
	Text string `json:"text"` // a panic's has more lines, the stack
}

// notes tells the marks in words. What happens at the same instant, or belongs
// together, shares a line; the nodes' first start is told by the load's beginning.
func notes(marks []Mark, loadedNs int64) []Note {
	var out []Note
	recovered := map[uint64][]string{} // by node, since it was last told of
	booting := loadedNs != 0
	for i, m := range marks {
		n := Note{AtNs: m.AtNs, Text: m.Text}
		switch m.Kind {
		case MarkLoad:
			booting = false
			n.Text = "all nodes serve, the load begins"
		case MarkFault, MarkDamage:
			n.Sign = "!"
		case MarkOver:
			n.Sign = "<"
		case MarkServes:
			if booting {
				continue
			}
			n.Text = fmt.Sprintf("node %d serves (boot %d)%s", m.Node, m.Term, strings.Join(recovered[m.Node], ""))
			delete(recovered, m.Node)
		case MarkRecovered:
			if m.Term > 0 {
				recovered[m.Node] = append(recovered[m.Node], fmt.Sprintf(", group %d recovered up to index %d", m.Group, m.Term))
			}
			continue
		case MarkStopped:
			n.Text = fmt.Sprintf("node %d stopped itself: %s", m.Node, m.Text)
		case MarkLeader:
			n.Text = fmt.Sprintf("group %d: node %d leads in term %d", m.Group, m.Node, m.Term)
		case MarkISR:
			set := "in-sync set {" + join(m.Nodes) + "}"
			if i > 0 && marks[i-1].Kind == MarkLeader && marks[i-1].Group == m.Group && marks[i-1].AtNs == m.AtNs {
				out[len(out)-1].Text += ", " + set
				continue
			}
			n.Text = fmt.Sprintf("group %d: %s", m.Group, set)
		case MarkFenced:
			n.Text = fmt.Sprintf("node %d fenced its replica of group %d: %s", m.Node, m.Group, m.Text)
		case MarkHealed, MarkCoreSettled, MarkRestHealed, MarkUnrecoverable, MarkConverged:
			n.Text = m.phase()
		case MarkPanic:
			n.Text = fmt.Sprintf("node %d panicked: %s", m.Node, m.Text)
		}
		out = append(out, n)
	}
	return out
}

// phase tells of a mark between the phases.
func (m *Mark) phase() string {
	switch m.Kind {
	case MarkHealed:
		if m.Text == "" {
			return "everything is healed"
		}
		verb := map[bool]string{true: "are", false: "is"}[len(m.Nodes) > 1]
		return fmt.Sprintf("node%s %s %s healed; %s", plural(m.Nodes), join(m.Nodes), verb, m.Text)
	case MarkCoreSettled:
		return "the healed nodes have come to rest"
	case MarkRestHealed:
		return "the rest is healed, too"
	case MarkUnrecoverable:
		return "no correct system could go on: " + m.Text
	default:
		return "the cluster has come to rest"
	}
}

// lossTexts tells what a power loss leaves of what was not synced.
var lossTexts = map[string]string{
	"": "some unsynced writes lost", "any": "some unsynced writes lost", "all": "all unsynced writes lost",
	"prefix": "only the first unsynced writes kept", "subset": "a random part of the unsynced writes lost",
	"torn": "an unsynced write torn",
}

// text tells what a fault does to its targets, for the timeline.
func (f *Fault) text(targets []uint64) string {
	text := f.title(targets) + f.details()
	if len(targets) == 1 && f.Role == RoleLeader {
		text = f.title(targets) + " (leader)" + f.details()
	}
	text += f.occasion()
	switch f.Kind {
	case WallJump, Reset, Rot, BadRead:
		return text
	case FailSync, MisdirectedWrite, LostWrite:
		return text + fmt.Sprintf(", if there is one within %v", Rounded(f.ForNs))
	default:
		return text + fmt.Sprintf(", for %v", Rounded(f.ForNs))
	}
}

// occasion tells what a fault waited for.
func (f *Fault) occasion() string {
	what := map[string]string{
		OnWrite: "a write", OnStart: "its start", OnSync: "a sync", OnIO: "an operation of the disk",
		OnRecoveryIO: "an operation of the disk in recovery",
	}[f.On]
	switch {
	case what == "":
		return ""
	case f.DelayNs == 0 && f.On != OnWrite && f.On != OnStart:
		return ", right after " + what
	}
	return fmt.Sprintf(", %v after %s", Rounded(f.DelayNs), what)
}

// title names a fault and its targets.
func (f *Fault) title(targets []uint64) string {
	title, ok := titles[f.Kind]
	if !ok { // crash, pause, partition
		title = f.Kind + " of"
	}
	return title + " node" + plural(targets) + " " + join(targets)
}

func plural(nodes []uint64) string { return map[bool]string{true: "s"}[len(nodes) > 1] }

// titles name the kinds of faults whose names do not.
var titles = map[string]string{
	PowerLoss:        "power loss of",
	Stop:             "clean stop of",
	OneWay:           "one-way cut of",
	ClientCut:        "cut between the clients and",
	Degrade:          "degraded links of",
	Ring:             "partition into a ring of",
	Bridge:           "partition of all others but for a bridge over",
	Flap:             "flapping partition of",
	Reset:            "reset of the connections of",
	Clog:             "clogged links of",
	SlowDisk:         "slow disk of",
	ThrottleDisk:     "throttled disk of",
	StallDisk:        "stalled disk of",
	FailSync:         "failure of the next sync of",
	SyncErrors:       "failing syncs of",
	FullDisk:         "full disk of",
	SwapDisks:        "swapped disks of",
	BadRead:          "unreadable sectors of",
	Rot:              "rot on the disk of",
	MisdirectedWrite: "misdirection of the next write of",
	LostWrite:        "silent loss of the next write of",
	LostEntry:        "power loss, and loss of a file's name, on",
	LostDisk:         "loss of the disk of",
	WallJump:         "jump of the wall clock of",
	Drift:            "drifting clock of",
	Freeze:           "frozen clock of",
}

// details tells what a title leaves out.
func (f *Fault) details() string {
	switch f.Kind {
	case PowerLoss:
		return ", " + lossTexts[f.Mode]
	case Partition:
		if f.Clients {
			return ", from the clients, too"
		}
		return ""
	case OneWay:
		if f.Direction == DirectionIn {
			return ", nothing gets in"
		}
		return ", nothing gets out"
	case Flap:
		return fmt.Sprintf(", every %v", Rounded(f.PeriodNs))
	case Clog:
		return map[string]string{DirectionIn: ", inwards", DirectionOut: ", outwards"}[f.Direction]
	case Ring:
		return map[string]string{DirectionIn: ", inwards alone", DirectionOut: ", outwards alone"}[f.Direction]
	case Drift:
		if f.DriftPPM < 0 {
			return fmt.Sprintf(", %s slow", Percent(uint64(-f.DriftPPM)))
		}
		return fmt.Sprintf(", %s fast", Percent(uint64(f.DriftPPM)))
	case ThrottleDisk:
		return fmt.Sprintf(", %d bytes a second left", f.BytesPerSecond)
	case SlowDisk:
		return fmt.Sprintf(", %v more for each operation", Rounded(f.LatencyNs))
	case WallJump:
		return fmt.Sprintf(" by %v", Rounded(f.LatencyNs))
	default:
		return f.worsening()
	}
}

// worsening lists what a degraded link suffers; of other faults, nothing.
func (f *Fault) worsening() string {
	if f.Kind != Degrade {
		return ""
	}
	var b strings.Builder
	if f.LatencyNs != 0 {
		fmt.Fprintf(&b, ", %v slower", Rounded(f.LatencyNs))
	}
	for _, chance := range []struct {
		ppm  uint64
		what string
	}{{f.LossPPM, "lost"}, {f.DuplicatePPM, "twice"}, {f.ReorderPPM, "reordered"}, {f.CorruptPPM, "corrupted"}} {
		if chance.ppm != 0 {
			fmt.Fprintf(&b, ", %s %s", Percent(chance.ppm), chance.what)
		}
	}
	if f.BytesPerSecond != 0 {
		fmt.Fprintf(&b, ", %d bytes a second left", f.BytesPerSecond)
	}
	return b.String()
}

// Rounded keeps three significant digits of a time, for people.
func Rounded(ns int64) time.Duration {
	unit := int64(1)
	for ns/unit >= 1000 || ns/unit <= -1000 {
		unit *= 10
	}
	return time.Duration(ns).Round(time.Duration(unit))
}

// Percent renders parts per million with as many digits as it takes.
func Percent(ppm uint64) string {
	whole, part := ppm/10_000, ppm%10_000
	if part == 0 {
		return fmt.Sprintf("%d%%", whole)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%04d", whole, part), "0") + "%"
}

func join[T any](list []T) string { return strings.Trim(fmt.Sprint(list), "[]") }
