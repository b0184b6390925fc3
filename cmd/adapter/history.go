package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/record"
)

// recorder notes what one client asks of a live cluster and what it is
// answered, for sim check. One operation at a time; all of it stays in memory
// until save.
type recorder struct {
	client  *adapter.Client
	begun   time.Time
	stamp   uint64
	history checker.History
}

func newRecorder(c *adapter.Client, meta checker.Meta) *recorder {
	return &recorder{client: c, begun: time.Now(), history: checker.History{Meta: meta}}
}

// tick gives the next stamp of the history's order.
func (r *recorder) tick() (stamp uint64, ns int64) {
	r.stamp++
	return r.stamp, time.Since(r.begun).Nanoseconds()
}

func (r *recorder) call(kind checker.OpKind, topic string, partition int32) checker.Op {
	op := checker.Op{Seq: uint64(len(r.history.Ops) + 1), Client: 1, Kind: kind, Topic: topic, Partition: partition, Outcome: checker.OK}
	op.Call, op.CallNs = r.tick()
	return op
}

func (r *recorder) returned(op checker.Op, out client.Outcome) {
	op.Return, op.ReturnNs = r.tick()
	switch {
	case out.Unknown:
		op.Outcome = checker.Unknown
	case out.Err != engine.None:
		op.Outcome = checker.Failed
	}
	op.Code, op.Node = int(out.Err), uint64(out.Node)
	op.Attempts, op.UnknownAttempts = out.Attempts, out.UnknownAttempts
	r.history.Ops = append(r.history.Ops, op)
}

// produce is deliver, noted down.
func (r *recorder) produce(ctx context.Context, topic string, partition int32, lines [][]byte, timeout time.Duration) (client.ProduceResult, error) {
	op := r.call(checker.Produce, topic, partition)
	for _, line := range lines {
		op.Values = append(op.Values, string(line))
	}
	result, err := deliver(ctx, r.client, topic, partition, build(lines), timeout)
	if err != nil {
		return result, err
	}
	op.Offset = result.BaseOffset
	r.returned(op, result.Outcome)
	return result, nil
}

// readBack reads a partition to its end, as the log that the operations are
// judged against.
func (r *recorder) readBack(ctx context.Context, topic string, partition int32, timeout time.Duration) (checker.Log, error) {
	log := checker.Log{Topic: topic, Partition: partition}
	start, err := r.client.ListOffsets(ctx, topic, partition, engine.Earliest, timeout)
	if err = firstOf(err, start.Err); err != nil {
		return log, err
	}
	op := r.call(checker.ListOffsets, topic, partition)
	end, err := r.client.ListOffsets(ctx, topic, partition, engine.Latest, timeout)
	if err = firstOf(err, end.Err); err != nil {
		return log, err
	}
	op.Offset = end.Offset
	r.returned(op, end.Outcome)
	log.StartOffset = start.Offset
	for next := start.Offset; next < end.Offset; {
		records, err := r.fetch(ctx, topic, partition, next, timeout)
		if err != nil {
			return log, err
		}
		for _, f := range records {
			log.Records = append(log.Records, checker.LogRecord(f))
			next = f.Offset + 1
		}
	}
	r.history.Logs = append(r.history.Logs, log)
	return log, nil
}

func (r *recorder) fetch(ctx context.Context, topic string, partition int32, from int64, timeout time.Duration) ([]checker.FetchedRecord, error) {
	op := r.call(checker.Fetch, topic, partition)
	op.Offset, op.Linearizable = from, true
	answer, err := r.client.Fetch(ctx, engine.FetchRequest{
		Topic: topic, Partition: partition, Offset: from, MaxBytes: 1 << 20, Linearizable: true,
	}, timeout)
	if err = firstOf(err, answer.Err); err != nil {
		return nil, err
	}
	op.HighWatermark = answer.HighWatermark
	for batch, err := range record.Batches(answer.Batches) {
		if err != nil {
			return nil, err
		}
		for rec, err := range record.Records(batch) {
			if err != nil {
				return nil, err
			}
			if rec.Offset >= from { // the batch may begin earlier
				op.Fetched = append(op.Fetched, checker.FetchedRecord{Offset: rec.Offset, Value: string(rec.Value)})
			}
		}
	}
	if len(op.Fetched) == 0 {
		return nil, fmt.Errorf("%s/%d: nothing to read at offset %d, below the end", topic, partition, from)
	}
	r.returned(op, answer.Outcome)
	return op.Fetched, nil
}

func firstOf(err error, code engine.Code) error {
	if err == nil && code != engine.None {
		return errors.New(meaning(code))
	}
	return err
}

// createHistory makes the file before anything is sent, and writes over none.
func createHistory(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, usage{fmt.Errorf("--history: %s is there already; choose another name or remove it", name)}
	case err != nil:
		return nil, usage{fmt.Errorf("--history: %w; choose a file that can be made", err)}
	}
	return f, nil
}

// save writes the history and closes the file.
func (r *recorder) save(f *os.File) error {
	return errors.Join(checker.WriteHistory(f, &r.history), f.Close())
}
