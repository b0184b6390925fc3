package wal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
)

var small = wal.Settings{SegmentBytes: 1000, IndexIntervalBytes: 200, MaxBatchBytes: 4000}

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// process is one life of a log on a platter.
type process struct {
	t     tb
	mount *mount
	tasks *env.Tasks
	log   *wal.Log
	fatal []error

	pool     *wal.Pool // nil: none
	damaged  []wal.BadFile
	repaired []wal.Repaired
	trims    []int64
}

func start(t tb, d *platter, tailBytes int) *process {
	p := &process{t: t, mount: d.mount(), tasks: &env.Tasks{}}
	p.log = wal.New(env.Env{Disk: p.mount, Clock: p.mount}, p.tasks, p.config(tailBytes), func(err error) { p.fatal = append(p.fatal, err) })
	return p
}

func (p *process) config(tailBytes int) wal.Config {
	var pool *wal.Pool
	if n := p.mount.openFiles; n > 0 {
		pool = wal.NewPool(n, 0)
	}
	p.pool = pool
	return wal.Config{
		Pool: pool,
		Dir:  "groups/7", Genesis: small, TailBytes: tailBytes, Replica: 3,
		OnDamage:   func(b wal.BadFile) { p.damaged = append(p.damaged, b) },
		OnRepaired: func(r wal.Repaired) { p.repaired = append(p.repaired, r) },
		OnTrim:     func(_ uint64, at int64) { p.trims = append(p.trims, at) },
	}
}

// until drives the loop; it fails the test if the loop runs dry first.
func (p *process) until(cond func() bool) {
	p.t.Helper()
	for !cond() {
		if !p.mount.step() {
			p.t.Fatalf("the loop ran dry (fatal: %v)", p.fatal)
		}
	}
}

// steps drives the loop that many steps or until it runs dry.
func (p *process) steps(n int) {
	for i := 0; i < n && p.mount.step(); i++ {
	}
}

// kill ends the process: nothing of it completes any more.
func (p *process) kill() {
	p.mount.stopped = true
	p.tasks.Stop()
}

func (p *process) format() {
	p.t.Helper()
	var err error
	done := false
	p.log.Format([]byte("genesis"), func(e error) { err, done = e, true })
	p.until(func() bool { return done })
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) open() (machine.Checkpoint, error) {
	p.t.Helper()
	var (
		c    machine.Checkpoint
		err  error
		done bool
	)
	p.log.Open(func(got machine.Checkpoint, e error) { c, err, done = got, e, true })
	p.until(func() bool { return done })
	return c, err
}

func (p *process) mustOpen() machine.Checkpoint {
	p.t.Helper()
	c, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *process) checkpoint(meta string) machine.Checkpoint {
	p.t.Helper()
	var c machine.Checkpoint
	done := false
	p.log.Checkpoint([]byte(meta), func(got machine.Checkpoint, err error) {
		if err != nil {
			p.t.Error(err)
		}
		c, done = got, true
	})
	p.until(func() bool { return done })
	return c
}

func (p *process) read(offset, limit int64, maxBytes int) ([]byte, error) {
	p.t.Helper()
	var (
		b    []byte
		err  error
		done bool
	)
	p.log.Read(offset, limit, maxBytes, func(got []byte, e error) { b, err, done = got, e, true })
	p.until(func() bool { return done })
	return b, err
}

// content reads all segments, by base offset.
func (p *process) content() map[int64][]byte {
	p.t.Helper()
	all := map[int64][]byte{}
	for _, s := range p.log.Segments() {
		done := false
		p.tasks.Go("content", func(t *env.Task) {
			b, err := p.log.ReadSegment(t, s.Base)
			if err != nil {
				p.t.Error(err)
			}
			if int64(len(b)) != s.Bytes {
				p.t.Errorf("segment %s has %d bytes, want %d", s.Name, len(b), s.Bytes)
			}
			all[s.Base] = b
			done = true
		})
		p.until(func() bool { return done })
	}
	return all
}

// fresh starts a log on a new platter; it counts reads of the disk from here.
func fresh(t tb, seed uint64, tailBytes int) (*platter, *process) {
	t.Helper()
	d := newPlatter(seed)
	p := start(t, d, tailBytes)
	p.format()
	p.kill()
	p = start(t, d, tailBytes)
	p.mustOpen()
	p.mount.reads = 0
	return d, p
}

// batch makes a record batch of n records with values of that size.
func batch(tag, n, valueBytes int) []byte {
	b := record.NewBuilder(1000)
	for i := range n {
		value := bytes.Repeat([]byte{byte('a' + (tag+i)%26)}, valueBytes)
		b.Add(1000, fmt.Appendf(nil, "key-%d-%d", tag, i), value)
	}
	return b.Build()
}

// history is a committed log: what every replica applies.
type history []machine.Entry

// makeHistory makes entries of all sorts, rejected ones included.
func makeHistory(seed uint64, n int) history {
	rng := rand.New(rand.NewPCG(seed, 2))
	var (
		h    history
		term = uint64(1)
	)
	for i := range n {
		if rng.IntN(10) == 0 {
			term += 1 + uint64(rng.IntN(3))
		}
		h = append(h, machine.Entry{Index: uint64(i + 1), Term: term, Data: someCommand(rng, i)})
	}
	return h
}

// trimmedHistory is a history that also trims: to offsets within the log, and
// sometimes to all of it or beyond.
func trimmedHistory(seed uint64, n int) history {
	rng := rand.New(rand.NewPCG(seed, 3))
	h := makeHistory(seed, n)
	for i := range h {
		if rng.IntN(12) != 0 {
			continue
		}
		end := int64(0)
		if b := expected(h[:i]); len(b) > 0 {
			end = b[len(b)-1].next
		}
		at := rng.Int64N(end + 1)
		if rng.IntN(8) == 0 {
			at = end + rng.Int64N(3)
		}
		h[i].Data = wal.AppendTrimCommand(nil, at)
	}
	return h
}

func someCommand(rng *rand.Rand, i int) []byte {
	switch rng.IntN(16) {
	case 0:
		return nil
	case 1:
		return []byte{128 + byte(rng.IntN(128)), 7}
	case 2:
		return []byte{4, 1, 2}
	case 3:
		damaged := wal.AppendBatchCommand(nil, batch(i, 2, 10))
		damaged[len(damaged)-1] ^= 1
		return damaged
	case 4:
		s := wal.Settings{SegmentBytes: 300 + rng.Int64N(1500), IndexIntervalBytes: 1 + rng.Int64N(400), MaxBatchBytes: 2000 + rng.Int64N(2000)}
		if rng.IntN(3) == 0 {
			s.SegmentBytes = 0
		}
		return wal.AppendSettingsCommand(nil, s)
	case 5:
		return wal.AppendBatchCommand(nil, batch(i, 3, 1000)) // larger than most segments, sometimes refused
	default:
		return wal.AppendBatchCommand(nil, batch(i, 1+rng.IntN(4), rng.IntN(60)))
	}
}

// apply applies the entries above the applied index up to index to.
func (p *process) apply(h history, to uint64) {
	for _, e := range h[p.log.AppliedIndex():to] {
		p.log.Apply(e)
	}
}
