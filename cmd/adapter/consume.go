package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/record"
)

// consumer prints the records of a topic's partitions.
type consumer struct {
	topic     string
	servers   []string
	partition int32
	beginning bool
	toEnd     bool
	offsets   bool
	client    *adapter.Client

	mu  sync.Mutex
	out *bufio.Writer
}

func consumeCommand() *cobra.Command {
	c := &consumer{}
	cmd := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print a topic's records, a line each",
		Long: `Print a topic's records, a line each, and go on as more are written, until an
interrupt. The order holds within a partition.`,
		Args: oneTopic,
		RunE: working(func(cmd *cobra.Command, args []string) error {
			c.topic, c.out = args[0], bufio.NewWriter(cmd.OutOrStdout())
			return c.run(cmd.Context(), cmd.ErrOrStderr())
		}),
	}
	f := cmd.Flags()
	serverFlag(cmd, &c.servers)
	f.Int32Var(&c.partition, "partition", -1, "the partition; -1: all")
	f.BoolVar(&c.beginning, "from-beginning", false, "begin with the oldest record instead of the next one")
	f.BoolVar(&c.toEnd, "to-end", false, "end where the topic ended when this began")
	f.BoolVar(&c.offsets, "offsets", false, "print PARTITION:OFFSET and a tab before each record")
	return cmd
}

// Times of a consumer: how long it goes on with one question, how long a fetch
// waits for new records, and how long one node may take beyond that.
const (
	askTimeout  = 10 * time.Second
	fetchWait   = 500 * time.Millisecond
	fetchAnswer = 2 * time.Second
)

func (c *consumer) run(ctx context.Context, errs io.Writer) (err error) {
	if c.client, err = adapter.Connect(ctx, c.servers, clientConfig(fetchAnswer)); err != nil {
		return err
	}
	defer c.client.Close()
	all, err := c.client.Partitions(ctx, c.topic, askTimeout)
	if err != nil {
		return err
	}
	partitions, err := pick(all, c.partition, c.topic)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(partitions))
	for _, p := range partitions {
		go func() { failed <- c.follow(ctx, p, errs) }()
	}
	for range partitions {
		if e := <-failed; err == nil && e != nil {
			err = e
			cancel()
		}
	}
	if errors.Is(err, context.Canceled) {
		err = nil // an interrupt is how this command ends
	}
	return errors.Join(err, c.out.Flush())
}

// follow prints one partition from its start or end on.
func (c *consumer) follow(ctx context.Context, partition int32, errs io.Writer) error {
	end, err := c.offset(ctx, partition, engine.Latest)
	if err != nil {
		return err
	}
	next := end
	if c.beginning {
		if next, err = c.offset(ctx, partition, engine.Earliest); err != nil {
			return err
		}
	}
	for !c.toEnd || next < end {
		begun := time.Now()
		r, err := c.client.Fetch(ctx, engine.FetchRequest{
			Topic: c.topic, Partition: partition, Offset: next,
			MaxBytes: 1 << 20, MinBytes: 1, MaxWait: fetchWait,
		}, askTimeout)
		switch {
		case err != nil:
			return err
		case r.Err == engine.OffsetOutOfRange:
			return fmt.Errorf("%s/%d: offset %d is not there any more or not yet; the log holds %d to %d", c.topic, partition, next, r.LogStart, r.HighWatermark)
		case r.Err != engine.None && r.Err.Retriable():
			fmt.Fprintf(errs, "%s/%d: nothing read for %v, still trying: %s\n",
				c.topic, partition, time.Since(begun).Round(time.Second), meaning(r.Err))
			continue
		case r.Err != engine.None:
			return fmt.Errorf("%s/%d: %s", c.topic, partition, meaning(r.Err))
		}
		if next, err = c.print(partition, next, r.Batches); err != nil {
			return err
		}
	}
	return nil
}

// offset asks for the partition's start or end.
func (c *consumer) offset(ctx context.Context, partition int32, timestamp int64) (int64, error) {
	begun := time.Now()
	r, err := c.client.ListOffsets(ctx, c.topic, partition, timestamp, askTimeout)
	if err == nil && r.Err != engine.None {
		err = fmt.Errorf("%s/%d: %s; %s", c.topic, partition, meaning(r.Err), tried(r.Outcome, begun))
	}
	return r.Offset, err
}

// print prints the records from next on, and returns the offset behind them.
func (c *consumer) print(partition int32, next int64, batches []byte) (int64, error) {
	if len(batches) == 0 {
		return next, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for batch, err := range record.Batches(batches) {
		if err != nil {
			return next, err
		}
		for r, err := range record.Records(batch) {
			if err != nil {
				return next, fmt.Errorf("%s/%d after offset %d: %w", c.topic, partition, next, err)
			}
			if r.Offset < next {
				continue // the batch began earlier
			}
			if c.offsets {
				fmt.Fprintf(c.out, "%d:%d\t", partition, r.Offset)
			}
			fmt.Fprintf(c.out, "%s\n", r.Value)
			next = r.Offset + 1
		}
	}
	return next, c.out.Flush()
}
