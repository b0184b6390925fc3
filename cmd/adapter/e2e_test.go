package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/record"
)

// The text: numbered lines, sent in batches, one in flight.
const (
	textLines  = 100_000
	batchLines = 100
)

func textLine(i int) string {
	return fmt.Sprintf("%06d The quick brown fox jumps over the lazy dog.", i)
}

func status(server string) (clusterStatus, error) {
	code, out, errs := execute("", "status", "--json", "--server", server)
	if code != 0 {
		return clusterStatus{}, errors.New(errs)
	}
	var s clusterStatus
	err := json.Unmarshal([]byte(out), &s)
	return s, err
}

// liveNode is one serve process.
type liveNode struct {
	file    string
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

// kill sends SIGKILL and waits for the end.
func (n *liveNode) kill() {
	if n.cmd.ProcessState == nil {
		_ = n.cmd.Process.Kill()
		_ = n.cmd.Wait()
	}
}

// cluster formats and starts three processes with a topic "text".
func cluster(t *testing.T) []*liveNode {
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
		b, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		n := &liveNode{file: filepath.Join(dir, fmt.Sprintf("node-%d.yaml", m.ID)), address: m.Address}
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

// session is a client that records what it does.
type session struct {
	t       *testing.T
	client  *adapter.Client
	begun   time.Time
	stamp   uint64
	history checker.History
	unknown map[int]bool // batches with an attempt of unknown outcome, by first line
	acked   time.Time    // of the last acknowledgement
}

func (s *session) tick() (stamp uint64, ns int64) {
	s.stamp++
	return s.stamp, time.Since(s.begun).Nanoseconds()
}

// call begins an operation.
func (s *session) call(kind checker.OpKind) checker.Op {
	op := checker.Op{Seq: uint64(len(s.history.Ops) + 1), Client: 1, Kind: kind, Topic: "text"}
	op.Call, op.CallNs = s.tick()
	return op
}

func (s *session) returned(op checker.Op, out client.Outcome) {
	op.Return, op.ReturnNs = s.tick()
	op.Outcome, op.Code, op.Node = checker.OK, int(out.Err), uint64(out.Node)
	op.Attempts, op.UnknownAttempts = out.Attempts, out.UnknownAttempts
	s.history.Ops = append(s.history.Ops, op)
	if out.Err != engine.None {
		s.t.Fatalf("%s %d ended with %v after %d attempts", op.Kind, op.Seq, out.Err, out.Attempts)
	}
}

// produce sends the lines from first on.
func (s *session) produce(first int) {
	b := record.NewBuilder(time.Now().UnixMilli())
	op := s.call(checker.Produce)
	for i := range batchLines {
		line := textLine(first + i)
		b.Add(0, nil, []byte(line))
		op.Values = append(op.Values, line)
	}
	r, err := s.client.Produce(context.Background(), "text", 0, b.Build(), time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	s.acked = time.Now()
	s.unknown[first] = r.UnknownAttempts > 0
	op.Offset = r.BaseOffset
	s.returned(op, r.Outcome)
}

// readAll reads the whole log, and gives it to the history as what it holds.
func (s *session) readAll() []checker.LogRecord {
	op := s.call(checker.ListOffsets)
	end, err := s.client.ListOffsets(context.Background(), "text", 0, engine.Latest, time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	op.Offset = end.Offset
	s.returned(op, end.Outcome)
	log := checker.Log{Topic: "text"}
	for next := int64(0); next < end.Offset; next = int64(len(log.Records)) {
		op := s.call(checker.Fetch)
		op.Offset, op.Linearizable = next, true
		r, err := s.client.Fetch(context.Background(), engine.FetchRequest{
			Topic: "text", Offset: next, MaxBytes: 1 << 20, Linearizable: true,
		}, time.Minute)
		if err != nil {
			s.t.Fatal(err)
		}
		op.HighWatermark, op.Fetched = r.HighWatermark, s.records(r.Batches, next)
		s.returned(op, r.Outcome)
		for _, f := range op.Fetched {
			log.Records = append(log.Records, checker.LogRecord(f))
		}
	}
	s.history.Logs = append(s.history.Logs, log)
	return log.Records
}

func (s *session) records(batches []byte, from int64) (all []checker.FetchedRecord) {
	for batch, err := range record.Batches(batches) {
		if err != nil {
			s.t.Fatal(err)
		}
		for r, err := range record.Records(batch) {
			if err != nil {
				s.t.Fatal(err)
			}
			if r.Offset >= from {
				all = append(all, checker.FetchedRecord{Offset: r.Offset, Value: string(r.Value)})
			}
		}
	}
	return all
}

// The cluster goes on, and loses nothing, while its leader is killed in the
// middle of a text and comes back later.
func TestTheLeaderIsKilledInTheMiddleOfAText(t *testing.T) {
	nodes := cluster(t)
	leader := awaitLeader(t, nodes[0].address, nil)
	cfg := clientConfig(time.Second)
	cfg.RetryUnknown = true
	conn, err := adapter.Connect(context.Background(), []string{nodes[0].address}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s := &session{t: t, client: conn, begun: time.Now(), unknown: map[int]bool{}}

	const killAt, restartAt = textLines / 3, textLines / 2
	killed := make(chan time.Time, 1)
	var pause time.Duration
	for first := 0; first < textLines; first += batchLines {
		switch {
		case first <= killAt && killAt < first+batchLines:
			// While the batch is under way.
			go func() { nodes[leader-1].kill(); killed <- time.Now() }()
			s.produce(first)
			at := <-killed
			if s.acked.Before(at) {
				first += batchLines
				s.produce(first)
			}
			pause = s.acked.Sub(at)
			continue
		case first <= restartAt && restartAt < first+batchLines:
			nodes[leader-1].start(t)
		}
		s.produce(first)
	}
	t.Logf("%d lines; %v from the kill of the leader to the next acknowledgement", textLines, pause)
	s.judge(s.readAll())
}

// judge compares the log with the text, and has the history checked.
func (s *session) judge(log []checker.LogRecord) {
	next, twice := 0, 0
	for _, r := range log {
		var i int
		if _, err := fmt.Sscanf(r.Value, "%d", &i); err != nil || r.Value != textLine(i) {
			s.t.Fatalf("offset %d holds %q", r.Offset, r.Value)
		}
		switch {
		case i == next:
			next++
		case i < next && s.unknown[i-i%batchLines]:
			twice++
		default:
			s.t.Fatalf("offset %d holds line %d where line %d is due, and no attempt at it ended unknown", r.Offset, i, next)
		}
	}
	if next != textLines {
		s.t.Fatalf("the log ends before line %d of %d", next, textLines)
	}
	s.t.Logf("%d lines stand twice, all after an unknown outcome", twice)

	file := filepath.Join(s.t.TempDir(), "history.jsonl")
	s.history.Meta = checker.Meta{Source: "live cluster, leader killed", Complete: true}
	var b bytes.Buffer
	if err := checker.WriteHistory(&b, &s.history); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		s.t.Fatal(err)
	}
	read, err := checker.ReadHistory(bytes.NewReader(b.Bytes()))
	if err != nil {
		s.t.Fatal(err)
	}
	report := checker.Check(read, checker.Options{})
	for _, v := range report.Violations {
		s.t.Errorf("%s: %s", v.Oracle, v.Message)
	}
	if v, ok := report.Verdict("lost-write"); !ok || v.Checked == 0 {
		s.t.Errorf("nothing was proven: %+v", report.Verdicts)
	}
	if !slices.ContainsFunc(report.Verdicts, func(v checker.Verdict) bool { return v.Oracle == "linearizability" && v.Checked > 0 }) {
		s.t.Error("linearizability was not judged")
	}
}
