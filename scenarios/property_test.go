package scenarios_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// The schedules below are drawn by rapid, field by field: what fails shrinks to
// few faults of round numbers, whatever the seed of a scenario would have drawn.
// `go test ./scenarios -run Drawn -rapid.checks=1000` looks longer.

// faultKind is a kind of fault that the engine survives, and what its other
// fields may hold. A new kind is a line in faultKinds.
type faultKind struct {
	kind string
	more func(t *rapid.T, f *cluster.Fault) // nil: nothing else counts
}

var faultKinds = []faultKind{
	{cluster.Crash, drawTrigger},
	{cluster.Stop, nil},
	{cluster.Pause, nil},
	{cluster.PowerLoss, func(t *rapid.T, f *cluster.Fault) {
		f.Mode = rapid.SampledFrom([]string{"all", "prefix", "subset", "torn", "any"}).Draw(t, "mode")
		drawTrigger(t, f)
	}},
	{cluster.Partition, func(t *rapid.T, f *cluster.Fault) { f.Clients = rapid.Bool().Draw(t, "clients") }},
	{cluster.OneWay, func(t *rapid.T, f *cluster.Fault) {
		f.Direction = rapid.SampledFrom([]string{cluster.DirectionIn, cluster.DirectionOut}).Draw(t, "direction")
	}},
	{cluster.ClientCut, nil},
	{cluster.Ring, drawDirection},
	{cluster.Bridge, nil},
	{cluster.Flap, func(t *rapid.T, f *cluster.Fault) { f.PeriodNs = drawMs(t, "period", 20, 2000) }},
	{cluster.Reset, func(t *rapid.T, f *cluster.Fault) { f.Clients = rapid.Bool().Draw(t, "clients") }},
	{cluster.Clog, drawDirection},
	{cluster.Degrade, func(t *rapid.T, f *cluster.Fault) {
		f.LatencyNs = drawMs(t, "latency", 0, 100)
		f.LossPPM = rapid.Uint64Range(0, 200_000).Draw(t, "loss")
		f.DuplicatePPM = rapid.Uint64Range(0, 100_000).Draw(t, "duplicates")
		f.ReorderPPM = rapid.Uint64Range(0, 100_000).Draw(t, "reordered")
		f.CorruptPPM = rapid.Uint64Range(0, 20_000).Draw(t, "corrupt")
	}},
	{cluster.ThrottleDisk, func(t *rapid.T, f *cluster.Fault) {
		f.BytesPerSecond = rapid.SampledFrom([]int64{5_000_000, 50_000}).Draw(t, "bytes per second")
	}},
	{cluster.StallDisk, nil},
	{cluster.SlowDisk, func(t *rapid.T, f *cluster.Fault) { f.LatencyNs = drawMs(t, "latency", 0, 800) }},
	{cluster.FailSync, nil},
	{cluster.SyncErrors, nil},
	{cluster.SwapDisks, func(_ *rapid.T, f *cluster.Fault) {
		if len(f.Nodes) == 1 || len(f.Nodes) == 0 && f.Count < 2 { // it takes two
			f.Role, f.Nodes, f.Group, f.Count = cluster.RoleAll, nil, 0, 0
		}
	}},
	{cluster.WallJump, func(t *rapid.T, f *cluster.Fault) { f.LatencyNs = drawMs(t, "jump", -60_000, 60_000) }},
	{cluster.Drift, func(t *rapid.T, f *cluster.Fault) {
		f.DriftPPM = rapid.SampledFrom([]int64{100, -100, 500, -500}).Draw(t, "drift ppm")
	}},
	{cluster.Freeze, nil},
}

// oneShot are kinds that are not undone.
var oneShot = []string{cluster.WallJump, cluster.Reset}

// drawMs draws a time in nanoseconds, of whole milliseconds.
func drawMs(t *rapid.T, label string, least, most int64) int64 {
	return rapid.Int64Range(least, most).Draw(t, label+" ms") * int64(time.Millisecond)
}

// drawTime draws a time below most in two steps, or small ones would be drawn
// nearly always.
func drawTime(t *rapid.T, label string, most int64) int64 {
	const coarse = 100 * int64(time.Millisecond)
	return coarse*rapid.Int64Range(0, most/coarse-1).Draw(t, label+" 100 ms") + drawMs(t, label, 0, 99)
}

// drawTrigger lets some faults wait for an event at their target.
func drawTrigger(t *rapid.T, f *cluster.Fault) {
	f.On = rapid.SampledFrom([]string{"", cluster.OnWrite, cluster.OnSync, cluster.OnIO, cluster.OnStart, cluster.OnRecoveryIO}).Draw(t, "on")
	if f.On != "" {
		f.Nth = rapid.IntRange(0, 30).Draw(t, "nth")
		f.DelayNs = rapid.Int64Range(0, 5000).Draw(t, "delay us") * int64(time.Microsecond)
	}
}

func drawDirection(t *rapid.T, f *cluster.Fault) {
	f.Direction = rapid.SampledFrom([]string{"", cluster.DirectionIn, cluster.DirectionOut}).Draw(t, "direction")
}

