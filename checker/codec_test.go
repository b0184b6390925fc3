package checker_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// full is a history with everything that a file can hold.
func full() *checker.History {
	b := clean()
	h := b.h
	h.Meta.Seed, h.Meta.Scenario = 1<<63+1, "mixed"
	h.Groups = []checker.Group{{ID: 1, Topic: "t", MinISR: 2, Members: []checker.Member{{Replica: 1, Node: 1}, {Replica: 2, Node: 2}}}}
	h.Ops[0].Values[0] = "a\xff\x00\n"
	h.Logs[0].Records[0].Value = "a\xff\x00\n"
	h.Ops[12].Fetched[0].Value = "a\xff\x00\n"
	h.Ops[7].Values[0] = "base64:"
	h.Logs[0].Records[4].Value = "base64:"
	h.Ops[10].Fetched[0].Value, h.Ops[12].Fetched[4].Value = "base64:", "base64:"
	h.Logs[0].Replicas[1].Fingerprint = 1<<64 - 1
	h.Logs[0].Replicas[0].Fingerprint, h.Logs[0].Replicas[2].Fingerprint = 1<<64-1, 1<<64-1
	h.Events = []checker.Event{
		{Kind: checker.EventWritten, Seq: 3, AtNs: 4, Node: 1, Group: 1, Replica: 1, First: 5, Last: 6, Term: 7, File: "journal/1", Offset: 512, Length: 90},
		{Kind: checker.EventISR, Node: 1, Group: 1, Replica: 1, Set: []uint64{1, 2}, Text: "why"},
		{Kind: checker.EventRole, Node: 1, Group: 1, Replica: 1, Role: checker.Leader, Term: 2},
	}
	h.Samples = []checker.Sample{{AtNs: 1, Group: 1, Leader: 2, Reported: []uint64{1}, Truth: []checker.MemberTruth{{Node: 1, State: checker.InSync}}}}
	h.Logs = append(h.Logs, checker.Log{Topic: "empty", Partition: 3, StartOffset: 17})
	return h
}

func encode(t testing.TB, h *checker.History) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := checker.WriteHistory(&b, h); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCodecRoundTrip(t *testing.T) {
	h := full()
	before := encode(t, h)
	got, err := checker.ReadHistory(bytes.NewReader(before))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h, got) {
		t.Errorf("read back:\n%s\nwritten:\n%s", encode(t, got), before)
	}
	wantClean(t, checker.Check(got, checker.Options{Porcupine: true}))
	if first, _, _ := strings.Cut(string(before), "\n"); first != `{"format":"lockstep-history","version":1,"meta":{"source":"test","seed":9223372036854775809,"scenario":"mixed","complete":true}}` {
		t.Errorf("the header changed, which is a new version: %s", first)
	}
}

