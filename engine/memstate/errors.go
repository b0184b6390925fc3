package memstate

import (
	"errors"

	"github.com/lockstep-log/lockstep/engine/wal"
)

// Errors of a machine as a store, to be matched with errors.Is; what is returned
// adds where and what. Those that the engine acts on are the log's too
// (errors.Is(ErrDamaged, wal.ErrDamaged)), so that it treats both alike.
var (
	// ErrNotFormatted: the directory holds no checkpoint. The machine never starts
	// empty on its own.
	ErrNotFormatted error = &kind{"state is not formatted", wal.ErrNotFormatted}
	// ErrFormatted: Format found a state.
	ErrFormatted error = &kind{"state is formatted already", wal.ErrFormatted}
	// ErrDamaged: what is on the disk is not what was written and synced.
	ErrDamaged error = &kind{"state is damaged", wal.ErrDamaged}
	// ErrUnread: the disk does not give what is on it. Tried again, by another
	// process, it may.
	ErrUnread error = &kind{"state cannot be read", wal.ErrUnread}
	// ErrVersion: the record is in a format that this program cannot read.
	ErrVersion error = &kind{"state was written by another version", wal.ErrVersion}
	// ErrStopped: a write or sync failed, or the machine was closed. Nothing more
	// comes from it.
	ErrStopped error = &kind{"state machine has stopped", wal.ErrStopped}
	// ErrSnapshot: a snapshot that cannot be installed. The state is unchanged.
	ErrSnapshot error = &kind{"snapshot was refused", wal.ErrSnapshot}
	// ErrLoad: the bytes are those that were saved, and State.Load refuses them. No
	// replacement helps: another program has to be started.
	ErrLoad = errors.New("saved state is refused")
)

// kind is an error of this package that is also one of the log's.
type kind struct {
	text string
	as   error
}

// Error says it for a state.
func (k *kind) Error() string { return k.text }

// Unwrap gives what the engine knows.
func (k *kind) Unwrap() error { return k.as }
