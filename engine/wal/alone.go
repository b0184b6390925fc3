package wal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
)

// A log that stands alone (Config.Alone) is a state machine without a journal:
// what was appended since the last checkpoint is in its segments or lost. Append
// and CheckpointFrom take the place of Apply, Harden makes durable what was appended,
// Salvage finds it again after Open. Package direct makes a service of it.

// aloneTerm stamps all batches of a log that stands alone: it has no leaders.
const aloneTerm = 0

// LostError says that records which were durable do not read any more. Nobody
// else has them.
type LostError struct {
	From, End int64  // their offsets, End not included
	File      string // where the first of them should be
	Pos       int64
	Why       error
}

// Error names the offsets and the place.
func (e *LostError) Error() string {
	return fmt.Sprintf("%v: offsets %d to %d are lost: %s at %d: %v", ErrDamaged, e.From, e.End-1, e.File, e.Pos, e.Why)
}

// Is makes it an ErrDamaged.
func (e *LostError) Is(target error) bool { return target == ErrDamaged }

// Unwrap gives what was found.
func (e *LostError) Unwrap() error { return e.Why }

// Append adds a batch at the end of the log and returns its base offset. It is
// durable once a Harden that was asked later is done.
func (l *Log) Append(batch []byte) (base int64, err error) {
	if !l.opened || !l.cfg.Alone {
		panic("wal: Append before Open, or to a log that does not stand alone")
	}
	l.state.index++
	return l.appendBatch(batch, aloneTerm)
}

// AppendValid is Append for a batch whose header record.Validate gave.
func (l *Log) AppendValid(batch []byte, h *record.Header) (base int64, err error) {
	if !l.opened || !l.cfg.Alone {
		panic("wal: AppendValid before Open, or to a log that does not stand alone")
	}
	l.state.index++
	if int64(len(batch)) > l.state.settings.MaxBatchBytes {
		return -1, fmt.Errorf("%w: %d bytes, limit %d", record.ErrTooLarge, len(batch), l.state.settings.MaxBatchBytes)
	}
	return l.appendValid(batch, h, aloneTerm)
}

// CheckpointFrom is Checkpoint of a log that begins at offset, or where it begins
// already if that is later. All that is below offset must be durable. The log
// begins there once the checkpoint is durable: until then, and after env.ErrNoSpace,
// it is what it was, and what is below is read. OnTrim is called at once: from now
// on a crash may leave a log that begins there.
func (l *Log) CheckpointFrom(offset int64, done func(machine.Checkpoint, error)) {
	offset = min(offset, l.state.end)
	if offset <= l.state.start {
		l.Checkpoint(nil, done)
		return
	}
	l.begin("CheckpointFrom")
	l.state.index++
	if l.cfg.OnTrim != nil {
		l.cfg.OnTrim(l.state.index, offset)
	}
	c := l.capture(nil)
	gone := l.countGone(offset)
	if gone > 0 && gone == len(l.segments) {
		l.sealed = true // the checkpoint does not name it: what is appended now must not be in it
		c.lastEntry = 0
	}
	c.segments = slices.Delete(c.segments, 0, gone)
	c.state.start = offset
	c.state.dropTerms(c.segments)
	l.conclude(c, slices.Clone(l.segments[gone:]), func(made machine.Checkpoint, err error) {
		if err == nil {
			l.letGoBelow(offset)
			l.bury(l.doomed)
			l.doomed = nil
		}
		done(made, err)
	})
}

// Harden makes durable, in the files and the directory, what was appended before
// it. It answers env.ErrNoSpace where the disk has no room: the bytes wait in
// memory, and a later Harden makes them durable too.
func (l *Log) Harden(done func(error)) {
	l.flush()
	l.zeroAhead()
	left, full := 1, error(nil)
	synced := func(s *segment, err error) {
		switch {
		case l.dead:
			return
		case err != nil && (!errors.Is(err, env.ErrNoSpace) || len(s.starved) == 0):
			l.failed(err)
			return
		case s != nil && len(s.starved) > 0:
			full = fmt.Errorf("%w: bytes of %s wait", env.ErrNoSpace, s.file.name)
		}
		if left--; left > 0 {
			return
		}
		if full != nil {
			done(full)
			return
		}
		l.settleNames(done)
	}
	for _, s := range l.segments {
		if s.file.dirty() || len(s.starved) > 0 {
			left++
			s.file.sync(func(err error) { synced(s, err) })
		}
	}
	synced(nil, nil)
}

// Active is the base offset of the segment that grows, -1 if there is none.
func (l *Log) Active() int64 {
	if s := l.active(); s != nil {
		return s.Base
	}
	return -1
}

// Tip is the file of the segment that grows, and its length once all is written;
// "" if there is none.
func (l *Log) Tip() (file string, bytes int64) {
	if s := l.active(); s != nil {
		return s.file.name, s.Bytes
	}
	return "", 0
}

