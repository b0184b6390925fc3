package checker

// silence says why a replica has nothing more to say.
type silence uint8

const (
	speaking  silence = iota
	fencedNow         // by the process that runs
	askedFor          // it asked to be replaced: its fence is durable
	gaveWay           // another id lives in its place
	diskGone          // with everything that it promised
)

// because completes a message.
func (s silence) because() string {
	return [...]string{"", "after it was fenced", "after it asked to be replaced", "after another id took its place", "after its disk was lost"}[s]
}

// speaks judges a promise that leaves: by one that may, from its own node.
func (m *Monitor) speaks(r *replica, e *Event) {
	m.checked[oFencedSpeaks]++
	if r.silence == speaking && (e.Node == r.node) {
		return
	}
	if e.Node != r.node {
		m.object(oFencedSpeaks, e, "group %d: replica %d lives on node %d, and node %d speaks for it (%v)", r.group.ID, r.id, r.node, e.Node, e.Kind)
		return
	}
	m.object(oFencedSpeaks, e, "group %d: replica %d speaks %s (%v)", r.group.ID, r.id, r.silence.because(), e.Kind)
}

// fenced ends what the replica may do in its process. A later one may find that
// nothing is wrong with it: it could not be read, or it had a bug.
func (m *Monitor) fenced(r *replica) {
	r.role = Follower
	r.silence = max(r.silence, fencedNow)
}

// reported takes the request to be replaced. It is made under a durable fence.
func (m *Monitor) reported(e *Event) {
	if e.Replica != 0 {
		r := m.replica(e)
		r.silence, r.role = max(r.silence, askedFor), Follower
	}
}

// diskLost ends all replicas on a node, whatever is made of its name.
func (m *Monitor) diskLost(e *Event) {
	n := m.node(e.Node)
	n.incarnation = 0
	for _, r := range n.replicas {
		r.silence, r.role = diskGone, Follower
	}
	for _, l := range n.alone {
		l.diskGone()
	}
	m.forgetDamage(e.Node, "")
}

// comesToLife judges who recovers: an id that may speak on. One that is met for
// the first time was adopted by a process that ended before it could say so.
func (m *Monitor) comesToLife(r *replica, e *Event) {
	m.speaks(r, e)
	if !r.lives && len(r.group.Members) > 0 {
		m.takesOver(r, e)
	}
}

// takesOver silences all others of the group on the node.
func (m *Monitor) takesOver(r *replica, e *Event) {
	for _, o := range m.node(e.Node).replicas {
		if o == r || o.group != r.group {
			continue
		}
		if o.id > r.id {
			m.object(oFencedSpeaks, e, "group %d: node %d goes back from replica %d to replica %d", r.group.ID, e.Node, o.id, r.id)
		}
		o.silence, o.role = max(o.silence, gaveWay), Follower
	}
}

// replaced begins a fresh replica: an id that nobody ever had, from a checkpoint
// of the node's own, which is committed state and all that it knows.
func (m *Monitor) replaced(r *replica, e *Event) {
	m.checked[oFencedSpeaks]++
	if r.lives {
		m.object(oFencedSpeaks, e, "group %d: node %d takes the id %d, which has lived before, on node %d", r.group.ID, e.Node, r.id, r.node)
	}
	m.takesOver(r, e)
	m.checked[oSnapshotSafety]++
	m.isCommitted(r, e, "begins with its checkpoint")
	r.whole, r.down, r.queue = true, false, r.queue[:0]
	r.restartLog(e.Index)
	r.log.below = e.Term
}
