package wal

import "errors"

// Errors of the log as a store, to be matched with errors.Is; what is returned
// adds where and what.
var (
	// ErrNotFormatted: the directory holds no checkpoint. The log never starts
	// empty on its own.
	ErrNotFormatted = errors.New("log is not formatted")
	// ErrFormatted: Format found a log.
	ErrFormatted = errors.New("log is formatted already")
	// ErrUnread: the disk does not give what is on it. Tried again, by another
	// process, it may.
	ErrUnread = errors.New("log cannot be read")
	// ErrDamaged: what is on the disk is not what was written and synced.
	ErrDamaged = errors.New("log is damaged")
	// ErrVersion: the checkpoint is in a format this program cannot read.
	ErrVersion = errors.New("log was written by another version")
	// ErrOffsetOutOfRange: below the log's start or above its end.
	ErrOffsetOutOfRange = errors.New("offset is out of range")
	// ErrReplaced: a snapshot replaced the log while it was read. Read again.
	ErrReplaced = errors.New("log was replaced by a snapshot")
	// ErrStopped: a write or sync failed, or the log was closed. Nothing more
	// comes from it.
	ErrStopped = errors.New("log has stopped")
	// ErrSnapshot: a snapshot that cannot be installed. The log is unchanged.
	ErrSnapshot = errors.New("snapshot was refused")
)

// Rejections of commands: functions of the log's state and the entry alone, so
// every replica rejects the same. A batch that is no valid record batch is
// rejected with an error of package record.
var (
	ErrUnknownCommand = errors.New("unknown command")
	ErrSettings       = errors.New("invalid log settings")
	ErrTrim           = errors.New("invalid trim")
	ErrLogFull        = errors.New("log is full") // offsets or terms run out of their fields
)
