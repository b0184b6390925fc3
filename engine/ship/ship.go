package ship

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// Port is what shipping needs of its node.
type Port interface {
	// Send queues a message for the node to.
	Send(to env.NodeID, m wire.Message)
	// Local gives the files of this node's replica of a group; false if it has none
	// that serves.
	Local(g env.GroupID) (machine.Source, bool)
	// Nodes are those of the group's other members, ascending.
	Nodes(g env.GroupID) []env.NodeID
	// Replica is this node's member of the group, for events; 0 if unknown.
	Replica(g env.GroupID) env.ReplicaID
	// Suspect tells that another node found our copy of a file bad: it is to be
	// scrubbed next. It may be told falsely, and often.
	Suspect(g env.GroupID, file string)
}

// Ship is one node's shipping: what it serves and what it fetches. All methods
// are called on the node's loop.
type Ship struct {
	env   env.Env
	tasks *env.Tasks
	cfg   Config
	port  Port

	server    server
	receive   budget
	transfers []*transfer // those that run, in the order of their beginning
	downloads []*download // likewise
	staged    []*Staged   // those that are neither discarded nor void
	known     map[string]machine.FileInfo
	ids       uint64 // the last request's; 0: none yet
	stats     Stats
	closed    bool
}

// Stats counts since the node's start.
type Stats struct {
	SentBytes     int64 // of files and manifests, served
	ReceivedBytes int64 // of files and manifests, fetched
	Switched      int64 // turns to another source
	Busy          int64 // answers "busy" received
	Refused       int64 // answers "busy" given

	// How much of the limits is used now: see Config.
	Stages, StagesLimit   int64
	Repairs, RepairsLimit int64
	Queued, QueueLimit    int64
}

// New makes a node's shipping. The configuration must be valid.
func New(e env.Env, tasks *env.Tasks, cfg Config, p Port) *Ship {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	s := &Ship{env: e, tasks: tasks, cfg: cfg, port: p, known: map[string]machine.FileInfo{}}
	s.receive.rate = cfg.ReceiveBytes
	s.server = server{s: s, send: budget{rate: cfg.SendBytes}}
	return s
}

// Close ends everything; nothing is called back any more.
func (s *Ship) Close() {
	s.closed = true
	for _, d := range s.downloads {
		d.stopTimer()
	}
	s.server.stop()
}

// Stats tells what was shipped, and what is under way.
func (s *Ship) Stats() Stats {
	now := s.stats
	now.StagesLimit, now.RepairsLimit = int64(s.cfg.StagesAtOnce), int64(s.cfg.RepairsAtOnce)
	now.Queued, now.QueueLimit = int64(len(s.server.queue)), int64(s.cfg.ServeQueue)
	for _, x := range s.transfers {
		switch {
		case x.wipe:
		case x.at.only == "":
			now.Stages++
		default:
			now.Repairs++
		}
	}
	return now
}

// Receive takes a fetch or a chunk; other kinds are not for shipping.
func (s *Ship) Receive(from env.NodeID, m wire.Message) {
	if s.closed || m.Own == nil {
		return
	}
	switch m.Own.Kind {
	case wire.OwnFetch:
		s.server.asked(from, m.Group, m.Own)
	case wire.OwnChunk:
		for _, d := range slices.Clone(s.downloads) {
			if d.group == m.Group && d.answer(from, m.Own) {
				return
			}
		}
	default:
	}
}

// PeerDown hints that a node is gone.
func (s *Ship) PeerDown(node env.NodeID) {
	if s.closed {
		return
	}
	s.server.down(node)
	for _, d := range slices.Clone(s.downloads) {
		d.down(node)
	}
}

// Stage brings the snapshot that ref names into dir, the machine's own
// directory, asking first the node that sent it. Files that keep says it has,
// and that it verifies, are left where they are.
//
// A newer Stage for the group ends an older one with ErrSuperseded; of the same
// ref it joins, and from then on its node is asked first. done is called once, on
// the loop, never inside of Stage. See the package's errors.
func (s *Ship) Stage(ref Ref, dir string, keep machine.StateMachine, first env.NodeID, done func(*Staged, error)) {
	x := &transfer{s: s, group: ref.Group, at: stagePlace(dir), ref: ref, keep: keep, first: first, offered: []env.NodeID{first}, done: []func(*Staged, error){done}}
	switch {
	case ref.Bytes < manifestHeader || ref.Bytes > MaxManifestBytes:
		s.refuse(x, fmt.Errorf("%w: it would have %d bytes", ErrManifest, ref.Bytes))
	case first == 0:
		s.refuse(x, fmt.Errorf("%w: nobody to ask", ErrSources))
	default:
		s.admit(x, s.cfg.StagesAtOnce)
	}
}

// Fetch brings one file into dir, to repair what is there, from any of the
// group's other members. done is as in Stage.
func (s *Ship) Fetch(g env.GroupID, dir string, f machine.FileInfo, done func(*Staged, error)) {
	x := &transfer{s: s, group: g, at: repairPlace(dir, f.Name), file: f, done: []func(*Staged, error){done}}
	if err := admit(machine.Manifest{Files: []machine.FileInfo{f}}); err != nil {
		s.refuse(x, err)
		return
	}
	s.admit(x, s.cfg.RepairsAtOnce)
}

// admit begins a transfer, lets it join an equal one, or follow on another of
// the same place, which is stopped.
func (s *Ship) admit(x *transfer, most int) {
	running := 0
	for _, o := range s.transfers {
		if !o.wipe && (o.at.only == "") == (x.at.only == "") {
			running++
		}
		if o.at.same(x.at) {
			s.follow(o, x)
			return
		}
	}
	if running >= most {
		s.refuse(x, ErrBusy)
		return
	}
	s.begin(x)
}

