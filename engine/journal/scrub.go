package journal

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Damage is a stretch of durable bytes that does not verify.
type Damage struct {
	File           string
	Offset, Length int64
	// Groups have entries there that no checkpoint covers. The process that wrote
	// them knows them still; the next one would not.
	Groups []env.GroupID
	Err    error // matches ErrDamaged
}

// harm is where in a file, since when, and what is wrong.
type harm struct {
	from, to int64
	since    time.Duration // of the monotonic clock
	err      error
}

// Scrub reads everything durable of the journal's files and checks it, and tells
// found of each stretch that does not verify, once. pace, which may be nil, is
// called before each read with its bytes, and waits as it likes.
//
// What this process knows is not lost by rot. The journal rolls, so that a new
// head repeats what the bad records said; Laggards names the groups that still
// need the file, and once their checkpoints cover it, it is given back
// (EventRepaired). Entries in the stretch that are not covered after mendWithin
// fence their group: the next process could not read them.
//
// The error is that of a closed or failed journal.
func (j *Journal) Scrub(t *env.Task, pace func(*env.Task, int64), found func(Damage)) error {
	for _, f := range slices.Clone(j.files) {
		switch {
		case j.failed != nil:
			return j.failed
		case j.closing:
			return ErrClosed
		}
		if !slices.Contains(j.files, f) || f.headEnd == 0 {
			continue // given back meanwhile
		}
		j.scrubFile(t, f, pace, found)
	}
	return nil
}

func (j *Journal) scrubFile(t *env.Task, f *file, pace func(*env.Task, int64), found func(Damage)) {
	f.readers++
	defer j.release(f)
	end := f.end
	if f == j.current() {
		end = j.offset
	}
	s := scanner{seq: f.seq, incarnation: f.incarnation, reader: reader{size: end, readAt: func(p []byte, off int64) (int, error) {
		if pace != nil {
			pace(t, int64(len(p)))
		}
		return t.ReadAt(f.handle, p, off)
	}}}
	half := f.headEnd / 2
	for _, off := range []int64{0, half} {
		if h, err := s.headAt(off); err != nil || h.incarnation != f.incarnation {
			if err == nil {
				err = errPlace
			}
			j.harmed(f, harm{from: off, to: off + half, err: s.damage(f.name, off, "head", err)}, found)
		}
	}
	for off := f.headEnd; off < end; {
		b, err := s.batchAt(off)
		if err == nil && b.header.end() > end {
			err = errShape
		}
		if err == nil {
			off = b.header.end()
			continue
		}
		to := s.salvage(off, end).end
		j.harmed(f, harm{from: off, to: to, err: s.damage(f.name, off, "batch", err)}, found)
		off = to
	}
}

// damage is the error of bytes that do not read well while the journal runs.
func (s *scanner) damage(name string, off int64, what string, cause error) error {
	if s.failed != nil {
		cause = s.failed
		s.failed = nil
	}
	return &DamageError{File: name, Offset: off, What: what + ": " + cause.Error()}
}

// harmed takes in a stretch that does not verify.
func (j *Journal) harmed(f *file, h harm, found func(Damage)) {
	if j.failed != nil || j.closing || slices.ContainsFunc(f.wrecks, func(o harm) bool { return o.from == h.from }) {
		return
	}
	h.since = j.env.Clock.Monotonic()
	f.bad = true
	f.wrecks = append(f.wrecks, h)
	j.env.Tracer.Trace(env.Event{Kind: env.EventDamaged, File: f.name, Offset: h.from, Length: h.to - h.from, Text: h.err.Error()})
	d := Damage{File: f.name, Offset: h.from, Length: h.to - h.from, Err: h.err}
	for _, g := range j.order {
		if g.needs(f, h) {
			d.Groups = append(d.Groups, g.id)
		}
	}
	found(d)
	j.mends = 0
	j.mend()
}

// needs tells whether the group has entries in the stretch that no checkpoint
// covers.
func (g *group) needs(f *file, h harm) bool {
	if g.fenced != nil {
		return false
	}
	return slices.ContainsFunc(g.extents[g.find(g.hardFloor()):], func(x extent) bool {
		return x.file == f && x.offset < h.to && x.offset+int64(x.length) > h.from
	})
}

const (
	// mendEvery is how often damaged files are looked at.
	mendEvery = time.Second
	// mendWithin is how long checkpoints may take to cover what is damaged.
	mendWithin = 30 * time.Second
	// mendTries is how often they are, without a new checkpoint or finding.
	mendTries = 60
)

// mend gets rid of damaged files: rolls when that helps, and gives up what cannot
// be covered.
func (j *Journal) mend() {
	first := slices.IndexFunc(j.files, func(f *file) bool { return f.bad })
	if first < 0 || j.mending != nil || j.failed != nil || j.closing {
		return
	}
	for _, f := range j.files[first:] {
		j.giveUp(f)
	}
	if j.current().bad || !j.needsFile(j.files[first].seq) {
		j.rollWanted = true
		j.kick()
	}
	if j.mends++; j.mends < mendTries {
		j.armMend()
	}
}

// mendSoon looks at damaged files, if there are any: in a while, and some times.
func (j *Journal) mendSoon() {
	j.mends = 0
	j.armMend()
}

func (j *Journal) armMend() {
	if j.mending == nil && slices.ContainsFunc(j.files, func(f *file) bool { return f.bad }) {
		j.mending = j.env.Clock.AfterFunc(mendEvery, func() {
			j.mending = nil
			j.mend()
		})
	}
}

// needsFile tells whether some checkpoint is missing to give a file back.
func (j *Journal) needsFile(seq uint64) bool {
	return slices.ContainsFunc(j.order, func(g *group) bool {
		f, needed := g.oldest(g.hardFloor())
		return needed && f.seq <= seq
	})
}

// giveUp fences the groups whose entries were not covered in time.
func (j *Journal) giveUp(f *file) {
	for _, h := range f.wrecks {
		if j.env.Clock.Monotonic()-h.since < mendWithin {
			continue
		}
		for _, g := range j.order {
			if !g.view.fenced && g.needs(f, h) {
				j.Fence(g.id, h.err)
				if j.onDamage != nil {
					j.onDamage(g.id, h.err)
				}
			}
		}
	}
}

// traceMended tells that a damaged file leaves the journal.
func (j *Journal) traceMended(f *file) {
	if f.bad {
		j.env.Tracer.Trace(env.Event{Kind: env.EventRepaired, File: f.name, Length: f.size, Text: "journal"})
	}
}
