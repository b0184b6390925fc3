package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
)

// asCommand makes the test binary behave as the command itself, so that tests
// can start, signal and kill real processes of it.
const asCommand = "LOCKSTEP_ADAPTER_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run()) //nolint:forbidigo // TestMain of a package whose main exits
}

// process prepares a process of the command.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// execute runs the command in this process.
func execute(stdin string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// freePort gives a port that is free now, as is the one behind it, outside the
// range that the system gives to outgoing connections, so that both stay free.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10_000 + 2*rand.IntN(10_000)
		first, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer first.Close()
		if second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1)); err == nil {
			defer second.Close()
			return port
		}
	}
	t.Fatal("no free ports in a hundred tries")
	return 0
}

func TestBadUsageIsOneLineAndExitCode2(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "node.yaml")
	if err := os.WriteFile(file, []byte("cluster: 1\ncolour: red\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	for _, test := range []struct {
		want string
		args []string
	}{
		{`unknown command "sevre"`, []string{"sevre"}},
		{`name the node's configuration with --config FILE`, []string{"serve"}},
		{`unknown flag: --cofnig; see "adapter serve --help"`, []string{"serve", "--cofnig", "x"}},
		{`unknown key "colour"`, []string{"serve", "--config", file}},
		{`no such file or directory; write one, or begin with those`, []string{"format", "--config", filepath.Join(dir, "none.yaml")}},
		{`name the cluster's directory with --dir DIR`, []string{"dev"}},
		{`dev: 0 nodes; use 1 to 15`, []string{"dev", "--dir", filepath.Join(dir, "d"), "--nodes", "0"}},
		{`dev: port 0; name`, []string{"dev", "--dir", filepath.Join(dir, "d"), "--port", "0"}},
		{`write NAME:PARTITIONS`, []string{"dev", "--dir", filepath.Join(dir, "d"), "--topic", "a:b"}},
		{`accepts 3 arg(s), received 1; use: adapter delete-records TOPIC PARTITION OFFSET`, []string{"delete-records", "demo"}},
		{`offset "-5" is no number from 0 on`, []string{"delete-records", "--", "demo", "0", "-5"}},
		{`--batch 0: at least 1 is needed`, []string{"bench", "produce", "--batch", "0"}},
		{`--rounds 0: at least 1 is needed`, []string{"bench", "produce", "--rounds", "0"}},
		{`--starts 0: at least 1 is needed`, []string{"bench", "start", "--starts", "0"}},
		{`--log -1: at least 1 is needed`, []string{"bench", "start", "--log", "-1"}},
		{`dev: 99 nodes; use 1 to 15`, []string{"dev", "--dir", filepath.Join(dir, "d"), "--nodes", "99"}},
		{`holds node.yaml but no whole cluster`, []string{"dev", "--dir", dir}},
		{`produce wants one topic, as in "adapter produce demo"; 0 were given`, []string{"produce"}},
		{`no node answers at ` + nobody, []string{"status", "--server", nobody}},
		{`"nowhere" is no host:port`, []string{"consume", "demo", "--server", "nowhere"}},
		{`--batch must be more than 0`, []string{"produce", "demo", "--batch", "0"}},
	} {
		code, out, errs := execute("", test.args...)
		lines := strings.Split(strings.TrimSuffix(errs, "\n"), "\n")
		if last := lines[len(lines)-1]; code != 2 || out != "" || !strings.HasPrefix(last, "adapter: ") || !strings.Contains(last, test.want) {
			t.Errorf("%v: exit %d, out %q, errors %q; want exit 2 and %q", test.args, code, out, errs, test.want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"dev", "--help"}, {"completion", "bash"}} {
		if code, out, _ := execute("", args...); code != 0 || !strings.Contains(out, "adapter") {
			t.Errorf("%v: exit %d, %q", args, code, out)
		}
	}
}

// A new user's first minutes: a cluster, lines in, lines out, Ctrl-C, again.
func TestDevClusterFromTheShell(t *testing.T) {
	dir, port := filepath.Join(t.TempDir(), "cluster"), strconv.Itoa(freePort(t))
	server := "127.0.0.1:" + port
	dev := startDev(t, server, "dev", "--dir", dir, "--nodes", "1", "--port", port, "--topic", "demo:2")

	code, _, errs := execute("hello\nworld\n", "produce", "demo", "--server", server, "--partition", "1")
	if code != 0 || !strings.Contains(errs, "records acknowledged: 2, batches: ") {
		t.Fatalf("produce: exit %d, %s", code, errs)
	}
	if code, _, errs := execute("x", "produce", "demo", "--server", server, "--partition", "2"); code != 2 || !strings.Contains(errs, "no partition 2; it has 2") {
		t.Errorf("produce to a missing partition: exit %d, %s", code, errs)
	}
	if code, _, errs := execute("x", "produce", "nothing", "--server", server); code != 2 || !strings.Contains(errs, `there is no topic "nothing"`) {
		t.Errorf("produce to a missing topic: exit %d, %s", code, errs)
	}
	code, out, errs := execute("", "status", "--server", server)
	if code != 0 || !strings.Contains(out, "serves") || !strings.Contains(out, "demo") {
		t.Errorf("status: exit %d, %s%s", code, out, errs)
	}
	if code, _, errs := execute("short\n"+strings.Repeat("x", 101)+"\n", "produce", "demo", "--server", server, "--batch-bytes", "100", "--partition", "0"); code != 2 ||
		!strings.Contains(errs, "line 2 is longer than 100 bytes") || !strings.Contains(errs, "records acknowledged: 1,") {
		t.Errorf("produce of a line that is too long: exit %d, %s", code, errs)
	}
	dev.interrupt(t)

	dev = startDev(t, server, "dev", "--dir", dir)
	code, out, errs = execute("", "consume", "demo", "--server", server, "--from-beginning", "--to-end", "--offsets")
	if want := []string{"0:0\tshort", "1:0\thello", "1:1\tworld"}; code != 0 || !slices.Equal(slices.Sorted(strings.SplitSeq(strings.TrimSpace(out), "\n")), want) {
		t.Errorf("consume after a restart: exit %d, %q %s", code, out, errs)
	}
	if code, out, _ := execute("", "status", "--server", server, "--json"); code != 0 || !strings.Contains(out, `"highWatermark": 2`) {
		t.Errorf("status --json: exit %d, %s", code, out)
	}
	samePage(t, server, port)
	recordAndJudge(t, server)
	dev.interrupt(t)
}

// samePage compares /status with status --json, uptimes aside.
func samePage(t *testing.T, server, port string) {
	t.Helper()
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/status", n+1)) // of a cluster with one node
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, printed, _ := execute("", "status", "--json", "--server", server)
	uptime := regexp.MustCompile(`"uptimeMs": \d+`)
	if a, b := uptime.ReplaceAllString(string(page), ""), uptime.ReplaceAllString(printed, ""); a != b {
		t.Errorf("/status is\n%s\nand status --json\n%s", a, b)
	}
}

// A directory that is not this node's is refused in one line, which says what
// to do, and nothing is written to it.
func TestServeRefusesAForeignDirectoryInOneLine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, from, to string) string {
		text := fmt.Sprintf("cluster: 5\nnode: 1\ndata: data\nnodes:\n  - {id: 1, address: 127.0.0.1:%d}\ntopics:\n  - name: a\n"+
			"tuning:\n  journalFileBytes: 4194304\n", freePort(t))
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(strings.Replace(text, from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	refused := func(file, want string) {
		t.Helper()
		code, out, errs := execute("", "serve", "--config", file)
		if code != 2 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("exit %d, out %q, errors %q; want exit 2 and one line with %q", code, out, errs, want)
		}
	}
	file, data := write("node.yaml", "", ""), filepath.Join(dir, "data")
	refused(file, "does not exist; make it with format")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	refused(file, "is not formatted; run format first")
	if code, _, errs := execute("", "format", "--config", file); code != 0 {
		t.Fatal(errs)
	}
	refused(write("foreign.yaml", "cluster: 5", "cluster: 6"), "check cluster, node and data")
	refused(write("topology.yaml", "name: a", "name: a\n    partitions: 2"), "must stay as they were")
}

// recordAndJudge has sim check judge what produce --history wrote of a topic
// that held records before.
func recordAndJudge(t *testing.T, server string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "h.jsonl")
	produce := []string{"produce", "demo", "--server", server, "--history", name}
	if code, _, errs := execute("1 a\n2 b\n3 c\n", produce...); code != 0 || !strings.Contains(errs, "records acknowledged: 3,") {
		t.Fatalf("produce --history: exit %d, %s", code, errs)
	}
	simCheck(t, name)
	if code, _, errs := execute("4 d\n", produce...); code != 2 || !strings.Contains(errs, "h.jsonl is there already") {
		t.Errorf("a history over another: exit %d, %s", code, errs)
	}
	produce[len(produce)-1] = filepath.Join(t.TempDir(), "h.jsonl")
	if code, _, errs := execute("5 e\n5 e\n", produce...); code != 2 || !strings.Contains(errs, "line 2 is the same as line 1") {
		t.Errorf("a line twice: exit %d, %s", code, errs)
	}
}

