package ship

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Errors of Stage and Fetch, to be matched with errors.Is. A full disk is
// env.ErrNoSpace: what was staged is removed, and the same may be asked again
// once there is room.
var (
	ErrSuperseded = errors.New("ship: a newer snapshot is wanted")
	ErrCanceled   = errors.New("ship: canceled")
	ErrBusy       = errors.New("ship: too many transfers at once")
	ErrTooLarge   = errors.New("ship: the snapshot is larger than may be staged")
	ErrManifest   = errors.New("ship: bad manifest")
	ErrVersion    = errors.New("ship: unknown version")
	// ErrSources: no node that was asked gives intact bytes. The text says what
	// each answered.
	ErrSources = errors.New("ship: nobody gives the file")
	// ErrGone, beside ErrSources: one of those that were asked has the file no more,
	// or not yet.
	ErrGone = errors.New("gone")
	// ErrDisk: this node's own disk failed; it is to stop, as on any failure of its
	// disk.
	ErrDisk = errors.New("ship: the disk failed")
)

// disk marks a failure of our own disk. A full one is no failure.
func disk(err error) error {
	if err == nil || errors.Is(err, env.ErrNoSpace) || errors.Is(err, ErrDisk) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDisk, err)
}
