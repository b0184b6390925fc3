package bench

import (
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/adapter/osenv"
)

// contender is one way to make records durable.
type contender interface {
	// produce writes n batches, inFlight at a time, and returns once all are durable.
	produce(n, inFlight int) error
}

// Names of the contenders.
const (
	Plain        = "plain loop"
	Unreplicated = "unreplicated"
	Replicated   = "raft, 1 copy"
	RemoteAlone  = "unreplicated, gRPC"
	Remote       = "raft, 1 copy, gRPC"
)

// turn is one contender with its requests in flight.
type turn struct {
	name     string
	inFlight int
	who      contender
	took     []time.Duration // of each round
	cpu      []time.Duration // the process's
	disk     osenv.DirStats  // what the node asked of its disk, over all rounds
}

// run takes the turn once.
func (t *turn) run(batches int, stats func() osenv.DirStats) error {
	begun, cpu, disk := time.Now(), osenv.ProcessorTime(), stats()
	if err := t.who.produce(batches, t.inFlight); err != nil {
		return fmt.Errorf("%s, %d in flight: %w", t.name, t.inFlight, err)
	}
	t.took = append(t.took, time.Since(begun))
	t.cpu = append(t.cpu, osenv.ProcessorTime()-cpu)
	after := stats()
	t.disk.Syncs += after.Syncs - disk.Syncs
	t.disk.SyncTime += after.SyncTime - disk.SyncTime
	t.disk.WriteBytes += after.WriteBytes - disk.WriteBytes
	return nil
}
