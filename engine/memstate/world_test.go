package memstate_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/memstate"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// tally counts words: a state of every length.
type tally struct{ words map[string]uint64 }

func newTally() *tally { return &tally{words: map[string]uint64{}} }

var errUnwelcome = errors.New("an unwelcome word")

func (s *tally) Apply(e machine.Entry) machine.Result {
	if strings.HasPrefix(string(e.Data), "bad") {
		return machine.Result{Err: errUnwelcome}
	}
	s.words[string(e.Data)]++
	return machine.Result{Data: binary.AppendUvarint(nil, s.words[string(e.Data)])}
}

func (s *tally) Save(dst []byte) []byte {
	dst = append(dst, 1) // version
	for _, word := range slices.Sorted(maps.Keys(s.words)) {
		dst = binary.AppendUvarint(dst, uint64(len(word)))
		dst = append(dst, word...)
		dst = binary.AppendUvarint(dst, s.words[word])
	}
	return dst
}

func (s *tally) Load(b []byte) error {
	if len(s.words) > 0 {
		return errors.New("it is not fresh")
	}
	if len(b) == 0 || b[0] != 1 {
		return errors.New("unknown version")
	}
	for b = b[1:]; len(b) > 0; {
		n, read := binary.Uvarint(b)
		if read <= 0 || n > uint64(len(b)-read) {
			return errors.New("cut off")
		}
		word := string(b[read:][:n])
		b = b[read+int(n):]
		count, read := binary.Uvarint(b)
		if read <= 0 {
			return errors.New("cut off")
		}
		s.words[word], b = count, b[read:]
	}
	return nil
}

func (s *tally) Fingerprint() (sum uint64) {
	for word, n := range s.words {
		h := uint64(14695981039346656037)
		for _, c := range []byte(word) {
			h = (h ^ uint64(c)) * 1099511628211
		}
		sum += sim.Mix(h, n)
	}
	return sum
}

// history is what every replica applies, entries of the engine's own among it.
func history(n int) []machine.Entry {
	h := make([]machine.Entry, n)
	for i := range h {
		h[i] = machine.Entry{Index: uint64(i + 1), Term: uint64(1 + i/7)}
		switch {
		case i%5 == 4: // not the user's
		case i%11 == 0:
			h[i].Data = []byte("bad word")
		default:
			h[i].Data = []byte(strings.Repeat(fmt.Sprintf("word-%d ", i%17), 1+i%40))
		}
	}
	return h
}

// after is the state that a history makes.
func after(h []machine.Entry) *tally {
	s := newTally()
	for _, e := range h {
		if len(e.Data) > 0 {
			s.Apply(e)
		}
	}
	return s
}

const dir = "groups/7"

// life is one life of a machine on a disk.
type life struct {
	t        tb
	kernel   *sim.Kernel
	disk     *diskmodel.Disk
	tasks    *env.Tasks
	mount    env.Disk
	m        *memstate.Machine[*tally]
	failed   error
	repaired []string
}

func newDisk(seed uint64) (*sim.Kernel, *diskmodel.Disk) {
	k := sim.New(seed)
	return k, diskmodel.New(k, 1, diskmodel.DefaultConfig())
}

// boot gives the disk to a new process.
func boot(t tb, k *sim.Kernel, d *diskmodel.Disk) *life {
	l := &life{t: t, kernel: k, disk: d, tasks: &env.Tasks{}, mount: d.Mount(func(f func()) { f() })}
	l.m = memstate.New(env.Env{Disk: l.mount, Clock: clock{k}}, l.tasks, memstate.Config[*tally]{
		Dir: dir, New: newTally,
		OnRepaired: func(r wal.Repaired) { l.repaired = append(l.repaired, r.File) },
	}, func(err error) { l.failed = err })
	return l
}

// clock is the kernel's time.
type clock struct{ *sim.Kernel }

func (c clock) Monotonic() time.Duration { return time.Duration(c.Now()) }
func (c clock) Wall() int64              { return c.Now() }
func (c clock) Post(f func())            { c.After(0, f) }
func (c clock) AfterFunc(d time.Duration, f func()) env.Timer {
	return c.After(d, f)
}

// fresh is a machine that was formatted and opened.
func fresh(t tb, seed uint64) *life {
	t.Helper()
	k, d := newDisk(seed)
	l := boot(t, k, d)
	l.format()
	l.open()
	return l
}

// until drives the world until cond holds.
func (l *life) until(cond func() bool) {
	l.t.Helper()
	for !cond() {
		if !l.kernel.Step() {
			l.t.Fatalf("nothing left to happen (failed: %v)", l.failed)
		}
	}
}

func (l *life) await(begin func(done func())) {
	l.t.Helper()
	called := false
	begin(func() { called = true })
	l.until(func() bool { return called })
}

// in runs f as a task to its end.
func (l *life) in(f func(t *env.Task) error) (err error) {
	l.t.Helper()
	l.await(func(done func()) {
		l.tasks.Go("test", func(t *env.Task) {
			err = f(t)
			done()
		})
	})
	return err
}

