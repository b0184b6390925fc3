package diskmodel

import (
	"maps"

	"github.com/lockstep-log/lockstep/sim"
)

// LossMode says what a power loss leaves of unsynced changes.
type LossMode uint8

// The modes of PowerLoss.
const (
	LossAny    LossMode = iota // another one, drawn for each file
	LoseAll                    // nothing
	KeepPrefix                 // the first ones, in order
	KeepSubset                 // any, of single sectors too
	TornSector                 // the first ones, the last of them torn within a sector
	lossModes
)

// String names the mode.
func (m LossMode) String() string {
	if m >= lossModes {
		return "loss?"
	}
	return [...]string{"any", "lose-all", "keep-prefix", "keep-subset", "torn-sector"}[m]
}

// LossReport counts what one power loss took.
type LossReport struct {
	Unsynced    int // changes that were not durable
	LostWrites  int // of those, lost wholly or in part
	TornSectors int
	LostEntries int // entry changes that were not durable and are lost
	LostFiles   int // files that are gone because no name of theirs survived
}

// PowerLoss takes the machine's power: the process ends as in Crash, then
// everything unsynced survives or not, as the mode says.
func (d *Disk) PowerLoss(mode LossMode) LossReport {
	d.Crash()
	d.kernel.Record(sim.KindDisk, d.entity, uint64(opPowerLoss)<<traceKindShift, uint64(mode), nil)
	var report LossReport
	d.loseEntries(mode, &report)
	d.keepReachable(&report)
	for _, n := range d.files {
		loss{d, n, d.keyed("disk.loss", n.id), &report}.strike(mode)
	}
	d.stats.PowerLosses++
	d.stats.LostWrites += uint64(report.LostWrites)
	d.stats.TornSectors += uint64(report.TornSectors)
	d.stats.LostEntries += uint64(report.LostEntries)
	d.stats.LostFiles += uint64(report.LostFiles)
	return report
}

// loss is what happens to one file.
type loss struct {
	disk   *Disk
	node   *node
	rand   *sim.Rand
	report *LossReport
}

// strike leaves the file with what survives, all of it durable.
func (l loss) strike(mode LossMode) {
	n := l.node
	if len(n.changes) > 0 {
		l.report.Unsynced += len(n.changes)
		switch resolve(mode, l.rand) {
		case LoseAll:
			l.report.LostWrites += len(n.changes)
		case KeepSubset:
			l.keepSubset()
		case TornSector:
			l.keepPrefix(true)
		default:
			l.keepPrefix(false)
		}
	}
	n.forget()
	n.diverged, n.unwritten = false, nil
	n.cache.become(&n.durable, &l.disk.pages)
}

// resolve draws the mode where it is left open.
func resolve(mode LossMode, r *sim.Rand) LossMode {
	if mode == LossAny {
		return LossMode(r.Between(int64(LoseAll), int64(TornSector)))
	}
	return mode
}

func (l loss) keepPrefix(torn bool) {
	changes := l.node.changes
	kept := l.rand.Pick(len(changes) + 1)
	if torn {
		kept = l.rand.Pick(len(changes))
	}
	for _, ch := range changes[:kept] {
		l.node.apply(ch, 0, ch.n, &l.disk.pages)
	}
	if torn && !changes[kept].truncate {
		l.tear(changes[kept])
	}
	l.report.LostWrites += len(changes) - kept
}

// tear keeps a write up to some byte of one of its sectors.
func (l loss) tear(ch change) {
	keep := l.rand.Between(1, max(ch.n-1, 1))
	if (ch.off+keep)%sectorBytes != 0 && keep < ch.n {
		l.report.TornSectors++
	}
	l.node.apply(ch, 0, min(keep, ch.n-1), &l.disk.pages)
}

// keepSubset keeps some changes, loses others, and of others keeps some sectors.
func (l loss) keepSubset() {
	for _, ch := range l.node.changes {
		switch l.rand.Below(3) {
		case 0:
			l.node.apply(ch, 0, ch.n, &l.disk.pages)
		case 1:
			l.report.LostWrites++
		default:
			if !l.keepSectors(ch) {
				l.report.LostWrites++
			}
		}
	}
}

// keepSectors keeps each sector of a write, or loses it. It reports whether all
// were kept.
func (l loss) keepSectors(ch change) bool {
	all := !ch.truncate
	for from := int64(0); from < ch.n; {
		to := min(ch.n, (ch.off+from)&^(sectorBytes-1)+sectorBytes-ch.off)
		if l.rand.Chance(1, 2) {
			l.node.apply(ch, from, to, &l.disk.pages)
		} else {
			all = false
		}
		from = to
	}
	return all
}

// loseEntries decides over the unsynced directory changes.
func (d *Disk) loseEntries(mode LossMode, report *LossReport) {
	r := d.keyed("disk.entries", 0)
	changes := d.entryChanges
	mode = resolve(mode, r)
	prefix := 0
	if mode == KeepPrefix || mode == TornSector {
		prefix = r.Pick(len(changes) + 1)
	}
	lost := make([]bool, len(changes))
	for i := range changes {
		lost[i] = i >= prefix
		if mode == KeepSubset {
			lost[i] = r.Chance(1, 2)
		}
		for j := 0; j < i && !lost[i]; j++ {
			lost[i] = lost[j] && changes[i].follows(&changes[j])
		}
		if lost[i] {
			report.LostEntries++
		} else {
			changes[i].settle()
		}
	}
	clear(changes)
	d.entryChanges = changes[:0]
}

// keepReachable makes the entries on the medium the ones that are seen, and
// forgets every file that they do not lead to.
func (d *Disk) keepReachable(report *LossReport) {
	named := make([]bool, len(d.files))
	for i, n := range d.files {
		named[i] = n.at.set()
		n.at, n.handles = entry{}, 0
	}
	d.restore(d.root)
	d.removed = false
	kept := d.files[:0]
	for i, n := range d.files {
		if n.at.set() {
			kept = append(kept, n)
			continue
		}
		if named[i] {
			report.LostFiles++
		}
		n.release(&d.pages)
	}
	clear(d.files[len(kept):])
	d.files = kept
}

// restore lets a directory, and all below it, be seen as it is on the medium.
func (d *Disk) restore(dir *node) {
	dir.dir.entries = maps.Clone(dir.dir.durable)
	for _, base := range dir.dir.sorted() {
		n := dir.dir.entries[base]
		n.name = join(dir, base)
		n.at = n.durableAt
		if n.dir != nil {
			d.restore(n)
		}
	}
}
