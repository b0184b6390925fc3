package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine/record"
)

// Config of Compare.
type Config struct {
	// Dir is where a directory is made for the data, which is removed in the end.
	// It should be on the disk that is asked about. Empty: the system's place.
	Dir string
	// BatchBytes is how much a batch holds; default 64 KiB.
	BatchBytes int
	// TurnBytes are produced in each turn; default 64 MiB, so that about one
	// checkpoint and one new segment fall into each.
	TurnBytes int64
	// InFlight are the numbers of requests in flight to measure; default 1 and 16.
	InFlight []int
	// Rounds to take, default 15. In each, everything takes its turn once.
	Rounds int
	// WarmBytes are produced before anything is measured; default 512 MiB, more than
	// the journal holds before it uses its files again.
	WarmBytes int64
	// RPC measures a client over gRPC too.
	RPC bool
	// Tuning of the node, for experiments.
	Tuning adapter.TuningConfig
	// Progress is told after each round; may be nil.
	Progress func(done, of int)
}

// What a turn leaves to the background does not fall into the next one: in between
// the node's disk is to be quiet for restQuiet, or else restMost is waited.
const (
	restQuiet = 20 * time.Millisecond
	restMost  = time.Second
)

func (c *Config) setDefaults() {
	if c.BatchBytes == 0 {
		c.BatchBytes = 64 << 10
	}
	if c.TurnBytes == 0 {
		c.TurnBytes = 64 << 20
	}
	if len(c.InFlight) == 0 {
		c.InFlight = []int{1, 16}
	}
	if c.Rounds == 0 {
		c.Rounds = 15
	}
	if c.WarmBytes == 0 {
		c.WarmBytes = 512 << 20
	}
}

// validate refuses what cannot be measured.
func (c *Config) validate() error {
	if c.BatchBytes < 1 || c.BatchBytes > 1<<20-1<<10 {
		return fmt.Errorf("%w: batches of %d bytes; use 1 to %d", adapter.ErrInput, c.BatchBytes, 1<<20-1<<10)
	}
	if c.TurnBytes < int64(c.BatchBytes) || c.Rounds < 1 {
		return fmt.Errorf("%w: %d rounds of %d bytes; need at least 1 of one batch", adapter.ErrInput, c.Rounds, c.TurnBytes)
	}
	for _, n := range c.InFlight {
		if n < 1 || n > 1024 {
			return fmt.Errorf("%w: %d requests in flight; use 1 to 1024", adapter.ErrInput, n)
		}
	}
	return nil
}

// Compare measures a node against a plain loop, and its partitions against each
// other. It takes about TurnBytes for each contender and round of room on the disk.
// A ctx that ends is an error.
func Compare(ctx context.Context, c Config) (r Report, err error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp(c.Dir, "adapter-bench-")
	if err != nil {
		return r, fmt.Errorf("%w: bench: %w", adapter.ErrInput, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &comparison{Config: c, batch: randomBatch(c.BatchBytes)}
	defer b.close()
	if err := b.open(ctx, dir); err != nil {
		return r, err
	}
	if err := b.takeRounds(ctx); err != nil {
		return r, err
	}
	return b.report(), nil
}

// comparison is the work of one Compare.
type comparison struct {
	Config
	batch  []byte
	plain  *plain
	node   *adapter.Node
	client *adapter.Client
	groups [][]*turn // by requests in flight, the baseline first
}

// randomBatch is a batch of one record that no disk can make smaller.
func randomBatch(size int) []byte {
	value := make([]byte, size)
	_, _ = rand.Read(value) // never fails
	b := record.NewBuilder(time.Now().UnixMilli())
	b.Add(0, nil, value)
	return b.Build()
}

// open makes the contenders.
func (b *comparison) open(ctx context.Context, dir string) (err error) {
	if b.plain, err = openPlain(dir, b.batch); err != nil {
		return err
	}
	c, err := nodeConfig(filepath.Join(dir, "node"), b.Tuning)
	if err != nil {
		return err
	}
	if err = adapter.Format(ctx, c, false); err != nil {
		return err
	}
	if b.node, err = startNode(ctx, c); err != nil {
		return err
	}
	if err = awaitLeader(ctx, b.node, b.batch); err != nil {
		return err
	}
	if b.RPC {
		if b.client, err = connect(ctx, c); err != nil {
			return err
		}
	}
	for _, inFlight := range b.InFlight {
		group := []*turn{
			{name: Plain, who: b.plain},
			{name: Unreplicated, who: &inProcess{node: b.node, topic: aloneTopic, batch: b.batch}},
			{name: Replicated, who: &inProcess{node: b.node, topic: raftTopic, batch: b.batch}},
		}
		if b.RPC {
			group = append(group,
				&turn{name: RemoteAlone, who: &remote{client: b.client, topic: aloneTopic, batch: b.batch}},
				&turn{name: Remote, who: &remote{client: b.client, topic: raftTopic, batch: b.batch}})
		}
		for _, t := range group {
			t.inFlight = inFlight
		}
		b.groups = append(b.groups, group)
	}
	return nil
}

func (b *comparison) close() {
	if b.client != nil {
		b.client.Close()
	}
	if b.node != nil {
		b.node.Kill()
	}
	if b.plain != nil {
		b.plain.close()
	}
}

// rest waits until the node's disk is quiet.
func (b *comparison) rest() {
	before, quiet := b.diskStats(), time.Duration(0)
	for waited := time.Duration(0); waited < restMost && quiet < restQuiet; waited += restQuiet / 4 {
		<-time.After(restQuiet / 4)
		quiet += restQuiet / 4
		if after := b.diskStats(); after != before {
			before, quiet = after, 0
		}
	}
}

// warmUp brings the node to where it is after some use: files of its journal are
// used again, and no more are made.
func (b *comparison) warmUp() error {
	p := &inProcess{node: b.node, topic: raftTopic, batch: b.batch}
	for done := int64(0); done < b.WarmBytes; {
		n := 4 << 20 / b.BatchBytes
		err := p.produce(max(n, 1), 16)
		switch {
		case errors.Is(err, errRefused): // the disk is behind
			b.rest()
		case err != nil:
			return err
		default:
			done += int64(max(n, 1) * b.BatchBytes)
		}
	}
	b.rest()
	return nil
}

// takeRounds takes turns, each round from another contender on. The first round
// is not counted.
func (b *comparison) takeRounds(ctx context.Context) error {
	if err := b.warmUp(); err != nil {
		return err
	}
	batches := int(b.TurnBytes / int64(b.BatchBytes))
	for round := range b.Rounds + 1 {
		for _, group := range b.groups {
			for i := range group {
				t := group[(i+round)%len(group)]
				if err := t.run(batches, b.diskStats); err != nil {
					return err
				}
				b.rest()
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
		if b.Progress != nil {
			b.Progress(round, b.Rounds)
		}
	}
	for _, group := range b.groups {
		for _, t := range group {
			t.took, t.cpu = t.took[1:], t.cpu[1:]
		}
	}
	return nil
}

// diskStats is what the node did on its disk so far.
func (b *comparison) diskStats() (sum osenv.DirStats) {
	for _, s := range b.node.DiskStats() { //lockstep:unordered a sum
		sum.Writes += s.Writes
		sum.Syncs += s.Syncs
		sum.SyncTime += s.SyncTime
		sum.WriteBytes += s.WriteBytes
	}
	return sum
}
