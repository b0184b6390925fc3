package cluster

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// aloneGroup is what the run knows of an unreplicated partition's log beside what
// it knows of every group.
type aloneGroup struct {
	// spots are where the batches end whose durability no note has told yet, oldest
	// first, behind the last one that is.
	spots  []spot
	noted  spot
	lost   bool // its disk was, at lostNs: what came later is another log
	lostNs sim.Time
}

// spot is where a batch ends: the offset behind it, and the place in a file.
type spot struct {
	end  int64
	file string
	pos  int64
}

// durableName is the file with an unreplicated log's note of its durable end.
const durableName = "durable"

// addAlone places the i-th unreplicated partition.
func (c *Cluster) addAlone(i int) {
	at := len(c.groups)
	h := c.hosts[i%len(c.hosts)]
	g := &group{id: env.GroupID(at + 1), alone: new(aloneGroup)}
	r := engine.ReplicaInfo{Node: h.id, ID: env.ReplicaID(replicaStride*(at+1)) + env.ReplicaID(h.id)}
	g.members = []*replica{{group: g, host: h, id: r.ID}}
	c.groups = append(c.groups, g)
	c.topology.Partitions = append(c.topology.Partitions, engine.Partition{
		Group: g.id, Topic: Topic, Partition: int32(at), MinISR: 1, Unreplicated: true, Replicas: []engine.ReplicaInfo{r},
		RetentionBytes: c.schedule.Engine.RetentionBytes, RetentionMs: c.schedule.Engine.RetentionNs / million,
	})
}

// aloneHost is where the log serves; nil if it does not.
func (g *group) aloneHost() *host {
	if m := g.members[0].current(); m == nil || !m.open {
		return nil
	}
	return g.members[0].host
}

func (m *member) followAlone(c *Cluster, e *env.Event) {
	a := m.group.alone
	switch e.Kind {
	case env.EventFenced:
		m.fenced, m.open = true, false
	case env.EventRecovered:
		m.open = true
		a.spots = slices.DeleteFunc(a.spots, func(s spot) bool { return s.end > int64(e.Last) })
		c.mark(Mark{Kind: MarkRecovered, Node: uint64(m.host.id), Group: uint64(m.group.id), Term: e.Last})
	case env.EventWritten:
		a.spots = append(a.spots, spot{int64(e.Last), e.File, e.Offset + e.Length})
	case env.EventDurableEnd:
		a.note(e.Offset)
	default: // nothing that the run must know
	}
}

// note takes a durable note of the log's durable end.
func (a *aloneGroup) note(end int64) {
	n := 0
	for n < len(a.spots) && a.spots[n].end <= end {
		a.noted = a.spots[n]
		n++
	}
	a.spots = slices.Delete(a.spots, 0, n)
}

// aloneAt is the unreplicated log on a host that a file belongs to; nil if it
// belongs to none.
func (h *host) aloneAt(file string) *replica {
	_, id := areaOf(file)
	if id == 0 || int(id) > len(h.c.groups) {
		return nil
	}
	if g := h.c.groups[id-1]; g.alone != nil && g.members[0].host == h {
		return g.members[0]
	}
	return nil
}

// notedEnd is up to where damage to a file shows. Behind the noted durable end it
// would read as a tail that was never durable, which nobody can tell apart (package
// direct, under "Limits and known gaps"): like the journal's last batch that is
// spared. So are the batches between two notes, while the newer one is damaged.
func (r *replica) notedEnd(file string) int64 {
	area, _ := areaOf(file)
	noted, dir := r.group.alone.noted, fmt.Sprintf("groups/%d/", r.group.id)
	damaged := func(what func(area, name string) bool) bool {
		return slices.ContainsFunc(r.host.disk.Damaged(), func(d diskmodel.Damage) bool {
			area, id := areaOf(d.Name)
			return id == r.group.id && what(area, d.Name)
		})
	}
	switch {
	case file == dir+durableName:
		if damaged(func(area, name string) bool { return area == AreaSegment || name == file }) {
			return 0
		}
		return maxBytes
	case area != AreaSegment || noted.file == "" || file < noted.file:
		if area == AreaSegment && (noted.file == "" || damaged(func(_, name string) bool { return name == dir+durableName })) {
			return 0
		}
		return maxBytes
	case file > noted.file || damaged(func(_, name string) bool { return name == dir+durableName }):
		return 0
	}
	return noted.pos
}

