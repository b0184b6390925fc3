package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// binary is the built command; the tests of exit codes run it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sim-cli-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "sim")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/sim").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("building cmd/sim: %v\n%s", err, out))
	}
	m.Run()
}

// result of one run of the binary.
type result struct {
	code        int
	out, errors string
}

// run runs the binary in its own empty folder.
func run(t *testing.T, dir string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// healthy is a short run without faults.
func healthy(seed uint64) cluster.Schedule {
	s := cluster.Defaults(seed)
	s.DurationNs = int64(5 * time.Second)
	return s
}

func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func lastLines(s string, n int) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return lines[max(len(lines)-n, 0):]
}

func TestRunTellsAndPasses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", healthy(5).JSON())
	r := run(t, dir, "run", "--schedule", "s.json")
	if r.code != cli.Passed || r.errors != "" {
		t.Fatalf("code %d, stderr %q\n%s", r.code, r.errors, r.out)
	}
	if last := lastLines(r.out, 1)[0]; !strings.HasPrefix(last, "PASS seed=5 hash=") || len(last) != len("PASS seed=5 hash=")+16 {
		t.Errorf("last line %q", last)
	}
	for _, section := range []string{"Cluster\n", "Timeline (", "What happened\n", "Counters, ", "Oracles\n"} {
		if !strings.Contains(r.out, "\n"+section) && !strings.HasPrefix(r.out, section) {
			t.Errorf("no section %q in\n%s", section, r.out)
		}
	}
}

func TestRunJSON(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", healthy(5).JSON())
	r := run(t, dir, "run", "--schedule", "s.json", "--json")
	if r.code != cli.Passed {
		t.Fatalf("code %d: %s", r.code, r.errors)
	}
	var got map[string]any
	d := json.NewDecoder(strings.NewReader(r.out))
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Error("something follows the object")
	}
	for _, field := range []string{"seed", "scenario", "hash", "passed", "violations", "virtualNs", "wallNs", "events", "ops", "faults", "metrics"} {
		if _, there := got[field]; !there {
			t.Errorf("no field %q", field)
		}
	}
	metrics := got["metrics"].(map[string]any)
	if failover, there := metrics["failoverMs"]; !there || failover != nil {
		t.Errorf("failoverMs is %v without a fault, want null", failover)
	}
	if loss := metrics["dataLoss"]; loss != 0.0 {
		t.Errorf("dataLoss %v", loss)
	}
	if v, ok := got["violations"].([]any); !ok || len(v) != 0 {
		t.Errorf("violations %v, want an empty list", got["violations"])
	}
	if ok := got["ops"].(map[string]any)["ok"]; ok.(float64) < 10 {
		t.Errorf("%v operations succeeded", ok)
	}
}

func TestAFailingRunSaysHowToReproduceIt(t *testing.T) {
	dir := t.TempDir()
	s := healthy(5)
	s.HealNs = 1 // nothing comes to rest so soon
	write(t, dir, "s.json", s.JSON())
	r := run(t, dir, "run", "--schedule", "s.json")
	if r.code != cli.Violated {
		t.Fatalf("code %d: %s%s", r.code, r.out, r.errors)
	}
	last := lastLines(r.out, 2)
	if last[0] != "FAIL seed=5 oracle="+checker.Convergence {
		t.Errorf("verdict %q", last[0])
	}
	words := strings.Fields(last[1])
	if again := run(t, dir, words[1:]...); words[0] != binary || again.code != cli.Violated || lastLines(again.out, 2)[0] != last[0] {
		t.Errorf("the command %q gave code %d", last[1], again.code)
	}
}

func TestNothingProven(t *testing.T) {
	dir := t.TempDir()
	s := healthy(5)
	s.Workload.Clients = 0
	write(t, dir, "s.json", s.JSON())
	if r := run(t, dir, "run", "--schedule", "s.json"); r.code != cli.NothingProven {
		t.Errorf("code %d, want %d: %s", r.code, cli.NothingProven, lastLines(r.out, 2))
	}
	if r := run(t, dir, "run", "--schedule", "s.json", "--bisect"); r.code != 125 {
		t.Errorf("code %d with --bisect, want 125", r.code)
	}
}

