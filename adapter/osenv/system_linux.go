package osenv

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// SyncData makes a file's data and length durable: fdatasync, which spares the
// timestamps. The descriptor is used through SyscallConn, so that a Close at
// the same time cannot hand it to another file.
func SyncData(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var syncErr error
	err = conn.Control(func(fd uintptr) {
		syncErr = unix.Fdatasync(int(fd))
		for syncErr == unix.EINTR {
			syncErr = unix.Fdatasync(int(fd))
		}
	})
	return errors.Join(err, syncErr)
}

// Forget lets go of what memory holds of a file, so that it is read from the disk
// again. What is not synced stays.
func Forget(f *os.File) error {
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// adviseRead asks for bytes to be read into memory. It is advice: nothing depends on it.
func adviseRead(f *os.File, off, n int64) {
	_ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_WILLNEED)
}

// ProcessorTime is what this process has taken of the processors, in user and
// system mode.
func ProcessorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
