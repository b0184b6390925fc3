package adapter_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/engine/env"
)

const whole = `
cluster: 7
node: 2
data: node-2
admin: 127.0.0.1:9202
nodes:
  - {id: 3, address: "127.0.0.1:9103"}
  - {id: 1, address: "127.0.0.1:9101"}
  - {id: 2, address: "127.0.0.1:9102"}
topics:
  - name: orders
    partitions: 2
  - {name: audit, replicas: 1}
tuning:
  tick: 20ms
  maxBatchBytes: 65536
`

func TestConfigIsReadWithDefaults(t *testing.T) {
	c, err := adapter.ParseConfig([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9102" || c.Log != "info" {
		t.Errorf("listen %q, log %q", c.Listen, c.Log)
	}
	if o := c.Topics[0]; o.Replicas != 3 || o.MinISR != 2 {
		t.Errorf("orders: %+v", o)
	}
	if a := c.Topics[1]; a.Partitions != 1 || a.MinISR != 1 {
		t.Errorf("audit: %+v", a)
	}
	e := c.Engine()
	if e.Tick != 20*time.Millisecond || e.MaxBatchBytes != 65536 || e.Log.MaxBatchBytes != 65536 || e.ElectionTicks != 10 {
		t.Errorf("engine: %+v", e)
	}
}

// Zero is the default of a key; -1 is how none is written.
func TestZerosAheadOfTheEnd(t *testing.T) {
	for text, want := range map[string]int64{"tick: 20ms": 4 << 20, "zeroBytes: 65536": 65536, "zeroBytes: -1": 0} {
		c, err := adapter.ParseConfig([]byte(strings.Replace(whole, "tick: 20ms", text, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if e := c.Engine(); e.ZeroBytes != want {
			t.Errorf("%s: %d zeros ahead, want %d", text, e.ZeroBytes, want)
		}
	}
}

// A smaller journal keeps less for slow followers, unless that was asked for, too.
func TestRetainedJournalFollowsItsBound(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64
	}{
		{"tick: 20ms", 512 << 20},
		{"journalMaxBytes: 536870912", 256 << 20},
		{"journalMaxBytes: 4294967296", 512 << 20},
		{"journalMaxBytes: 536870912\n  journalRetainBytes: 402653184", 384 << 20},
	} {
		c, err := adapter.ParseConfig([]byte(strings.Replace(whole, "tick: 20ms", test.text, 1)))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if e := c.Engine(); e.Journal.RetainBytes != test.want {
			t.Errorf("%s: %d bytes are kept, want %d", test.text, e.Journal.RetainBytes, test.want)
		}
	}
	_, err := adapter.ParseConfig([]byte(strings.Replace(whole, "tick: 20ms", "journalRetainBytes: 1073741824", 1)))
	if err == nil || !strings.Contains(err.Error(), "tuning") || !strings.Contains(err.Error(), "RetainBytes 1073741824; need 0 to MaxBytes") {
		t.Errorf("as much as the journal takes: %v", err)
	}
}

// Every node must come to the same placement, in whatever order it lists the
// nodes.
func TestPlacementIsAFunctionOfTheTopics(t *testing.T) {
	c, err := adapter.ParseConfig([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Engine().Topology.Partitions
	if len(p) != 3 {
		t.Fatalf("%d partitions, want 3", len(p))
	}
	want := [][]env.NodeID{{1, 2, 3}, {2, 3, 1}, {3}}
	for i := range p {
		var got []env.NodeID
		for _, r := range p[i].Replicas {
			got = append(got, r.Node)
		}
		if uint64(p[i].Group) != uint64(i+1) || len(got) != len(want[i]) || got[0] != want[i][0] {
			t.Errorf("partition %d: group %d on %v, want on %v", i, p[i].Group, got, want[i])
		}
	}
}

func TestBadConfigsAreOneLineThatSaysWhatToDo(t *testing.T) {
	for name, test := range map[string]struct{ from, to, want string }{
		"unknown key":     {"admin:", "adnim:", `line 5: unknown key "adnim"; the known ones here are cluster, node, data`},
		"unknown subkey":  {"partitions: 2", "partition: 2", `line 12: unknown key "partition"; the known ones here are name, partitions, replicas, minISR`},
		"wrong type":      {"node: 2", "node: two", "line 3: cannot unmarshal"},
		"no yaml":         {"cluster: 7", "cluster: [", "line"},
		"duration":        {"20ms", "20", "missing unit in duration"},
		"cluster":         {"cluster: 7", "cluster: 0", "cluster: choose an id"},
		"node":            {"node: 2", "node: 9", "node: 9 is not among the nodes"},
		"twice":           {"id: 3", "id: 1", "nodes: id 1 is 0 or listed twice"},
		"address":         {`"127.0.0.1:9103"`, "localhost", `"localhost" is no host:port`},
		"topic":           {"orders", "a/b", `topics: name "a/b": use`},
		"replicas":        {"replicas: 1", "replicas: 4", "audit: replicas is 4; use 1 to the number of nodes, 3"},
		"min ISR":         {"replicas: 1", "minISR: 9", "audit: minISR is 9; use 1 to the number of replicas, 3"},
		"negative":        {"tick: 20ms", "tick: -20ms", "tuning: tick is negative"},
		"engine":          {"tick: 20ms", "electionTicks: 1", "tuning: engine: bad configuration"},
		"zeros":           {"tick: 20ms", "zeroBytes: -2", "tuning: zeroBytes is -2; use -1 for none"},
		"second document": {"tuning:\n  tick: 20ms\n  maxBatchBytes: 65536\n", "---\ncluster: 1\n", "only one document"},
		"log":             {"admin: 127.0.0.1:9202", "log: loud", `log: "loud" is no level`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, test.from, test.to, 1)
			if text == whole {
				t.Fatal("the test changes nothing")
			}
			file := filepath.Join(t.TempDir(), "node.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := adapter.LoadConfig(file)
			if err == nil {
				t.Fatal("accepted")
			}
			if !errors.Is(err, adapter.ErrInput) || strings.Contains(err.Error(), "\n") ||
				!strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), file) {
				t.Fatalf("%v\nwant it to contain %q", err, test.want)
			}
		})
	}
	if _, err := adapter.LoadConfig(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, adapter.ErrInput) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("cluster: 1\nnodes: [{id: 1"))
	f.Add([]byte("tuning: {tick: 1h, segmentBytes: 9223372036854775807}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := adapter.ParseConfig(b)
		if err != nil {
			if !errors.Is(err, adapter.ErrInput) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("accepted, and then: %v", err)
		}
	})
}
