package engine

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/replica"
)

// fetch is a long poll that waits for records.
type fetch struct {
	request  FetchRequest
	deadline time.Duration
	done     func(FetchResponse)
}

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
	f := &fetch{request: r, deadline: n.env.Clock.Monotonic() + r.MaxWait, done: done}
	if !r.Linearizable {
		p.fetch(f)
		return
	}
	p.replica.ReadBarrier(orDefault(r.MaxWait, n.cfg.ProduceTimeout), func(err error) {
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
	p.log.Read(f.request.Offset, end, f.request.MaxBytes, func(batches []byte, err error) {
		switch {
		case err != nil:
			p.answerFetch(f, KafkaStorageError, nil)
		case len(batches) < f.request.MinBytes:
			p.await(f, batches)
		default:
			p.answerFetch(f, None, batches)
		}
	})
}

func (p *partition) checkFetch(r *FetchRequest) Code {
	if err := p.replica.CheckLeader(); err != nil {
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
	response := FetchResponse{
		Err: code, HighWatermark: -1, LogStart: p.log.StartOffset(), Batches: batches,
		Leader: p.replica.Leader(), LeaderEpoch: p.leaderEpoch(),
	}
	if code == None || code == OffsetOutOfRange {
		response.HighWatermark = p.log.EndOffset()
	}
	f.done(response)
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
	waiting := p.fetches
	p.fetches = nil
	for _, f := range waiting {
		p.answerFetch(f, code, nil)
	}
}
