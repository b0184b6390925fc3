package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/record"
)

// producer sends lines of standard input, one batch in flight.
type producer struct {
	topic      string
	servers    []string
	partition  int32
	lines      int // of a batch
	timeout    time.Duration
	attempt    time.Duration
	noRetry    bool
	client     *adapter.Client
	partitions []int32
	turn       int

	acked, batches, doubtful int
}

// maxBatchBytes keeps batches below the engine's default limit.
const maxBatchBytes = 512 << 10

func produceCommand() *cobra.Command {
	p := &producer{}
	cmd := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Append the lines of standard input to a topic",
		Long: `Append the lines of standard input to a topic, each as a record.

Lines that wait are sent together, one batch at a time. A batch whose outcome is
unknown (its node died before it answered) is sent again, so its lines may stand
twice; the last line of output says how many batches that was.`,
		Args: cobra.ExactArgs(1),
		RunE: working(func(cmd *cobra.Command, args []string) error {
			p.topic = args[0]
			err := p.run(cmd.Context(), cmd.InOrStdin())
			fmt.Fprintf(cmd.ErrOrStderr(), "records acknowledged: %d, batches: %d, batches sent again after an unknown outcome: %d\n",
				p.acked, p.batches, p.doubtful)
			return err
		}),
	}
	f := cmd.Flags()
	serverFlag(cmd, &p.servers)
	f.Int32Var(&p.partition, "partition", -1, "the partition; -1: batches go to all in turn")
	f.IntVar(&p.lines, "batch", 500, "lines in a batch at most")
	f.DurationVar(&p.timeout, "timeout", time.Minute, "how long to go on with one batch")
	f.DurationVar(&p.attempt, "attempt-timeout", 2*time.Second, "how long to wait for one node's answer")
	f.BoolVar(&p.noRetry, "no-retry-unknown", false, "fail at an unknown outcome instead of sending again")
	return cmd
}

func (p *producer) run(ctx context.Context, in io.Reader) (err error) {
	if p.lines < 1 {
		return usage{fmt.Errorf("--batch is %d; use 1 or more", p.lines)}
	}
	cfg := clientConfig(p.attempt)
	cfg.RetryUnknown = !p.noRetry
	if p.client, err = adapter.Connect(ctx, p.servers, cfg); err != nil {
		return err
	}
	defer p.client.Close()
	if err := p.choose(ctx); err != nil {
		return err
	}
	lines, failed := readLines(ctx, in, p.lines)
	for {
		batch, count, more := p.gather(ctx, lines)
		if count > 0 {
			if err := p.send(ctx, batch, count); err != nil {
				return err
			}
		}
		if !more {
			return errors.Join(*failed, ctx.Err())
		}
	}
}

// choose finds the partitions to send to.
func (p *producer) choose(ctx context.Context) error {
	all, err := p.client.Partitions(ctx, p.topic, p.timeout)
	if err != nil {
		return err
	}
	if p.partitions, err = pick(all, p.partition, p.topic); err != nil {
		return err
	}
	return nil
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

// readLines reads ahead in a goroutine, so that what waits can be told from
// what has not been typed yet. The error is set before the channel closes.
func readLines(ctx context.Context, in io.Reader, ahead int) (<-chan []byte, *error) {
	lines, failed := make(chan []byte, ahead), new(error)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		s.Buffer(nil, maxBatchBytes)
		for s.Scan() {
			select {
			case lines <- append([]byte(nil), s.Bytes()...):
			case <-ctx.Done():
				return
			}
		}
		if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
			*failed = usage{fmt.Errorf("a line is longer than %d bytes", maxBatchBytes)}
		} else if err != nil {
			*failed = fmt.Errorf("standard input: %w", err)
		}
	}()
	return lines, failed
}

// gather waits for a line and takes along what waits behind it.
func (p *producer) gather(ctx context.Context, lines <-chan []byte) (batch []byte, count int, more bool) {
	now := time.Now().UnixMilli()
	b := record.NewBuilder(now)
	size := 0
	add := func(line []byte) {
		b.Add(now, nil, line)
		size += len(line) + 16
	}
	select {
	case line, ok := <-lines:
		if !ok {
			return nil, 0, false
		}
		add(line)
	case <-ctx.Done():
		return nil, 0, false
	}
	for more = true; more && b.Len() < p.lines && size < maxBatchBytes; {
		select {
		case line, ok := <-lines:
			if more = ok; ok {
				add(line)
			}
			continue
		default:
		}
		break
	}
	count = b.Len()
	return b.Build(), count, more
}

func (p *producer) send(ctx context.Context, batch []byte, count int) error {
	partition := p.partitions[p.turn%len(p.partitions)]
	p.turn++
	r, err := p.client.Produce(ctx, p.topic, partition, batch, p.timeout)
	if err != nil {
		return fmt.Errorf("a batch of %d lines, the first of them line %d, was in flight: it may have been written: %w", count, p.acked+1, err)
	}
	if r.UnknownAttempts > 0 {
		p.doubtful++
	}
	if r.Err != engine.None {
		state := "nothing of it was written"
		if r.Unknown {
			state = "it may have been written"
		}
		return fmt.Errorf("a batch of %d lines, the first of them line %d: %v after %d attempts; %s", count, p.acked+1, r.Err, r.Attempts, state)
	}
	p.batches++
	p.acked += count
	return nil
}