// TestCodecKeepsMembers: what only some histories have, which the golden file of
// all others does not show.
func TestCodecKeepsMembers(t *testing.T) {
	h := full()
	h.Events = append(h.Events,
		checker.Event{Kind: checker.EventMembers, Node: 1, Group: 1, Replica: 1, Index: 6, Voters: []uint64{1, 3}, Outgoing: []uint64{1, 2}, Learners: []uint64{4}},
		checker.Event{Kind: checker.EventDiskLost, Node: 2},
	)
	h.Logs[0].TrimmedTo, h.Logs[0].Replicas[0].StartOffset = new(int64(0)), 2
	h.Logs[0].Retention = &checker.LogRetention{Bytes: 100, Ms: 7}
	h.Ops = append(h.Ops, checker.Op{Seq: 99, Kind: checker.DeleteRecords, Topic: "t", Call: 901, Return: 902, Outcome: checker.OK, Offset: -1, LogStart: 2})
	got, err := checker.ReadHistory(bytes.NewReader(encode(t, h)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h, got) {
		t.Errorf("read back:\n%s", encode(t, got))
	}
}

// TestCodecGolden: files of this version stay readable.
func TestCodecGolden(t *testing.T) {
	const path = "testdata/history-v1.jsonl"
	now := encode(t, full())
	if os.Getenv("LOCKSTEP_REWRITE") != "" {
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, now) {
		t.Errorf("the format changed: %s", now)
	}
}

func TestCodecRefuses(t *testing.T) {
	good := string(encode(t, full()))
	lines := strings.SplitAfter(good, "\n")
	lines = lines[:len(lines)-1]
	n := len(lines)
	edit := func(line int, old, with string) string {
		out := append([]string(nil), lines...)
		if !strings.Contains(out[line], old) {
			t.Fatalf("line %d holds no %q: %s", line+1, old, out[line])
		}
		out[line] = strings.Replace(out[line], old, with, 1)
		return strings.Join(out, "")
	}
	cases := []struct {
		name, in string
		err      error
		text     string
	}{
		{"empty", "", checker.ErrFormat, "line 1"},
		{"not JSON", "hello\n", checker.ErrFormat, "line 1"},
		{"other JSON", "{\"format\":\"x\"}\n", checker.ErrFormat, "--history"},
		{"version", edit(0, `"version":1`, `"version":2`), checker.ErrVersion, "version 2"},
		{"no end", strings.Join(lines[:n-1], ""), checker.ErrTruncated, "record the run again"},
		{"cut in a line", good[:len(good)-len(lines[n-1])-9], checker.ErrTruncated, "cut off"},
		{"a line missing", strings.Join(append(append([]string(nil), lines[:3]...), lines[4:]...), ""), checker.ErrMalformed, "counts"},
		{"unknown field", edit(1, `"id"`, `"idd"`), checker.ErrMalformed, "line 2: malformed history: json: unknown field"},
		{"unknown kind", edit(2, `"produce"`, `"produced"`), checker.ErrMalformed, `unknown operation kind "produced"`},
		{"two records in a line", edit(2, `{"op":`, `{"end":{"lines":0},"op":`), checker.ErrMalformed, "one record"},
		{"two objects in a line", edit(2, "}\n", "} {}\n"), checker.ErrMalformed, "more than one"},
		{"nothing in a line", edit(2, lines[2], "{}\n"), checker.ErrMalformed, "holds 0"},
		{"record without log", lines[0] + "{\"record\":{\"offset\":0,\"value\":\"\"}}\n", checker.ErrMalformed, "after its log"},
		{"bad base64", edit(2, "base64:", "base64:!"), checker.ErrMalformed, "value"},
		{"trailing", good + "{}\n", checker.ErrMalformed, "follows the end"},
		{"unusable", edit(2, `"call":1,`, `"call":9,`), checker.ErrInvalid, "operation 1"},
	}
	for _, c := range cases {
		if _, err := checker.ReadHistory(strings.NewReader(c.in)); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got error %v, want %v with %q", c.name, err, c.err, c.text)
		}
	}
}

type failing struct{}

var errFull = errors.New("disk full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriterKeepsItsError(t *testing.T) {
	if err := checker.WriteHistory(failing{}, full()); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

// FuzzReadHistory: no input makes the reader or the judges panic, and what is
// read is written and read back the same.
func FuzzReadHistory(f *testing.F) {
	f.Add(encode(f, full()))
	f.Add(encode(f, &checker.History{}))
	events := &checker.History{Groups: full().Groups, Events: []checker.Event{
		{Kind: checker.EventRecovered, Group: 1, Replica: 1, Node: 1, First: 1 << 59, Last: 1 << 60, Term: 3},
		{Kind: checker.EventEntry, Group: 1, Replica: 1, Node: 1, Index: 1 << 60, Term: 3},
		{Kind: checker.EventEntry, Group: 1, Replica: 1, Node: 1, Index: 1, Term: 3},
		{Kind: checker.EventWritten, Group: 1, Replica: 1, Node: 1, First: 1, Last: 1 << 60, Term: 3},
		{Kind: checker.EventPersisted, Group: 1, Replica: 1, Node: 1, First: 1, Last: 1 << 60, Term: 3},
		{Kind: checker.EventCommit, Group: 1, Replica: 1, Node: 1, Index: 1 << 60, Term: 3},
		{Kind: checker.EventRole, Group: 1, Replica: 1, Node: 1, Role: checker.Leader, Term: 1 << 60},
		{Kind: checker.EventApply, Group: 1, Replica: 1, Node: 1, Index: 1, Offset: -1},
		{Kind: checker.EventLost, Node: 1, File: "x", Offset: -1, Length: 1 << 60},
		{Kind: checker.EventCrashed, Node: 1},
		{Kind: checker.EventRecovered, Group: 1, Replica: 1, Node: 1, First: 0, Last: 1 << 60, Term: 3},
	}}
	f.Add(encode(f, events))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := checker.ReadHistory(bytes.NewReader(b))
		if err != nil {
			return
		}
		checker.Check(h, checker.Options{})
		once := encode(t, h)
		again, err := checker.ReadHistory(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("not read back: %v", err)
		}
		if twice := encode(t, again); !bytes.Equal(once, twice) {
			t.Fatalf("read back:\n%s\nwritten:\n%s", twice, once)
		}
	})
}
