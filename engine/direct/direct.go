package direct

import (
	"cmp"
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// Errors of Produce and Trim, to be matched with errors.Is. Beside them there are
// those of packages record (no valid batch) and wal, and env.ErrNoSpace.
var (
	// ErrOverloaded: too many produces wait. Nothing was written.
	ErrOverloaded = errors.New("too much waits for the disk")
	// ErrTimeout: the deadline passed. The batch may be written.
	ErrTimeout = errors.New("not durable before the deadline")
	// ErrClosed: the log was closed, or is not open.
	ErrClosed = errors.New("log is closed")
	// ErrAlone: there is nobody to repair from.
	ErrAlone = errors.New("an unreplicated log has no other copy")
)

// Config of a log. Log says where it is, its settings at format and its pool;
// Alone is set here.
type Config struct {
	Log wal.Config
	// OnDurable is called when the log has grown; it may be nil.
	OnDurable func()
	// Trace is given what happens to the log's records, for env.Tracer says of whom
	// it is; nil: nobody listens.
	Trace func(env.Event)

	MaxWaiters      int           // produces that wait for a sync; default 10,000
	MaxUnsynced     int64         // their bytes; default 64 MiB
	CheckpointBytes int64         // between two checkpoints; default 64 MiB
	NoteBytes       int64         // between two notes of the durable end; default 64 MiB
	NoteAfter       time.Duration // idle for so long a log notes it; default 5 ms
}

// Log is an unreplicated log. All methods belong to the node's loop.
type Log struct {
	env   env.Env
	tasks *env.Tasks
	cfg   Config
	fail  func(error)
	wal   *wal.Log

	opened, closed bool
	start, end     int64 // what is durable
	appended       int64 // bytes, since Open

	commit     commit
	note       note
	checkpoint checkpoint
	salvaged   wal.Salvaged
}

// New makes a log; Format or Open comes next. fail is called at most once, when a
// write or a sync fails: the node must stop, and nothing completes after it.
func New(e env.Env, tasks *env.Tasks, cfg Config, fail func(error)) *Log {
	cfg.MaxWaiters = cmp.Or(cfg.MaxWaiters, 10_000)
	cfg.MaxUnsynced = cmp.Or(cfg.MaxUnsynced, 64<<20)
	cfg.CheckpointBytes = cmp.Or(cfg.CheckpointBytes, 64<<20)
	cfg.NoteBytes = cmp.Or(cfg.NoteBytes, 64<<20)
	cfg.NoteAfter = cmp.Or(cfg.NoteAfter, 5*time.Millisecond)
	cfg.Log.Alone = true
	if cfg.Trace == nil {
		cfg.Trace = func(env.Event) {}
	}
	l := &Log{env: e, tasks: tasks, cfg: cfg, fail: fail}
	l.commit.begin = l.harden
	l.wal = wal.New(e, tasks, cfg.Log, l.failed)
	return l
}

// failed ends the log and the node, once.
func (l *Log) failed(err error) {
	if !l.closed {
		l.Kill()
		l.fail(err)
	}
}

// serves tells whether the log takes requests.
func (l *Log) serves() bool { return l.opened && !l.closed }

// EndOffset is the offset after the last durable record.
func (l *Log) EndOffset() int64 { return l.end }

// StartOffset is where the log begins, durably.
func (l *Log) StartOffset() int64 { return l.start }

// Salvaged is what Open found behind the checkpoint.
func (l *Log) Salvaged() wal.Salvaged { return l.salvaged }

// Segments lists all segments.
func (l *Log) Segments() []wal.SegmentInfo { return l.wal.Segments() }

// Bad lists the segments that were found bad.
func (l *Log) Bad() []wal.BadFile { return l.wal.Bad() }

// Repair has nobody to repair from: ErrAlone.
func (l *Log) Repair(*env.Task, int64, machine.Giver) error { return ErrAlone }

// Reformat would begin anew without the records: ErrAlone.
func (l *Log) Reformat(*env.Task, []byte, uint64) error { return ErrAlone }

// Scrub is that of wal.Log.
func (l *Log) Scrub(t *env.Task, pace func(t *env.Task, bytes int64)) error {
	return l.wal.Scrub(t, pace)
}

// TrimPoint is that of wal.Log: it names durable offsets only.
func (l *Log) TrimPoint(nowMs int64) (offset int64, why string) {
	offset, why = l.wal.TrimPoint(nowMs)
	if offset = min(offset, l.end); offset <= l.start {
		return l.start, ""
	}
	return offset, why
}

// NoSpace tells whether the disk has no room for this log.
func (l *Log) NoSpace() bool { return l.wal.NoSpace() }

// Backlog is how many bytes the disk owes.
func (l *Log) Backlog() int64 { return l.wal.Backlog() }

// Kill ends the log as a crash does: nobody who waits is called any more.
func (l *Log) Kill() {
	l.closed = true
	l.commit.drop()
	l.wal.Close()
}

// Close ends the log cleanly: what waits is made durable and answered, then a
// checkpoint is made.
func (l *Log) Close(t *env.Task) error {
	if !l.serves() {
		l.Kill()
		return nil
	}
	l.opened = false
	var err error
	t.Await(func(done func()) { l.wal.Harden(func(e error) { err = e; done() }) })
	if err == nil {
		l.hardened(l.wal.EndOffset())
		t.Await(func(done func()) { l.checkpoint.then(l, func(e error) { err = e; done() }) })
	}
	for l.note.running { // it writes to a file of its own
		t.Sleep(l.env.Clock, time.Millisecond)
	}
	l.Kill()
	return err
}
