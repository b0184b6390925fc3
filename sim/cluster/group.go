package cluster

import (
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// group is what the run knows of one raft group, from its replicas' events; or of
// an unreplicated partition, which has one member that leads as long as it serves.
type group struct {
	id      env.GroupID
	alone   *aloneGroup // nil: a raft group
	members []*replica  // in the order of the topology
	term    uint64      // highest in which a leader committed an entry of its own
	leader  *replica    // who that was; nil: nobody yet
	outage  outage
}

// replica is one member of a group on one host, over all of its processes.
type replica struct {
	group *group
	host  *host
	id    env.ReplicaID
	truth truth
}

// member is a replica as one process runs it.
type member struct {
	*replica
	role      env.Role
	term      uint64
	commit    uint64
	applied   uint64
	ownFirst  uint64 // the first entry it appended as leader of its term; 0: none yet
	fenced    bool   // it serves no more
	confirmed bool   // as leader, it committed an entry of its term
	open      bool   // of an unreplicated partition: it serves
}

// outage is a time without a working leader, and the clocks that run in it.
type outage struct {
	leading  bool   // a working leader was there when last looked
	term     uint64 // of the last working leader
	election stopwatch
	failover stopwatch // off until there was a leader once
}

// stopwatch is a time that is still to be taken.
type stopwatch struct {
	on    bool
	since sim.Time // from when on the end has been possible, without a break; -1: it is not
}

// membersOf makes the replicas of a process, by group id - 1.
func (c *Cluster) membersOf(p *process) []*member {
	members := make([]*member, len(c.groups))
	for i, g := range c.groups {
		for _, r := range g.members {
			if r.host == p.host {
				members[i] = &member{replica: r}
			}
		}
	}
	return members
}

// current gives the replica's member in the process that runs now, nil if its
// host is down.
func (r *replica) current() *member {
	if r.host.process == nil {
		return nil
	}
	return r.host.process.members[r.group.id-1]
}

// fenced tells whether the replica was taken out of service by its process.
func (r *replica) fenced() bool {
	m := r.current()
	return m != nil && m.fenced
}

// leaderHost is where the group's newest leader runs that has committed in its
// term; nil if it is gone or deposed.
func (g *group) leaderHost() *host {
	if g.alone != nil {
		return g.aloneHost()
	}
	if g.leader == nil {
		return nil
	}
	m := g.leader.current()
	if m == nil || m.role != env.Leader || m.term != g.term {
		return nil
	}
	return g.leader.host
}

// quorum is how many members make a majority.
func (g *group) quorum() int { return len(g.members)/2 + 1 }

// working tells whether the newest leader is awake and connected to a quorum.
func (c *Cluster) working(g *group) bool {
	h := g.leaderHost()
	if h == nil || !h.awake() {
		return false
	}
	reached := 0
	for _, r := range g.members {
		if r.host.awake() && !r.fenced() && c.connected(h, r.host) {
			reached++
		}
	}
	return reached >= g.quorum()
}
