package checker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Errors of ReadHistory; each comes with the line and what to do.
var (
	// ErrFormat: this is no history file.
	ErrFormat = errors.New("not a lockstep history")
	// ErrVersion: a history of a version that this program does not read.
	ErrVersion = errors.New("history of another version")
	// ErrTruncated: the file ends before its end record.
	ErrTruncated = errors.New("truncated history")
	// ErrMalformed: a line is not what the format says.
	ErrMalformed = errors.New("malformed history")
)

// ReadHistory reads a history and validates it. It takes nothing that it does
// not know: an unknown field is an error, and so is a missing end.
func ReadHistory(r io.Reader) (*History, error) {
	d := &decoder{in: bufio.NewScanner(r), h: &History{}}
	d.in.Buffer(make([]byte, 0, 1<<16), maxLineBytes)
	if err := d.header(); err != nil {
		return nil, err
	}
	for !d.done {
		if err := d.next(); err != nil {
			return nil, err
		}
	}
	if d.in.Scan() {
		return nil, fmt.Errorf("line %d: %w: something follows the end record; two histories in one file must be split", d.n+1, ErrMalformed)
	}
	if err := d.in.Err(); err != nil {
		return nil, fmt.Errorf("line %d: read the history: %w", d.n+1, err)
	}
	if err := d.h.Validate(); err != nil {
		return nil, err
	}
	return d.h, nil
}

type decoder struct {
	in   *bufio.Scanner
	n    uint64 // the line that was read last, from 1
	h    *History
	done bool
}

// scan reads a line.
func (d *decoder) scan() ([]byte, error) {
	if d.in.Scan() {
		d.n++
		return d.in.Bytes(), nil
	}
	switch err := d.in.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d: %w: longer than %d bytes; record smaller batches or fetches", d.n+1, ErrMalformed, maxLineBytes)
	case err != nil:
		return nil, fmt.Errorf("line %d: read the history: %w", d.n+1, err)
	case d.n == 0:
		return nil, fmt.Errorf("line 1: %w: the file is empty; give the file that `--history` wrote", ErrFormat)
	default:
		return nil, fmt.Errorf("line %d: %w: the end record is missing, so the recorder did not finish; record the run again", d.n+1, ErrTruncated)
	}
}

func (d *decoder) header() error {
	b, err := d.scan()
	if err != nil {
		return err
	}
	var probe struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(b, &probe); err != nil || probe.Format != formatName {
		return fmt.Errorf("line 1: %w: it does not begin with {\"format\":%q}; give the file that `--history` wrote", ErrFormat, formatName)
	}
	if probe.Version != formatVersion {
		return fmt.Errorf("line 1: %w: version %d, this program reads %d; check it with the program that wrote it", ErrVersion, probe.Version, formatVersion)
	}
	var h header
	if err := strict(b, &h); err != nil {
		return d.malformed(err)
	}
	d.h.Meta = h.Meta
	return nil
}

func (d *decoder) malformed(err error) error {
	return fmt.Errorf("line %d: %w: %w; the file was edited or damaged: record the run again", d.n, ErrMalformed, err)
}

func strict(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one object in the line")
	}
	return nil
}

func (d *decoder) next() error {
	b, err := d.scan()
	if err != nil {
		return err
	}
	var l line
	if err := strict(b, &l); err != nil {
		// A line that was cut in the middle can only be the last one.
		if errors.Is(err, io.ErrUnexpectedEOF) && !d.in.Scan() {
			return fmt.Errorf("line %d: %w: the line is cut off, so the recorder did not finish; record the run again", d.n, ErrTruncated)
		}
		return d.malformed(err)
	}
	if l.fields() != 1 {
		return d.malformed(fmt.Errorf("a line holds one record, this one holds %d", l.fields()))
	}
	if err := d.take(&l); err != nil {
		return d.malformed(err)
	}
	return nil
}

func (l *line) fields() int {
	n := 0
	for _, set := range []bool{l.Group != nil, l.Op != nil, l.Event != nil, l.Sample != nil, l.Log != nil, l.Record != nil, l.End != nil} {
		if set {
			n++
		}
	}
	return n
}

func (d *decoder) take(l *line) (err error) {
	h := d.h
	switch {
	case l.Group != nil:
		h.Groups = append(h.Groups, *l.Group)
	case l.Op != nil:
		err = unescapeOp(l.Op)
		h.Ops = append(h.Ops, *l.Op)
	case l.Event != nil:
		if l.Event.Kind == EventNone {
			return errors.New("an event without a kind")
		}
		h.Events = append(h.Events, *l.Event)
	case l.Sample != nil:
		h.Samples = append(h.Samples, *l.Sample)
	case l.Log != nil:
		h.Logs = append(h.Logs, *l.Log)
	case l.Record != nil:
		if len(h.Logs) == 0 {
			return errNoLog
		}
		log := &h.Logs[len(h.Logs)-1]
		l.Record.Value, err = unescape(l.Record.Value)
		log.Records = append(log.Records, *l.Record)
	default:
		d.done = true
		if got := d.n - 2; l.End.Lines != got {
			return fmt.Errorf("the end record counts %d lines, the file has %d", l.End.Lines, got)
		}
	}
	return err
}

func unescapeOp(o *Op) (err error) {
	for i := range o.Values {
		if o.Values[i], err = unescape(o.Values[i]); err != nil {
			return err
		}
	}
	for i := range o.Fetched {
		if o.Fetched[i].Value, err = unescape(o.Fetched[i].Value); err != nil {
			return err
		}
	}
	return nil
}
