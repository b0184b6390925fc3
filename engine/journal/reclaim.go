package journal

import (
	"cmp"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A file is kept for two reasons. Entries that no checkpoint covers need it: that
// is hard, and bounded only by Full, which makes the node take no more. Slow
// followers want it: that is soft, up to RetainBytes, and who falls below gets a
// snapshot instead.

// hardFloor is the first index that must stay readable.
func (g *group) hardFloor() uint64 { return g.checkpoint.index + 1 }

// softFloor is the first index that a follower wants.
func (g *group) softFloor() uint64 {
	return min(g.hardFloor(), max(g.retain, g.log.first()))
}

// oldest is the oldest file that holds an entry from the floor on.
func (g *group) oldest(floor uint64) (f *file, needed bool) {
	if g.fenced != nil {
		return nil, false
	}
	n := g.find(floor)
	if n == len(g.extents) {
		return nil, false
	}
	return g.extents[n].file, true
}

// oldestKept is the oldest file to be kept when f is begun.
func (j *Journal) oldestKept(f *file) uint64 {
	hard, soft := f.seq, f.seq
	for _, g := range j.order {
		if x, needed := g.oldest(g.hardFloor()); needed && !g.moving {
			hard = min(hard, x.seq)
		}
		if x, wanted := g.oldest(g.softFloor()); wanted && (!g.moving || g.softFloor() < g.hardFloor()) {
			soft = min(soft, x.seq)
		}
	}
	bytes := f.size
	for n := len(j.files) - 1; n >= 0 && j.files[n].seq >= soft; n-- {
		if bytes += j.files[n].size; bytes > j.cfg.RetainBytes || j.files[n].bad {
			break
		}
		hard = min(hard, j.files[n].seq)
	}
	return hard
}

// bytesFrom is the size of all files from one on.
func (j *Journal) bytesFrom(seq uint64) int64 {
	bytes := int64(0)
	for _, f := range j.files {
		if f.seq >= seq {
			bytes += f.size
		}
	}
	return bytes
}

// border is what the files may take before only small appends are welcome: the
// two files above it are for these.
func (j *Journal) border() int64 { return j.cfg.MaxBytes - 2*j.cfg.FileBytes }

// measure notes how much is needed, the current file included.
func (j *Journal) measure() {
	oldest := j.current().seq
	for _, g := range j.order {
		if f, needed := g.oldest(g.hardFloor()); needed {
			oldest = min(oldest, f.seq)
		}
	}
	j.needed = j.bytesFrom(oldest)
}

// freed: some group may need less than was measured. Where there is room enough it
// does not matter before the next file is begun.
func (j *Journal) freed() {
	if j.needed > j.border()/2 || j.refused > 0 {
		j.measure()
	}
}

// Needed is what the files take that only checkpoints can free, of MaxBytes.
func (j *Journal) Needed() int64 { return j.needed }

// Full tells that files which only checkpoints can free approach MaxBytes: take no
// more records until it ends. Small appends (votes, commit indexes, a leader's
// first entry, changes of membership) go on: without them nothing is committed,
// so nothing checkpointed.
func (j *Journal) Full() bool { return j.Room() <= 0 }

// Room is about how many bytes of entries may still be appended before the journal
// is Full. What waits to be written has its place already, and so has what Expect
// was told of: a slow disk has much of it, and only when it is written do files show.
func (j *Journal) Room() int64 {
	end := j.offset
	if j.busy {
		end = max(end, j.flight.end)
	}
	begun := (j.border() - j.needed) / j.cfg.FileBytes * j.fileHolds()
	return begun + max(0, j.capacity()-end-sectorBytes) - j.queue.bytes - j.expected
}

// fileHolds is how many bytes of entries a file takes at the least: its last batch
// may not fit, and then as much of it stays empty.
func (j *Journal) fileHolds() int64 {
	return max(j.cfg.FileBytes-int64(j.cfg.MaxBatchBytes), j.cfg.FileBytes/2) - 2*sectorBytes
}

// Expect tells that so many bytes of entries will be appended soon; negative: that
// they have been, or will not be.
func (j *Journal) Expect(bytes int64) { j.expected += bytes }

// Takes tells whether there is Room for so many bytes of entries, and remembers
// what there was none for: Laggards names who is to make it.
func (j *Journal) Takes(bytes int64) bool {
	bytes = max(bytes, 1)
	if j.Room() >= bytes {
		return true
	}
	j.refused = max(j.refused, bytes)
	j.moveOn()
	return false
}

// Laggards names the groups whose entries without a checkpoint keep more than so
// many files, or a damaged one, and may keep fewer after a checkpoint at what is
// applied; more than half of what MaxBytes allows at any rate, and whatever they
// keep as long as it is in the way of what Takes refused.
// Nil, without a look at any group, as long as there are no more files and none is
// damaged.
func (j *Journal) Laggards(files int) []env.GroupID {
	files = min(files, int(j.border()/j.cfg.FileBytes)/2)
	if j.Room() < j.refused {
		files = 1
	} else {
		j.refused = 0
	}
	j.asked = files
	latest, some := j.laggardsUpTo(files)
	if !some {
		return nil
	}
	var behind []env.GroupID
	for _, g := range j.order {
		if g.view.applied <= g.view.checkpoint.index {
			continue
		}
		if f, needed := g.oldest(g.hardFloor()); needed && f.seq <= latest {
			behind = append(behind, g.id)
		}
	}
	return behind
}

// laggardsUpTo is the newest file that nobody should need.
func (j *Journal) laggardsUpTo(files int) (seq uint64, some bool) {
	if len(j.files) > files {
		seq, some = j.files[len(j.files)-1-files].seq, true
	}
	for _, f := range j.files {
		if f.bad {
			seq, some = max(seq, f.seq), true
		}
	}
	return seq, some
}

// Block is a group that keeps files from being given back.
type Block struct {
	Group env.GroupID
	Files int
	Bytes int64  // of these files, what other groups need included
	Why   string // a few words for an operator
}

// Blocking names the groups that keep more files than Laggards was last asked
// about, who keeps most first, and why a checkpoint has not freed them.
func (j *Journal) Blocking() []Block {
	var out []Block
	latest, some := j.laggardsUpTo(max(j.asked, 1))
	for _, g := range j.order {
		f, needed := g.oldest(g.hardFloor())
		if !some || !needed || f.seq > latest {
			continue
		}
		b := Block{Group: g.id, Bytes: j.bytesFrom(f.seq), Why: "its checkpoint is not done yet"}
		if g.view.applied <= g.checkpoint.index {
			b.Why = "nothing is applied beyond its checkpoint"
		}
		for _, x := range j.files {
			if x.seq >= f.seq {
				b.Files++
			}
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Block) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Group, b.Group))
	})
	return out
}
