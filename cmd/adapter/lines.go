package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lockstep-log/lockstep/engine/record"
)

// readLines reads ahead in a goroutine, so that what waits can be told from
// what has not been typed yet. A line fits into a batch of maxBytes, or is an
// error, which is set before the channel closes.
func readLines(ctx context.Context, in io.Reader, ahead, maxBytes int) (<-chan []byte, *error) {
	lines, failed := make(chan []byte, ahead), new(error)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		s.Buffer(nil, maxBytes+2) // and the line's end
		read := 0
		for s.Scan() && len(s.Bytes()) <= maxBytes {
			read++
			select {
			case lines <- bytes.Clone(s.Bytes()):
			case <-ctx.Done():
				return
			}
		}
		switch err := s.Err(); {
		case errors.Is(err, bufio.ErrTooLong) || err == nil && len(s.Bytes()) > maxBytes:
			*failed = usage{fmt.Errorf("line %d is longer than %d bytes, the most that a batch may hold; "+
				"raise --batch-bytes, and tuning.maxBatchBytes of the nodes (default 1 MiB) above it", read+1, maxBytes)}
		case err != nil:
			*failed = fmt.Errorf("standard input, after line %d: %w", read, err)
		}
	}()
	return lines, failed
}

// recordOverhead is what a record adds to its line in a batch, at most.
const recordOverhead = 16

// gatherer makes batches of lines.
type gatherer struct {
	lines    <-chan []byte
	maxLines int
	maxBytes int
	kept     []byte // a line that was read and did not fit any more
}

// next waits for a line and takes along what waits behind it. It gives none at
// the end of the lines, or of ctx.
func (g *gatherer) next(ctx context.Context) (batch [][]byte) {
	size := 0
	take := func(line []byte) bool {
		if cost := len(line) + recordOverhead; len(batch) == 0 || size+cost <= g.maxBytes {
			batch, size = append(batch, line), size+cost
			return true
		}
		g.kept = line
		return false
	}
	if g.kept != nil {
		take(g.kept)
		g.kept = nil
	} else {
		select {
		case line, ok := <-g.lines:
			if !ok {
				return nil
			}
			take(line)
		case <-ctx.Done():
			return nil
		}
	}
	for len(batch) < g.maxLines {
		select {
		case line, ok := <-g.lines:
			if !ok || !take(line) {
				return batch
			}
		default:
			return batch
		}
	}
	return batch
}

// build makes a record batch of lines.
func build(lines [][]byte) []byte {
	now := time.Now().UnixMilli()
	b := record.NewBuilder(now)
	for _, line := range lines {
		b.Add(now, nil, line)
	}
	return b.Build()
}