// settleNames makes the names of all segments durable.
func (l *Log) settleNames(done func(error)) {
	made := l.made
	if made == l.settled {
		done(nil)
		return
	}
	l.env.Disk.SyncDir(l.cfg.Dir, func(err error) {
		switch {
		case l.dead:
		case err != nil:
			l.failed(err)
		default:
			l.settled = max(l.settled, made)
			done(nil)
		}
	})
}

// zeros are what segments are filled with.
var zeros [1 << 20]byte

// zeroAhead fills the active segment with zeros behind what was handed over. They
// are a help: on a full disk there are none.
func (l *Log) zeroAhead() {
	s := l.active()
	if s == nil || l.cfg.ZeroBytes == 0 || len(s.starved) > 0 || s.zeroed-s.handed >= l.cfg.ZeroBytes/2 {
		return
	}
	from := max(s.handed, s.zeroed)
	to := min(s.handed+l.cfg.ZeroBytes, l.state.settings.SegmentBytes)
	for from < to {
		n := min(to-from, int64(len(zeros)))
		l.put(s, piece{p: zeros[:n], off: from}, l.failUnlessFull)
		from += n
	}
	s.zeroed = max(s.zeroed, to)
}

// cut ends a segment's file where its bytes end, behind all that was handed over.
// The next sync of the file makes that durable.
func (l *Log) cut(s *segment) {
	h := s.file
	h.writes++
	h.use(func(f env.File, err error) {
		if err != nil {
			h.done()
			l.failUnlessFull(err)
			return
		}
		f.Truncate(s.Bytes, func(err error) {
			h.done()
			l.failUnlessFull(err) // full: it is short, and ends with what still waits
		})
	})
}

func (l *Log) failUnlessFull(err error) {
	if err != nil && !errors.Is(err, env.ErrNoSpace) {
		l.failed(err)
	}
}

// mayFollow tells whether a file may hold what was appended after the durable
// checkpoint of a log that stands alone.
func (l *Log) mayFollow(name string) bool {
	base, generation, ok := parseSegmentName(name)
	return l.cfg.Alone && ok && strings.HasSuffix(name, ".log"+generationSuffix(generation)) &&
		generation == l.durable.generation && base >= l.durable.state.end
}

// Salvaged is what Salvage found behind the checkpoint.
type Salvaged struct {
	Bytes int64  // appended again and synced
	File  string // where the log was cut; empty: nothing was there but zeros
	Pos   int64
}

// Salvage reads on behind the checkpoint that Open found and appends what reads
// well again: the same bytes in the same places, synced, because they may be in
// the page cache only. What follows is cut, and the cut is durable too, so that no
// stale batch behind it can ever continue the log. Batches below the offset
// durable were synced once: where they do not read it is a *LostError, and nothing
// on the disk is changed. ErrUnread: the disk does not give its bytes; that proves
// nothing, and nothing is changed. After any error the log is to be closed.
func (l *Log) Salvage(t *env.Task, durable int64) (Salvaged, error) {
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return Salvaged{}, fmt.Errorf("%w: %s: %w", ErrUnread, l.cfg.Dir, err)
	}
	w := &salvage{log: l, names: names, next: l.state.end}
	if err := w.walk(t); err != nil {
		return Salvaged{}, err
	}
	if w.next < durable {
		return Salvaged{}, &LostError{From: w.next, End: durable, File: w.badFile, Pos: w.badPos, Why: w.why}
	}
	if err := w.nameAgain(t, durable); err != nil {
		return Salvaged{}, err
	}
	found := Salvaged{Bytes: w.bytes}
	if w.dirt {
		found.File, found.Pos = w.file, w.pos
	}
	for _, b := range w.batches {
		w.beginAgain()
		if _, err := l.Append(b); err != nil {
			return found, fmt.Errorf("%w: offset %d: %w", ErrDamaged, l.state.end, err)
		}
	}
	if s := l.active(); s != nil && l.path(s.fileName()) != w.file && w.bytes > 0 {
		return found, fmt.Errorf("%w: %s ends the log, and not %s", ErrDamaged, w.file, s.file.name)
	}
	if err := l.dropRest(t, names); err != nil {
		return found, err
	}
	if s := l.active(); s != nil {
		l.flush()
		l.cut(s)
	}
	t.Await(func(done func()) { l.Harden(func(e error) { err = e; done() }) })
	return found, err
}

