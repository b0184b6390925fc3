package cluster

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func full() Schedule {
	s := Defaults(7)
	s.Faults = []Fault{
		{AtNs: 5, ForNs: 6, Kind: Crash, Nodes: []uint64{1, 3}, On: OnWrite, DelayNs: 9},
		{AtNs: 7, ForNs: 8, Kind: Degrade, Role: RoleFollower, Count: 2, Group: 1, LossPPM: 10_000, LatencyNs: 5},
		{AtNs: 9, Kind: WallJump, Role: RoleLeader, LatencyNs: -5},
	}
	return s
}

func TestScheduleRoundTrip(t *testing.T) {
	want := full()
	got, err := ParseSchedule(want.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read back\n%+v\nwant\n%+v", got, want)
	}
	if again := got.JSON(); !bytes.Equal(again, want.JSON()) {
		t.Errorf("written again:\n%s", again)
	}
}

func TestScheduleErrorsNameLineAndField(t *testing.T) {
	text := string(full().JSON())
	for _, c := range []struct{ name, from, to, want string }{
		{"unknown field", `"minISR": 2`, `"minIsr": 2`, `line 8: unknown field "minIsr"`},
		{"unknown field within", `"kind": "crash"`, `"kinds": "crash"`, `unknown field "faults[0].kinds"`},
		{"repeated field", `"nodes": 3,`, `"nodes": 3, "nodes": 3,`, `line 5: field "nodes" stands twice`},
		{"wrong type", `"nodes": 3,`, `"nodes": "three",`, `line 5: nodes: a string is no value here`},
		{"wrong type within", `"atNs": 7`, `"atNs": "7s"`, `faults[1].atNs: a string is no value here`},
		{"wrong type in a list", `"nodes": [`, `"nodes": [ "all",`, `line 55: faults[0].nodes[0]: a string is no value here`},
		{"truth value for a name", `"kind": "crash"`, `"kind": true`, `faults[0].kind: a truth value is no value here`},
		{"number for a truth value", `"kind": "crash"`, `"kind": "crash", "clients": 1`, `faults[0].clients: the number 1 is no value here`},
		{"scalar for an object", `"clock": {`, `"clock": 3, "disk": {`, `clock: the number 3 is no value here`},
		{"scalar for a list", `"faults": [`, `"faults": "none", "x": [`, `faults: a string is no value here`},
		{"negative chance", `"lossPPM": 10000`, `"lossPPM": -1`, `faults[1].lossPPM: the number -1 is no value here`},
		{"too many digits", `"nodes": 3,`, `"nodes": 9223372036854775808,`, `line 5: nodes: the number 9223372036854775808 is`},
		{"chance above one", `"lossPPM": 10000`, `"lossPPM": 1000001`, `faults[1].lossPPM: 1000001 is not within 0 to 1000000`},
		{"delay that goes back", `"latencyNs": 5`, `"latencyNs": -5`, `faults[1].latencyNs: -5 is not within 0 to`},
		{"repeated field within", `"kind": "crash"`, "\"kind\": \"crash\",\n\"kind\": \"stop\"", `field "faults[0].kind" stands twice`},
		{"missing field", `"healNs": 30000000000,`, ``, `line 1: healNs: 0 is not within 1 to`},
		{"missing comma", `"nodes": 3,`, `"nodes": 3`, `line 6: invalid character '"' after object key:value pair`},
		{"missing value", `"nodes": 3,`, `"nodes": ,`, `line 5: nodes: invalid character ','`},
		{"comment", `"nodes": 3,`, `"nodes": 3, // three`, `line 5: invalid character '/'`},
		{"comma at the end", "\n}\n", "\n,}\n", `invalid character`},
		{"fraction", `"nodes": 3,`, `"nodes": 3.5,`, `line 5: nodes: the number 3.5 is no value here`},
		{"object for a number", `"nodes": 3,`, `"nodes": {"a": 1},`, `line 5: nodes: an object is no value here`},
		{"list for a number", `"nodes": 3,`, `"nodes": [1],`, `line 5: nodes: a list is no value here`},
		{"null", `"nodes": 3,`, `"nodes": null,`, `line 5: nodes: null is no value here`},
		{"out of range", `"minISR": 2`, `"minISR": 4`, `line 8: minISR: 4 is not within 1 to 3`},
		{"other version", `"version": 1`, `"version": 2`, `line 2: version: 2 is not within 1 to 1`},
		{"unknown kind", `"kind": "crash"`, `"kind": "smash"`, `faults[0].kind: "smash" is no kind of fault`},
		{"unknown role", `"role": "leader"`, `"role": "boss"`, `faults[2].role: "boss" is none of`},
		{"node that is not there", `"nodes": [`, `"nodes": [ 4,`, `faults[0].nodes[0]: 4 is not within 1 to 3`},
		{"no target", `"role": "leader",`, ``, `faults[2]: names neither nodes nor a role`},
		{"more text", "\n}\n", "\n}\n{}", `line 80: text after the end`},
		{"more text that is no JSON", "\n}\n", "\n}\n\n}", `line 81: text after the end`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := strings.Replace(text, c.from, c.to, 1)
			if bad == text {
				t.Fatalf("%q is not in the schedule:\n%s", c.from, text)
			}
			_, err := ParseSchedule([]byte(bad))
			if !errors.Is(err, ErrSchedule) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestTruncatedScheduleIsAnError(t *testing.T) {
	text := full().JSON()
	for n := range len(text) - 2 {
		if _, err := ParseSchedule(text[:n]); !errors.Is(err, ErrSchedule) {
			t.Fatalf("the first %d bytes: error %v", n, err)
		}
	}
	for _, c := range []struct{ upTo, want string }{
		{`"scenario": `, "line 4: scenario: ends too early"},
		{`"nodes": 3`, "line 5: ends too early"},
		{`"kind": "cra`, "faults[0].kind: ends too early"},
		{`"baseNs": 200000,`, "line 12: network: ends too early"},
	} {
		i := bytes.Index(text, []byte(c.upTo))
		if i < 0 {
			t.Fatalf("%q is not in the schedule:\n%s", c.upTo, text)
		}
		_, err := ParseSchedule(text[:i+len(c.upTo)])
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("up to %s: error %v, want %q", c.upTo, err, c.want)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add(full().JSON())
	f.Add(Defaults(1).JSON())
	f.Add([]byte(`{"version":1,"faults":[[[[[[[[[[[[[[[[[[[[[]]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSchedule(b)
		if err != nil {
			return
		}
		again, err := ParseSchedule(s.JSON())
		if err != nil {
			t.Fatalf("a schedule that was read is written unreadably: %v", err)
		}
		if !bytes.Equal(again.JSON(), s.JSON()) {
			t.Error("a schedule changes when it is written and read")
		}
	})
}
