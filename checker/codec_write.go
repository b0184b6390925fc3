package checker

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// The file format: JSON lines.
//
//	line 1   {"format":"lockstep-history","version":1,"meta":{...}}
//	then     one of: {"group":{...}} {"op":{...}} {"event":{...}} {"sample":{...}}
//	         {"log":{...}}, whose records follow it: {"record":{...}}
//	last     {"end":{"lines":N}}: the number of lines between first and last
//
// Values are arbitrary bytes: one that is not UTF-8 is written as "base64:" and
// its standard base64, and so is one that happens to begin with "base64:".
const (
	formatName    = "lockstep-history"
	formatVersion = 1
	base64Prefix  = "base64:"
)

// maxLineBytes bounds one line of a history file.
const maxLineBytes = 64 << 20

type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Meta    Meta   `json:"meta"`
}

// line is one line after the header: exactly one field is set.
type line struct {
	Group  *Group     `json:"group,omitempty"`
	Op     *Op        `json:"op,omitempty"`
	Event  *Event     `json:"event,omitempty"`
	Sample *Sample    `json:"sample,omitempty"`
	Log    *Log       `json:"log,omitempty"`
	Record *LogRecord `json:"record,omitempty"`
	End    *end       `json:"end,omitempty"`
}

type end struct {
	Lines uint64 `json:"lines"`
}

// errNoLog: a record without a log before it.
var errNoLog = errors.New("a record belongs after its log")

// Writer writes a history while it happens. The first error is kept and
// returned by all later calls.
type Writer struct {
	w     *bufio.Writer
	json  *json.Encoder
	lines uint64
	err   error
}

// NewWriter begins a history.
func NewWriter(w io.Writer, meta Meta) *Writer {
	out := &Writer{w: bufio.NewWriterSize(w, 1<<16)}
	out.json = json.NewEncoder(out.w)
	out.json.SetEscapeHTML(false)
	out.keep(out.json.Encode(header{formatName, formatVersion, meta}))
	return out
}

func (w *Writer) keep(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("write the history: %w", err)
	}
}

func (w *Writer) write(l line) {
	if w.err == nil {
		w.lines++
		w.keep(w.json.Encode(l))
	}
}

// Group writes the description of a group.
func (w *Writer) Group(g Group) error {
	w.write(line{Group: &g})
	return w.err
}

// Op writes a finished operation.
func (w *Writer) Op(o Op) error {
	if slices.ContainsFunc(o.Values, needsEscape) {
		o.Values = slices.Clone(o.Values)
		for i, v := range o.Values {
			o.Values[i] = escape(v)
		}
	}
	if slices.ContainsFunc(o.Fetched, func(r FetchedRecord) bool { return needsEscape(r.Value) }) {
		o.Fetched = slices.Clone(o.Fetched)
		for i := range o.Fetched {
			o.Fetched[i].Value = escape(o.Fetched[i].Value)
		}
	}
	w.write(line{Op: &o})
	return w.err
}

// Event writes an event.
func (w *Writer) Event(e Event) error {
	e.Text = strings.ToValidUTF8(e.Text, "?")
	w.write(line{Event: &e})
	return w.err
}

// Sample writes an in-sync sample.
func (w *Writer) Sample(s Sample) error {
	w.write(line{Sample: &s})
	return w.err
}

// Log writes the agreed log of a partition.
func (w *Writer) Log(l Log) error {
	w.write(line{Log: &l})
	for i := range l.Records {
		r := l.Records[i]
		r.Value = escape(r.Value)
		w.write(line{Record: &r})
	}
	return w.err
}

// Close ends the history. Without it the file is truncated, and no reader takes
// it.
func (w *Writer) Close() error {
	lines := w.lines
	w.write(line{End: &end{lines}})
	if w.err == nil {
		w.keep(w.w.Flush())
	}
	return w.err
}

// WriteHistory writes a whole history.
func WriteHistory(to io.Writer, h *History) error {
	w := NewWriter(to, h.Meta) // it keeps its first error for Close
	for i := range h.Groups {
		_ = w.Group(h.Groups[i])
	}
	for i := range h.Ops {
		_ = w.Op(h.Ops[i])
	}
	for i := range h.Events {
		_ = w.Event(h.Events[i])
	}
	for i := range h.Samples {
		_ = w.Sample(h.Samples[i])
	}
	for i := range h.Logs {
		_ = w.Log(h.Logs[i])
	}
	return w.Close()
}

func needsEscape(s string) bool {
	return !utf8.ValidString(s) || strings.HasPrefix(s, base64Prefix)
}

func escape(s string) string {
	if !needsEscape(s) {
		return s
	}
	return base64Prefix + base64.StdEncoding.EncodeToString([]byte(s))
}

func unescape(s string) (string, error) {
	rest, ok := strings.CutPrefix(s, base64Prefix)
	if !ok {
		return s, nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(rest)
	if err != nil {
		return "", fmt.Errorf("value %.40q: %w", s, err)
	}
	return string(b), nil
}
