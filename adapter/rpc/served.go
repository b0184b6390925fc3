package rpc

import (
	"maps"
	"sync"

	"github.com/lockstep-log/lockstep/engine"
)

// Answered is a kind of request and how it was answered.
type Answered struct {
	Request string // "produce", "fetch", "list_offsets", "metadata" or "status"
	Code    engine.Code
}

// Served counts what a ClientService answered. Requests whose client went away
// first are not in it.
type Served struct {
	Requests      map[Answered]uint64
	ProducedBytes uint64 // of record batches that were acknowledged
	FetchedBytes  uint64 // of record batches that were given out
}

// served is Served as it is counted.
type served struct {
	mu                sync.Mutex
	requests          map[Answered]uint64
	produced, fetched uint64
}

func (s *served) count(request string, code engine.Code, produced, fetched int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[Answered{request, code}]++
	if code == engine.None {
		s.produced += uint64(produced)
		s.fetched += uint64(fetched)
	}
}

// Served gives the counters. May be called from any goroutine.
func (s *ClientService) Served() Served {
	s.served.mu.Lock()
	defer s.served.mu.Unlock()
	return Served{
		Requests:      maps.Clone(s.served.requests),
		ProducedBytes: s.served.produced, FetchedBytes: s.served.fetched,
	}
}