func TestTheSameScheduleGivesTheSameRun(t *testing.T) {
	dir := t.TempDir()
	first := run(t, dir, "run", "--seed", "3", "--scenario", "leader-election", "--schedule-out", "s.json", "--repeat", "2")
	second := run(t, dir, "run", "--schedule", "s.json")
	if a, b := lastLines(first.out, 1), lastLines(second.out, 1); first.code != cli.Passed || second.code != cli.Passed || a[0] != b[0] {
		t.Errorf("code %d, %q; then code %d, %q", first.code, a, second.code, b)
	}
}

func TestReplay(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", healthy(5).JSON())
	if r := run(t, dir, "run", "--schedule", "s.json", "--trace", "t.bin"); r.code != cli.Passed {
		t.Fatalf("code %d: %s", r.code, r.errors)
	}
	if r := run(t, dir, "replay", "t.bin"); r.code != cli.Passed || !strings.Contains(r.out, "all equal") {
		t.Errorf("code %d: %s%s", r.code, r.out, r.errors)
	}
	changeEvent(t, filepath.Join(dir, "t.bin"), filepath.Join(dir, "changed.bin"), 100)
	r := run(t, dir, "replay", "changed.bin")
	if strings.Contains(r.out, "another build") {
		t.Errorf("this build is taken for another:\n%s", r.out)
	}
	header := func(h []byte) []byte { return bytes.Replace(h, []byte(`"build":"`), []byte(`"build":"0`), 1) }
	copyTrace(t, filepath.Join(dir, "changed.bin"), filepath.Join(dir, "other.bin"), header, func(*sim.Event) {})
	if other := run(t, dir, "replay", "other.bin"); other.code != cli.Nondeterministic || !strings.Contains(other.out, "another build") {
		t.Errorf("another build's trace: code %d: %s", other.code, other.out)
	}
	if r.code != cli.Nondeterministic {
		t.Fatalf("a changed trace: code %d: %s", r.code, r.out)
	}
	if !strings.Contains(r.out, "\nrecorded  #100 ") || !strings.Contains(r.out, "\nreplayed  #100 ") {
		t.Errorf("both sides are not shown:\n%s", r.out)
	}
}

// changeEvent copies a trace with another digest in one event.
func changeEvent(t *testing.T, from, to string, number uint64) {
	t.Helper()
	same := func(h []byte) []byte { return h }
	copyTrace(t, from, to, same, func(e *sim.Event) {
		if e.Seq == number {
			e.Sum++
		}
	})
}

