package bench

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/lockstep-log/lockstep/adapter/osenv"
)

// PlainBytes is the length of the plain loop's file, which it writes round and
// round: that of a journal file or a segment.
const PlainBytes = 64 << 20

// plain writes and syncs, one batch after the other.
type plain struct {
	file  *os.File
	batch []byte
	at    int64
}

// openPlain makes the file, full of zeros.
func openPlain(dir string, batch []byte) (*plain, error) {
	f, err := os.OpenFile(filepath.Join(dir, "plain"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("plain loop: %w", err)
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < PlainBytes && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros, at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("plain loop: %w", err)
	}
	return &plain{file: f, batch: batch}, nil
}

// produce implements contender. More than one in flight is no use to it.
func (p *plain) produce(n, _ int) error {
	for range n {
		if p.at+int64(len(p.batch)) > PlainBytes {
			p.at = 0
		}
		if _, err := p.file.WriteAt(p.batch, p.at); err != nil {
			return err
		}
		if err := osenv.SyncData(p.file); err != nil {
			return err
		}
		p.at += int64(len(p.batch))
	}
	return nil
}

func (p *plain) close() { _ = p.file.Close() }
