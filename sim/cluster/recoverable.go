package cluster

import (
	"fmt"
	"slices"
	"strings"
)

// unrecoverable proves from the disks that no correct system could go on, and
// says how; empty: it cannot be proven. It asks the disk models alone: which
// bytes read otherwise than they were written, which names and disks are gone.
//
// A replica whose files are damaged may have forgotten an entry that it
// acknowledged, or a vote. One that may have speaks no more (design, section 4),
// and the others can replace it only if they are a quorum. So a group is lost if
// fewer than a quorum of its replicas in the core are whole.
func (c *Cluster) unrecoverable() string {
	var lost []string
	for _, g := range c.groups {
		whole := 0
		var why []string
		for _, r := range g.members {
			switch wound := r.wound(); {
			case !slices.Contains(c.core, r.host):
				why = append(why, fmt.Sprintf("node %d stays broken", r.host.id))
			case wound != "":
				why = append(why, fmt.Sprintf("node %d: %s", r.host.id, wound))
			default:
				whole++
			}
		}
		if whole < g.quorum() {
			lost = append(lost, fmt.Sprintf("group %d needs %d whole replicas and has %d (%s)", g.id, g.quorum(), whole, strings.Join(why, "; ")))
		}
	}
	return strings.Join(lost, ". ")
}

// lostEverywhere proves that what a group agreed on cannot be read: every replica
// of it in the core has damaged files. Empty: it cannot be proven.
func (c *Cluster) lostEverywhere(g *group) string {
	var why []string
	for _, r := range g.members {
		switch wound := r.wound(); {
		case !slices.Contains(c.core, r.host):
		case wound == "":
			return ""
		default:
			why = append(why, fmt.Sprintf("node %d: %s", r.host.id, wound))
		}
	}
	return fmt.Sprintf("group %d has no whole copy of its log (%s)", g.id, strings.Join(why, "; "))
}

// wound is the first damage on the disk that the replica cannot know not to have
// mattered: anything in its own files or in the node's journal. Empty: it is whole.
func (r *replica) wound() string {
	h := r.host
	switch {
	case h.blank:
		return "its disk was lost"
	case r.hurt() && r.fenced():
		return "it was fenced after damage to its disk" // which may have been recycled since
	}
	for _, d := range h.disk.Damaged() {
		area, group := areaOf(d.Name)
		switch {
		case area == "", group != 0 && group != r.group.id:
		case d.N == 0:
			return fmt.Sprintf("%s of %s", d.Kind, d.Name)
		default:
			return fmt.Sprintf("%s in %s at %d", d.Kind, d.Name, d.Off)
		}
	}
	return ""
}