// drawTargets names nodes, or a role.
func drawTargets(t *rapid.T, s *cluster.Schedule, f *cluster.Fault) {
	f.Role = rapid.SampledFrom([]string{
		"", cluster.RoleLeader, cluster.RoleFollower, cluster.RoleISRFollower, cluster.RoleLongestLog, cluster.RoleShortestLog, cluster.RoleAll,
	}).Draw(t, "role")
	switch f.Role {
	case cluster.RoleAll:
	case "":
		f.Nodes = rapid.SliceOfNDistinct(rapid.Uint64Range(1, uint64(s.Nodes)), 1, (s.Nodes+1)/2, rapid.ID).Draw(t, "nodes")
	default:
		f.Group = rapid.Uint64Range(1, uint64(s.Partitions)).Draw(t, "group")
		f.Count = rapid.IntRange(0, (s.Nodes+1)/2).Draw(t, "count")
	}
}

// faults draws one fault of a schedule; they overlap as they like.
func faults(s *cluster.Schedule) *rapid.Generator[cluster.Fault] {
	return rapid.Custom(func(t *rapid.T) cluster.Fault {
		var f cluster.Fault
		k := faultKinds[rapid.IntRange(0, len(faultKinds)-1).Draw(t, "kind")]
		f.Kind = k.kind
		f.AtNs = drawTime(t, "at", s.DurationNs)
		if !slices.Contains(oneShot, k.kind) {
			f.ForNs = drawTime(t, "for", int64(3*time.Second))
		}
		drawTargets(t, s, &f)
		if k.more != nil {
			k.more(t, &f)
		}
		return f
	})
}

// schedules draws small clusters under at least so many faults. What matters
// most comes first: that is where rapid begins to shrink.
func schedules(leastFaults int) *rapid.Generator[cluster.Schedule] {
	return rapid.Custom(func(t *rapid.T) cluster.Schedule {
		s := cluster.Defaults(0)
		s.Scenario = "drawn"
		s.Nodes = rapid.SampledFrom([]int{3, 5}).Draw(t, "nodes")
		s.Partitions = rapid.IntRange(1, 3).Draw(t, "partitions")
		s.DurationNs = rapid.Int64Range(3, 10).Draw(t, "duration s") * int64(time.Second)
		s.Faults = rapid.SliceOfN(faults(&s), leastFaults, 12).Draw(t, "faults")
		slices.SortStableFunc(s.Faults, func(a, b cluster.Fault) int { return int(a.AtNs - b.AtNs) })
		s.Replication = rapid.SampledFrom([]int{3, s.Nodes}).Draw(t, "replication")
		s.Heal = rapid.SampledFrom([]string{"", cluster.HealQuorum}).Draw(t, "heal")
		s.MinISR = rapid.IntRange(1, s.Replication).Draw(t, "min ISR")
		drawLoad(t, &s.Workload)
		if rapid.Bool().Draw(t, "knobs") {
			drawKnobs(t, &s)
		}
		s.Seed = rapid.Uint64Range(0, 1<<20).Draw(t, "seed")
		return s
	})
}

// drawKnobs draws what else shapes links, disks, clocks and the engine.
func drawKnobs(t *rapid.T, s *cluster.Schedule) {
	us := func(label string, most int64) int64 {
		return rapid.Int64Range(0, most).Draw(t, label+" us") * int64(time.Microsecond)
	}
	ppm := func(label string, most uint64) uint64 { return rapid.Uint64Range(0, most).Draw(t, label+" ppm") }
	s.Network.BaseNs = us("base", 3000)
	s.Network.JitterNs = us("jitter", 5000)
	s.Network.TailPPM = ppm("tail", 5000)
	s.Network.LossPPM = ppm("loss", 10_000)
	s.Network.DuplicatePPM = ppm("duplicates", 10_000)
	s.Network.ReorderPPM = ppm("reordered", 20_000)
	s.Network.ReorderNs = us("behind", 20_000)
	s.Network.CorruptPPM = ppm("corrupt", 500)
	s.Network.BytesPerSecond = rapid.SampledFrom([]int64{0, 100_000_000, 1_000_000}).Draw(t, "bytes per second")
	s.Network.QueueBytes = rapid.SampledFrom([]int64{0, 1 << 20, 64 << 10}).Draw(t, "queue")
	s.Disk.WriteNs = us("write", 200)
	s.Disk.SyncNs = us("sync", 8000)
	s.Disk.JitterNs = us("disk jitter", 4000)
	s.Clock.WallSpreadNs = drawMs(t, "spread", 0, 10_000)
	s.Clock.DriftPPM = rapid.Int64Range(0, 500).Draw(t, "drift ppm")
	e := &s.Engine
	e.MaxBatchBytes = 16 << 10
	e.JournalFileBytes = rapid.SampledFrom([]int64{256 << 10, 64 << 10}).Draw(t, "journal file")
	e.JournalSpares = rapid.IntRange(0, 2).Draw(t, "spares")
	e.SegmentBytes = rapid.SampledFrom([]int64{64 << 10, 16 << 10, 4 << 10}).Draw(t, "segment")
	e.IndexIntervalBytes = rapid.SampledFrom([]int64{4 << 10, 256}).Draw(t, "index")
	e.CheckpointBytes = rapid.SampledFrom([]int64{64 << 10, 4 << 10}).Draw(t, "checkpoint")
	e.LogTailBytes = rapid.SampledFrom([]int{256 << 10, 1 << 10}).Draw(t, "tail")
	e.TurnNs = us("turn", 3000)
	e.RestartNs = drawMs(t, "restart", 100, 2000)
}

