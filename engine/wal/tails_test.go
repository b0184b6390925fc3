package wal_test

import (
	"math/rand/v2"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// TestTailsShareABudget: logs whose tails were used longest ago give them up, with
// what the disk was not given yet. Nothing of what they say changes.
func TestTailsShareABudget(t *testing.T) {
	const count, limit, own = 12, 40 << 10, 16 << 10
	rng := rand.New(rand.NewPCG(9, 9))
	tails := wal.NewTails(limit)
	var shared, alone []*process
	for i := range count {
		for _, into := range []*[]*process{&shared, &alone} {
			d, p := fresh(t, uint64(i), own)
			p.kill()
			p = &process{t: t, mount: d.mount(), tasks: &env.Tasks{}}
			cfg := p.config(own)
			if into == &shared {
				cfg.Tails = tails
			}
			p.log = wal.New(env.Env{Disk: p.mount, Clock: p.mount}, p.tasks, cfg, func(err error) { p.fatal = append(p.fatal, err) })
			p.mustOpen()
			*into = append(*into, p)
		}
	}
	histories := make([]history, count)
	for i := range histories {
		histories[i] = makeHistory(uint64(i), 150)
	}
	most := int64(0)
	for at := range 150 {
		for range count {
			i := rng.IntN(count)
			if at := shared[i].log.AppliedIndex(); at < 150 {
				shared[i].log.Apply(histories[i][at])
				alone[i].log.Apply(histories[i][at])
			}
			most = max(most, tails.Bytes())
		}
		if i := rng.IntN(count); at%5 == 0 {
			shared[i].steps(20)
			checkReads(t, histories[i], shared[i], rng)
		}
	}
	if most <= limit/2 || most > limit+own {
		t.Errorf("the tails took %d bytes, limit %d and one log's %d", most, limit, own)
	}
	for i := range shared {
		equal(t, shared[i], alone[i])
		shared[i].log.Close()
	}
	if left := tails.Bytes(); left != 0 {
		t.Errorf("%d bytes are counted of logs that are closed", left)
	}
}

// checkReads reads anywhere in what is applied.
func checkReads(t *testing.T, h history, p *process, rng *rand.Rand) {
	t.Helper()
	stored, start, end := expected(h[:p.log.AppliedIndex()]), p.log.StartOffset(), p.log.EndOffset()
	for range 5 {
		if end == start {
			return
		}
		offset, maxBytes := start+rng.Int64N(end-start), 1+rng.IntN(3000)
		got, err := p.read(offset, end, maxBytes)
		if err != nil {
			t.Fatalf("reading at %d: %v", offset, err)
		}
		if what := judge(stored, got, offset, end, maxBytes); what != "" {
			t.Fatalf("reading at %d: %s", offset, what)
		}
	}
}
