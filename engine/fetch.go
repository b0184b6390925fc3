package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// fetch is a request for records on its way.
type fetch struct {
	request  FetchRequest
	deadline time.Duration
	done     func(FetchResponse) // nil once answered
}

// maxWait bounds a long poll, far from where deadlines overflow.
const maxWait = 24 * time.Hour

// Fetch reads committed batches. done is called once, unless the node is
// killed; Batches in the answer are shared and must not be changed.
func (n *Node) Fetch(r FetchRequest, done func(FetchResponse)) {
	p, code := n.find(r.Topic, r.Partition)
	if code != None {
		done(FetchResponse{Err: code, HighWatermark: -1, LogStart: -1, LeaderEpoch: -1})
		return
	}
	if r.MaxBytes <= 0 || r.MaxBytes > n.cfg.MaxFetchBytes {
		r.MaxBytes = n.cfg.MaxFetchBytes
	}
	r.MinBytes = min(r.MinBytes, r.MaxBytes)
	r.MaxWait = min(r.MaxWait, maxWait)
	f := &fetch{request: r, deadline: n.env.Clock.Monotonic() + r.MaxWait, done: done}
	if !r.Linearizable {
		p.fetch(f)
		return
	}
	p.readBarrier(orDefault(r.MaxWait, n.cfg.ProduceTimeout), func(err error) {
		if err != nil {
			p.answerFetch(f, readCodeOf(err), nil)
			return
		}
		p.fetch(f)
	})
}

// fetch answers now, or waits for more records if the request allows it.
func (p *partition) fetch(f *fetch) {
	if code := p.checkFetch(&f.request); code != None {
		p.answerFetch(f, code, nil)
		return
	}
	end := p.log.EndOffset()
	if f.request.Offset == end {
		p.await(f, nil)
		return
	}
	n, bytes := p.node, int64(f.request.MaxBytes)
	if len(p.reading)+len(p.fetches) >= n.cfg.MaxWaiters || n.fetched > 0 && n.fetched+bytes > n.cfg.FetchBytes {
		p.answerFetch(f, ThrottlingQuotaExceeded, nil)
		return
	}
	p.reading = append(p.reading, f)
	n.fetched += bytes
	p.log.Read(f.request.Offset, end, f.request.MaxBytes, func(batches []byte, err error) {
		n.fetched -= bytes
		p.read(f, end, batches, err)
	})
}

// read takes what the log gave for the records up to end. Meanwhile the fetch
// may have been answered, the log may have grown, or leadership may be lost.
func (p *partition) read(f *fetch, end int64, batches []byte, err error) {
	if i := slices.Index(p.reading, f); i >= 0 {
		p.reading = slices.Delete(p.reading, i, i+1)
	}
	switch {
	case f.done == nil:
	case errors.Is(err, wal.ErrReplaced):
		p.fetch(f)
	case errors.Is(err, wal.ErrOffsetOutOfRange): // trimmed while it was read
		p.answerFetch(f, OffsetOutOfRange, nil)
	case err != nil:
		p.answerFetch(f, KafkaStorageError, nil)
	case len(batches) >= f.request.MinBytes, endOf(batches) < end: // no more fits
		p.answerFetch(f, None, batches)
	case p.log.EndOffset() != end, p.checkFetch(&f.request) != None:
		p.fetch(f)
	default:
		p.await(f, batches)
	}
}

// endOf is the offset after the last record.
func endOf(batches []byte) int64 {
	end := int64(0)
	for b, err := range record.Batches(batches) {
		if err != nil {
			break
		}
		if h, err := record.ParseHeader(b); err == nil {
			end = h.BaseOffset + int64(h.LastOffsetDelta) + 1
		}
	}
	return end
}

func (p *partition) checkFetch(r *FetchRequest) Code {
	if err := p.checkLeader(); err != nil {
		return readCodeOf(err)
	}
	if code := p.epoch(r.LeaderEpoch); code != None {
		return code
	}
	if r.Offset < p.log.StartOffset() || r.Offset > p.log.EndOffset() {
		return OffsetOutOfRange
	}
	return None
}

// await keeps a fetch until more is applied or its time is up.
func (p *partition) await(f *fetch, have []byte) {
	if p.node.env.Clock.Monotonic() >= f.deadline || len(p.fetches) >= p.node.cfg.MaxWaiters {
		p.answerFetch(f, None, have)
		return
	}
	p.fetches = append(p.fetches, f)
}

func (p *partition) answerFetch(f *fetch, code Code, batches []byte) {
	done := f.done
	if done == nil || p.node.stopped {
		return
	}
	f.done = nil
	response := FetchResponse{
		Err: code, HighWatermark: -1, LogStart: p.log.StartOffset(), Batches: batches,
		Leader: p.leader(), LeaderEpoch: p.leaderEpoch(),
	}
	if code == None || code == OffsetOutOfRange {
		response.HighWatermark = p.log.EndOffset()
	}
	done(response)
}

// Applied implements replica.Host: waiting fetches look again.
func (n *Node) Applied(r *replica.Replica) {
	if p := n.byGroup[r.Group()]; p != nil {
		p.retryFetches(func(*fetch) bool { return true })
	}
}

// retryFetches looks again at the waiting fetches that due selects.
func (p *partition) retryFetches(due func(*fetch) bool) {
	if len(p.fetches) == 0 {
		return
	}
	var again []*fetch
	p.fetches = slices.DeleteFunc(p.fetches, func(f *fetch) bool {
		if due(f) {
			again = append(again, f)
			return true
		}
		return false
	})
	for _, f := range again {
		p.fetch(f)
	}
}

func (p *partition) expireFetches() {
	now := p.node.env.Clock.Monotonic()
	p.retryFetches(func(f *fetch) bool { return now >= f.deadline })
}

func (p *partition) failFetches(code Code) {
	waiting := append(p.fetches, p.reading...)
	p.fetches, p.reading = nil, nil
	for _, f := range waiting {
		p.answerFetch(f, code, nil)
	}
}