// loseAlone notes that the unreplicated logs on a host went with its disk.
func (c *Cluster) loseAlone(h *host) {
	for _, g := range c.groups {
		if g.alone != nil && g.members[0].host == h {
			*g.alone = aloneGroup{lost: true, lostNs: c.k.Now()}
			if h.damage.groups == nil {
				h.damage.groups = map[env.GroupID]bool{}
			}
			h.damage.groups[g.id] = true
		}
	}
}

// aloneAcknowledges tells whether an unreplicated partition owes an acknowledgement
// once it is healed: unless its disk was damaged and it does not serve since.
func (c *Cluster) aloneAcknowledges(g *group) bool {
	r := g.members[0]
	return c.owes(r) && (!r.hurt() || g.aloneHost() != nil)
}

// unsettledAlone tells what keeps an unreplicated partition from rest. It serves
// all that it ever acknowledged; or its disk was damaged, and it names what is lost.
func (c *Cluster) unsettledAlone(g *group) string {
	r := g.members[0]
	if !c.owes(r) {
		return ""
	}
	s := r.host.status(g.id)
	serves := s.State == engine.StateServing
	switch {
	case !r.hurt() && !serves:
		return fmt.Sprintf("the unreplicated log is %s although nothing was done to its disk: %s", s.State, s.Fenced)
	case !r.hurt() && len(s.Damaged) > 0:
		return fmt.Sprintf("offsets %d to %d are lost although nothing was done to its disk", s.Damaged[0].Base, s.Damaged[0].End)
	case serves:
		return ""
	case s.Fenced == "":
		return fmt.Sprintf("the unreplicated log is %s and does not say why", s.State)
	}
	return c.unnamedLoss(r, &s)
}

// unnamedLoss tells what a damaged log that does not serve leaves unsaid: damage
// that still lies on its disk keeps it from serving, and where that is in the
// records the log names offsets.
func (c *Cluster) unnamedLoss(r *replica, s *engine.PartitionStatus) string {
	segments, others := 0, 0
	for _, d := range r.host.disk.Damaged() {
		switch area, id := areaOf(d.Name); {
		case id != r.group.id || area == AreaIndex:
		case area == AreaSegment && d.Kind != diskmodel.KindUnreadable: // which may read again one day
			segments++
		default:
			others++
		}
	}
	switch {
	case segments+others == 0:
		return fmt.Sprintf("the unreplicated log is %s and its disk is whole: %s", s.State, s.Fenced)
	case others == 0 && len(s.Damaged) == 0:
		return fmt.Sprintf("the unreplicated log is %s and names no offsets: %s", s.State, s.Fenced)
	}
	return ""
}

// loneDamage tells whether damage is to the only copy of something.
func (c *Cluster) loneDamage(d checker.Damage) bool {
	return d.Group != 0 && int(d.Group) <= len(c.groups) && c.groups[d.Group-1].alone != nil && c.groups[d.Group-1].members[0].hurt()
}

// served tells the oracles how far a node lets an unreplicated log be read.
func (c *Cluster) served(node env.NodeID, topic string, partition int32, code engine.Code, end int64) {
	if code != engine.None || topic != Topic || c.groups[partition].alone == nil {
		return
	}
	g := c.groups[partition]
	c.feed(checker.Event{Kind: checker.EventServed, Node: uint64(node), Group: uint64(g.id), Replica: uint64(g.members[0].id), Offset: end})
}

