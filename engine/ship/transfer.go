package ship

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// transfer brings the files of one snapshot, or one file for a repair, to this
// disk. One of each place runs at a time.
type transfer struct {
	s     *Ship
	group env.GroupID
	at    place
	wipe  bool                 // it only removes what is there
	ref   Ref                  // of a snapshot
	file  machine.FileInfo     // of a repair
	keep  machine.StateMachine // nil: nothing of it stays
	first env.NodeID
	// offered are the nodes that sent the snapshot, the last one first: only they
	// have the manifest.
	offered []env.NodeID
	sparing bool // a wipe: not what is staged of a snapshot later than applied
	applied uint64
	spared  bool // it did not

	done     []func(*Staged, error)
	stopped  error     // why it has to end
	next     *transfer // begins when this one has ended
	progress progress
	manifest machine.Manifest
	kept     []bool // by file of the manifest: the machine's own stays
	under    *download
	bytes    int64 // here so far
	verified int64 // of the machine's own files, which count as progress only
	resumed  int64 // of those from an earlier life or snapshot
	unnamed  int64 // bytes of whole files since the last SyncDir
	slow     uint  // download.slow of the file before
}

func (x *transfer) equal(o *transfer) bool {
	return x.wipe == o.wipe && x.at == o.at && x.ref == o.ref && x.file == o.file
}

func (x *transfer) check() error { return x.stopped }

// join lets another caller wait for the same transfer. The node that it names is
// there, whatever became of the one asked so far.
func (x *transfer) join(o *transfer) {
	x.done = append(x.done, o.done...)
	if o.first == 0 || o.first == x.offered[0] {
		return
	}
	x.first = o.first
	x.offered = slices.Insert(slices.DeleteFunc(x.offered, func(n env.NodeID) bool { return n == o.first }), 0, o.first)
	x.s.env.Clock.Post(func() {
		if x.under != nil && !x.s.closed {
			x.under.poke()
		}
	})
}

func (x *transfer) gained(n int64) { x.bytes += n }

func (x *transfer) reused(n int64) {
	x.bytes += n
	x.resumed += n
}

// stop ends a transfer soon: never inside the call.
func (x *transfer) stop(why error) {
	if x.stopped == nil {
		x.stopped = why
		x.s.env.Clock.Post(func() {
			if x.under != nil && !x.s.closed {
				x.under.poke()
			}
		})
	}
}

// run is the whole life of a transfer.
func (x *transfer) run(t *env.Task) {
	x.progress = progress{at: x.at, disk: x.s.env.Disk}
	var err error
	switch {
	case x.wipe:
		err = x.clean(t)
	case x.at.only != "":
		err = x.repair(t)
	default:
		err = x.stage(t)
	}
	x.progress.close()
	err = classify(err)
	if errors.Is(err, env.ErrNoSpace) {
		// What is here would keep the disk full.
		if failed := x.clear(t); failed != nil {
			err = disk(failed)
		}
	}
	x.s.ended(x, err)
}

// clean clears the place, unless what is staged there is of a later snapshot than
// what is applied.
func (x *transfer) clean(t *env.Task) error {
	if x.sparing {
		b, err := x.readManifest(t)
		if err != nil {
			return err
		}
		if _, m, err := DecodeManifest(b); err == nil && m.Checkpoint.Index > x.applied {
			x.spared = true
			return nil
		}
	}
	return x.clear(t)
}