// startDev starts a cluster and waits until it serves and leads.
func startDev(t *testing.T, server string, args ...string) *running {
	t.Helper()
	r := &running{cmd: process(t, args...), ended: make(chan struct{})}
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.err = r.cmd.Wait(); close(r.ended) }()
	t.Cleanup(func() { _ = r.cmd.Process.Kill(); <-r.ended })
	awaitLeader(t, server, r.ended)
	return r
}

// running is a process under way; err is how it ended, once ended is closed.
type running struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error
}

// interrupt stops a process as Ctrl-C does.
func (r *running) interrupt(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if <-r.ended; r.err != nil {
		t.Errorf("after an interrupt: %v", r.err)
	}
}

// awaitLeader waits until all partitions have leaders, and gives the first
// one's. It fails if the server ended, or after a minute.
func awaitLeader(t *testing.T, server string, ended <-chan struct{}) uint64 {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < time.Minute; {
		select {
		case <-ended:
			t.Fatal("the process ended")
		default:
		}
		s, err := status(server)
		leaderless := func(p adapter.PartitionStatus) bool { return p.Leader == 0 }
		if err == nil && len(s.Partitions) > 0 && !slices.ContainsFunc(s.Partitions, leaderless) {
			return s.Partitions[0].Leader
		}
	}
	t.Fatal("no leader after a minute")
	return 0
}
