package cluster

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// sectorBytes is the unit of a disk's damage.
const sectorBytes = 512

// damage is what faults destroyed on a host's disk for good: see the package
// comment, under "What damage excuses".
type damage struct {
	node   bool // its journal, or all of the disk: every replica on it
	groups map[env.GroupID]bool
}

// hurts tells whether a group's replica on the host may have lost something.
func (d *damage) hurts(id env.GroupID) bool { return d.node || d.groups[id] }

// hurt tells whether the replica's disk was damaged where it matters to it.
func (r *replica) hurt() bool {
	d := &r.host.damage
	return d.groups[r.group.id] || d.node && r.group.alone == nil // which has nothing in the journal
}

// areaOf says which area a file belongs to and, below groups/, to which group;
// an empty area: a file whose bytes matter to nobody, a spare for one.
func areaOf(name string) (area string, group env.GroupID) {
	dir, base := path.Split(name)
	switch {
	case strings.HasPrefix(name, "journal/j-"):
		return AreaJournal, 0
	case !strings.HasPrefix(dir, "groups/") || strings.HasPrefix(base, "stage."):
		return "", 0
	}
	id, err := strconv.ParseUint(path.Base(dir), 10, 64)
	if err != nil {
		return "", 0
	}
	switch {
	case strings.HasPrefix(base, "checkpoint-"), base == durableName:
		return AreaCheckpoint, env.GroupID(id)
	case strings.Contains(base, ".index"):
		return AreaIndex, env.GroupID(id)
	case strings.Contains(base, ".log"):
		return AreaSegment, env.GroupID(id)
	}
	return "", 0
}

// in tells whether a file is of a fault's area.
func (f *Fault) in(name string) bool {
	area, _ := areaOf(name)
	return area != "" && (f.Area == "" || f.Area == AreaAny || f.Area == area || f.Area == AreaTail && area == AreaJournal)
}

// place is a sector of a file.
type place struct {
	file string
	off  int64
}

// places draws the sectors of a host's disk that a fault damages, all in one
// file, those that hold anything but zeros. None: there is nothing of the kind,
// or the atlas forbids it.
func (c *Cluster) places(f *Fault, h *host) []place {
	if h.foreign {
		return nil // the disk is another's
	}
	draw := sim.NewRand(c.schedule.Seed, "damage", sim.Mix(uint64(h.id), uint64(f.AtNs)))
	files := slices.DeleteFunc(h.disk.Files(), func(name string) bool { return !f.in(name) })
	for len(files) > 0 {
		i := draw.Pick(len(files))
		name := files[i]
		if sectors := c.strikable(f, h, name); len(sectors) > 0 && c.admit(h, name) {
			draw.Shuffle(len(sectors), func(i, k int) { sectors[i], sectors[k] = sectors[k], sectors[i] })
			return sectors[:min(max(f.Sectors, 1), len(sectors))]
		}
		files = slices.Delete(files, i, i+1)
	}
	return nil
}

// strikable lists the sectors of a file that hold anything but zeros. Of the
// journal it leaves out those at its end: a batch that is the last one and not
// sealed, or a seal, would read as torn after the next power loss, which no
// system can tell from a tail that was never durable (design, section 4: the
// stated residual). What cannot be read there shows, also where the next batch
// would begin.
func (c *Cluster) strikable(f *Fault, h *host, name string) []place {
	raw, _ := h.disk.ReadRaw(name)
	area, _ := areaOf(name)
	if area == AreaJournal && f.Kind != LostEntry && f.Kind != BadRead { // that a name is gone shows
		raw = raw[:min(int64(len(raw)), h.sealedEnd(name))]
	}
	if r := h.aloneAt(name); r != nil {
		raw = raw[:min(int64(len(raw)), r.notedEnd(name))]
	}
	begin := 0
	if f.Area == AreaTail {
		if begin = int(h.tailOf(name) / sectorBytes * sectorBytes); begin == 0 {
			return nil
		}
	}
	var out []place
	for off := begin; off < len(raw); off += sectorBytes {
		sector := raw[off:min(off+sectorBytes, len(raw))]
		if slices.ContainsFunc(sector, func(b byte) bool { return b != 0 }) {
			out = append(out, place{name, int64(off)})
		}
	}
	if f.Kind == BadRead && area == AreaJournal {
		next := int64(begin)
		if len(out) > 0 {
			next = out[len(out)-1].off + sectorBytes
		}
		if next < int64(len(raw)) {
			out = append(out, place{name, next})
		}
	}
	return out
}

