package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
)

// Idle partitions hold no files: two thousand of them, all written to once, live
// on a node that may open one thousand.
func TestEndToEndIdlePartitionsHoldNoFiles(t *testing.T) {
	onlyLive(t)
	const partitions, limit, mostOpen = 2000, 1024, 256
	dir := t.TempDir()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	file := filepath.Join(dir, "node.yaml")
	text := fmt.Sprintf("cluster: 5\nnode: 1\ndata: data\nnodes:\n  - {id: 1, address: %q}\ntopics:\n  - {name: many, partitions: %d}\n"+
		"tuning:\n  journalFileBytes: 8388608\n  maxOpenFiles: 256\n  idleClose: 1s\n  tick: 250ms\n  logTailBytes: 16384\n", address, partitions)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := execute("", "format", "--config", file); code != 0 {
		t.Fatal(errs)
	}
	serve := process(t, "serve", "--config", file)
	limited := exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, limit)}, serve.Args...)...)
	limited.Env, limited.Stderr = serve.Env, os.Stderr
	if err := limited.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = limited.Process.Kill(); _ = limited.Wait() })
	awaitLeader(t, address, nil)
	c, err := adapter.Connect(t.Context(), []string{address}, clientConfig(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	logs := func() (open int) {
		names, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", limited.Process.Pid))
		if err != nil {
			t.Skipf("open files cannot be counted here: %v", err)
		}
		for _, n := range names {
			to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", limited.Process.Pid, n.Name())) // closed meanwhile
			if strings.Contains(to, "/groups/") {
				open++
			}
		}
		return open
	}
	most := 0
	for p := range int32(partitions) {
		r, err := c.Produce(t.Context(), "many", p, build([][]byte{make([]byte, 32<<10)}), time.Minute)
		if err != nil || r.Err != 0 {
			t.Fatalf("partition %d: %v, %v", p, r.Err, err)
		}
		if p%20 == 0 {
			most = max(most, logs())
		}
	}
	if most > mostOpen {
		t.Errorf("%d files of logs were open at once, allowed are %d", most, mostOpen)
	}
	for begun := time.Now(); logs() > 0; {
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("%d files of idle logs are open", logs())
		}
	}
	t.Logf("end-to-end: at most %d files of logs open, none when idle", most)
}