func drawLoad(t *rapid.T, w *cluster.WorkloadSpec) {
	w.Clients = rapid.IntRange(1, 8).Draw(t, "clients")
	w.ProducesPerMinute = rapid.SampledFrom([]int64{300, 1200, 3000}).Draw(t, "produces")
	w.FetchesPerMinute = rapid.SampledFrom([]int64{0, 600, 3000}).Draw(t, "fetches")
	w.ListsPerMinute = rapid.SampledFrom([]int64{0, 120, 600}).Draw(t, "lists")
	w.LinearizablePPM = rapid.SampledFrom([]uint64{1_000_000, 300_000, 0}).Draw(t, "linearizable")
	w.ValueBytes = rapid.SampledFrom([]int{16, 100, 700}).Draw(t, "value")
	w.MaxRecords = rapid.IntRange(1, 3).Draw(t, "records")
	w.RetryUnknown = rapid.Bool().Draw(t, "retry")
}

// check is rapid.Check with another number of checks where nobody asks for one:
// a run costs a little.
func check(t *testing.T, checks int, property func(*rapid.T)) {
	const name = "rapid.checks"
	asked := os.Getenv("RAPID_CHECKS") != ""
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == name })
	if !asked {
		setting := flag.Lookup(name).Value // of which flag.Set would say that somebody asked
		before := setting.String()
		set := func(v string) {
			if err := setting.Set(v); err != nil {
				t.Fatal(err)
			}
		}
		set(strconv.Itoa(checks))
		defer set(before)
	}
	rapid.Check(t, property)
}

func run(t *rapid.T, s cluster.Schedule, o cluster.Options) *cluster.Result {
	r, err := cluster.Run(s, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.JSON())
	}
	return r
}

// TestDrawnSchedulesPass: whatever is drawn, every oracle agrees, the cluster
// comes to rest, and a second run is the same run.
func TestDrawnSchedulesPass(t *testing.T) {
	check(t, 100, func(t *rapid.T) {
		s := schedules(0).Draw(t, "schedule")
		r := run(t, s, cluster.Options{})
		if !r.Passed {
			var found strings.Builder
			for _, v := range r.Violations {
				fmt.Fprintf(&found, "at %v: %v\n", time.Duration(v.AtNs), v)
			}
			t.Fatalf("%s%s", &found, s.JSON())
		}
		if again := run(t, s, cluster.Options{}); again.Hash != r.Hash {
			t.Fatalf("hash %016x, then %016x\n%s", r.Hash, again.Hash, s.JSON())
		}
	})
}

// TestDrawnFaultsLeaveThePastAlone: without any one of its faults a schedule
// does the same, event by event, up to where that fault was due.
func TestDrawnFaultsLeaveThePastAlone(t *testing.T) {
	var with, without []sim.Event
	check(t, 100, func(t *rapid.T) {
		s := schedules(1).Draw(t, "schedule")
		gone := rapid.IntRange(0, len(s.Faults)-1).Draw(t, "gone")
		at := s.Faults[gone].AtNs
		s.DurationNs = at + int64(2*time.Second) // which counts from the boot on
		trace := func(s cluster.Schedule, events []sim.Event) ([]sim.Event, *cluster.Result) {
			r := run(t, s, cluster.Options{
				WithoutPorcupine: true,
				Sink:             func(e sim.Event) { events = append(events, e) },
			})
			return events, r
		}
		var r *cluster.Result
		with, r = trace(s, with[:0])
		fewer := s
		fewer.Faults = slices.Delete(slices.Clone(s.Faults), gone, gone+1)
		without, _ = trace(fewer, without[:0])
		for i, e := range with {
			if e.At >= r.LoadedNs+at {
				break
			}
			if i >= len(without) || without[i] != e {
				t.Fatalf("without fault %d event %d, at %v, is another\n%s", gone, i, time.Duration(e.At), s.JSON())
			}
		}
	})
}

// TestDrawnSchedulesAreTheirText: a schedule survives being written and read.
func TestDrawnSchedulesAreTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(0).Draw(t, "schedule")
		read, err := cluster.ParseSchedule(s.JSON())
		if err != nil {
			t.Fatalf("%v\n%s", err, s.JSON())
		}
		if !reflect.DeepEqual(read, s) {
			t.Fatalf("read as %+v, written as %+v", read, s)
		}
	})
}
