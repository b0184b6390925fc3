package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
)

// alonePieces is how many pieces of a text the test of an unreplicated partition
// sends, each of aloneLines lines; between them its node dies.
const (
	alonePieces = 4
	aloneLines  = 40 * batchLines
)

// A partition with one copy lives on one of three nodes. Its process is killed in
// the middle of a text, stopped and started: every acknowledged line is there. What
// is deleted from it, by a client or by retention, stays deleted.
func TestAnUnreplicatedPartitionKeepsItsWord(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	nodes := cluster(t, func(c *adapter.Config) {
		c.Topics = []adapter.TopicConfig{
			{Name: "text", Replicas: 1, MinISR: 1, Unreplicated: true},
			{Name: "short", Replicas: 1, MinISR: 1, Unreplicated: true, RetentionBytes: 64 << 10},
		}
		c.Tuning.SegmentBytes, c.Tuning.ZeroBytes, c.Tuning.MaxBatchBytes = 64<<10, 16<<10, 32<<10
		c.Tuning.RetentionEvery = adapter.Duration(200 * time.Millisecond)
	})
	x := live(t, "unreplicated partition, its node killed", nodes, alonePieces*aloneLines)
	home := nodes[awaitLeader(t, nodes[0].address, nil)-1]
	for piece := range alonePieces {
		next := process(t, "serve", "--config", home.file)
		back := make(chan error)
		x.produce(piece * aloneLines)
		go func() {
			home.kill()
			home.cmd = next
			back <- next.Start()
		}()
		x.send(piece*aloneLines+batchLines, (piece+1)*aloneLines) // through its death and its return
		if err := <-back; err != nil {
			t.Fatal(err)
		}
	}
	home.stop(t)
	inspectAlone(t, home)
	home.start(t)
	awaitLeader(t, home.address, nil)
	x.judge()
	deleteAlone(t, home)
	retainAlone(t, home)
}

// inspectAlone: every file of the partition verifies, the durable end among them.
func inspectAlone(t *testing.T, n *liveNode) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(n.data, "groups", "1", "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	ends := 0
	for _, file := range files {
		code, out, errs := execute("", "inspect", file)
		if code != 0 || !strings.Contains(out, "intact") {
			t.Errorf("inspect %s: exit %d, %s%s", file, code, out, errs)
		}
		if strings.Contains(out, "durable end") {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("the durable end stands in %d of %q", ends, files)
	}
}

// deleteAlone lets the text begin later, and has the node killed: it still does.
func deleteAlone(t *testing.T, n *liveNode) {
	t.Helper()
	if code, out, errs := execute("", "delete-records", "text", "0", "77", "--server", n.address); code != 0 || !strings.Contains(out, "text/0 begins at 77") {
		t.Fatalf("delete-records: exit %d, %s%s", code, out, errs)
	}
	n.kill()
	n.start(t)
	awaitLeader(t, n.address, nil)
	code, out, errs := execute("", "consume", "text", "--server", n.address, "--from-beginning", "--to-end", "--offsets")
	if code != 0 || !strings.HasPrefix(out, "0:77\t") && !strings.HasPrefix(out, "77\t") {
		t.Errorf("consume after a kill: exit %d, %.60q %s", code, out, errs)
	}
}

// retainAlone fills a partition beyond its retention.
func retainAlone(t *testing.T, n *liveNode) {
	t.Helper()
	line := strings.Repeat("x", 1000)
	var lines strings.Builder
	for range 400 {
		lines.WriteString(line + "\n")
	}
	if code, _, errs := execute(lines.String(), "produce", "short", "--server", n.address, "--batch-bytes", "16384"); code != 0 {
		t.Fatal(errs)
	}
	start := func(s *adapter.Status) int64 {
		for _, p := range s.Partitions {
			if p.Topic == "short" {
				return p.LogStart
			}
		}
		return -1
	}
	s := awaitStatus(t, n.address, "trimmed", func(s *adapter.Status) bool { return start(s) >= 200 })
	begins := start(&s)
	n.kill()
	n.start(t)
	awaitLeader(t, n.address, nil)
	s = awaitStatus(t, n.address, "back", func(s *adapter.Status) bool { return start(s) >= 0 })
	if again := start(&s); again < begins {
		t.Errorf("the log began at %d, after a kill it begins at %d", begins, again)
	}
}
