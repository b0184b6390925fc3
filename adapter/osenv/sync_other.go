//go:build !linux

package osenv

import "os"

// syncData makes a file's data and length durable. On macOS File.Sync asks the
// drive itself (F_FULLFSYNC).
func syncData(f *os.File) error { return f.Sync() }
