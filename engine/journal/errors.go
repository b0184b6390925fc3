package journal

import (
	"errors"
	"fmt"
)

// Errors to be matched with errors.Is.
var (
	// ErrConfig marks a bad Config.
	ErrConfig = errors.New("journal: bad configuration")
	// ErrFormatted: Format found a journal.
	ErrFormatted = errors.New("journal: already formatted")
	// ErrNotFormatted: Open found no journal. An empty directory is never taken
	// for a first boot.
	ErrNotFormatted = errors.New("journal: not formatted")
	// ErrForeign: the journal belongs to another cluster or node.
	ErrForeign = errors.New("journal: belongs to another node")
	// ErrVersion: the journal was written in a format this program cannot read.
	ErrVersion = errors.New("journal: written by another version")
	// ErrDamaged: bytes that were durable are missing or wrong.
	ErrDamaged = errors.New("journal: damaged")
	// ErrBlank: this disk never had a replica of the group. It waits to be adopted.
	ErrBlank = errors.New("journal: formatted for replacement, no replica yet")
	// ErrNotFenced: only a replica that is fenced or blank is replaced by another.
	ErrNotFenced = errors.New("journal: not to be adopted")
	// ErrClosed: the journal was closed before the work was done.
	ErrClosed = errors.New("journal: closed")
)

// Reasons why bytes are not what a decoder expects. They never leave the
// package: a caller sees ErrDamaged with file and offset.
var (
	errShort    = errors.New("cut short")
	errMagic    = errors.New("no batch begins here")
	errChecksum = errors.New("checksum mismatch")
	errPlace    = errors.New("written for another place or an earlier use of the file")
	errShape    = errors.New("lengths or counts contradict each other")
)

// DamageError is ErrDamaged with its place.
type DamageError struct {
	File   string
	Offset int64
	What   string

	unread bool // the disk did not give the bytes: they may be well
}

// Error tells file, offset and what is wrong there.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: %s at offset %d: %s", ErrDamaged, e.File, e.Offset, e.What)
}

// Is matches ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }
