package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/adapter/osenv"
)

// StartConfig of Start.
type StartConfig struct {
	// Dir is where a directory is made for the data, which is removed in the end.
	Dir string
	// SegmentBytes are written to the log; default 10 GiB.
	SegmentBytes int64
	// JournalBytes is the journal's bound, up to which it is filled with entries that
	// no checkpoint covers; default 1 GiB, the node's own.
	JournalBytes int64
	// Tuning of the node, for experiments.
	Tuning adapter.TuningConfig
	// Starts to measure, each after a kill; default 3.
	Starts int
	// Progress is told what goes on; may be nil.
	Progress func(what string)
}

// StartTarget is how soon a node serves again.
const StartTarget = 5 * time.Second

// StartReport is what Start found. Times are from the beginning of the start.
type StartReport struct {
	LogBytes     int64      `json:"logBytes"`     // of the log's files
	JournalBytes int64      `json:"journalBytes"` // of the journal's files, spares too
	Target       float64    `json:"targetSeconds"`
	Killed       []OneStart `json:"killed"` // killed under load, checkpoints as usual
	Full         []OneStart `json:"full"`   // killed with the journal at its bound
}

// OneStart is one start of a node whose files were not in memory.
type OneStart struct {
	Ready   float64 `json:"readySeconds"`  // it answers
	Serves  float64 `json:"servesSeconds"` // it acknowledged a record
	ReadMiB float64 `json:"readMiB"`       // read from the disk until then
	Logs    float64 `json:"readOfLogsMiB"` // of that, files of logs
	// Processor is the time that the start took of the processors until then, whoever
	// else was busy.
	Processor float64 `json:"processorSeconds"`
	// PlainRead is how long it took, just before, to read the journal's files from
	// this disk from end to end and do nothing with them.
	PlainRead float64 `json:"plainReadSeconds"`
}

const (
	loadBatch    = 512 << 10
	loadInFlight = 16
)

