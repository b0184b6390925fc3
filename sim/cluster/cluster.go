package cluster

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// Topic is the one topic of a simulated cluster.
const Topic = "log"

// Options are what a run takes beside its schedule. None of them changes what
// happens, except NewWorkload and NewMachine.
type Options struct {
	// Sink is given every recorded event, for a trace file.
	Sink func(sim.Event)

	// OnEvent is given every event that the oracles see, for a debug log. Its
	// slices are only good within the call.
	OnEvent func(checker.Event)

	// KeepHistory keeps the clients' operations in the Result of a run that
	// passed; one that failed always has them.
	KeepHistory bool

	// WithoutPorcupine leaves out the second opinion on linearizability, about a
	// twentieth of a run's time.
	WithoutPorcupine bool

	// NewWorkload makes the load; nil means NewLogLoad.
	NewWorkload func(World) Workload

	// NewMachine makes the state machine of each replica; nil means the log. Only
	// with the log is the agreed log read back and compared.
	NewMachine func(engine.MachineSpec) machine.StateMachine

	// network stands between a process and the modelled network, for tests.
	network func(node env.NodeID, n env.Network) env.Network
}

// Cluster is one run: real engine nodes on modelled machines, simulated
// clients, and what is done to them.
type Cluster struct {
	schedule Schedule
	options  Options
	topology engine.Topology

	k       *sim.Kernel
	net     *netmodel.Net
	entropy *entropy // stands in for crypto/rand.Reader
	hosts   []*host  // by node id - 1
	groups  []*group // by group id - 1
	tenures []tenure // by group id - 1
	// journals is every node's configuration of its own.
	journals journal.Config
	links    map[[2]netmodel.Addr]*link
	load     Workload

	active   []*activeFault
	flapping []*flapping
	swaps    []swap  // of disks, in force
	healed   bool    // the first phase has ended
	core     []*host // whom the second phase heals
	proof    string  // that no correct system could go on
	over     bool    // nothing is started any more

	monitor    *checker.Monitor
	probes     *prober
	seq        uint64
	event      checker.Event // reused
	set        []uint64      // reused
	found      []checker.Violation
	sample     checker.Sample // reused
	logs       []checker.Log
	readable   bool // every log was read back
	faults     map[string]int
	count      counts
	electionNs []int64
	failoverNs []int64
	marks      []Mark

	historyChecked map[string]uint64

	healedNs sim.Time
	loadedNs sim.Time
}

// replicaStride separates replica ids of one group from those of the next, and
// both from node ids, so that a mix-up shows.
const replicaStride = 100

func newCluster(s Schedule, o Options) *Cluster {
	c := &Cluster{
		schedule: s, options: o, k: sim.New(s.Seed), entropy: new(entropy),
		links: map[[2]netmodel.Addr]*link{}, faults: map[string]int{},
	}
	c.k.SetSink(o.Sink)
	c.net = netmodel.New(c.k, netmodel.Config{Default: c.linkConfig()})
	for n := range s.Nodes {
		c.hosts = append(c.hosts, newHost(c, env.NodeID(n+1)))
		c.topology.Nodes = append(c.topology.Nodes, engine.NodeInfo{ID: env.NodeID(n + 1)})
	}
	for i := range s.Partitions {
		c.addGroup(i)
	}
	c.journals = c.engineConfig(1).Journal
	for i := range s.Unreplicated {
		c.addAlone(i)
	}
	c.tenures = make([]tenure, len(c.groups))
	c.monitor = c.newMonitor()
	c.probes = newProber(s.Nodes, s.Workload.Clients+1, c.checkedGroups()) // one more proves progress
	return c
}

// addGroup places a partition's replicas on consecutive nodes.
func (c *Cluster) addGroup(i int) {
	id := env.GroupID(i + 1)
	g := &group{id: id, outage: outage{election: stopwatch{on: true, since: -1}}}
	p := engine.Partition{Group: id, Topic: Topic, Partition: int32(i), MinISR: c.schedule.MinISR}
	p.RetentionBytes, p.RetentionMs = c.schedule.Engine.RetentionBytes, c.schedule.Engine.RetentionNs/million
	for k := range c.schedule.Replication {
		h := c.hosts[(i+k)%len(c.hosts)]
		r := engine.ReplicaInfo{Node: h.id, ID: env.ReplicaID(replicaStride*(i+1)) + env.ReplicaID(h.id)}
		p.Replicas = append(p.Replicas, r)
		g.members = append(g.members, &replica{group: g, host: h, id: r.ID})
	}
	c.groups = append(c.groups, g)
	c.topology.Partitions = append(c.topology.Partitions, p)
}

