package cluster

import (
	"fmt"
	"strings"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
)

// unrecoverable proves from the disks that no correct system could go on, and
// says how; empty: it cannot be proven. It asks the disk models alone which bytes
// read otherwise than they were written, which names and disks are gone.
//
// Two things are final. A replica that may have forgotten an entry that it
// acknowledged, or a vote, speaks no more (design, section 4), and the others can
// replace it only if they are a quorum. And bytes of a log of which no replica has
// a copy cannot be had.
func (c *Cluster) unrecoverable() string {
	var lost []string
	for _, g := range c.groups {
		if g.alone != nil {
			continue // it may lose its copy, and goes on without
		}
		if proof := c.silenced(g); proof != "" {
			lost = append(lost, proof)
		} else if proof := c.gone(g); proof != "" {
			lost = append(lost, proof)
		}
	}
	return strings.Join(lost, ". ")
}

// silenced proves that fewer than a quorum of a group's replicas can know what
// they promised.
func (c *Cluster) silenced(g *group) string {
	var why []string
	for _, r := range g.members {
		if wound := r.forgot(); wound != "" {
			why = append(why, fmt.Sprintf("node %d: %s", r.host.id, wound))
		}
	}
	whole := len(g.members) - len(why)
	if whole >= g.quorum() {
		return ""
	}
	return fmt.Sprintf("group %d needs %d whole replicas and has %d (%s)", g.id, g.quorum(), whole, strings.Join(why, "; "))
}

// forgot tells why a replica cannot know what it promised; empty: it can. Its
// promises are in the journal. What is damaged there need not be its own: nobody
// can tell by the bytes alone.
func (r *replica) forgot() string {
	h := r.host
	switch {
	case h.blank:
		return "its disk was lost"
	case h.reborn && h.serves() && h.status(r.group.id).State != engine.StateServing:
		return "its disk was lost, and nobody has given it another id"
	case r.hurt() && h.serves() && waits(h.status(r.group.id)):
		return "it waits for an id, or for a vote"
	case r.hurt() && r.fenced():
		return "it was fenced after damage to its disk" // which may have been recycled since
	}
	for _, d := range h.disk.Damaged() {
		if area, _ := areaOf(d.Name); area == AreaJournal {
			return describe(d)
		}
	}
	return ""
}

// waits tells whether a replica is not a full member: only a quorum of the others
// can make it one.
func waits(s engine.PartitionStatus) bool {
	return s.Learner || s.State == engine.StateAsking || s.State == engine.StateAdopting || s.State == engine.StateFenced
}

func describe(d diskmodel.Damage) string {
	if d.N == 0 {
		return fmt.Sprintf("%s of %s", d.Kind, d.Name)
	}
	return fmt.Sprintf("%s in %s at %d", d.Kind, d.Name, d.Off)
}

// gone proves that some bytes of a group's log are on no disk any more. Segments
// of all replicas are equal, so one place is the same in all of them.
func (c *Cluster) gone(g *group) string {
	for _, r := range g.members {
		for _, d := range r.host.disk.Damaged() {
			if area, group := areaOf(d.Name); area != AreaSegment || group != g.id {
				continue
			}
			if why, all := c.nowhere(g, d); all {
				return fmt.Sprintf("group %d has lost %d bytes of %s at %d (%s)", g.id, d.N, d.Name, d.Off, why)
			}
		}
	}
	return ""
}

// nowhere tells whether no replica has the bytes that are damaged in one, and why
// each has not.
func (c *Cluster) nowhere(g *group, lost diskmodel.Damage) (string, bool) {
	var why []string
	for _, r := range g.members {
		problem := r.lacks(lost)
		if problem == "" {
			return "", false
		}
		why = append(why, fmt.Sprintf("node %d: %s", r.host.id, problem))
	}
	return strings.Join(why, "; "), true
}

// lacks tells why a replica cannot give some bytes of a file; empty: it can.
func (r *replica) lacks(bytes diskmodel.Damage) string {
	h := r.host
	if h.blank {
		return "its disk was lost"
	}
	for _, d := range h.disk.Damaged() {
		if d.Name == bytes.Name && (d.N == 0 || bytes.N == 0 || d.Off < bytes.Off+bytes.N && bytes.Off < d.Off+d.N) {
			return describe(d)
		}
	}
	if raw, found := h.disk.ReadRaw(bytes.Name); !found || int64(len(raw)) < bytes.Off+bytes.N {
		return "it never had them"
	}
	return ""
}

// unread proves that a piece of a group's log, which no replica that serves
// gives, is damaged wherever it was: each replica's disk is damaged in a segment
// of the log, or the replica cannot speak. A batch that is damaged in different
// places on different disks is lost, too: its checksum is of the whole.
func (c *Cluster) unread(g *group, failed error) string {
	if proof := c.gone(g); proof != "" {
		return proof
	}
	var why []string
	for _, r := range g.members {
		wound := r.forgot()
		for _, d := range r.host.disk.Damaged() {
			if area, group := areaOf(d.Name); wound == "" && area == AreaSegment && group == g.id {
				wound = describe(d)
			}
		}
		if wound == "" {
			return ""
		}
		why = append(why, fmt.Sprintf("node %d: %s", r.host.id, wound))
	}
	return fmt.Sprintf("group %d has a batch that no replica gives: %v (%s)", g.id, failed, strings.Join(why, "; "))
}
