package adapter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/record"
)

// freeAddress gives a port that is free now, outside the range that the system
// gives to outgoing connections, so that it stays free.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port in a hundred tries")
	return ""
}

// configs describes a cluster of n nodes on free ports, with a topic "demo".
func configs(t testing.TB, n int) []adapter.Config {
	t.Helper()
	var nodes []adapter.NodeConfig
	for i := range n {
		nodes = append(nodes, adapter.NodeConfig{ID: uint64(i + 1), Address: freeAddress(t)})
	}
	dir := t.TempDir()
	var all []adapter.Config
	for i, node := range nodes {
		c := adapter.Config{
			Cluster: 7, Node: node.ID, Data: filepath.Join(dir, fmt.Sprint(node.ID)), Listen: node.Address, Log: "debug",
			Nodes:  nodes,
			Topics: []adapter.TopicConfig{{Name: "demo", Partitions: 1, Replicas: n, MinISR: n/2 + 1}},
			Tuning: adapter.TuningConfig{JournalFileBytes: 4 << 20},
		}
		if i == 0 {
			c.Admin = freeAddress(t)
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// start formats nothing; it runs the nodes until the test or stop ends them.
func start(t testing.TB, all []adapter.Config) (nodes []*adapter.Node, stop func()) {
	t.Helper()
	for _, c := range all {
		n, err := adapter.Start(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Kill)
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		select {
		case <-n.Ready():
		case err := <-n.Failed():
			t.Fatal(err)
		}
	}
	return nodes, func() {
		for _, n := range nodes {
			if err := n.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
}

func formatAll(t testing.TB, all []adapter.Config) {
	t.Helper()
	for _, c := range all {
		if err := adapter.Format(t.Context(), c, false); err != nil {
			t.Fatal(err)
		}
	}
}

func connect(t testing.TB, c adapter.Config) *adapter.Client {
	t.Helper()
	cfg := client.DefaultConfig()
	cfg.RetryUnknown = true
	conn, err := adapter.Connect(context.Background(), []string{c.Listen}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func produce(t testing.TB, c *adapter.Client, values ...string) int64 {
	t.Helper()
	b := record.NewBuilder(time.Now().UnixMilli())
	for _, v := range values {
		b.Add(0, nil, []byte(v))
	}
	r, err := c.Produce(context.Background(), "demo", 0, b.Build(), time.Minute)
	if err != nil || r.Err != engine.None {
		t.Fatalf("produce: %+v, %v", r, err)
	}
	return r.BaseOffset
}

// readAll gives the values of demo/0.
func readAll(t *testing.T, c *adapter.Client) (values []string) {
	t.Helper()
	end, err := c.ListOffsets(context.Background(), "demo", 0, engine.Latest, time.Minute)
	if err != nil || end.Err != engine.None {
		t.Fatalf("list offsets: %+v, %v", end, err)
	}
	for next := int64(0); next < end.Offset; {
		r, err := c.Fetch(context.Background(), engine.FetchRequest{Topic: "demo", Offset: next, MaxBytes: 1 << 20}, time.Minute)
		if err != nil || r.Err != engine.None {
			t.Fatalf("fetch: %+v, %v", r, err)
		}
		for batch, err := range record.Batches(r.Batches) {
			if err != nil {
				t.Fatal(err)
			}
			for rec, err := range record.Records(batch) {
				if err != nil {
					t.Fatal(err)
				}
				values, next = append(values, string(rec.Value)), rec.Offset+1
			}
		}
	}
	return values
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestAClusterKeepsItsDataOverACleanStop(t *testing.T) {
	all := configs(t, 3)
	formatAll(t, all)
	_, stop := start(t, all)
	c := connect(t, all[1])
	if at := produce(t, c, "one", "two"); at != 0 {
		t.Errorf("the first batch stands at %d", at)
	}
	if at := produce(t, c, "three"); at != 2 {
		t.Errorf("the second batch stands at %d", at)
	}
	stop()
	start(t, all)
	if got := strings.Join(readAll(t, connect(t, all[0])), " "); got != "one two three" {
		t.Fatalf("after a restart the log holds %q", got)
	}
}

func TestAClusterGoesOnWithoutItsLeader(t *testing.T) {
	all := configs(t, 3)
	formatAll(t, all)
	nodes, _ := start(t, all)
	c := connect(t, all[0])
	produce(t, c, "before")
	status := adapter.ClusterStatus(context.Background(), c.Nodes())
	leader := status[1].Metadata.Partitions[0].Leader
	if leader == 0 {
		t.Fatalf("nobody leads: %+v", status)
	}
	nodes[leader-1].Kill()
	produce(t, c, "after")
	if again, err := adapter.Start(all[leader-1], nil); err != nil {
		t.Error(err)
	} else {
		t.Cleanup(again.Kill)
		<-again.Ready()
	}
	if got := strings.Join(readAll(t, c), " "); got != "before after" {
		t.Fatalf("the log holds %q", got)
	}
}

func TestAdministration(t *testing.T) {
	all := configs(t, 1)
	formatAll(t, all)
	nodes, _ := start(t, all)
	produce(t, connect(t, all[0]), "a", "b", "c")
	base := "http://" + all[0].Admin
	if code, body := get(t, base+"/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	code, body := get(t, base+"/metrics")
	for _, want := range []string{
		`lockstep_events_total{kind="produce_acked"} 1`, "lockstep_ready 1",
		"lockstep_produce_acknowledged_batches_total 1", "lockstep_produce_acknowledged_records_total 3",
		`lockstep_client_requests_total{code="NONE",request="produce"} 1`,
		`lockstep_disk_sync_seconds_bucket{directory="journal",le="+Inf"}`,
		`lockstep_partition_in_sync_replicas{partition="0",topic="demo"} 1`,
		`lockstep_partition_high_watermark{partition="0",topic="demo"} 3`,
		`lockstep_partition_leader{partition="0",topic="demo"} 1`, "go_goroutines",
		`lockstep_checkpoint_seconds_bucket{le="+Inf"}`,
		`lockstep_bound_limit{bound="LogTailsBytes",unit="bytes"} 2.68435456e+08`,
		`lockstep_bound_used{bound="Journal.WindowBytes",unit="bytes"}`,
		`lockstep_bound_used{bound="AnswerBytes",unit="bytes"} 0`,
	} {
		if !strings.Contains(body, want+"\n") && !strings.Contains(body, want+" ") {
			t.Errorf("metrics (%d) lack %q", code, want)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "lockstep_") {
			t.Errorf("metric %s: %s", p.Metric, p.Text)
		}
	}
	if err != nil {
		t.Error(err)
	}
	var s adapter.Status
	if _, body = get(t, base+"/status"); json.Unmarshal([]byte(body), &s) != nil || len(s.Nodes) != 1 || !s.Nodes[0].Ready ||
		len(s.Partitions) != 1 || s.Partitions[0].HighWatermark != 3 || s.Partitions[0].Leader != 1 {
		t.Errorf("status: %s", body)
	}
	nodes[0].Kill()
	if _, err := http.Get(base + "/healthz"); err == nil {
		t.Error("a node that was killed still answers")
	}
}

// What only the user can mend, and what it must not do to what is there.
func TestBadDirectoriesAndPorts(t *testing.T) {
	expect := func(what string, err error, want string) {
		t.Helper()
		if !errors.Is(err, adapter.ErrInput) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", what, err, want)
		}
	}
	failing := func(c adapter.Config) error {
		n, err := adapter.Start(c, nil)
		if err != nil {
			return err
		}
		defer n.Kill()
		return <-n.Failed()
	}
	c := configs(t, 1)[0]
	expect("absent", failing(c), "does not exist; make it with format")
	if err := os.Mkdir(c.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	expect("unformatted", failing(c), "is not formatted; run format first")
	if names, err := os.ReadDir(c.Data); err != nil || len(names) > 0 {
		t.Errorf("serving an unformatted directory left %v in it, %v", names, err)
	}
	if err := adapter.Format(t.Context(), c, false); err != nil {
		t.Fatal(err)
	}
	expect("formatted twice", adapter.Format(t.Context(), c, false), "is not empty")

	foreign := c
	foreign.Cluster = 8
	expect("foreign", failing(foreign), "check cluster, node and data")
	other := c
	other.Topics = []adapter.TopicConfig{{Name: "a", Partitions: 2, Replicas: 1, MinISR: 1}}
	expect("other topics", failing(other), "must stay as they were")

	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		t.Fatal(err)
	}
	expect("used port", failing(c), c.Listen+" is in use")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, []adapter.Config{c})
	second := c
	second.Listen, second.Admin = freeAddress(t), ""
	expect("used directory", failing(second), osenv.ErrLocked.Error())
}

func TestServeStopsWhenItsContextEnds(t *testing.T) {
	c := configs(t, 1)[0]
	formatAll(t, []adapter.Config{c})
	ctx, cancel := context.WithCancel(context.Background())
	var log bytes.Buffer
	served := make(chan error, 1)
	go func() { served <- adapter.Serve(ctx, c, &log) }()
	for {
		if s, err := adapter.AnyStatus(context.Background(), []string{c.Listen}); err == nil && s.Ready {
			break
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "node serves") || !strings.Contains(log.String(), "node stops") {
		t.Errorf("log: %s", log.String())
	}
}