// follow lets x wait for the end of o, which has the same place, or join it.
func (s *Ship) follow(o, x *transfer) {
	if o.stopped == nil && o.equal(x) {
		o.join(x)
		return
	}
	if o.next != nil && o.next.equal(x) {
		o.next.join(x)
		return
	}
	if o.next != nil {
		s.refuse(o.next, ErrSuperseded)
	}
	o.next = x
	if !o.wipe {
		o.stop(ErrSuperseded)
	}
}

func (s *Ship) begin(x *transfer) {
	s.voidStaged(x.at)
	s.transfers = append(s.transfers, x)
	s.tasks.Go("ship "+x.at.dir, x.run)
}

// refuse answers a transfer that never ran.
func (s *Ship) refuse(x *transfer, err error) {
	s.env.Clock.Post(func() {
		if !s.closed {
			x.tell(nil, err)
		}
	})
}

func (x *transfer) tell(g *Staged, err error) {
	for _, done := range x.done {
		done(g, err)
	}
}

// ended takes a transfer off, begins the one that waited for its place, and
// tells.
func (s *Ship) ended(x *transfer, err error) {
	s.transfers = slices.DeleteFunc(s.transfers, func(o *transfer) bool { return o == x })
	if s.closed {
		return
	}
	if err == nil && x.stopped != nil {
		err = x.stopped // it was complete, but nobody wants it any more
	}
	if x.next != nil {
		s.begin(x.next)
	}
	if err != nil || x.wipe {
		x.tell(nil, err)
		return
	}
	g := &Staged{Manifest: x.manifest, Bytes: x.bytes, Resumed: x.resumed, s: s, at: x.at}
	s.staged = append(s.staged, g)
	if x.at.only == "" {
		x.trace()
	}
	x.tell(g, nil)
}

// Cancel ends all transfers of a group with ErrCanceled. What is staged stays
// for the next.
func (s *Ship) Cancel(g env.GroupID) {
	for _, x := range s.transfers {
		if x.group != g {
			continue
		}
		if x.next != nil {
			s.refuse(x.next, ErrCanceled)
			x.next = nil
		}
		x.stop(ErrCanceled)
	}
}

// Progress tells that a group's snapshot comes on, while it is staged: the bytes
// that are here so far, and those of the machine's own that were verified.
func (s *Ship) Progress(g env.GroupID) int64 {
	for _, x := range s.transfers {
		if x.group == g && x.at.only == "" {
			return x.bytes + x.verified
		}
	}
	return 0
}

// Clean removes what is staged in dir, for a group that has applied all up to an
// index and did not need it: unless a snapshot is on its way there, or what is
// staged is of a later one, which the group may yet be offered again. Then it is
// kept and nothing is changed. A running Fetch and what one brought stay. done is
// called once, on the loop, never inside of Clean.
func (s *Ship) Clean(dir string, applied uint64, done func(kept bool, err error)) {
	at := stagePlace(dir)
	at.all = true
	if s.stages(at) {
		s.env.Clock.Post(func() {
			if !s.closed {
				done(true, nil)
			}
		})
		return
	}
	x := &transfer{s: s, at: at, wipe: true, sparing: true, applied: applied}
	s.wipe(x, func(err error) { done(x.spared, err) })
}

// stages tells whether a snapshot is on its way to a place, or waits there to be
// installed.
func (s *Ship) stages(at place) bool {
	return slices.ContainsFunc(s.transfers, func(x *transfer) bool {
		return x.at.same(at) && (!x.wipe || x.next != nil)
	}) || slices.ContainsFunc(s.staged, func(g *Staged) bool { return g.at.same(at) })
}

// wipe admits a transfer that brings nothing: so that it and another one of the
// same place follow on each other.
func (s *Ship) wipe(x *transfer, done func(error)) {
	x.done = []func(*Staged, error){func(_ *Staged, err error) {
		if errors.Is(err, ErrSuperseded) {
			err = nil // the next one looks at what is there
		}
		done(err)
	}}
	s.admit(x, math.MaxInt)
}

// taken tells whether a name in dir belongs to a repair that runs or is staged.
func (s *Ship) taken(dir, name string) bool {
	return slices.ContainsFunc(s.transfers, func(x *transfer) bool { return x.at.only != "" && x.at.dir == dir && x.at.owns(name) }) ||
		slices.ContainsFunc(s.staged, func(g *Staged) bool { return g.at.only != "" && g.at.dir == dir && g.at.owns(name) })
}

func (s *Ship) voidStaged(at place) {
	s.staged = slices.DeleteFunc(s.staged, func(g *Staged) bool {
		g.void = g.void || g.at.same(at)
		return g.void
	})
}

// knows tells whether this process staged that very file: then it is not read
// again to verify it.
func (s *Ship) knows(path string, f machine.FileInfo) bool {
	known, ok := s.known[path]
	return ok && known == f
}

func (s *Ship) learn(path string, f machine.FileInfo) { s.known[path] = f }
func (s *Ship) unlearn(path string)                   { delete(s.known, path) }

// forget drops what is known of a place.
func (s *Ship) forget(at place) {
	for path := range s.known { //lockstep:unordered entries are only deleted
		if name, ok := strings.CutPrefix(path, at.dir+"/"); ok && at.owns(name) {
			delete(s.known, path)
		}
	}
}

func (s *Ship) now() time.Duration { return s.env.Clock.Monotonic() }

// nextID gives the id of a request. They begin anywhere, so that an answer to
// an earlier life of this node meets no request of this one.
func (s *Ship) nextID() uint64 {
	if s.ids == 0 {
		s.ids = s.env.Entropy.Uint64() &^ (1<<32 - 1)
	}
	s.ids++
	return s.ids
}
