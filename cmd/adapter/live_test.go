package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/checker"
)

// live skips a test that needs processes and minutes unless LOCKSTEP_E2E is set,
// and begins a recorded text otherwise.
func live(t *testing.T, what string, nodes []*liveNode, lines int) *text {
	t.Helper()
	awaitLeader(t, nodes[0].address, nil)
	cfg := clientConfig(time.Second)
	cfg.RetryUnknown = true
	var servers []string
	for _, n := range nodes {
		servers = append(servers, n.address)
	}
	conn, err := adapter.Connect(t.Context(), servers, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	x := &text{t: t, lines: lines, unknown: map[int]bool{}}
	x.recorder = newRecorder(conn, checker.Meta{Source: what, Complete: true})
	return x
}

func onlyLive(t *testing.T) {
	t.Helper()
	if os.Getenv("LOCKSTEP_E2E") == "" {
		t.Skip("set LOCKSTEP_E2E=1 to run it")
	}
}

// send sends the lines from first up to the one before end.
func (x *text) send(first, end int) {
	for ; first < end; first += batchLines {
		x.produce(first)
	}
}

// judge reads the log back and has sim check judge all that was recorded.
func (x *text) judge() {
	x.t.Helper()
	log, err := x.recorder.readBack(x.t.Context(), "text", 0, time.Minute)
	if err != nil {
		x.t.Fatal(err)
	}
	if _, err := x.countTwice(log.Records); err != nil {
		x.t.Fatal(err)
	}
	name := filepath.Join(x.t.TempDir(), "history.jsonl")
	f, err := createHistory(name)
	if err != nil {
		x.t.Fatal(err)
	}
	if err := x.recorder.save(f); err != nil {
		x.t.Fatal(err)
	}
	x.t.Logf("end-to-end: sim check: %s", simCheck(x.t, name))
}

// awaitStatus waits until the status is as it should be.
func awaitStatus(t *testing.T, server, what string, is func(*adapter.Status) bool) adapter.Status {
	t.Helper()
	var s adapter.Status
	var err error
	for begun := time.Now(); time.Since(begun) < 2*time.Minute; {
		if s, err = status(server); err == nil && is(&s) {
			return s
		}
	}
	_, out, _ := execute("", "status", "--server", server)
	t.Fatalf("after two minutes: not %s: %v\n%s", what, err, out)
	return s
}

// whole: every node serves its replica, with a vote, in sync, nothing damaged.
func whole(s *adapter.Status) bool {
	for i := range s.Partitions {
		p := &s.Partitions[i]
		if len(p.ISR) != len(s.Nodes) || len(p.Held) != len(s.Nodes) || p.Leader == 0 ||
			slices.ContainsFunc(p.Held, func(r adapter.ReplicaStatus) bool { return !r.Whole() }) {
			return false
		}
	}
	return len(s.Partitions) > 0 && !slices.ContainsFunc(s.Nodes, func(n adapter.NodeStatus) bool { return !n.Ready || n.Full })
}

// flip changes a byte in the middle of the longest batch that stands in a file,
// or of what is in its middle where there are no batches: what pads a short batch
// to a sector means nothing.
func flip(t *testing.T, file string) {
	t.Helper()
	var items []adapter.InspectedItem
	if err := adapter.Inspect(file, func(i adapter.InspectedItem) { items = append(items, i) }); err != nil {
		t.Fatalf("%s before it is damaged: %v", file, err)
	}
	at := items[len(items)/2]
	for _, i := range items {
		if strings.HasPrefix(i.What, "batch") && i.Length > at.Length {
			at = i
		}
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	off := at.Offset + at.Length/2
	if _, err := f.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
	code, out, _ := execute("", "inspect", "-q", file)
	if code != 1 || !strings.Contains(out, "DAMAGED") {
		t.Fatalf("inspect of %s with a flipped byte at %d: exit code %d\n%s", file, off, code, out)
	}
	t.Logf("end-to-end: flipped a byte of %s at %d, in: %s", filepath.Base(file), off, at.What)
}

// one picks the first file that matches.
func one(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files[0]
}

// Bytes are flipped in a segment, a checkpoint and a journal file of a node that
// was stopped under load. It repairs itself, status says so, and every
// acknowledged record is there, on that node too.
func TestEndToEndFlippedBytesAreRepaired(t *testing.T) {
	onlyLive(t)
	nodes := cluster(t, func(c *adapter.Config) {
		c.Tuning.SegmentBytes, c.Tuning.CheckpointBytes = 256<<10, 512<<10
		c.Tuning.JournalFileBytes = 4 << 20
		c.Tuning.ScrubEvery = adapter.Duration(time.Second)
	})
	const lines = 60_000
	x := live(t, "live cluster, bytes flipped on one node", nodes, lines)
	x.send(0, lines/3)
	victim := nodes[1]
	victim.stop(t)
	x.send(lines/3, lines/2)
	flip(t, one(t, victim.data+"/groups/1/*.log"))
	flip(t, one(t, victim.data+"/groups/1/checkpoint-*"))
	flip(t, one(t, victim.data+"/journal/j-*"))
	victim.start(t)
	x.send(lines/2, lines*2/3)
	s := awaitStatus(t, nodes[0].address, "whole", whole)
	for _, r := range s.Partitions[0].Held {
		t.Logf("end-to-end: node %d holds replica %d, %s", r.Node, r.Replica, r.State)
	}
	// Now it is needed: another one goes, and does not come back before the end.
	nodes[2].kill()
	x.send(lines*2/3, lines)
	x.judge()
	victim.stop(t)
	err := filepath.WalkDir(victim.data+"/groups", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if err := adapter.Inspect(name, func(adapter.InspectedItem) {}); err != nil {
			return fmt.Errorf("%s is not repaired: %w", name, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// smallDisk mounts one; the test is skipped where that is not permitted.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput()
	if err != nil {
		t.Skipf("no small file system can be mounted here: %v: %s", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Logf("umount %s: %v: %s", dir, err, out)
		}
	})
	return dir
}

// One node's disk runs full under load. The others go on; it says so, leads
// nothing, and serves again once there is room, in the same process.
func TestEndToEndAFullDisk(t *testing.T) {
	onlyLive(t)
	small := smallDisk(t, "96m")
	nodes := cluster(t, func(c *adapter.Config) {
		c.Tuning.SegmentBytes, c.Tuning.CheckpointBytes = 256<<10, 512<<10
		c.Tuning.JournalFileBytes = 4 << 20
		if c.Node == 2 {
			c.Data = filepath.Join(small, "data")
		}
	})
	const lines = 90_000
	x := live(t, "live cluster, one disk full", nodes, lines)
	x.send(0, lines/9)
	ballast := filepath.Join(small, "ballast")
	if err := fillUp(ballast); err != nil {
		t.Fatal(err)
	}
	sent := lines / 9
	full := func(s *adapter.Status) bool {
		return s.Nodes[1].Full && s.Partitions[0].Leader != 2 && s.Partitions[0].Leader != 0
	}
	for {
		if s, err := status(nodes[0].address); err == nil && full(&s) {
			break
		}
		if sent >= lines/3*2 {
			t.Fatal("the disk is never full")
		}
		x.send(sent, sent+batchLines)
		sent += batchLines
	}
	t.Logf("end-to-end: node 2 says that its disk is full after %d lines", sent)
	x.send(sent, lines/3*2+batchLines)
	sent = lines/3*2 + batchLines
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, nodes[0].address, "whole", whole)
	nodes[2].kill()
	x.send(sent, lines)
	if nodes[1].cmd.ProcessState != nil {
		t.Error("node 2 has ended")
	}
	x.judge()
}

// fillUp takes all room there is.
func fillUp(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; block = block[:len(block)/2] {
		for {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return errors.New("there was no room for ballast")
	}
	return nil
}