// dropRest removes the segments behind the end of the log, durably.
func (l *Log) dropRest(t *env.Task, names []string) error {
	var rest []string
	for _, name := range names {
		known := slices.ContainsFunc(l.segments, func(s *segment) bool { return s.fileName() == name })
		if l.mayFollow(name) && !known {
			rest = append(rest, name)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	if err := l.removeAll(t, rest); err != nil {
		return err
	}
	return l.syncDir(t)
}

// salvage walks the batches behind a checkpoint.
type salvage struct {
	log     *Log
	names   []string
	batches [][]byte
	begun   []begun // files of them that the checkpoint does not know
	bytes   int64
	next    int64 // offset

	// Where the log is to be cut, and whether more than zeros follow.
	file string
	pos  int64
	dirt bool
	// Where the walk ended, and what is there.
	badFile string
	badPos  int64
	why     error
}

// walk goes from the checkpoint's active segment through those that follow.
func (w *salvage) walk(t *env.Task) error {
	l := w.log
	e := extent{Base: w.next, Generation: l.generation}
	if s := l.active(); s != nil {
		e = s.extent
		if err := w.segment(t, e.fileName(), e.Bytes); err != nil {
			return err
		}
		e.Base = w.next
	}
	for {
		e.Base = w.next
		if !slices.Contains(w.names, e.fileName()) || l.active() != nil && l.active().Base == e.Base {
			if w.why == nil {
				w.badFile, w.why = l.path(e.fileName()), env.ErrNotExist
			}
			return nil
		}
		first := len(w.batches)
		if err := w.segment(t, e.fileName(), 0); err != nil {
			return err
		}
		if w.next == e.Base {
			return nil
		}
		w.begun = append(w.begun, begun{e.fileName(), e.Base, w.batches[first:len(w.batches):len(w.batches)]})
	}
}

// begun is a segment that was begun after the checkpoint.
type begun struct {
	name    string
	base    int64
	batches [][]byte
}

// beginAgain begins a segment where one was begun before its predecessor was full:
// a trim had taken all others, and a crash has taken back the trim.
func (w *salvage) beginAgain() {
	l := w.log
	s := l.active()
	if s == nil || s.Base == l.state.end {
		return // the next batch begins one anyway, or has
	}
	if slices.ContainsFunc(w.begun, func(b begun) bool { return b.base == l.state.end }) {
		l.roll()
	}
}

// nameAgain puts copies in the place of the segments that may have no durable name.
// Where the sync of the directory failed that made it so, the name reads back, and
// no later sync saves it (recommit in open.go has the same of records). Below the
// offset durable there are none: names are synced before that is noted.
func (w *salvage) nameAgain(t *env.Task, durable int64) error {
	again := 0
	for _, b := range w.begun {
		if b.base < durable {
			continue
		}
		again++
		if err := w.log.anew(t, w.log.path(b.name), bytes.Join(b.batches, nil)); err != nil {
			return err
		}
	}
	if again == 0 {
		return nil
	}
	return w.log.syncDir(t)
}

// anew puts a file of these bytes, synced, in the place of another. The name is
// durable once the directory is synced.
func (l *Log) anew(t *env.Task, name string, p []byte) error {
	f, err := t.Open(l.env.Disk, name+unfinishedSuffix, env.OpenNew)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteAt(f, p, 0); err != nil {
		return err
	}
	if err := t.Sync(f); err != nil {
		return err
	}
	return t.Rename(l.env.Disk, name+unfinishedSuffix, name)
}

// segment takes the good batches of one file from pos on.
func (w *salvage) segment(t *env.Task, name string, pos int64) error {
	l := w.log
	file := l.path(name)
	p, err := l.readFrom(t, file, pos)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnread, file, err)
	}
	first := w.next
	for {
		h, err := verified(p, w.next, int64(len(p)), l.state.terms)
		if err == nil && int64(h.Bytes) > l.state.settings.MaxBatchBytes {
			err = record.ErrTooLarge
		}
		if err != nil {
			w.badFile, w.badPos, w.why = file, pos, err
			if w.next > first || pos > 0 { // else the one before is where the log ends
				w.file, w.pos = file, pos
			}
			w.dirt = w.dirt || slices.ContainsFunc(p, func(b byte) bool { return b != 0 })
			return nil
		}
		w.batches = append(w.batches, p[:h.Bytes:h.Bytes])
		w.bytes += int64(h.Bytes)
		w.next = h.NextOffset()
		pos += int64(h.Bytes)
		p = p[h.Bytes:]
	}
}

// readFrom reads a file's end. What fails is tried once more.
func (l *Log) readFrom(t *env.Task, name string, pos int64) (p []byte, err error) {
	for range 2 {
		f, e := l.openFile(t, name, env.OpenExisting)
		if err = e; e != nil {
			continue
		}
		var size int64
		if size, err = t.Size(f); err == nil {
			p = make([]byte, max(size-pos, 0))
			var n int
			n, err = t.ReadAt(f, p, pos)
			if errors.Is(err, io.EOF) && n == len(p) {
				err = nil
			}
		}
		f.Close()
		if err == nil {
			return p, nil
		}
	}
	return nil, err
}
