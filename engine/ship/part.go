package ship

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// part is a file while it is staged.
type part struct {
	x      *transfer
	info   machine.FileInfo
	file   env.File
	have   int64  // bytes written
	sum    uint32 // CRC32C of those
	synced int64  // of those durable by the last slot
	named  bool   // its name is durable
}

// openPart finds what is here of a file: nil, nil if all of it is. What it goes
// on with is verified, or will be by the sum of the whole.
func (x *transfer) openPart(t *env.Task, info machine.FileInfo) (*part, error) {
	there, grown, err := x.findWhole(t, info)
	if there || err != nil {
		return nil, err
	}
	p := &part{x: x, info: info}
	if p.file, err = t.Open(x.s.env.Disk, x.at.part(info.Name), env.OpenCreate); err != nil {
		return nil, err
	}
	if err := p.resume(t, grown); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// findWhole looks for the file as staged before. One that is shorter than
// wanted, of an older snapshot, becomes the part: files only grow.
func (x *transfer) findWhole(t *env.Task, info machine.FileInfo) (there, grown bool, err error) {
	path := x.at.whole(info.Name)
	if x.s.knows(path, info) {
		x.reused(info.Bytes)
		return true, false, nil
	}
	f, err := t.Open(x.s.env.Disk, path, env.OpenExisting)
	if errors.Is(err, env.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	defer f.Close()
	size, err := t.Size(f)
	if err != nil {
		return false, false, err
	}
	if size < info.Bytes {
		return false, true, t.Rename(x.s.env.Disk, path, x.at.part(info.Name))
	}
	if size == info.Bytes {
		if sum, ok, err := x.sumOf(t, f, size); err != nil || ok && sum == info.Sum {
			x.s.learn(path, info)
			x.reused(size)
			return true, false, err
		}
	}
	return false, false, t.Remove(x.s.env.Disk, path)
}

// sumOf reads a file's first bytes. A failing read is no failure of the node
// here: the bytes are fetched again.
func (x *transfer) sumOf(t *env.Task, f env.File, n int64) (sum uint32, ok bool, err error) {
	buf := make([]byte, min(n, int64(x.s.cfg.ChunkBytes)))
	for off := int64(0); off < n; {
		if err := x.check(); err != nil {
			return 0, false, err
		}
		b := buf[:min(n-off, int64(len(buf)))]
		got, _ := t.ReadAt(f, b, off)
		if got < len(b) {
			return 0, false, nil
		}
		sum = crc32.Update(sum, castagnoli, b)
		off += int64(len(b))
	}
	return sum, true, nil
}

// resume takes up what an earlier life left in the part: what was durable when
// its last slot was written, or all of a file that was whole once.
func (p *part) resume(t *env.Task, grown bool) error {
	size, err := t.Size(p.file)
	if err != nil {
		return err
	}
	last := p.x.progress.last
	keep := int64(0)
	switch {
	case grown:
		keep = size
	case last.file == p.info.Name && last.synced <= min(size, p.info.Bytes):
		keep = last.synced
	}
	sum, ok, err := p.x.sumOf(t, p.file, keep)
	if err != nil {
		return err
	}
	if ok && (grown || sum == last.prefix) && keep > 0 {
		p.have, p.sum, p.synced = keep, sum, keep
		p.x.reused(keep)
	}
	if size == p.have {
		return nil
	}
	return t.Truncate(p.file, p.have)
}

// append writes the next bytes, and makes the progress durable now and then.
func (p *part) append(t *env.Task, data []byte) error {
	if err := t.WriteAt(p.file, data, p.have); err != nil {
		return err
	}
	p.have += int64(len(data))
	p.sum = crc32.Update(p.sum, castagnoli, data)
	p.x.gained(int64(len(data)))
	if p.have-p.synced < p.x.s.cfg.StageSyncBytes || p.have == p.info.Bytes {
		return nil
	}
	return p.save(t)
}

// save makes the part durable, then the slot that says so: bytes, names, slot.
func (p *part) save(t *env.Task) error {
	if err := t.Sync(p.file); err != nil {
		return err
	}
	made, err := p.x.progress.open(t)
	if err != nil {
		return err
	}
	if made || !p.named {
		if err := t.SyncDir(p.x.s.env.Disk, p.x.at.dir); err != nil {
			return err
		}
		p.named = true
	}
	p.synced = p.have
	return p.x.progress.save(t, slot{file: p.info.Name, bytes: p.info.Bytes, sum: p.info.Sum, synced: p.have, prefix: p.sum})
}

// restart throws away what was written.
func (p *part) restart(t *env.Task) error {
	p.x.gained(-p.have)
	p.have, p.sum, p.synced = 0, 0, 0
	return t.Truncate(p.file, 0)
}

// finish makes the file a whole one. Its name is durable after the SyncDir that
// ends the transfer.
func (p *part) finish(t *env.Task) error {
	if p.have != p.info.Bytes || p.sum != p.info.Sum {
		panic(fmt.Sprintf("ship: %s is finished with %d bytes of sum %08x", p.info.Name, p.have, p.sum))
	}
	if err := t.Sync(p.file); err != nil {
		return err
	}
	whole := p.x.at.whole(p.info.Name)
	if err := t.Rename(p.x.s.env.Disk, p.x.at.part(p.info.Name), whole); err != nil {
		return err
	}
	p.x.s.learn(whole, p.info)
	return nil
}

func (p *part) close() { p.file.Close() }