// beginRot flips a bit in each of some sectors.
func (c *Cluster) beginRot(f *Fault, targets []*host) {
	for _, h := range targets {
		for i, p := range c.places(f, h) {
			draw := sim.NewRand(c.schedule.Seed, "rot", sim.Mix(uint64(h.id), uint64(f.AtNs), uint64(i)))
			raw, _ := h.disk.ReadRaw(p.file)
			at := p.off + int64(draw.Below(uint64(min(sectorBytes, int64(len(raw))-p.off))))
			if h.disk.Rot(p.file, at, uint(draw.Below(8))) {
				c.damaged(h, p.file, "rot", at)
			}
		}
	}
}

// beginBadRead makes sectors unreadable.
func (c *Cluster) beginBadRead(f *Fault, targets []*host) {
	for _, h := range targets {
		for _, p := range c.places(f, h) {
			if h.disk.FailReads(p.file, p.off, sectorBytes) {
				c.damaged(h, p.file, "unreadable", p.off)
			}
		}
	}
}

// beginLostEntry takes a machine's power, and a name away: a directory is read
// again when the machine starts, and a process that has the file open would never
// miss it.
func (c *Cluster) beginLostEntry(f *Fault, targets []*host) {
	for _, h := range targets {
		h.down++
		c.countLoss(h.powerLoss(lossModes[f.Mode]))
		if at := c.places(f, h); len(at) > 0 && h.disk.LoseEntry(at[0].file) {
			c.damaged(h, at[0].file, "name lost", 0)
		}
	}
}

func (c *Cluster) beginMisdirectedWrite(f *Fault, targets []*host) {
	shift := f.Shift
	if shift == 0 {
		shift = 1
	}
	c.order(f, targets, func(h *host, match func(string) bool) { h.disk.MisdirectNextWrite(match, shift*sectorBytes) })
}

func (c *Cluster) beginLostWrite(f *Fault, targets []*host) {
	c.order(f, targets, func(h *host, match func(string) bool) { h.disk.LoseNextWrite(match) })
}

// order lets the next write to the fault's area go wrong, if the atlas admits
// the file that it is for.
func (c *Cluster) order(f *Fault, targets []*host, take func(h *host, match func(name string) bool)) {
	for _, h := range targets {
		o := &order{fault: f}
		h.orders = append(h.orders, o)
		take(h, func(name string) bool {
			if area, _ := areaOf(name); o.over || !f.in(name) || area == AreaJournal || h.aloneAt(name) != nil && area != AreaIndex || !c.admit(h, name) {
				return false
			}
			c.damaged(h, name, f.Kind, 0)
			return true
		})
	}
}

// order is what a fault wants of a disk's next write.
type order struct {
	fault *Fault
	over  bool
}

// endOrderedWrites takes a fault's order back if no write has met it.
func (c *Cluster) endOrderedWrites(f *Fault, targets []*host) {
	for _, h := range targets {
		if i := slices.IndexFunc(h.orders, func(o *order) bool { return o.fault == f }); i >= 0 {
			h.orders[i].over = true
			h.orders = slices.Delete(h.orders, i, i+1)
		}
	}
}

// beginLostDisk takes the machine down and its disk with it. It comes back with
// an empty one, which no process may take for a first boot; see Fault.Formatted.
func (c *Cluster) beginLostDisk(f *Fault, targets []*host) {
	for _, h := range targets {
		h.down++
		if h.foreign || !c.admit(h, "") {
			c.mark(Mark{Kind: MarkDamage, Node: uint64(h.id), Text: fmt.Sprintf("the atlas spares the disk of node %d: it only crashes", h.id)})
			h.crash()
			continue
		}
		c.countLoss(h.powerLoss(lossModes["all"]))
		h.disk.Lose()
		h.disk.Replace()
		h.written, h.blank, h.attended = nil, true, f.Formatted
		c.feed(checker.Event{Kind: checker.EventDiskLost, Node: uint64(h.id)})
		c.damaged(h, "", "disk lost", 0)
		c.loseAlone(h)
	}
}

// damaged notes what is lost, and that from now on it is owed nothing.
func (c *Cluster) damaged(h *host, name, what string, off int64) {
	c.count.damages++
	c.probes.reachIf(what == "name lost", nameTaken)
	c.probes.reachIf(what == "disk lost", diskLost)
	area, group := areaOf(name)
	if group != 0 {
		if h.damage.groups == nil {
			h.damage.groups = map[env.GroupID]bool{}
		}
		h.damage.groups[group] = true
	} else {
		h.damage.node = true
	}
	text := fmt.Sprintf("damage on node %d: %s", h.id, what)
	switch {
	case area == "":
	case off > 0:
		text += fmt.Sprintf(" in %s at %d", name, off)
	default:
		text += " in " + name
	}
	c.mark(Mark{Kind: MarkDamage, Node: uint64(h.id), Group: uint64(group), Text: text})
}
