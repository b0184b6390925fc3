package explore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// scripted makes the test binary a worker that behaves as its seeds say.
const scripted = "EXPLORE_TEST_WORKER"

func TestMain(m *testing.M) {
	if script := os.Getenv(scripted); script != "" {
		scriptedWorker(script)
		return
	}
	m.Run()
}

func scriptedWorker(script string) {
	if script == "mute" {
		fmt.Fprintln(os.Stderr, "panic: no such command")
		return
	}
	say := func(v any) {
		if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
			panic(err)
		}
	}
	say(greeting{workerVersion})
	in := json.NewDecoder(os.Stdin)
	for {
		var req request
		if in.Decode(&req) != nil {
			return
		}
		o := passed(req.Seed)
		o.Scenario = req.Scenario
		switch {
		case req.Schedule != nil:
			o = scriptedRun(req.Schedule)
		case req.Scenario == "good":
		case req.Scenario == "gated":
			for req.Seed == 2 && !exists(script) {
				time.Sleep(time.Millisecond) //nolint:forbidigo // another process opens the gate
			}
		case req.Seed == 3:
			panic("seed three")
		case req.Seed == 4:
			debug.SetMaxStack(1 << 20)
			o.Events = uint64(descend(0))
		case req.Seed == 5:
			hang()
		case req.Seed == 6:
			hog := make([]byte, 200<<20)
			for i := range hog {
				hog[i] = 1
			}
			hang()
			hog[0]++
		case req.Seed == 7:
			fmt.Println("this is no answer")
			hang()
		case req.Seed == 8:
			o = failing(8)
		case req.Seed == 9:
			o = failing(9)
			o.Hash = Hash(time.Now().UnixNano())
		}
		say(reply{Outcome: o, ElectionNs: []int64{1e9}, PeakBytes: 1 << 20})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func hang() { time.Sleep(time.Hour) } //nolint:forbidigo // a worker that hangs is the point

// descend overflows the stack.
func descend(depth int) int {
	if depth < 0 {
		return 0
	}
	return descend(depth+1) + 1
}

func scriptedCommand(script string) func() (*exec.Cmd, error) {
	return func() (*exec.Cmd, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), scripted+"="+script)
		return cmd, nil
	}
}

func scriptedSweep(t *testing.T, to uint64, names ...string) *Sweep {
	dir := t.TempDir()
	registry := &Registry{}
	for _, name := range names {
		registry.Scenarios = append(registry.Scenarios, scenarios.Scenario{Name: name, Schedule: cluster.Defaults})
	}
	return &Sweep{
		Registry: registry, Scenarios: names, From: 1, To: to,
		Pool:       Pool{Command: scriptedCommand("yes"), Workers: 3, Budget: Budget{Wall: 5 * time.Second, MemoryBytes: 150 << 20}},
		ReportPath: filepath.Join(dir, "report.json"), Artefacts: filepath.Join(dir, "artefacts"), Keep: 10,
	}
}

func TestSweepContainsWhatKillsWorkers(t *testing.T) {
	s := scriptedSweep(t, 12, "bad")
	r, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Seeds != 12 || r.Passed != 5 || r.Failed != 7 || !r.Complete {
		t.Errorf("%d seeds, %d passed, %d failed, complete %v", r.Seeds, r.Passed, r.Failed, r.Complete)
	}
	want := []struct {
		seed            uint64
		oracle, message string
	}{
		{3, Crash, "the worker died: panic: seed three"},
		{4, Crash, "the worker died: fatal error: stack overflow"},
		{5, Hang, "no result after 5s"},
		{6, Memory, "the worker held more than its budget of 150 MiB"},
		{7, Crash, "the worker died: signal: killed"},
		{8, "lost-write", "value <a> & \"b\""},
		{9, Nondeterminism, ""},
	}
	for i, w := range want {
		f := r.Failures[i]
		if f.Seed != w.seed || f.Oracle != w.oracle || w.message != "" && f.Message != w.message {
			t.Errorf("failure %d is %+v, want %+v", i, f, w)
		}
		b, err := os.ReadFile(f.Schedule)
		if f.Seed < 8 && err != nil { // the scripted worker records nothing
			t.Errorf("seed %d: %v", f.Seed, err)
		}
		if _, bad := cluster.ParseSchedule(b); err == nil && bad != nil {
			t.Errorf("seed %d: the kept schedule is unreadable: %v", f.Seed, bad)
		}
	}
	words, err := os.ReadFile(filepath.Join(r.Failures[0].Artefacts, "report.txt"))
	if err != nil || !strings.Contains(string(words), "panic: seed three") || !strings.Contains(string(words), "goroutine ") {
		t.Errorf("the kept report lacks the worker's stack: %v\n%s", err, words)
	}
}

