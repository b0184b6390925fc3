package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
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
	if err := w.value("", reflect.TypeFor[Schedule](), 0); err != nil {
		return Schedule{}, fmt.Errorf("%w: line %d: %w", ErrSchedule, w.line(), err)
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return Schedule{}, fmt.Errorf("%w: line %d: text after the end of the schedule", ErrSchedule, w.line())
	}
	var s Schedule
	if err := json.Unmarshal(b, &s); err != nil {
		return Schedule{}, w.explain(err)
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
}

func (w *walker) line() int { return w.lineAt(w.dec.InputOffset()) }

func (w *walker) lineAt(offset int64) int {
	return 1 + bytes.Count(w.text[:min(max(offset, 0), int64(len(w.text)))], []byte{'\n'})
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
	return nil // the type is json.Unmarshal's to check
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

// explain turns an error of encoding/json into one with a line and a field.
func (w *walker) explain(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%w: line %d: %s: a %s is no value here", ErrSchedule, w.lineAt(wrong.Offset), wrong.Field, wrong.Value)
	}
	return fmt.Errorf("%w: %w", ErrSchedule, err)
}
