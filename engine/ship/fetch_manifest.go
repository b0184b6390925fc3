package ship

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// getManifest finds the manifest that the reference names, here or at the node
// that sent it, and makes it durable before anything of it is fetched.
func (x *transfer) getManifest(t *env.Task) error {
	b, err := x.stagedManifest(t)
	if err != nil {
		return err
	}
	fetched := b == nil
	if fetched {
		if b, err = x.fetchManifest(t); err != nil {
			return err
		}
	}
	g, m, err := DecodeManifest(b)
	switch {
	case err != nil:
		return err
	case g != x.group || m.Checkpoint.Index != x.ref.Index || m.Checkpoint.Term != x.ref.Term:
		return fmt.Errorf("%w: it is of group %d at index %d, not of group %d at %d", ErrManifest, g, m.Checkpoint.Index, x.group, x.ref.Index)
	}
	x.manifest = m
	if !fetched {
		return nil
	}
	return x.writeManifest(t, b)
}

// stagedManifest reads the manifest that an earlier transfer staged; nil if it
// is not the one.
func (x *transfer) stagedManifest(t *env.Task) ([]byte, error) {
	b, err := x.readManifest(t)
	if err != nil || int64(len(b)) != x.ref.Bytes || checksum(b) != x.ref.Sum {
		return nil, err
	}
	return b, nil
}

// readManifest reads what is staged under the manifest's name; nil if that is
// nothing, or nothing that can be read.
func (x *transfer) readManifest(t *env.Task) ([]byte, error) {
	f, err := t.Open(x.s.env.Disk, x.at.path(manifestName), env.OpenExisting)
	if errors.Is(err, env.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := t.Size(f)
	if err != nil || size > MaxManifestBytes {
		return nil, err
	}
	b := make([]byte, size)
	if n, _ := t.ReadAt(f, b, 0); int64(n) < size {
		return nil, nil
	}
	return b, nil
}

// errOffered interrupts the wait for a node that may be gone.
var errOffered = errors.New("ship: another node offers it")

// fetchManifest asks for it. Only the nodes that offered the snapshot have it; one
// that does so later is asked at once.
func (x *transfer) fetchManifest(t *env.Task) ([]byte, error) {
	for {
		b, err := x.fetchManifestOf(t, slices.Clone(x.offered))
		if !errors.Is(err, errOffered) {
			return b, err
		}
	}
}

func (x *transfer) fetchManifestOf(t *env.Task, nodes []env.NodeID) ([]byte, error) {
	d := x.s.download(x.group, x.ref, machine.FileInfo{Bytes: x.ref.Bytes, Sum: x.ref.Sum}, nodes, 0)
	x.under = d
	defer func() { x.under = nil; d.close() }()
	check := func() error {
		if x.stopped == nil && x.offered[0] != nodes[0] {
			return errOffered
		}
		return x.stopped
	}
	for {
		var b bytes.Buffer
		for int64(b.Len()) < x.ref.Bytes {
			data, err := d.take(t, check)
			if err != nil {
				return nil, err
			}
			b.Write(data)
		}
		if checksum(b.Bytes()) == x.ref.Sum {
			return b.Bytes(), nil
		}
		if err := d.restart(); err != nil {
			return nil, err
		}
	}
}

func (x *transfer) writeManifest(t *env.Task, b []byte) error {
	temporary := x.at.path(temporaryName)
	f, err := t.Open(x.s.env.Disk, temporary, env.OpenCreate)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.Truncate(f, 0); err != nil {
		return err
	}
	if err := t.WriteAt(f, b, 0); err != nil {
		return err
	}
	if err := t.Sync(f); err != nil {
		return err
	}
	if err := t.Rename(x.s.env.Disk, temporary, x.at.path(manifestName)); err != nil {
		return err
	}
	return t.SyncDir(x.s.env.Disk, x.at.dir)
}