func TestSweepResumes(t *testing.T) {
	s := scriptedSweep(t, 40, "good", "bad")
	s.To, s.MaxFailures = 3, 1 // seed 3 of "bad" ends it
	first, err := s.Run(t.Context())
	if err != nil || first.Failed != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	b, err := os.ReadFile(s.ReportPath)
	if err != nil {
		t.Fatal(err)
	}
	again := scriptedSweep(t, 3, "good", "bad")
	if again.Resume, err = ParseReport(b); err != nil {
		t.Fatal(err)
	}
	ran := 0
	again.Progress = func(*Report) { ran++ }
	second, err := again.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second.Seeds != 6 || second.Failed != 1 || !second.Complete || ran != 6-int(second.Done.count()-uint64(ran)) {
		t.Errorf("after resuming: %d of %d done, %d failed, %d run now", second.Seeds, second.Total(), second.Failed, ran)
	}
	whole := scriptedSweep(t, 3, "good", "bad")
	all, err := whole.Run(t.Context())
	if err != nil || all.Hashes != second.Hashes || all.Ops != second.Ops {
		t.Errorf("in one go %v %+v, resumed %v %+v (%v)", all.Hashes, all.Ops, second.Hashes, second.Ops, err)
	}
}

// Workers take jobs one by one: while one is at a long seed, the others do all
// the rest. The gate of seed 2 opens when everything else is done.
func TestALongSeedHoldsUpNoOther(t *testing.T) {
	s := scriptedSweep(t, 300, "gated")
	gate := filepath.Join(t.TempDir(), "gate")
	s.Pool.Command, s.Pool.Workers, s.Pool.Budget.Wall = scriptedCommand(gate), 2, time.Minute
	s.Progress = func(r *Report) {
		if r.Seeds < 299 {
			return
		}
		if r.Seeds == 299 && r.Done.has(1) {
			t.Error("seed 2 ended before its gate was open")
		}
		if err := os.WriteFile(gate, nil, 0o600); err != nil {
			t.Error(err)
		}
	}
	r, err := s.Run(t.Context())
	if err != nil || r.Seeds != 300 || r.Failed != 0 {
		t.Errorf("%d seeds, %d failed, %v", r.Seeds, r.Failed, err)
	}
}

func TestSweepStopsWhenAsked(t *testing.T) {
	s := scriptedSweep(t, 1_000_000, "good")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.Progress = func(r *Report) {
		if r.Seeds == 50 {
			cancel()
		}
	}
	r, err := s.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Complete || r.Seeds != 50 || r.Failed != 0 {
		t.Errorf("%d seeds, %d failed, complete %v; want 50 good ones", r.Seeds, r.Failed, r.Complete)
	}
	b, err := os.ReadFile(s.ReportPath)
	if err != nil {
		t.Fatal(err)
	}
	if saved, err := ParseReport(b); err != nil || saved.Seeds != 50 {
		t.Errorf("the saved report: %+v, %v", saved, err)
	}
}

func TestAPoolThatCannotStartBlamesNoSeed(t *testing.T) {
	s := scriptedSweep(t, 5, "good")
	s.Pool.Command = scriptedCommand("mute")
	r, err := s.Run(t.Context())
	if !errors.Is(err, ErrWorker) || !strings.Contains(err.Error(), "no such command") {
		t.Errorf("got %v, want ErrWorker with the worker's words", err)
	}
	if r.Failed != 0 {
		t.Errorf("%d failures were blamed on seeds", r.Failed)
	}
}

func TestAHuntFindsTheLowestSeed(t *testing.T) {
	c := &Catch{Oracle: "lost-write", Fired: map[string]int{}}
	for _, f := range []finished{
		{job: Job{"x", 9}, out: failing(9)},
		{job: Job{"x", 2}, out: died(Job{"x", 2}, Crash, "died")},
		{job: Job{"x", 8}, out: failing(8)},
		{job: Job{"x", 1}, out: passed(1)},
	} {
		c.add(f)
	}
	if !c.Found || c.Seed != 8 || c.Seeds != 4 || c.Fired["lost-write"] != 2 || c.Fired[Crash] != 1 {
		t.Errorf("got %+v", c)
	}
}

