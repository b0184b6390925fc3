package wal

import (
	"cmp"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Config is a log's place and its local limits. Nothing in it shapes a byte of
// a segment after Format.
type Config struct {
	// Dir holds the log's files; the log owns it. Relative to the data directory.
	Dir string
	// Genesis are the settings that Format writes. Not looked at by Open.
	Genesis Settings
	// TailBytes is how much of the log's end is kept in memory for readers; zero
	// means DefaultTailBytes. At least one write buffer is kept however small it is.
	TailBytes int
	// Tails is the budget that all logs of the node share; nil: TailBytes alone holds.
	Tails *Tails
	// Replica is noted in each checkpoint; 0 where nobody knows it.
	Replica uint64
	// Pool bounds the open files of all logs of the node; nil: no bound.
	Pool *Pool

	// Alone says that nobody else has what is appended: there is no journal from
	// which it could come again. See the part on logs that stand alone.
	Alone bool
	// ZeroBytes is how far a log that stands alone fills its segment with zeros
	// ahead of what is written, so that a sync finds the file's length and blocks as
	// they are. 0: not at all.
	ZeroBytes int64

	// What the log reports; each may be nil. They are called on the loop, not
	// inside a method but Apply.
	//
	// OnDamage: a file that does not verify, found by a read or a scrub; once
	// until it is repaired.
	OnDamage func(BadFile)
	// OnRepaired: a file that verifies again.
	OnRepaired func(Repaired)
	// OnTrim: the log begins at start from the command at index on.
	OnTrim func(index uint64, start int64)
}

// DefaultTailBytes is the tail kept in memory if Config says nothing.
const DefaultTailBytes = 1 << 20

// state is the replicated state: equal on all replicas that applied the same
// entries.
type state struct {
	index, term uint64 // of the last applied entry
	start, end  int64  // offsets of the first record and after the last
	chain       uint64 // digest of the headers of all stamped batches ever applied, in order
	settings    Settings
	terms       []termStart
}

// Log is one partition's log, a machine.StateMachine. All methods belong to
// the node's loop; see the package comment for what it promises.
type Log struct {
	env   env.Env
	tasks *env.Tasks
	cfg   Config
	fail  func(error)

	opened bool
	dead   bool // failed or closed: nothing completes any more
	busy   bool // a checkpoint or a restore is under way

	state      state
	segments   []*segment
	tail       tail
	generation uint32 // of the files that are begun now
	replaced   int    // how often this process took a checkpoint's state

	durable checkpoint // the newest durable checkpoint
	body    []byte     // its record
	usedID  uint64     // the largest checkpoint id that was ever under way
	named   env.Lock   // held by who changes named files

	sealed bool       // the next batch begins a segment
	doomed []*segment // trimmed off, and perhaps named by the durable checkpoint
	bad    []BadFile  // not repaired yet
	seeds  []seed     // segments of a log that lost its checkpoint

	starving []*segment // with starved bytes
	feeding  bool       // a timer is set for them
	cramped  bool       // the last checkpoint had no room
	probing  bool       // somebody looks for some

	readable []*segment // sealed segments with an open file or an index, least recently used first
	backlog  int64      // bytes handed to the disk and not carried out yet

	// Counts of segment files made in this process, and of those whose names a sync
	// of the directory has covered.
	made, settled uint64
}

var (
	_ machine.StateMachine = (*Log)(nil)
	_ machine.Formatter    = (*Log)(nil)
	_ machine.Source       = (*Log)(nil)
	_ machine.Keeper       = (*Log)(nil)
	_ machine.Verifier     = (*Log)(nil)
)

// New makes a log of the files in cfg.Dir; Open or Format comes next. Work of
// several steps runs in tasks. fail is called at most once, when a write or a
// sync fails: the node must stop, and nothing completes after it.
func New(e env.Env, tasks *env.Tasks, cfg Config, fail func(error)) *Log {
	l := &Log{
		env:   e,
		tasks: tasks,
		cfg:   cfg,
		fail:  fail,
		tail:  tail{limit: cmp.Or(max(cfg.TailBytes, 0), DefaultTailBytes), tails: cfg.Tails},
	}
	l.tail.give = l.giveTail
	return l
}

// EndOffset is the offset that the next record gets.
func (l *Log) EndOffset() int64 { return l.state.end }

// StartOffset is the first offset that can be read.
func (l *Log) StartOffset() int64 { return l.state.start }

// AppliedIndex is the index of the last applied entry.
func (l *Log) AppliedIndex() uint64 { return l.state.index }

// Settings are the settings in force.
func (l *Log) Settings() Settings { return l.state.settings }

// Backlog is how many bytes were handed to the disk and are not carried out
// yet. They are pinned in memory; a leader refuses produces when they are many.
func (l *Log) Backlog() int64 { return l.backlog }

// Fingerprint digests the replicated state: the headers of all stamped batches so far, the
// offsets and the settings.
func (l *Log) Fingerprint() uint64 {
	s := &l.state
	return mixWords(s.chain, uint64(s.start), uint64(s.end), uint64(s.settings.SegmentBytes),
		uint64(s.settings.IndexIntervalBytes), uint64(s.settings.MaxBatchBytes),
		uint64(s.settings.RetentionBytes), uint64(s.settings.RetentionMs))
}

// Close releases the files. What was not checkpointed is in the journal.
func (l *Log) Close() {
	l.dead = true
	l.tail.reset()
	for _, s := range slices.Concat(l.segments, l.doomed) {
		s.file.close()
	}
	for _, s := range l.seeds {
		s.file.close()
	}
}

// failed reports the first failed write or sync.
func (l *Log) failed(err error) {
	if l.dead {
		return
	}
	l.dead = true
	l.fail(err)
}
