package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// page reads docs/schedule.md.
func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/schedule.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// leaves calls f for every plain field below v, with its path in a schedule.
func leaves(path string, v reflect.Value, f func(path string, v reflect.Value)) {
	for field, at := range v.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case at.Kind() == reflect.Struct:
			leaves(path+name+".", at, f)
		case field.Type == reflect.TypeFor[[]Fault]():
			leaves(path+name+"[].", at.Index(0), f)
		default:
			f(path+name, at)
		}
	}
}

// row is a line of one of the page's tables of fields.
type row struct{ unit, bounds, leftOut, usual, meaning string }

// rows reads the tables of fields: six columns, or five for faults, which have
// no usual value.
func rows(t *testing.T, text string) map[string]row {
	t.Helper()
	found := map[string]row{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 7 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name := strings.Trim(cells[1], "`")
		if _, twice := found[name]; twice {
			t.Errorf("%s has two rows", name)
		}
		r := row{unit: cells[2], bounds: cells[3], leftOut: cells[4], meaning: cells[len(cells)-2]}
		if len(cells) == 8 {
			r.usual = cells[5]
		}
		found[name] = r
	}
	return found
}

func TestThePageHasARowForEveryField(t *testing.T) {
	rows, s := rows(t, page(t)), Defaults(0)
	s.Faults = []Fault{{}}
	leaves("", reflect.ValueOf(s), func(path string, v reflect.Value) {
		r, ok := rows[path]
		delete(rows, path)
		switch {
		case !ok:
			t.Errorf("%s has no row", path)
		case r.leftOut == "":
			t.Errorf("%s: the row does not say what it means to leave it out", path)
		case v.CanInt() && r.unit == "" && path != "version":
			t.Errorf("%s has no unit", path)
		case r.usual != "" && r.usual != fmt.Sprint(v.Interface()):
			t.Errorf("%s: the usual value is %s, Defaults has %v", path, r.usual, v.Interface())
		}
	})
	for path := range rows {
		t.Errorf("%s is no field of a schedule", path)
	}
}

var bounds = regexp.MustCompile(`^(-?\d+) to (-?\d+)$`)

// TestThePagesRangesAreTheReaders sets each field to its bounds and beyond.
func TestThePagesRangesAreTheReaders(t *testing.T) {
	rows, s, checked := rows(t, page(t)), Defaults(0), 0
	s.Faults = []Fault{{Kind: WallJump, Role: RoleAll}}
	leaves("", reflect.ValueOf(&s).Elem(), func(path string, v reflect.Value) {
		m := bounds.FindStringSubmatch(rows[path].bounds)
		if m == nil {
			return
		}
		checked++
		before := reflect.ValueOf(v.Interface())
		defer v.Set(before)
		about := strings.ReplaceAll(path, "[]", "[0]") + ": "
		for i, beyond := range []int64{-1, 1} {
			limit, err := strconv.ParseInt(m[1+i], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			put(v, limit)
			if err := s.Validate(); err != nil && strings.Contains(err.Error(), about) {
				t.Errorf("%d is in the page's range: %v", limit, err)
			}
			if v.CanUint() && limit+beyond < 0 {
				continue
			}
			put(v, limit+beyond)
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), about) {
				t.Errorf("%s%d is beyond the page's range, error %v", about, limit+beyond, err)
			}
		}
	})
	if checked < 40 {
		t.Errorf("only %d ranges were checked", checked)
	}
}

func put(v reflect.Value, n int64) {
	if v.CanUint() {
		v.SetUint(uint64(n))
	} else {
		v.SetInt(n)
	}
}

var (
	heading = regexp.MustCompile("(?m)^### `([a-z-]+)`$")
	fenced  = regexp.MustCompile("(?s)```json\n(.*?)```")
)

// TestThePageShowsEveryKind: each kind has a section with an example that
// parses, of that kind; values of roles, triggers, modes and directions are named.
func TestThePageShowsEveryKind(t *testing.T) {
	_, text, ok := strings.Cut(page(t), "\n## Kinds of faults\n")
	if !ok {
		t.Fatal("there is no section on the kinds")
	}
	shown := map[string]int{}
	sections := heading.FindAllStringSubmatchIndex(text, -1)
	for i, at := range sections {
		end := len(text)
		if i+1 < len(sections) {
			end = sections[i+1][0]
		}
		name := text[at[2]:at[3]]
		for _, example := range fenced.FindAllStringSubmatch(text[at[0]:end], -1) {
			s, err := ParseSchedule(around(t, example[1]))
			if err != nil {
				t.Errorf("the example of %s: %v", name, err)
			} else if f := s.Faults[0]; f.Kind != name {
				t.Errorf("the example of %s is one of %s", name, f.Kind)
			}
			shown[name]++
		}
	}
	for name := range kinds {
		if shown[name] == 0 {
			t.Errorf("%s has no example", name)
		}
		delete(shown, name)
	}
	for name := range shown {
		t.Errorf("%s is no kind of fault", name)
	}
}

// around puts a fault into a schedule of three nodes.
func around(t *testing.T, fault string) []byte {
	t.Helper()
	empty := []byte(`"faults": []`)
	s := Defaults(1).JSON()
	if !bytes.Contains(s, empty) {
		t.Fatalf("no empty list of faults in\n%s", s)
	}
	return bytes.Replace(s, empty, []byte(`"faults": [`+fault+`]`), 1)
}

func TestThePageNamesEveryWordOfAFault(t *testing.T) {
	rows := rows(t, page(t))
	for field, words := range map[string][]string{
		"role":      {RoleLeader, RoleFollower, RoleISRFollower, RoleLongestLog, RoleShortestLog, RoleAll},
		"on":        {OnWrite, OnStart, OnSync, OnIO, OnRecoveryIO},
		"area":      {AreaAny, AreaJournal, AreaTail, AreaSegment, AreaIndex, AreaCheckpoint},
		"mode":      {"all", "prefix", "subset", "torn", "any"},
		"direction": {DirectionIn, DirectionOut},
	} {
		said := strings.Split(rows["faults[]."+field].bounds, ", ")
		if want := quoted(words); !slices.Equal(said, want) {
			t.Errorf("%s: the page says %v, want %v", field, said, want)
		}
	}
}

func quoted(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, "`"+w+"`")
	}
	return out
}

// TestThePagesScheduleRuns runs the complete example: its faults strike, and it
// passes.
func TestThePagesScheduleRuns(t *testing.T) {
	ran := 0
	for _, example := range fenced.FindAllStringSubmatch(page(t), -1) {
		if !json.Valid([]byte(example[1])) {
			t.Errorf("no JSON:\n%s", example[1])
		}
		if !strings.Contains(example[1], `"version"`) {
			continue
		}
		s, err := ParseSchedule([]byte(example[1]))
		if err != nil {
			t.Fatal(err)
		}
		r := run(t, s, Options{})
		mustPass(t, r)
		if r.Faults[Partition] != 1 || r.Faults[Crash] != 1 || r.Ops.OK < 100 {
			t.Errorf("faults %v, %d operations succeeded", r.Faults, r.Ops.OK)
		}
		ran++
	}
	if ran != 1 {
		t.Errorf("%d complete examples, want 1", ran)
	}
}
