package memstate

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// What a node asks of a machine whose files it looks after, beside Scrub, Reformat
// and NoSpace.

// Bad lists the files that only another replica can repair: none. A record is made
// again from memory, or from the other one; with both lost the checkpoint is, and
// the replica has to come back under a fresh id.
func (m *Machine[S]) Bad() []wal.BadFile { return nil }

// Repair is env.ErrNotExist: see Bad.
func (m *Machine[S]) Repair(_ *env.Task, base int64, _ machine.Giver) error {
	return fmt.Errorf("%w: a state has no segment %d to repair", env.ErrNotExist, base)
}

// TrimPoint tells that nothing is ever trimmed: a state has no retention.
func (m *Machine[S]) TrimPoint(int64) (offset int64, why string) { return 0, "" }

// Backlog is 0: what was applied is owed by nobody but the journal until a
// checkpoint, and a checkpoint is not waited for.
func (m *Machine[S]) Backlog() int64 { return 0 }