// copyTrace copies a trace through edits of its header and events.
func copyTrace(t *testing.T, from, to string, header func([]byte) []byte, edit func(*sim.Event)) {
	t.Helper()
	r, err := sim.NewTraceReader(bytes.NewReader(read(t, from)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := sim.NewTraceWriter(&b, header(r.Header()))
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		edit(&e)
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(r.Hash()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", healthy(5).JSON())
	if r := run(t, dir, "run", "--schedule", "s.json", "--history", "h.jsonl"); r.code != cli.Passed {
		t.Fatalf("code %d: %s", r.code, r.errors)
	}
	if r := run(t, dir, "check", "h.jsonl"); r.code != cli.Passed || lastLines(r.out, 1)[0] != "PASS history=h.jsonl" {
		t.Errorf("code %d: %s%s", r.code, r.out, r.errors)
	}
	if r := run(t, dir, "check", "h.jsonl", "--json"); !strings.Contains(r.out, `"violations": []`) {
		t.Errorf("no empty list of violations in %s", r.out)
	}
	h, err := checker.ReadHistory(bytes.NewReader(read(t, filepath.Join(dir, "h.jsonl"))))
	if err != nil {
		t.Fatal(err)
	}
	h.Logs[0].Records = h.Logs[0].Records[:len(h.Logs[0].Records)-1]
	var lost bytes.Buffer
	if err := checker.WriteHistory(&lost, h); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "lost.jsonl", lost.Bytes())
	r := run(t, dir, "check", "lost.jsonl", "--json")
	var got struct {
		Passed bool `json:"passed"`
		Report checker.Report
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if v, _ := got.Report.Verdict(checker.LostWrite); r.code != cli.Violated || got.Passed || v.Violations == 0 {
		t.Errorf("a lost record: code %d, %+v", r.code, got.Report.Verdicts)
	}
}

func TestSweepOfTheBinary(t *testing.T) {
	dir := t.TempDir()
	args := func(seeds string, more ...string) []string {
		return append([]string{"sweep", "--seeds", seeds, "--scenario", "leader-election", "--report", "out/r.json"}, more...)
	}
	r := run(t, dir, args("1..4", "--junit", "out/j.xml")...)
	if r.code != cli.Passed || !strings.HasPrefix(lastLines(r.out, 1)[0], "PASS seeds=1..4 runs=4 ") {
		t.Fatalf("code %d: %q %s", r.code, lastLines(r.out, 3), r.errors)
	}
	if junit := read(t, filepath.Join(dir, "out/j.xml")); !bytes.Contains(junit, []byte(`tests="4" failures="0"`)) {
		t.Errorf("JUnit: %s", junit)
	}
	if r = run(t, dir, args("1..6", "--resume", "--workers", "1", "--json")...); r.code != cli.Passed {
		t.Fatalf("resumed: code %d: %s", r.code, r.errors)
	}
	resumed := read(t, filepath.Join(dir, "out/r.json"))
	if string(resumed) != r.out {
		t.Error("--json printed another report than was saved")
	}
	whole := run(t, dir, args("1..6")...)
	a, err := explore.ParseReport(resumed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := explore.ParseReport(read(t, filepath.Join(dir, "out/r.json")))
	if err != nil || whole.code != cli.Passed {
		t.Fatalf("code %d, %v", whole.code, err)
	}
	if a.Seeds != 6 || a.Hashes != b.Hashes || a.Ops != b.Ops || a.Events != b.Events {
		t.Errorf("resumed %d seeds %v, in one go %d seeds %v", a.Seeds, a.Hashes, b.Seeds, b.Hashes)
	}
}

func TestSweepStopsOnInterrupt(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, "sweep", "--seeds", "1..1000000", "--scenario", "leader-election", "--report", "r.json", "--workers", "1")
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var report *explore.Report
	for range time.Tick(20 * time.Millisecond) { // it is saved every two seconds
		b, err := os.ReadFile(filepath.Join(dir, "r.json"))
		if err != nil {
			continue
		}
		if report, err = explore.ParseReport(b); err != nil {
			t.Fatalf("a report that was saved on the way: %v", err)
		}
		if report.Seeds > 0 {
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code says how it ended
	if code := cmd.ProcessState.ExitCode(); code != cli.Interrupted {
		t.Errorf("code %d, want %d", code, cli.Interrupted)
	}
	last, err := explore.ParseReport(read(t, filepath.Join(dir, "r.json")))
	if err != nil || last.Seeds < report.Seeds || last.Complete || last.Failed != 0 {
		t.Errorf("the last report: %v; %d seeds after %d, %d failed, complete %v", err, last.Seeds, report.Seeds, last.Failed, last.Complete)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", healthy(5).JSON())
	if r := run(t, dir, "run", "--schedule", "s.json", "--trace", "t.bin", "--history", "h.jsonl"); r.code != cli.Passed {
		t.Fatalf("code %d: %s", r.code, r.errors)
	}
	for _, name := range []string{"s.json", "t.bin", "h.jsonl"} {
		b := read(t, filepath.Join(dir, name))
		write(t, dir, "cut-"+name, b[:len(b)*2/3])
		write(t, dir, "head-"+name, b[:10])
		write(t, dir, "empty-"+name, nil)
	}
	write(t, dir, "field.json", bytes.Replace(healthy(5).JSON(), []byte(`"nodes"`), []byte(`"noodles"`), 1))
	write(t, dir, "value.json", bytes.Replace(healthy(5).JSON(), []byte(`"nodes": 3`), []byte(`"nodes": 300`), 1))
	write(t, dir, "report.json", []byte(`{"version":1,"seeds":9}`))
	tests := []struct{ args, says string }{
		{"run", "--seed"},
		{"run --seed x", "--seed \"x\": give a whole number from 0"},
		{"run --seed -4", "--seed \"-4\": give a whole number from 0"},
		{"run --seed 1 --repeat x", "--repeat \"x\": give a whole number"},
		{"sweep --seeds 1 --seed-timeout x", "give a time as 90s"},
		{"run --seed 1 more", "takes no argument"},
		{"run --seed 1 --scenario nonsense", "mixed, "},
		{"run --seed 1 --repeat 0", "--repeat 0"},
		{"run --seed 1 --nonsense", "unknown flag"},
		{"run --schedule none.json", "none.json: no such file; sim run --seed N --schedule-out"},
		{"run --schedule cut-s.json", "cut-s.json: "},
		{"run --schedule empty-s.json", "empty-s.json: "},
		{"run --schedule field.json", `unknown field "noodles"`},
		{"run --schedule value.json", "nodes: 300"},
		{"run --schedule s.json --scenario mixed", "leave one of the two out"},
		{"run --seed 1 --trace s.json/t.bin", "s.json"},
		{"run --seed 1 --schedule-out s.json/t.bin", "s.json"},
		{"sweep", "--seeds A..B"},
		{"sweep --seeds 5..", "no range of seeds"},
		{"sweep --seeds 1..x", "no range of seeds"},
		{"sweep --seeds -1..5", "no range of seeds"},
		{"sweep --seeds 9..5", "write 5..9"},
		{"sweep --seeds 0..18446744073709551615", "more than"},
		{"sweep --seeds 1..2 --scenario nonsense", "mixed, "},
		{"sweep --seeds 1..2 --shard 2/2", "--shard \"2/2\": give I/N"},
		{"sweep --seeds 1..2 --shard x", "give I/N"},
		{"sweep --seeds 1..2 --shard 0/0", "give I/N"},
		{"sweep --seeds 1..2 --shard 0/5", "no seed of shard 0/5"},
		{"sweep --seeds 1..2 --shard-count 5", "JOB_COMPLETION_INDEX is not set"},
		{"sweep --seeds 1..2 --audit 2", "--audit \"2\": give a share"},
		{"sweep --seeds 1..2 --audit 101%", "give a share"},
		{"sweep --seeds 1..2 --audit NaN%", "give a share"},
		{"sweep --time -1s", "--time -1s"},
		{"sweep --time x", "give a time as 90s"},
		{"sweep --seeds 1..2 --workers 0", "--workers 0"},
		{"sweep --seeds 1..2 --resume", "--report FILE"},
		{"sweep --seeds 1..2 --resume --report report.json", "report.json: "},
		{"sweep --seeds 1..2 --resume --report cut-s.json", "cut-s.json: "},
		{"sweep --seeds 1..2 --report s.json/r.json", "s.json"},
		{"sweep --seeds 1..2 --report s.json", "no report of a sweep"},
		{"sweep --seeds 1..2 --report h.jsonl", "no report of a sweep"},
		{"merge", "takes the reports"},
		{"merge none.json", "none.json: no such file; sim sweep --report"},
		{"merge cut-s.json", "cut-s.json: "},
		{"merge report.json", "report.json: "},
		{"replay", "takes one argument"},
		{"replay none.bin", "none.bin: no such file; sim run --seed N --trace"},
		{"replay cut-t.bin", "truncated"},
		{"replay head-t.bin", "truncated"},
		{"replay empty-t.bin", "truncated"},
		{"replay s.json", "not a trace"},
		{"check", "takes one argument"},
		{"check none.jsonl", "none.jsonl: no such file; sim run --seed N --history"},
		{"check cut-h.jsonl", "cut-h.jsonl: "},
		{"check head-h.jsonl", "head-h.jsonl: "},
		{"check empty-h.jsonl", "empty-h.jsonl: "},
		{"check t.bin", "t.bin: "},
		{"mutants", "inside the module"},
		{"mutants --budget 0", "--budget 0"},
		{"bench R99", "known: R1"},
		{"bench --seeds 0", "--seeds 0"},
		{"nonsense", "unknown command"},
	}
	before := read(t, filepath.Join(dir, "report.json"))
	for _, test := range tests {
		r := run(t, dir, strings.Fields(test.args)...)
		if r.code != cli.BadInput || r.out != "" || !strings.Contains(r.errors, test.says) || strings.Count(r.errors, "\n") != 1 {
			t.Errorf("sim %s: code %d, stdout %q, stderr %q; want code 2 and one line that says %q", test.args, r.code, r.out, r.errors, test.says)
		}
	}
	if !bytes.Equal(before, read(t, filepath.Join(dir, "report.json"))) {
		t.Error("a report that could not be resumed was written over")
	}
}

func TestHelpAndCompletion(t *testing.T) {
	dir := t.TempDir()
	for args, says := range map[string]string{
		"":                            "sweep",
		"--help":                      "Exit codes",
		"run --help":                  "--schedule-out",
		"completion bash":             "complete",
		"__complete run --scenario ":  "leader-election",
		"__complete sweep --scenario": "leader-election",
		"list":                        "mixed",
		"list ":                       "\n  nothing-proven ",
		"list --json":                 `"crash"`,
	} {
		words := strings.Fields(args)
		if strings.HasSuffix(args, "--scenario") || strings.HasSuffix(args, "--scenario ") {
			words = append(words, "")
		}
		r := run(t, dir, words...)
		if r.code != cli.Passed || !strings.Contains(r.out, says) {
			t.Errorf("sim %s: code %d, no %q in %s%s", args, r.code, says, r.out, r.errors)
		}
		if strings.Contains(r.out, "Serve runs to a sweep") {
			t.Errorf("sim %s shows the worker command", args)
		}
	}
}

// A user's own main: his scenarios, his workload.
func TestAUsersOwnRegistry(t *testing.T) {
	mine := scenarios.Scenario{Name: "mine", About: "my own", Schedule: healthy}
	always := func(*cluster.Result) []checker.Violation {
		return []checker.Violation{{Oracle: "mine", Message: "always"}}
	}
	tests := map[string]struct {
		registry explore.Registry
		code     int
		says     string
	}{
		"his scenario": {explore.Registry{Scenarios: []scenarios.Scenario{mine}}, cli.Passed, "PASS seed=5"},
		"his check": {explore.Registry{Scenarios: []scenarios.Scenario{{Name: "mine", Schedule: func(seed uint64) cluster.Schedule {
			s := healthy(seed)
			s.Scenario = "mine"
			return s
		}, Check: always}}}, cli.Violated, "FAIL seed=5 oracle=mine\n"},
		"his workload panics": {explore.Registry{Scenarios: []scenarios.Scenario{mine}, Options: cluster.Options{
			NewWorkload: func(cluster.World) cluster.Workload { panic("my own fault") },
		}}, cli.Violated, "panic: my own fault"},
	}
	for name, test := range tests {
		var out, errs bytes.Buffer
		code := cli.Run(t.Context(), test.registry, []string{"run", "--seed", "5"}, nil, &out, &errs)
		if code != test.code || !strings.Contains(out.String(), test.says) {
			t.Errorf("%s: code %d, no %q in\n%s%s", name, code, test.says, out.String(), errs.String())
		}
	}
}
