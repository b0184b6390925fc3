package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// ErrSchedule is wrapped by every error of ParseSchedule.
var ErrSchedule = errors.New("unreadable schedule")

// maxDepth bounds the nesting of outside JSON: a schedule needs four levels.
const maxDepth = 16

// ParseSchedule reads a schedule strictly: an unknown or repeated field, a
// wrong type, a value out of range or text after the end is an error that names
// the line and the field.
func ParseSchedule(b []byte) (Schedule, error) {
	w := walker{text: b, dec: json.NewDecoder(bytes.NewReader(b)), lines: map[string]int{}}
	w.dec.UseNumber()
	if err := w.value("", reflect.TypeFor[Schedule](), 0); err != nil {
		return Schedule{}, fmt.Errorf("%w: line %d: %w", ErrSchedule, w.line(), err)
	}
	if rest := w.next(); rest < int64(len(b)) {
		return Schedule{}, fmt.Errorf("%w: line %d: text after the end of the schedule", ErrSchedule, w.lineAt(rest))
	}
	var s Schedule
	if err := json.Unmarshal(b, &s); err != nil {
		return Schedule{}, fmt.Errorf("%w: %w", ErrSchedule, err)
	}
	if err := s.Validate(); err != nil {
		if at, ok := errors.AsType[*fieldError](err); ok {
			return Schedule{}, fmt.Errorf("%w: line %d: %w", ErrSchedule, w.lineOf(at.path), at)
		}
		return Schedule{}, fmt.Errorf("%w: %w", ErrSchedule, err)
	}
	return s, nil
}

// walker reads JSON token by token beside the Go type it is meant for, and
// remembers on which line each field stands.
type walker struct {
	text  []byte
	dec   *json.Decoder
	lines map[string]int // path -> line
	stuck bool           // at something that is no JSON
}

// line is where the walker is: at the end of the last token, or at what cannot
// be one.
func (w *walker) line() int {
	if w.stuck {
		return w.lineAt(w.next())
	}
	return w.lineAt(w.dec.InputOffset())
}

// next is the offset of the next byte that is no white space.
func (w *walker) next() int64 {
	at := w.dec.InputOffset()
	return int64(len(w.text) - len(bytes.TrimLeft(w.text[at:], " \t\r\n")))
}

func (w *walker) lineAt(offset int64) int {
	return 1 + bytes.Count(w.text[:offset], []byte{'\n'})
}

// lineOf finds the line of a path or of the nearest thing that contains it.
func (w *walker) lineOf(path string) int {
	for path != "" {
		if line, ok := w.lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1
}

func (w *walker) token(path string) (json.Token, error) {
	t, err := w.dec.Token()
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%sends too early", prefix(path))
	default:
		w.stuck = true
		return nil, fmt.Errorf("%s%w", prefix(path), err)
	}
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

func (w *walker) value(path string, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%snested too deeply", prefix(path))
	}
	token, err := w.token(path)
	if err != nil {
		return err
	}
	w.lines[path] = w.line()
	switch token {
	case json.Delim('{'):
		return w.object(path, t, depth)
	case json.Delim('['):
		return w.array(path, t, depth)
	case nil:
		return fmt.Errorf("%snull is no value here", prefix(path))
	}
	return scalar(path, t, token)
}

// scalar checks that a single value is what its field takes.
func scalar(path string, t reflect.Type, token json.Token) error {
	var fits bool
	var what string
	switch v := token.(type) {
	case string:
		fits, what = t.Kind() == reflect.String, "a string"
	case bool:
		fits, what = t.Kind() == reflect.Bool, "a truth value"
	case json.Number:
		fits, what = holds(t, v.String()), "the number "+v.String()
	}
	if !fits {
		return fmt.Errorf("%s%s is no value here", prefix(path), what)
	}
	return nil
}

// holds tells whether a number fits a field of type t: all are whole.
func holds(t reflect.Type, number string) bool {
	var err error
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		_, err = strconv.ParseInt(number, 10, t.Bits())
	case reflect.Uint64:
		_, err = strconv.ParseUint(number, 10, t.Bits())
	default:
		return false
	}
	return err == nil
}

func (w *walker) object(path string, t reflect.Type, depth int) error {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("%san object is no value here", prefix(path))
	}
	seen := map[string]bool{}
	for w.dec.More() {
		token, err := w.token(path)
		if err != nil {
			return err
		}
		key := token.(string) // the decoder lets only strings stand there
		at := key
		if path != "" {
			at = path + "." + key
		}
		field, known := fieldOf(t, key)
		switch {
		case !known:
			return fmt.Errorf("unknown field %q", at)
		case seen[key]:
			return fmt.Errorf("field %q stands twice", at)
		}
		seen[key] = true
		if err := w.value(at, field, depth+1); err != nil {
			return err
		}
	}
	_, err := w.token(path)
	return err
}

func (w *walker) array(path string, t reflect.Type, depth int) error {
	if t.Kind() != reflect.Slice {
		return fmt.Errorf("%sa list is no value here", prefix(path))
	}
	for i := 0; w.dec.More(); i++ {
		if err := w.value(fmt.Sprintf("%s[%d]", path, i), t.Elem(), depth+1); err != nil {
			return err
		}
	}
	_, err := w.token(path)
	return err
}

// fieldOf finds the type of the field with exactly this JSON name.
func fieldOf(t reflect.Type, key string) (reflect.Type, bool) {
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == key {
			return field.Type, true
		}
	}
	return nil, false
}