// clear removes all files of the transfer's place. What a crash leaves of them
// is found again.
func (x *transfer) clear(t *env.Task) error {
	x.s.forget(x.at)
	names, err := t.List(x.s.env.Disk, x.at.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if x.at.owns(name) && (x.at.only != "" || !x.s.taken(x.at.dir, name)) {
			if err := t.Remove(x.s.env.Disk, x.at.path(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// classify tells our own errors and those of the disk apart.
func classify(err error) error {
	for _, own := range []error{ErrSuperseded, ErrCanceled, ErrTooLarge, ErrManifest, ErrVersion, ErrSources} {
		if errors.Is(err, own) {
			return err
		}
	}
	return disk(err)
}

// stage brings a snapshot here: the manifest, then file by file, then the names.
func (x *transfer) stage(t *env.Task) error {
	if err := x.getManifest(t); err != nil {
		return err
	}
	if err := x.keepOwn(t); err != nil {
		return err
	}
	if err := x.sweep(t); err != nil {
		return err
	}
	if err := x.fits(); err != nil {
		return err
	}
	if err := x.progress.load(t); err != nil {
		return err
	}
	for i, f := range x.manifest.Files {
		if !x.kept[i] {
			if err := x.get(t, f); err != nil {
				return err
			}
		}
	}
	return t.SyncDir(x.s.env.Disk, x.at.dir)
}

// repair brings one file here.
func (x *transfer) repair(t *env.Task) error {
	x.manifest = machine.Manifest{Files: []machine.FileInfo{x.file}}
	x.kept = []bool{false}
	if err := x.progress.load(t); err != nil {
		return err
	}
	if err := x.get(t, x.file); err != nil {
		return err
	}
	return t.SyncDir(x.s.env.Disk, x.at.dir)
}

// get brings one file here.
func (x *transfer) get(t *env.Task, info machine.FileInfo) error {
	if err := x.check(); err != nil {
		return err
	}
	p, err := x.openPart(t, info)
	if p == nil || err != nil {
		return err
	}
	defer p.close()
	d := x.s.download(x.group, Ref{}, info, x.sources(), p.have)
	x.under = d
	d.slow = x.slow
	defer func() { x.under, x.slow = nil, d.slow; d.close() }()
	for {
		for p.have < info.Bytes {
			data, err := d.take(t, x.check)
			if err != nil {
				return err
			}
			if err := p.append(t, data); err != nil {
				return err
			}
		}
		if p.sum == info.Sum {
			// Who gave this one is asked first for the next where the first is silent:
			// it would cost its timeouts for each file.
			if slices.Contains(d.sources, x.first) {
				x.first = d.sources[d.current]
			}
			return x.finish(t, p)
		}
		if err := p.restart(t); err != nil {
			return err
		}
		if err := d.restart(); err != nil {
			return err
		}
	}
}

// finish names a file, and now and then makes the names durable, so that a
// crash does not cost all small files.
func (x *transfer) finish(t *env.Task, p *part) error {
	if err := p.finish(t); err != nil {
		return err
	}
	if x.unnamed += p.info.Bytes; x.unnamed < x.s.cfg.StageSyncBytes {
		return nil
	}
	x.unnamed = 0
	return t.SyncDir(x.s.env.Disk, x.at.dir)
}

// sources are the nodes to ask, in order: who sent the snapshot, then the others.
func (x *transfer) sources() []env.NodeID {
	nodes := slices.Clone(x.s.port.Nodes(x.group))
	if x.first == 0 {
		return nodes
	}
	nodes = slices.DeleteFunc(nodes, func(n env.NodeID) bool { return n == x.first })
	return slices.Insert(nodes, 0, x.first)
}

// keepOwn finds the files that the machine has already.
func (x *transfer) keepOwn(t *env.Task) error {
	x.kept = make([]bool, len(x.manifest.Files))
	keeper, keeps := x.keep.(machine.Keeper)
	verifier, verifies := x.keep.(machine.Verifier)
	if !keeps || !verifies {
		return nil
	}
	for i, claims := range keeper.Keeps(x.manifest) {
		if !claims {
			continue
		}
		if err := x.check(); err != nil {
			return err
		}
		var intact bool
		t.Await(func(done func()) {
			// An error means that it cannot be told: then it is fetched.
			verifier.Verify(x.manifest.Files[i], func(ok bool, err error) { intact = ok && err == nil; done() })
		})
		x.kept[i] = intact
		x.verified += x.manifest.Files[i].Bytes
	}
	return nil
}

// sweep removes what is staged and not wanted any more: it makes room first.
func (x *transfer) sweep(t *env.Task) error {
	names, err := t.List(x.s.env.Disk, x.at.dir)
	if err != nil {
		return err
	}
	wanted := map[string]bool{manifestName: true, progressName: true}
	for i, f := range x.manifest.Files {
		if !x.kept[i] {
			wanted[x.at.prefix+wholePrefix+f.Name] = true
			wanted[x.at.prefix+partPrefix+f.Name] = true
		}
	}
	for _, name := range names {
		if x.at.owns(name) && !wanted[name] {
			if err := t.Remove(x.s.env.Disk, x.at.path(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fits holds the snapshot to StageBytes.
func (x *transfer) fits() error {
	var total int64
	for i, f := range x.manifest.Files {
		if !x.kept[i] {
			total += f.Bytes
		}
	}
	if most := x.s.cfg.StageBytes; most > 0 && total > most {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, total, most)
	}
	return nil
}

// trace tells of a snapshot that is staged.
func (x *transfer) trace() {
	e := env.Event{Group: x.group, Replica: x.s.port.Replica(x.group), Index: x.ref.Index}
	if x.resumed > 0 {
		e.Kind, e.Length = env.EventSnapshotResumed, x.resumed
		x.s.env.Tracer.Trace(e)
	}
	e.Kind, e.Length = env.EventSnapshotStaged, x.bytes
	x.s.env.Tracer.Trace(e)
}