// groupOf finds a partition's group.
func (c *Cluster) groupOf(partition int32) *group { return c.groups[partition] }

// attach connects a process to the network.
func (c *Cluster) attach(p *process) env.Network {
	n := c.net.Attach(p.host.id, p.exec)
	if c.options.network != nil {
		return c.options.network(p.host.id, n)
	}
	return n
}

// linkConfig is a link without faults.
func (c *Cluster) linkConfig() netmodel.Link {
	n := &c.schedule.Network
	return netmodel.Link{
		Base: time.Duration(n.BaseNs), Jitter: time.Duration(n.JitterNs), PerKiB: time.Microsecond,
		Tail: time.Duration(n.TailNs), TailPPM: n.TailPPM, LossPPM: n.LossPPM,
		DuplicatePPM: n.DuplicatePPM, ReorderPPM: n.ReorderPPM, ReorderBy: time.Duration(n.ReorderNs),
		CorruptPPM: n.CorruptPPM, BytesPerSecond: n.BytesPerSecond, QueueBytes: n.QueueBytes,
	}
}

// diskConfig is a disk without faults.
func (c *Cluster) diskConfig() diskmodel.Config {
	d := &c.schedule.Disk
	latency := func(baseNs int64) diskmodel.Latency {
		return diskmodel.Latency{
			Base: time.Duration(baseNs), Jitter: time.Duration(d.JitterNs), PerKiB: time.Microsecond,
			TailPPM: d.TailPPM, Tail: time.Duration(d.TailNs),
		}
	}
	cfg := diskmodel.DefaultConfig()
	cfg.Read, cfg.Write, cfg.Entry = latency(d.WriteNs), latency(d.WriteNs), latency(d.WriteNs)
	cfg.Sync, cfg.SyncDir = latency(d.SyncNs), latency(d.SyncNs)
	return cfg
}

// How often a simulated node does what a live one does once in a while.
const (
	scrubEvery     = 2 * time.Second
	retentionEvery = time.Second
	repairEvery    = time.Second
)

// engineConfig is what a node is started with.
func (c *Cluster) engineConfig(node env.NodeID) engine.Config {
	e, cfg := &c.schedule.Engine, engine.DefaultConfig()
	cfg.Cluster = sim.Mix(c.schedule.Seed, 1) | 1
	cfg.Node, cfg.Topology, cfg.NewMachine = node, c.topology, c.options.NewMachine
	cfg.ScrubBytes = 0
	set(&cfg.ISRLag, time.Duration(e.ISRLagNs))
	set(&cfg.MaxBatchBytes, int(e.MaxBatchBytes))
	set(&cfg.CheckpointBytes, e.CheckpointBytes)
	set(&cfg.LogTailBytes, e.LogTailBytes)
	cfg.LogTailsBytes = 2 * int64(cfg.LogTailBytes)
	set(&cfg.Log.SegmentBytes, e.SegmentBytes)
	set(&cfg.Log.IndexIntervalBytes, e.IndexIntervalBytes)
	set(&cfg.Log.MaxBatchBytes, e.MaxBatchBytes)
	set(&cfg.Journal.FileBytes, e.JournalFileBytes)
	set(&cfg.Journal.WindowBytes, e.JournalWindowBytes)
	set(&cfg.Journal.Spares, e.JournalSpares)
	set(&cfg.Journal.RetainBytes, e.JournalRetainBytes)
	set(&cfg.Journal.MaxBytes, e.JournalMaxBytes)
	if e.JournalRetainBytes == 0 {
		cfg.Journal.RetainBytes = min(cfg.Journal.RetainBytes, cfg.Journal.MaxBytes-2*cfg.Journal.FileBytes)
	}
	set(&cfg.Ship.ChunkBytes, int(e.ChunkBytes))
	set(&cfg.Ship.StageSyncBytes, e.StageSyncBytes)
	set(&cfg.Ship.SendBytes, e.ShipBytesPerSecond)
	set(&cfg.Ship.ReceiveBytes, e.ShipBytesPerSecond)
	set(&cfg.MaxOpenFiles, e.MaxOpenFiles)
	cfg.ScrubBytes, cfg.ScrubEvery = e.ScrubBytesPerSecond, scrubEvery
	cfg.RetentionEvery, cfg.RepairEvery = retentionEvery, repairEvery
	if e.MaxBatchBytes != 0 {
		cfg.Journal.MaxBatchBytes = int(2 * e.MaxBatchBytes)
	}
	return cfg
}

// set overrides a default by a knob that is not zero.
func set[T comparable](field *T, knob T) {
	var zero T
	if knob != zero {
		*field = knob
	}
}
