//go:build !linux

package osenv

import (
	"os"
	"time"
)

// SyncData makes a file's data and length durable. On macOS File.Sync asks the
// drive itself (F_FULLFSYNC).
func SyncData(f *os.File) error { return f.Sync() }

// Forget does nothing here: the system offers no way.
func Forget(*os.File) error { return nil }

// adviseRead does nothing here: the system reads ahead as it sees fit.
func adviseRead(*os.File, int64, int64) {}

// ProcessorTime is not known here: 0.
func ProcessorTime() time.Duration { return 0 }
