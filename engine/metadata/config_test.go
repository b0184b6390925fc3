package metadata_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

func TestTopicNames(t *testing.T) {
	for _, good := range []string{"a", "A-z_0.9", "...", "__consumer_offsets", strings.Repeat("x", 249)} {
		if err := metadata.ValidateTopicName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a b", "a/b", "ä", "a\x00", "a:b", strings.Repeat("x", 250)} {
		var e *metadata.Error
		if err := metadata.ValidateTopicName(bad); !errors.As(err, &e) || e.Code != metadata.InvalidTopic || !strings.Contains(e.Text, ": ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTopicNamesCollide(t *testing.T) {
	c := newCluster(t, "")
	c.do(metadata.CreateTopic{Name: "a.b_c", Partitions: 1, Factor: 1})
	c.refused(metadata.InvalidTopic, metadata.CreateTopic{Name: "a_b.c", Partitions: 1, Factor: 1}, "a.b_c")
	c.do(metadata.CreateTopic{Name: "a-b-c", Partitions: 1, Factor: 1})
	if c.Topic("a_b_c") != nil {
		t.Error("a topic is found by a name that collides with its own")
	}
	c.do(metadata.DeleteTopic{Name: "a.b_c"})
	c.do(metadata.CreateTopic{Name: "a_b.c", Partitions: 1, Factor: 1})
}

func TestParseSetting(t *testing.T) {
	for _, c := range []struct {
		name, text string
		key        metadata.Key
		value      int64
		bad        string // empty: good
	}{
		{"min.insync.replicas", "2", metadata.MinISR, 2, ""},
		{"min.insync.replicas", "0", 0, 0, "1 to 9"},
		{"min.insync.replicas", "10", 0, 0, "1 to 9"},
		{"retention.bytes", "-1", metadata.RetentionBytes, metadata.Forever, ""},
		{"retention.bytes", "9007199254740992", metadata.RetentionBytes, 1 << 53, ""},
		{"retention.bytes", "9007199254740993", 0, 0, "-1 for ever"},
		{"retention.ms", "0", 0, 0, "-1 for ever"},
		{"retention.ms", "-2", 0, 0, "-1 for ever"},
		{"segment.bytes", "1073741824", metadata.SegmentBytes, 1 << 30, ""},
		{"segment.bytes", "-1", 0, 0, "1 to 1073741824"},
		{"max.message.bytes", "61", metadata.MaxMessageBytes, 61, ""},
		{"max.message.bytes", "60", 0, 0, "61 to"},
		{"replica.lag.time.max.ms", "500", metadata.LagMs, 500, ""},
		{"replica.lag.time.max.ms", "86400001", 0, 0, "86400000"},
		{"retention.ms", "1e3", 0, 0, "whole number"},
		{"retention.ms", "99999999999999999999", 0, 0, "whole number"},
		{"cleanup.policy", "compact", 0, 0, "min.insync.replicas, retention.bytes"},
	} {
		got, err := metadata.ParseSetting(c.name, c.text)
		var e *metadata.Error
		switch {
		case c.bad == "" && (err != nil || got != metadata.Setting{Key: c.key, Value: c.value} || got.Key.String() != c.name):
			t.Errorf("%s=%s: %+v, %v", c.name, c.text, got, err)
		case c.bad != "" && (!errors.As(err, &e) || e.Code != metadata.InvalidConfig || !strings.Contains(e.Text, c.bad)):
			t.Errorf("%s=%s: %v, want %q", c.name, c.text, err, c.bad)
		}
	}
}

func TestConfigsInForce(t *testing.T) {
	s, err := metadata.New(metadata.Genesis{
		Cluster: 1, MaxMessageBytes: 5000,
		Defaults: []metadata.Setting{{Key: metadata.MinISR, Value: 2}, {Key: metadata.RetentionMs, Value: 7}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t, s}
	for i := range 3 {
		c.register(i+1, "")
	}
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2, 3}, {1, 2, 3}}, Configs: []metadata.Setting{{Key: metadata.RetentionMs, Value: metadata.Forever}}})
	get := func(g env.GroupID, k metadata.Key) int64 {
		t.Helper()
		v, ok := c.ConfigsOf(c.Partition(g)).Get(k)
		if !ok {
			t.Fatalf("no %s", k)
		}
		return v
	}
	for k, want := range map[metadata.Key]int64{
		metadata.MinISR: 2, metadata.RetentionMs: metadata.Forever, metadata.RetentionBytes: metadata.Forever,
		metadata.MaxMessageBytes: 5000, metadata.SegmentBytes: 64 << 20, metadata.LagMs: 10_000,
	} {
		if got := get(2, k); got != want {
			t.Errorf("%s is %d, want %d", k, got, want)
		}
	}
	// A default never asks for more replicas than there are, on the way either.
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{3}}}})
	if got := get(2, metadata.MinISR); got != 1 {
		t.Errorf("min ISR %d on the way to one replica", got)
	}
	c.settle()
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: 2, Nodes: []env.NodeID{3, 1, 2}}}})
	if got := get(2, metadata.MinISR); got != 1 {
		t.Errorf("min ISR %d on the way from one replica", got)
	}
	c.settle()
	if a, b := get(2, metadata.MinISR), get(3, metadata.MinISR); a != 2 || b != 2 {
		t.Errorf("min ISR %d and %d of three replicas", a, b)
	}
	c.refused(metadata.InvalidConfig, metadata.AlterTopic{Name: "t", Set: []metadata.Setting{{Key: metadata.MaxMessageBytes, Value: 5001}}}, "61 to 5000")
	if v, ok := (metadata.Configs{}).Get(99); ok || v != 0 {
		t.Errorf("setting 99 is %d", v)
	}
}

