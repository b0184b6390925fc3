package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
)

// producer sends lines of standard input, one batch in flight.
type producer struct {
	topic      string
	servers    []string
	partition  int32
	batchLines int
	batchBytes int
	timeout    time.Duration
	attempt    time.Duration
	noRetry    bool
	history    string // a file name; empty: none

	client     *adapter.Client
	partitions []int32
	turn       int
	recorder   *recorder      // nil: none
	seen       map[string]int // line numbers, if recorded

	acked, batches, doubtful int
}

func produceCommand() *cobra.Command {
	p := &producer{}
	cmd := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Append the lines of standard input to a topic",
		Long: `Append the lines of standard input to a topic, each as a record.

Lines that wait are sent together, one batch at a time. A batch whose outcome is
unknown (its node died before it answered) is sent again, so its lines may stand
twice; the last line of output says how many batches that was.

With --history the command also writes down what it asked and what it was
answered, reads the partitions back when the lines end, and leaves a file that
"sim check FILE" judges. The lines must differ from each other, and from what the
topic holds already.`,
		Args: oneTopic,
		RunE: working(func(cmd *cobra.Command, args []string) error {
			p.topic = args[0]
			err := p.run(cmd.Context(), cmd.InOrStdin())
			if err != nil && p.acked == 0 && p.batches == 0 && p.doubtful == 0 {
				return err // nothing was sent that would need a summary
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "records acknowledged: %d, batches: %d, batches sent again after an unknown outcome: %d\n",
				p.acked, p.batches, p.doubtful)
			return err
		}),
	}
	f := cmd.Flags()
	serverFlag(cmd, &p.servers)
	f.Int32Var(&p.partition, "partition", -1, "the partition; -1: batches go to all in turn")
	f.IntVar(&p.batchLines, "batch", 500, "lines in a batch at most")
	f.IntVar(&p.batchBytes, "batch-bytes", 512<<10, "bytes of a batch, and of a line, at most")
	f.DurationVar(&p.timeout, "timeout", time.Minute, "how long to go on with one batch")
	f.DurationVar(&p.attempt, "attempt-timeout", 2*time.Second, "how long to wait for one node's answer")
	f.BoolVar(&p.noRetry, "no-retry-unknown", false, "fail at an unknown outcome instead of sending again")
	f.StringVar(&p.history, "history", "", "a new `file` for what was done, to be judged by sim check")
	return cmd
}

func (p *producer) check() error {
	for _, flag := range []struct {
		name  string
		value int64
	}{
		{"batch", int64(p.batchLines)},
		{"batch-bytes", int64(p.batchBytes)},
		{"timeout", int64(p.timeout)},
		{"attempt-timeout", int64(p.attempt)},
	} {
		if flag.value < 1 {
			return usage{fmt.Errorf("--%s must be more than 0", flag.name)}
		}
	}
	return nil
}

func (p *producer) run(ctx context.Context, in io.Reader) (err error) {
	if err := p.check(); err != nil {
		return err
	}
	cfg := clientConfig(p.attempt)
	cfg.RetryUnknown = !p.noRetry
	if p.client, err = adapter.Connect(ctx, p.servers, cfg); err != nil {
		return err
	}
	defer p.client.Close()
	all, err := p.client.Partitions(ctx, p.topic, p.timeout)
	if err != nil {
		return err
	}
	if p.partitions, err = pick(all, p.partition, p.topic); err != nil {
		return err
	}
	if p.history == "" {
		return p.sendAll(ctx, in)
	}
	file, err := createHistory(p.history)
	if err != nil {
		return err
	}
	return p.record(ctx, in, file)
}

// pick checks a wish for one partition; -1 means all.
func pick(all []int32, wish int32, topic string) ([]int32, error) {
	if wish == -1 {
		return all, nil
	}
	for _, n := range all {
		if n == wish {
			return []int32{n}, nil
		}
	}
	return nil, usage{fmt.Errorf("topic %s has no partition %d; it has %d", topic, wish, len(all))}
}

// record is sendAll with a history, which is saved after a failure too: then it
// is worth the most.
func (p *producer) record(ctx context.Context, in io.Reader, file *os.File) error {
	p.seen = map[string]int{}
	p.recorder = newRecorder(p.client, checker.Meta{Source: "live cluster, adapter produce " + p.topic})
	failed := p.sendAll(ctx, in)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
	defer cancel()
	for _, partition := range p.partitions {
		if _, err := p.recorder.readBack(after, p.topic, partition, p.timeout); err != nil {
			_ = file.Close() // it was never written to
			return errors.Join(failed, os.Remove(p.history),
				fmt.Errorf("no history: %s/%d could not be read back: %w", p.topic, partition, err))
		}
	}
	return errors.Join(failed, p.recorder.save(file))
}

func (p *producer) sendAll(ctx context.Context, in io.Reader) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	lines, failed := readLines(reading, in, p.batchLines, p.batchBytes)
	g := gatherer{lines: lines, maxLines: p.batchLines, maxBytes: p.batchBytes}
	for {
		batch := g.next(ctx)
		if len(batch) == 0 {
			break
		}
		if err := p.send(ctx, batch); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before the lines ended")
	}
	return *failed
}

func (p *producer) send(ctx context.Context, batch [][]byte) error {
	partition := p.partitions[p.turn%len(p.partitions)]
	p.turn++
	if err := p.unique(batch); err != nil {
		return err
	}
	begun := time.Now()
	var r client.ProduceResult
	var err error
	if p.recorder != nil {
		r, err = p.recorder.produce(ctx, p.topic, partition, batch, p.timeout)
	} else {
		r, err = deliver(ctx, p.client, p.topic, partition, build(batch), p.timeout)
	}
	if err != nil {
		return err
	}
	if r.UnknownAttempts > 0 {
		p.doubtful++
	}
	if r.Err == engine.None {
		p.batches++
		p.acked += len(batch)
		return nil
	}
	cause, state := meaning(r.Err), "none of it was written"
	if ctx.Err() != nil {
		cause = "interrupted"
	}
	if r.Unknown {
		state = "it may have been written"
	}
	return fmt.Errorf("lines %d to %d: %s; %s; %s", p.acked+1, p.acked+len(batch), cause, tried(r.Outcome, begun), state)
}

// deliver is Client.Produce; when ctx ends it gives up, and so still learns what
// may have been written.
func deliver(ctx context.Context, c *adapter.Client, topic string, partition int32, batch []byte, timeout time.Duration) (client.ProduceResult, error) {
	defer context.AfterFunc(ctx, c.GiveUp)()
	return c.Produce(context.WithoutCancel(ctx), topic, partition, batch, timeout)
}

// unique refuses lines that a history could not tell apart.
func (p *producer) unique(batch [][]byte) error {
	if p.recorder == nil {
		return nil
	}
	for i, line := range batch {
		n := p.acked + i + 1
		if first := p.seen[string(line)]; first > 0 {
			return usage{fmt.Errorf("--history: line %d is the same as line %d; number the lines, as with nl", n, first)}
		}
		p.seen[string(line)] = n
	}
	return nil
}