// readBackAlone reads what an unreplicated log holds. What it names as lost is left
// out; one that does not serve holds nothing that anybody can read.
func (c *Cluster) readBackAlone(g *group, log checker.Log) {
	r := g.members[0]
	if g.aloneHost() == nil && r.hurt() {
		log.Unread = []checker.OffsetRange{{Base: 0, End: maxBytes}}
	} else if err := c.readAlone(g, &log); err != nil {
		c.readable = false
		c.violate(checker.Convergence, fmt.Sprintf("the unreplicated log of group %d cannot be read back: %v", g.id, err))
		return
	}
	trimmed := c.monitor.TrimmedTo(uint64(g.id))
	log.TrimmedTo = &trimmed
	c.logs = append(c.logs, log)
}

func (c *Cluster) readAlone(g *group, log *checker.Log) error {
	h, values := g.members[0].host, c.values()
	log.StartOffset = h.status(g.id).LogStart
	deadline := c.k.Now() + c.schedule.HealNs
	for next := log.StartOffset; ; {
		r, err := c.fetch(h, engine.FetchRequest{Topic: log.Topic, Partition: log.Partition, Offset: next, MaxBytes: readBackBytes, LeaderEpoch: -1})
		switch {
		case err != nil:
			return err
		case r.Err == engine.OffsetOutOfRange && r.LogStart > next: // it was trimmed just now
			log.StartOffset, log.Records, log.Unread, next = r.LogStart, nil, nil, r.LogStart
			continue
		case r.Err == engine.KafkaStorageError && c.k.Now() < deadline:
			if lost, named := c.namedLoss(g, next); named {
				log.Unread = append(log.Unread, lost)
				next = lost.End
			} else {
				c.k.Run(c.k.Now() + sim.Time(lookEvery))
			}
			continue
		case r.Err != engine.None:
			return fmt.Errorf("a fetch from offset %d answers %v", next, r.Err)
		}
		c.served(h.id, log.Topic, log.Partition, r.Err, r.HighWatermark)
		c.k.Record(sim.KindClient, uint64(g.id), uint64(next), uint64(r.HighWatermark), r.Batches)
		before := next
		if err := appendRecords(log, r.Batches, values); err != nil {
			return err
		}
		if n := len(log.Records); n > 0 {
			next = max(next, log.Records[n-1].Offset+1)
		}
		if next >= r.HighWatermark {
			return nil
		}
		if next <= before {
			return fmt.Errorf("a fetch from offset %d below the high watermark %d answers nothing", next, r.HighWatermark)
		}
	}
}

// namedLoss is the range around an offset that a damaged log says is lost.
func (c *Cluster) namedLoss(g *group, offset int64) (checker.OffsetRange, bool) {
	r := g.members[0]
	r.host.reported = nil
	for _, d := range r.host.status(g.id).Damaged {
		if r.hurt() && d.Everywhere && offset >= d.Base && offset < d.End {
			return checker.OffsetRange{Base: offset, End: d.End}, true
		}
	}
	return checker.OffsetRange{}, false
}

// judgedOps are the clients' operations. Those on an unreplicated log whose disk
// was lost, called before that, were on another log than the one that is there: what
// they read is nothing to compare, what they wrote may stand in the new one, where
// an answer of the old one had not come yet.
func (c *Cluster) judgedOps() []checker.Op {
	ops := c.load.Operations()
	if !slices.ContainsFunc(c.groups, func(g *group) bool { return g.alone != nil && g.alone.lost }) {
		return ops
	}
	var judged []checker.Op
	for _, o := range ops {
		if g := c.groups[o.Partition]; g.alone != nil && g.alone.lost && o.CallNs <= g.alone.lostNs {
			if o.Kind != checker.Produce {
				continue
			}
			o.Outcome, o.Offset, o.Return, o.ReturnNs = checker.Unknown, -1, 0, 0
			o.UnknownAttempts = max(o.UnknownAttempts, o.Attempts, 1)
		}
		judged = append(judged, o)
	}
	return judged
}