// Start measures how soon a node with much data serves again after a kill: as it
// is in use, and with a journal that is full, because nothing could be checkpointed.
func Start(ctx context.Context, c StartConfig) (r StartReport, err error) {
	s := &starting{StartConfig: c, batch: randomBatch(loadBatch)}
	s.setDefaults()
	dir, err := os.MkdirTemp(c.Dir, "adapter-bench-")
	if err != nil {
		return r, fmt.Errorf("%w: bench: %w", adapter.ErrInput, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.dir = filepath.Join(dir, "node")
	if err = s.format(ctx); err != nil {
		return r, err
	}
	s.tell("writes the log")
	if err = s.load(ctx, s.Tuning, s.SegmentBytes); err != nil {
		return r, err
	}
	r.Target = StartTarget.Seconds()
	for range s.Starts {
		if err = s.measure(ctx, s.Tuning, &r.Killed); err != nil {
			return r, err
		}
	}
	for range s.Starts {
		s.tell("fills the journal")
		// Whatever bounds the entries without a checkpoint is put out of the way.
		full := s.Tuning
		full.CheckpointBytes, full.CheckpointFiles, full.JournalMaxBytes = 1<<50, 1<<20, s.JournalBytes
		if err = s.load(ctx, full, 2*s.JournalBytes); err != nil {
			return r, err
		}
		r.LogBytes, r.JournalBytes = bytesBelow(filepath.Join(s.dir, "groups")), bytesBelow(filepath.Join(s.dir, "journal"))
		after := s.Tuning
		after.JournalMaxBytes = s.JournalBytes
		if err = s.measure(ctx, after, &r.Full); err != nil {
			return r, err
		}
	}
	return r, nil
}

// starting is the work of one Start.
type starting struct {
	StartConfig
	dir   string
	batch []byte
}

func (s *starting) setDefaults() {
	if s.SegmentBytes == 0 {
		s.SegmentBytes = 10 << 30
	}
	if s.JournalBytes == 0 {
		s.JournalBytes = 1 << 30
	}
	if s.Starts == 0 {
		s.Starts = 3
	}
}

func (s *starting) tell(what string) {
	if s.Progress != nil {
		s.Progress(what)
	}
}

func (s *starting) format(ctx context.Context) error {
	c, err := nodeConfig(s.dir, s.Tuning)
	if err != nil {
		return err
	}
	return adapter.Format(ctx, c, false)
}

// load writes so many bytes, or until the journal is full, and kills the node.
func (s *starting) load(ctx context.Context, tuning adapter.TuningConfig, bytes int64) error {
	c, err := nodeConfig(s.dir, tuning)
	if err != nil {
		return err
	}
	n, err := startNode(ctx, c)
	if err != nil {
		return err
	}
	defer n.Kill()
	if err := awaitLeader(ctx, n, s.batch); err != nil {
		return err
	}
	p := &inProcess{node: n, topic: raftTopic, batch: s.batch}
	step := min(64<<20, max(bytes, loadBatch))
	for done := int64(0); done < bytes && ctx.Err() == nil; {
		err := p.produce(int(step/loadBatch), loadInFlight)
		switch {
		case errors.Is(err, errRefused) && s.full(tuning):
			return nil
		case errors.Is(err, errRefused): // the disk is behind
			<-time.After(100 * time.Millisecond)
		case err != nil:
			return err
		default:
			done += step
		}
	}
	return ctx.Err()
}

// full tells whether the journal is about as large as it may become.
func (s *starting) full(tuning adapter.TuningConfig) bool {
	file := cmp.Or(s.Tuning.JournalFileBytes, 64<<20)
	return tuning.JournalMaxBytes > 0 && bytesBelow(filepath.Join(s.dir, "journal")) >= tuning.JournalMaxBytes-4*file
}

// measure starts the node once, with files that are not in memory, and kills it.
func (s *starting) measure(ctx context.Context, tuning adapter.TuningConfig, all *[]OneStart) error {
	tuning.ScrubBytes = -1 // it would read beside what is measured
	s.tell("starts")
	if err := forget(s.dir); err != nil {
		return err
	}
	plain, err := readPlainly(filepath.Join(s.dir, "journal"))
	if err != nil {
		return err
	}
	if err := forget(s.dir); err != nil {
		return err
	}
	one, err := s.once(ctx, tuning)
	one.PlainRead = plain.Seconds()
	*all = append(*all, one)
	return err
}

func (s *starting) once(ctx context.Context, tuning adapter.TuningConfig) (one OneStart, err error) {
	c, err := nodeConfig(s.dir, tuning)
	if err != nil {
		return one, err
	}
	begun, cpu := time.Now(), osenv.ProcessorTime()
	n, err := startNode(ctx, c)
	if err != nil {
		return one, err
	}
	defer n.Kill()
	one.Ready = time.Since(begun).Seconds()
	if err := awaitLeader(ctx, n, randomBatch(100)); err != nil {
		return one, err
	}
	one.Serves = time.Since(begun).Seconds()
	one.Processor = (osenv.ProcessorTime() - cpu).Seconds()
	for dir, stats := range n.DiskStats() { //lockstep:unordered a sum
		one.ReadMiB += float64(stats.ReadBytes) / (1 << 20)
		if dir == "groups" {
			one.Logs = float64(stats.ReadBytes) / (1 << 20)
		}
	}
	return one, nil
}

// forget writes all files of a directory to the disk and lets go of what memory
// holds of them, where the system offers that.
func forget(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := f.Sync(); err != nil {
			return err
		}
		return osenv.Forget(f)
	})
}

// bytesBelow sums up the files of a directory.
func bytesBelow(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil // a report's figure: what cannot be seen is not counted
	})
	return bytes
}

// readPlainly reads all files of a directory, one after the other.
func readPlainly(dir string) (time.Duration, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	begun, p := time.Now(), make([]byte, 1<<20)
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name.Name()))
		if err != nil {
			return 0, err
		}
		for err == nil {
			_, err = f.Read(p)
		}
		_ = f.Close() // it was only read
		if !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	return time.Since(begun), nil
}
