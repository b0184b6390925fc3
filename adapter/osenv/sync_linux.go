package osenv

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes a file's data and length durable: fdatasync, which spares the
// timestamps. The descriptor is used through SyscallConn, so that a Close at
// the same time cannot hand it to another file.
func syncData(f *os.File) error {
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
