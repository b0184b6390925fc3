package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// The text: numbered lines, sent in batches, one in flight. Plain go test sends
// a short one.
const (
	shortText  = 5_000
	wholeText  = 100_000 // with LOCKSTEP_E2E=1
	batchLines = 100
)

func textLine(i int) string {
	return fmt.Sprintf("%06d The quick brown fox jumps over the lazy dog.", i)
}

func status(server string) (adapter.Status, error) {
	code, out, errs := execute("", "status", "--json", "--server", server)
	if code != 0 {
		return adapter.Status{}, errors.New(errs)
	}
	var s adapter.Status
	err := json.Unmarshal([]byte(out), &s)
	return s, err
}

// liveNode is one serve process.
type liveNode struct {
	id      env.NodeID
	file    string
	data    string
	address string
	cmd     *exec.Cmd
}

func (n *liveNode) start(t *testing.T) {
	t.Helper()
	n.cmd = process(t, "serve", "--config", n.file)
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
}

// stop ends it cleanly.
func (n *liveNode) stop(t *testing.T) {
	t.Helper()
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait()
}

// kill sends SIGKILL and waits for the end.
func (n *liveNode) kill() {
	if n.cmd.ProcessState == nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
	}
}

// cluster formats and starts three processes with a topic "text". tune may be
// nil.
func cluster(t *testing.T, tune func(*adapter.Config)) []*liveNode {
	t.Helper()
	var members []adapter.NodeConfig
	for id := range uint64(3) {
		members = append(members, adapter.NodeConfig{ID: id + 1, Address: fmt.Sprintf("127.0.0.1:%d", freePort(t))})
	}
	dir := t.TempDir()
	var nodes []*liveNode
	for _, m := range members {
		c := adapter.Config{
			Cluster: 7, Node: m.ID, Data: fmt.Sprintf("node-%d", m.ID), Nodes: members,
			Topics: []adapter.TopicConfig{{Name: "text"}},
			Tuning: adapter.TuningConfig{JournalFileBytes: 8 << 20, SegmentBytes: 1 << 20, CheckpointBytes: 1 << 20},
		}
		if tune != nil {
			tune(&c)
		}
		b, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		n := &liveNode{id: env.NodeID(m.ID), file: filepath.Join(dir, fmt.Sprintf("node-%d.yaml", m.ID)), address: m.Address, data: filepath.Join(dir, c.Data)}
		if filepath.IsAbs(c.Data) {
			n.data = c.Data
		}
		if err := os.WriteFile(n.file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := execute("", "format", "--config", n.file); code != 0 {
			t.Fatal(errs)
		}
		n.start(t)
		nodes = append(nodes, n)
	}
	return nodes
}

// text is a client that sends numbered lines, and what it knows of them.
type text struct {
	t        *testing.T
	lines    int
	recorder *recorder
	unknown  map[int]bool // batches with an attempt of unknown outcome, by first line
}

// produce sends the lines from first on, and gives the node that acknowledged.
func (x *text) produce(first int) (node env.NodeID) {
	var batch [][]byte
	for i := range batchLines {
		batch = append(batch, []byte(textLine(first+i)))
	}
	r, err := x.recorder.produce(x.t.Context(), "text", 0, batch, time.Minute)
	if err != nil || r.Err != engine.None {
		x.t.Fatalf("lines from %d on: %v after %d attempts; %v", first, r.Err, r.Attempts, err)
	}
	x.unknown[first] = r.UnknownAttempts > 0
	return r.Node
}

// The cluster goes on, and loses nothing, while its leader is killed in the
// middle of a text and comes back later. CI reads the lines that begin with
// "end-to-end:".
func TestEndToEndTheLeaderIsKilledInTheMiddleOfAText(t *testing.T) {
	x := &text{t: t, lines: shortText, unknown: map[int]bool{}}
	if os.Getenv("LOCKSTEP_E2E") != "" {
		x.lines = wholeText
	}
	nodes := cluster(t, nil)
	awaitLeader(t, nodes[0].address, nil)
	cfg := clientConfig(time.Second)
	cfg.RetryUnknown = true
	conn, err := adapter.Connect(t.Context(), []string{nodes[0].address}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	x.recorder = newRecorder(conn, checker.Meta{Source: "live cluster, leader killed", Complete: true})
	t.Logf("end-to-end: %v from the kill of the leader to the next acknowledgement", x.sendAll(nodes))
	log, err := x.recorder.readBack(t.Context(), "text", 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := x.countTwice(log.Records)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("end-to-end: %d lines, %d of them stand twice, all after an unknown outcome", x.lines, twice)
	name := filepath.Join(t.TempDir(), "history.jsonl")
	f, err := createHistory(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.recorder.save(f); err != nil {
		t.Fatal(err)
	}
	t.Logf("end-to-end: sim check: %s", simCheck(t, name))
}

// sendAll sends the text. A third of the way it kills the leader while a batch
// is under way, and half way starts it again. It gives the time from the kill
// to the next acknowledgement.
func (x *text) sendAll(nodes []*liveNode) (pause time.Duration) {
	killAt, restartAt := x.lines/3, x.lines/2
	dead := make(chan struct{})
	var leader, victim *liveNode
	for first := 0; first < x.lines; first += batchLines {
		switch {
		case first <= killAt && killAt < first+batchLines:
			victim = leader
			killed := time.Now()
			go func() { victim.kill(); close(dead) }()
			if x.produce(first) == victim.id { // its last word was faster than the signal
				<-dead
				first += batchLines
				x.produce(first)
			}
			pause = time.Since(killed)
			<-dead
		case first <= restartAt && restartAt < first+batchLines:
			victim.start(x.t)
			x.produce(first)
		default:
			leader = nodes[x.produce(first)-1]
		}
	}
	return pause
}

// countTwice compares the log with the text: all of it is there, in order, and
// nothing stands twice without a reason.
func (x *text) countTwice(log []checker.LogRecord) (twice int, err error) {
	next := 0
	for _, r := range log {
		var i int
		if _, err := fmt.Sscanf(r.Value, "%d", &i); err != nil || r.Value != textLine(i) {
			return 0, fmt.Errorf("offset %d holds %q", r.Offset, r.Value)
		}
		switch {
		case i == next:
			next++
		case i < next && x.unknown[i-i%batchLines]:
			twice++
		default:
			return 0, fmt.Errorf("offset %d holds line %d where line %d is due, and no attempt at it ended unknown", r.Offset, i, next)
		}
	}
	if next != x.lines {
		return 0, fmt.Errorf("the log ends before line %d of %d", next, x.lines)
	}
	return twice, nil
}

// What the text is judged by refuses a log that lost, swapped or repeated lines.
func TestTheTextsJudge(t *testing.T) {
	x := &text{lines: 3 * batchLines, unknown: map[int]bool{batchLines: true}}
	log := func(order ...int) (out []checker.LogRecord) {
		for _, first := range order {
			for i := range batchLines {
				out = append(out, checker.LogRecord{Offset: int64(len(out)), Value: textLine(first*batchLines + i)})
			}
		}
		return out
	}
	cut := log(0, 1, 2)
	cut[7].Value = "000007 The quick brown"
	for name, c := range map[string]struct {
		log   []checker.LogRecord
		twice int
		fine  bool
	}{
		"whole":                          {log(0, 1, 2), 0, true},
		"twice after an unknown attempt": {log(0, 1, 1, 2), batchLines, true},
		"twice without one":              {log(0, 0, 1, 2), 0, false},
		"lost in the middle":             {log(0, 2), 0, false},
		"lost at the end":                {log(0, 1), 0, false},
		"swapped":                        {log(1, 0, 2), 0, false},
		"cut short":                      {cut, 0, false},
	} {
		if twice, err := x.countTwice(c.log); twice != c.twice || (err == nil) != c.fine {
			t.Errorf("%s: %d lines twice, %v", name, twice, err)
		}
	}
}

// simCheck has the built sim judge a history, and gives its last line.
func simCheck(t *testing.T, name string) string {
	t.Helper()
	code, out := runSim(t, "check", name)
	if code != 0 || !strings.Contains(out, "PASS history=") {
		t.Errorf("sim check: exit code %d\n%s", code, out)
	}
	for _, oracle := range []string{"lost-write", "linearizability"} {
		if !proven(out, oracle) {
			t.Errorf("sim check has not judged %s:\n%s", oracle, out)
		}
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}

// proven tells whether sim check's table has an ok for an oracle.
func proven(table, oracle string) bool {
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == oracle && f[1] == "ok" {
			return true
		}
	}
	return false
}

// runSim builds cmd/sim and runs it.
func runSim(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sim")
	if out, err := exec.Command("go", "build", "-o", binary, "../sim").CombinedOutput(); err != nil {
		t.Fatalf("build sim: %v\n%s", err, out)
	}
	b, err := exec.Command(binary, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return code, string(b)
}