func (l *life) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) tryFormat() (err error) {
	l.t.Helper()
	l.await(func(done func()) { l.m.Format([]byte("genesis"), func(e error) { err = e; done() }) })
	return err
}

func (l *life) format() {
	l.t.Helper()
	l.must(l.tryFormat())
}

func (l *life) tryOpen() (c machine.Checkpoint, err error) {
	l.t.Helper()
	l.await(func(done func()) {
		l.m.Open(func(got machine.Checkpoint, e error) { c, err = got, e; done() })
	})
	return c, err
}

func (l *life) open() machine.Checkpoint {
	l.t.Helper()
	c, err := l.tryOpen()
	l.must(err)
	return c
}

func (l *life) apply(h []machine.Entry, to int) {
	for _, e := range h[l.m.AppliedIndex():to] {
		l.m.Apply(e)
	}
}

func (l *life) tryCheckpoint(meta string) (c machine.Checkpoint, err error) {
	l.t.Helper()
	l.await(func(done func()) {
		l.m.Checkpoint([]byte(meta), func(got machine.Checkpoint, e error) { c, err = got, e; done() })
	})
	return c, err
}

func (l *life) checkpoint(meta string) machine.Checkpoint {
	l.t.Helper()
	c, err := l.tryCheckpoint(meta)
	l.must(err)
	return c
}

func (l *life) restore(man machine.Manifest, from machine.Source) (c machine.Checkpoint, err error) {
	l.t.Helper()
	l.await(func(done func()) {
		l.m.Restore(man, from, func(got machine.Checkpoint, e error) { c, err = got, e; done() })
	})
	return c, err
}

func (l *life) tryScrub() error {
	l.t.Helper()
	return l.in(func(t *env.Task) error { return l.m.Scrub(t, func(*env.Task, int64) {}) })
}

func (l *life) scrub() {
	l.t.Helper()
	l.must(l.tryScrub())
}

// crashModes are the ways to end: of the process alone (-1), or of the power.
var crashModes = []int{-1, int(diskmodel.LoseAll), int(diskmodel.KeepPrefix), int(diskmodel.KeepSubset), int(diskmodel.TornSector)}

// end ends the process, or the power.
func (l *life) end(mode int) {
	l.tasks.Stop()
	if mode < 0 {
		l.disk.Crash()
	} else {
		l.disk.PowerLoss(diskmodel.LossMode(mode))
	}
}

// reborn ends the process and gives its disk to the next one.
func (l *life) reborn(mode int) *life {
	l.end(mode)
	return boot(l.t, l.kernel, l.disk)
}

// records are the files of the machine that have their names.
func (l *life) records() (names []string) {
	for _, f := range l.disk.Files() {
		if strings.HasPrefix(f, dir+"/checkpoint-") && !strings.HasSuffix(f, ".tmp") {
			names = append(names, f)
		}
	}
	return names
}

// equals checks that the machine is where the history leads.
func (l *life) equals(h []machine.Entry) {
	l.t.Helper()
	want := after(h)
	if got := l.m.State(); l.m.AppliedIndex() != uint64(len(h)) || !maps.Equal(got.words, want.words) || l.m.Fingerprint() != want.Fingerprint() {
		l.t.Fatalf("at index %d: %v, want %v", l.m.AppliedIndex(), got.words, want.words)
	}
}

// tidy checks that nothing is left but two records.
func (l *life) tidy() {
	l.t.Helper()
	if got := l.disk.Files(); len(got) != 2 || len(l.records()) != 2 {
		l.t.Fatalf("left over: %v", got)
	}
}

// source gives files from memory.
type source struct {
	clock
	files map[string][]byte
	err   error
}

func (s source) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	s.Post(func() {
		b := s.files[file]
		switch {
		case s.err != nil:
			done(nil, s.err)
		case off+int64(n) > int64(len(b)):
			done(nil, env.ErrNotExist)
		default:
			done(slices.Clone(b[off:][:n]), nil)
		}
	})
}

// donor is a snapshot of a machine that applied a history.
func donor(t tb, h []machine.Entry, meta string) (machine.Manifest, map[string][]byte) {
	t.Helper()
	l := fresh(t, 99)
	l.apply(h, len(h))
	l.checkpoint(meta)
	man, err := l.m.Snapshot()
	l.must(err)
	return man, l.fetchAll(man)
}

// fetchAll reads the files of a manifest from the machine.
func (l *life) fetchAll(man machine.Manifest) map[string][]byte {
	l.t.Helper()
	files := map[string][]byte{}
	for _, f := range man.Files {
		l.await(func(done func()) {
			l.m.ReadAt(f.Name, 0, int(f.Bytes), func(p []byte, err error) {
				if err != nil {
					l.t.Fatal(err)
				}
				files[f.Name] = p
				done()
			})
		})
	}
	return files
}
