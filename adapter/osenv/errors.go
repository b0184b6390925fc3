package osenv

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/lockstep-log/lockstep/engine/env"
)

// ErrLocked means that the data directory is in use.
var ErrLocked = errors.New("data directory is in use by another process")

// What is wrong with a name; wrapped in env.ErrIO.
var (
	errName       = errors.New("not a name within the data directory")
	errNotRegular = errors.New("not a regular file")
)

// mapError wraps an error of the operating system once, in the ports' terms and
// with the name it is about. io.EOF stays itself.
func mapError(v verb, name string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	for _, known := range []error{env.ErrNotExist, env.ErrExist, env.ErrClosed} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s %s: %w", v, name, known)
		}
	}
	if errors.Is(err, syscall.ENOTDIR) && (v == verbOpen || v == verbRemove) { // nothing stands below a file
		return fmt.Errorf("%s %s: %w (%w)", v, name, env.ErrNotExist, err)
	}
	kind := env.ErrIO
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		kind = env.ErrNoSpace
	}
	return fmt.Errorf("%s %s: %w (%w)", v, name, kind, err)
}