func TestMutantsAreBuiltBesideTheTree(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const source = "package main\n\nfunc main() { println(\"good\") }\n"
	write("go.mod", "module example.com/m\n\ngo 1.26\n")
	write("main.go", source)
	mutant, err := ParseMutant([]byte("# id: X1\n# about: a\n# oracle: o\n# scenario: s\n" +
		"--- a/main.go\n+++ b/main.go\n@@ -3 +3 @@\n-func main() { println(\"good\") }\n+func main() { println(\"bad\") }\n"))
	if err != nil {
		t.Fatal(err)
	}
	module := &Module{Dir: dir, Main: "example.com/m"}
	binary, err := module.Build(t.Context(), &mutant, t.TempDir(), "x")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary).CombinedOutput()
	if err != nil || string(out) != "bad\n" {
		t.Errorf("the mutant printed %q, %v", out, err)
	}
	kept := filepath.Join(t.TempDir(), "new", "X1")
	if err := keepBinary(binary, kept); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(kept).CombinedOutput(); err != nil || string(out) != "bad\n" {
		t.Errorf("the mutant that was kept printed %q, %v", out, err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "main.go")); string(b) != source {
		t.Errorf("the tree was touched: %s", b)
	}
	mutant.files[0].hunks[0].new = []string{"func main() { nonsense() }\n"}
	if _, err := module.Build(t.Context(), &mutant, t.TempDir(), "x"); !errors.Is(err, ErrMutant) || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a mutant that does not compile: got %v", err)
	}
}

func TestFilesAreWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	broken := errors.New("broken")
	err := WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	})
	entries, _ := os.ReadDir(dir)
	if !errors.Is(err, broken) || len(entries) != 0 {
		t.Errorf("after %v the folder holds %v", err, entries)
	}
	if err := WriteBytes(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	entries, _ = os.ReadDir(dir)
	if b, _ := os.ReadFile(path); string(b) != "whole" || len(entries) != 1 {
		t.Errorf("%q in %v", b, entries)
	}
}

// What stands at a path and is no plain file is not replaced by one.
func TestLinksAndPipesStay(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, link := range [][2]string{{"far/file", "link"}, {"link", "twice"}, {"self", "self"}} {
		if err := os.Symlink(link[0], path(link[1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"first", "again"} { // the file is not there, then it is
		if err := WriteBytes(path("twice"), []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path("far/file")); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	for _, link := range []string{"link", "twice"} {
		if there, err := os.Lstat(path(link)); err != nil || there.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
	}
	if err := WriteBytes(path("self"), nil); err == nil {
		t.Error("a link to itself was written")
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path("pipe"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if err := WriteBytes(path("pipe"), []byte("through")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len("through"))
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != "through" {
		t.Errorf("the pipe gave %q, %v", got, err)
	}
	if there, err := os.Lstat(path("pipe")); err != nil || there.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("it is no pipe any more: %v", err)
	}
}

func TestTailKeepsBothEnds(t *testing.T) {
	var got tail
	for _, text := range []string{"panic: first\n", strings.Repeat("x", 100_000), strings.Repeat("y", 1000), "last"} {
		if n, err := got.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("wrote %d of %d bytes, %v", n, len(text), err)
		}
	}
	s := got.String()
	if !strings.HasPrefix(s, "panic: first\n") || !strings.HasSuffix(s, "last") || len(s) > 2*tailBytes {
		t.Errorf("%d bytes, from %q to %q", len(s), s[:20], s[len(s)-10:])
	}
}

func TestScenariosAreLookedUp(t *testing.T) {
	r := &Registry{Scenarios: []scenarios.Scenario{{Name: "first"}, {Name: "second"}}}
	for name, want := range map[string]string{"": "first", "first": "first", "second": "second"} {
		if s, err := r.Lookup(name); err != nil || s.Name != want {
			t.Errorf("%q: got %q, %v", name, s.Name, err)
		}
	}
	if _, err := r.Lookup("third"); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), "first, second") {
		t.Errorf("got %v, want ErrScenario naming the known ones", err)
	}
	if !slices.Equal(r.Names(), []string{"first", "second"}) {
		t.Errorf("names %q", r.Names())
	}
}
