package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// ErrTopology marks a data directory whose groups are not those the
// configuration places on this node.
var ErrTopology = errors.New("engine: the topology is not the one this directory was formatted with")

// Events tell the owner of a node about its life. Both are optional.
type Events struct {
	// Ready is called once recovery is done and the node serves.
	Ready func()
	// Failed is called at most once: the node stopped itself and serves no more.
	// The owner should end the process.
	Failed func(error)
}

// Node is one node of a cluster. All methods run on its loop.
type Node struct {
	cfg     Config
	env     env.Env
	events  Events
	tasks   env.Tasks
	journal *journal.Journal
	ship    *ship.Ship
	pool    *wal.Pool
	tails   *wal.Tails

	checkpoints CheckpointStats

	partitions []*partition // hosted here, sorted by group
	byGroup    map[env.GroupID]*partition
	directs    []*partition                  // the unreplicated ones, sorted by group; in neither of those
	byName     map[topicPartition]*Partition // all of the topology

	woken     []*replica.Replica
	spare     []*replica.Replica // the other buffer of woken
	turn      func()             // endTurn, made once
	ticked    func()             // onTick, made once
	posted    bool
	released  func() // onReleased, made once
	releasing int    // forced checkpoints that run
	outbox    outbox
	commands  commands
	peers     peers
	space     space
	scrub     scrub
	sweeps    due   // of the pool
	trims     due   // of the logs, by retention
	fetched   int64 // bytes that fetches may be reading now
	tick      env.Timer
	ready     bool
	stopped   bool
	stops     []func(error) // wait for the end of a stop; not empty while one runs
}

type topicPartition struct {
	topic     string
	partition int32
}

// Start begins recovery and returns at once; Events.Ready tells the end of it.
func Start(e env.Env, cfg Config, events Events) *Node {
	n := &Node{
		cfg: cfg, env: e, events: events,
		byGroup: map[env.GroupID]*partition{},
		byName:  map[topicPartition]*Partition{},
	}
	n.peers, n.space.full = peers{}, map[env.NodeID]time.Duration{}
	n.turn, n.ticked, n.released = n.endTurn, n.onTick, n.onReleased
	for i := range cfg.Topology.Partitions {
		p := &n.cfg.Topology.Partitions[i]
		n.byName[topicPartition{p.Topic, p.Partition}] = p
	}
	n.tasks.Go("recover", func(t *env.Task) {
		if err := n.recover(t); err != nil {
			n.fail(err)
		}
	})
	return n
}

// Ready tells whether the node serves.
func (n *Node) Ready() bool { return n.ready && !n.stopped }

// Kill ends the node as a crash does: tasks unwind, nothing is flushed, and
// whoever waits, for a stop too, is not called any more.
func (n *Node) Kill() {
	n.stops = nil
	n.kill()
}

func (n *Node) kill() {
	n.stopped, n.ready = true, false
	for p := range n.hosted() {
		p.kill()
	}
	if n.ship != nil {
		n.ship.Close()
	}
	if n.tick != nil {
		n.tick.Stop()
	}
	n.tasks.Stop()
}

// Stop ends the node cleanly: waiters are answered, each machine is
// checkpointed, the journal is sealed. done gets the first error; the data is
// as safe as after a crash then. A node that does not serve yet is killed.
func (n *Node) Stop(done func(error)) {
	n.stops = append(n.stops, done)
	if len(n.stops) > 1 {
		return
	}
	if !n.Ready() {
		n.kill()
		n.env.Clock.Post(func() { n.end(nil) })
		return
	}
	n.ready = false
	n.tick.Stop()
	for _, p := range n.partitions {
		p.replica.Retire()
		p.failFetches(NotLeaderOrFollower)
	}
	for _, p := range n.directs {
		p.failFetches(NotLeaderOrFollower)
	}
	n.tasks.Go("stop", func(t *env.Task) { n.end(n.close(t)) })
}

// end finishes a clean stop.
func (n *Node) end(err error) {
	n.stopped = true
	for p := range n.hosted() {
		p.kill()
	}
	if n.ship != nil {
		n.ship.Close()
	}
	n.tasks.Stop()
	for len(n.stops) > 0 { // one of them may kill the node
		done := n.stops[0]
		n.stops = n.stops[1:]
		done(err)
	}
}

func (n *Node) close(t *env.Task) error {
	var first error
	for _, p := range n.partitions {
		if p.serves() {
			if err := n.checkpoint(t, p); err != nil && first == nil {
				first = fmt.Errorf("checkpoint of group %d: %w", p.spec.Group, err)
			}
		}
		p.machine.Close()
	}
	for _, p := range n.directs {
		if err := p.direct.Close(t); err != nil && first == nil {
			first = fmt.Errorf("unreplicated group %d: %w", p.spec.Group, err)
		}
	}
	var err error
	t.Await(func(next func()) {
		n.journal.Close(func(e error) { err = e; next() })
	})
	if err != nil && first == nil {
		first = fmt.Errorf("journal: %w", err)
	}
	return first
}

// checkpoint makes one, after the one that may be running.
func (n *Node) checkpoint(t *env.Task, p *partition) error {
	for {
		var err error
		t.Await(func(next func()) {
			p.replica.Checkpoint(func(e error) { err = e; next() })
		})
		if !errors.Is(err, replica.ErrOverloaded) {
			return err
		}
		t.Sleep(n.env.Clock, n.cfg.Tick)
	}
}

// fail stops the node on an error it must not go on after, such as a failed
// sync: what the failed write covered is lost even if it reads back. A clean
// stop that it meets ends with it.
func (n *Node) fail(err error) {
	if n.stopped {
		return
	}
	n.env.Tracer.Trace(env.Event{Kind: env.EventStopped, Text: err.Error()})
	n.kill()
	if len(n.stops) > 0 {
		n.env.Clock.Post(func() { n.end(err) })
		return
	}
	if n.events.Failed != nil {
		n.events.Failed(err)
	}
}

// kill ends a partition with its node.
func (p *partition) kill() {
	if p.replica != nil {
		p.replica.Kill()
	}
	if p.direct != nil {
		p.direct.Kill()
	}
	p.fetches, p.reading = nil, nil
}

// Machine returns a group's state machine, nil if the node has no replica of it.
func (n *Node) Machine(g env.GroupID) machine.StateMachine {
	if p := n.byGroup[g]; p != nil {
		return p.machine
	}
	return nil
}

func machineDir(g env.GroupID) string { return "groups/" + strconv.FormatUint(uint64(g), 10) }

// members of a partition, sorted by replica id.
func members(p *Partition) []membership.Member {
	out := make([]membership.Member, 0, len(p.Replicas))
	for _, r := range p.Replicas {
		out = append(out, membership.Member{ID: r.ID, Node: r.Node})
	}
	slices.SortFunc(out, func(a, b membership.Member) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

var (
	_ env.Receiver = (*Node)(nil)
	_ replica.Host = (*Node)(nil)
)