func TestGenesis(t *testing.T) {
	for name, c := range map[string]struct {
		g    metadata.Genesis
		says string
	}{
		"no cluster":      {metadata.Genesis{}, "cluster id is 0"},
		"node 0":          {metadata.Genesis{Cluster: 1, Nodes: []metadata.Node{{}}}, "node id 0"},
		"twice":           {metadata.Genesis{Cluster: 1, Nodes: []metadata.Node{{ID: 1}, {ID: 1}}}, "twice"},
		"no such setting": {metadata.Genesis{Cluster: 1, Defaults: []metadata.Setting{{Key: 50, Value: 1}}}, "setting 50"},
		"out of range":    {metadata.Genesis{Cluster: 1, Defaults: []metadata.Setting{{Key: metadata.MinISR, Value: 0}}}, "1 to 9"},
		"above the bound": {metadata.Genesis{Cluster: 1, MaxMessageBytes: 100, Defaults: []metadata.Setting{{Key: metadata.MaxMessageBytes, Value: 101}}}, "61 to 100"},
		"a bad bound":     {metadata.Genesis{Cluster: 1, MaxMessageBytes: 60}, "61"},
	} {
		var e *metadata.Error
		if s, err := metadata.New(c.g); !errors.As(err, &e) || s != nil || !strings.Contains(e.Text, c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The order in which nodes are listed says nothing.
	a, _ := metadata.New(metadata.Genesis{Cluster: 5, Nodes: []metadata.Node{{ID: 2, Address: "b"}, {ID: 1, Rack: "r"}}})
	b, _ := metadata.New(metadata.Genesis{Cluster: 5, Nodes: []metadata.Node{{ID: 1, Rack: "r"}, {ID: 2, Address: "b"}}})
	if !slices.Equal(a.Append(nil), b.Append(nil)) || a.Cluster() != 5 || a.Version() != 0 || a.NextGroup() != 2 {
		t.Errorf("%x\n%x", a.Append(nil), b.Append(nil))
	}
}

func TestMachine(t *testing.T) {
	s, _ := metadata.New(metadata.Genesis{Cluster: 1})
	m := metadata.NewMachine(s)
	if r := m.Apply(1, nil); r.Offset != -1 || r.Data != nil || r.Err != nil || m.State() != s {
		t.Errorf("an empty entry: %+v", r)
	}
	if r := m.Apply(2, []byte{1, 3}); !errors.Is(r.Err, metadata.ErrMalformed) || m.State() != s {
		t.Errorf("a malformed one: %+v", r)
	}
	r := m.Apply(3, metadata.AppendCommand(nil, metadata.AllocateProducers{Count: 3}))
	if a, err := metadata.DecodeAnswer(r.Data); err != nil || a != (metadata.Producers{First: 1, Count: 3}) || r.Err != nil || r.Offset != -1 {
		t.Errorf("%+v, %v", r, err)
	}
	if m.State().Version() != 3 || m.Fingerprint() == s.Fingerprint() {
		t.Error("nothing has changed")
	}
	for _, newer := range [][]byte{{2, 3, 1}, {1, 200, 1}} {
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, metadata.ErrVersion) {
					t.Errorf("%x: %v", newer, err)
				}
			}()
			m.Apply(4, newer)
			t.Errorf("%x was applied", newer)
		}()
	}
	now := m.State()
	if err := m.Restore([]byte{1, 2}); !errors.Is(err, metadata.ErrMalformed) || m.State() != now {
		t.Errorf("restoring nonsense: %v", err)
	}
	if err := m.Restore(s.Append(nil)); err != nil || m.Fingerprint() != s.Fingerprint() {
		t.Errorf("restoring: %v", err)
	}
}
