package metadata

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Decode reads what State.Append wrote. It believes nothing: whatever it accepts
// is a state that every command can be applied to.
func Decode(b []byte) (*State, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: a state of no bytes", ErrMalformed)
	}
	if b[0] != stateVersion {
		return nil, fmt.Errorf("%w: a state of version %d", ErrVersion, b[0])
	}
	d := &decoder{reader: reader{b: b[1:]}, t: &turn{edit: new(edit)}}
	d.head()
	d.allNodes()
	d.allTopics()
	if d.why != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, d.why)
	}
	if err := d.end("a state"); err != nil {
		return nil, err
	}
	next := d.t.State
	return &next, nil
}

// decoder reads a state into a turn.
type decoder struct {
	reader
	t   *turn
	why error // what contradicts what
}

// need notes what does not hold.
func (d *decoder) need(holds bool, format string, args ...any) {
	if !holds && !d.bad {
		d.why = fmt.Errorf(format, args...)
		d.fail()
	}
}

// must notes why a check failed.
func (d *decoder) must(bad *Error) {
	if bad != nil {
		d.need(false, "%s", bad.Text)
	}
}

func (d *decoder) head() {
	s := &d.t.State
	s.cluster, s.version = d.uvarint(), d.uvarint()
	s.maxMessage = int64(d.upTo(maxBytes))
	s.nextGroup, s.nextTopic, s.nextProducer = env.GroupID(d.uvarint()), TopicID(d.uvarint()), d.upTo(math.MaxInt64)
	d.need(s.cluster != 0 && s.maxMessage >= minBatchBytes, "cluster %d, batches of %d bytes", s.cluster, s.maxMessage)
	d.need(s.nextGroup >= firstGroup && s.nextTopic > 0 && s.nextProducer > 0, "a counter is 0")
	s.defaults = d.configs()
	for _, k := range Keys() {
		_, ok := s.defaults.Get(k)
		d.need(ok, "no default of %s", k)
	}
}

// configs reads settings, each once and in order.
func (d *decoder) configs() Configs {
	list := d.settings()
	d.must(checkSettings(list, nil, d.t.maxMessage))
	ordered := slices.IsSortedFunc(list, func(a, b Setting) int { return int(a.Key) - int(b.Key) })
	d.need(ordered, "settings out of order")
	if d.bad {
		return Configs{}
	}
	return Configs{}.with(list, nil)
}

func (d *decoder) allNodes() {
	last := env.NodeID(0)
	for range d.count(MaxNodes) {
		id, state := env.NodeID(d.uvarint()), NodeState(d.byte())
		n := Node{id, d.text(MaxText), d.text(MaxText), d.uvarint(), d.uvarint(), state}
		d.need(id > last, "node %d follows %d", id, last)
		d.need(state >= Joining && state <= Gone, "node %d: state %d", id, state)
		d.need(n.Disk != 0 || state != Active, "node %d is active without a disk", id)
		d.must(checkNodeFields(RegisterNode{n.ID, n.Address, n.Rack, n.Disk, n.Incarnation}))
		if d.bad {
			return
		}
		d.t.putNode(n)
		last = id
	}
}

func (d *decoder) allTopics() {
	last := TopicID(0)
	for range d.count(MaxPartitions) {
		topic := d.topic()
		d.need(topic.ID > last && topic.ID < d.t.nextTopic, "topic %d follows %d; the next is %d", topic.ID, last, d.t.nextTopic)
		if d.bad {
			return
		}
		last = topic.ID
		d.partitions(topic)
		if d.bad {
			return
		}
		d.t.putTopic(topic)
		if !topic.Deleting {
			d.t.nameTopic(topic, true)
		}
	}
}

func (d *decoder) topic() *Topic {
	t := &Topic{ID: TopicID(d.uvarint()), Name: d.text(MaxTopicName)}
	flags := d.upTo(topicDeleting | topicUnreplicated)
	t.Deleting, t.Unreplicated = flags&topicDeleting != 0, flags&topicUnreplicated != 0
	t.Created, t.Factor = d.upTo(d.t.version), int(d.upTo(MaxFactor))
	t.Configs, t.ConfigVersion = d.configs(), d.upTo(d.t.version)
	t.runs = list(&d.reader, MaxPartitions, func() run {
		return run{env.GroupID(d.uvarint()), int(d.upTo(MaxPartitions))}
	})
	if d.bad {
		return t
	}
	if err := ValidateTopicName(t.Name); err != nil {
		d.need(false, "%v", err)
	}
	d.must(checkFactor(t.Name, t.Factor, t.Unreplicated))
	d.need(t.Deleting || d.t.colliding(t.Name) == nil, "topic %s is there twice", t.Name)
	next, total := firstGroup, 0
	for i, r := range t.runs {
		// Runs that touch would have been one.
		d.need(r.count > 0 && r.first >= next && (i == 0 || r.first > next), "topic %s: groups out of order", t.Name)
		next, total = r.first+env.GroupID(r.count), total+r.count
		d.need(next > r.first && next <= d.t.nextGroup, "topic %s: groups beyond the next, %d", t.Name, d.t.nextGroup)
		d.need(total <= MaxPartitions, "topic %s: too many partitions", t.Name)
	}
	d.need(len(t.runs) > 0, "topic %s has no partitions", t.Name)
	return t
}

// partitions reads a topic's partitions; the topic itself is set after them.
func (d *decoder) partitions(t *Topic) {
	for number, g := range t.numbered {
		p := d.partition(t, number, g)
		if d.bad {
			return
		}
		d.need(p != nil || t.Deleting, "%s/%d is gone", t.Name, number)
		d.need(d.t.Partition(g) == nil, "group %d is there twice", g)
		if d.bad {
			return
		}
		if p == nil {
			continue
		}
		t.left++
		if t.Deleting {
			d.t.rehold(nil, p)
			d.t.groups.set(d.t.edit, uint64(g), p)
		} else {
			d.t.putPartition(nil, p)
		}
	}
	d.need(t.left > 0, "topic %s has nothing left", t.Name)
	d.need(d.t.groups.size <= MaxPartitions, "%d partitions", d.t.groups.size)
}

func (d *decoder) partition(t *Topic, number int32, g env.GroupID) *Partition {
	flags := d.upTo(partitionFlags)
	if flags == 0 {
		return nil
	}
	p := &Partition{Topic: t.ID, Number: number, Group: g, Unreplicated: t.Unreplicated}
	p.Genesis = list(&d.reader, MaxFactor, d.origin)
	p.Wish = d.nodes()
	p.WishVersion, p.Settled = d.upTo(d.t.version), d.uvarint()
	for _, f := range [...]struct {
		flag  uint64
		nodes *[]env.NodeID
	}{{partitionMoving, &p.Before}, {partitionTried, &p.Tried}, {partitionDropped, &p.Dropped}} {
		if flags&f.flag != 0 {
			*f.nodes = d.nodes()
			d.need(len(*f.nodes) > 0, "group %d: an empty list", g)
		}
	}
	d.need(flags&partitionThere != 0, "group %d: flags %x", g, flags)
	d.checkPartition(t, p)
	return p
}

func (d *decoder) origin() Origin {
	o := Origin{Node: env.NodeID(d.uvarint()), Replica: env.ReplicaID(d.uvarint())}
	if len(d.b) < 8 {
		d.fail()
		return o
	}
	o.Disk = binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return o
}

// checkPartition checks what the package promises of a Partition.
func (d *decoder) checkPartition(t *Topic, p *Partition) {
	if d.bad {
		return
	}
	for _, nodes := range [...][]env.NodeID{p.Wish, p.Before, p.Tried, p.Dropped} {
		for i, n := range nodes {
			_, known := d.t.Node(n)
			d.need(known && !slices.Contains(nodes[:i], n), "group %d: node %d is unknown or named twice", p.Group, n)
		}
	}
	v, ok := t.Configs.Get(MinISR)
	d.need(len(p.Wish) > 0 && len(p.Wish) <= MaxFactor && len(p.Before) <= MaxFactor, "group %d: %d and %d replicas", p.Group, len(p.Wish), len(p.Before))
	d.need(!ok || v <= int64(p.least()), "group %d has fewer replicas than %s", p.Group, MinISR)
	d.need(!t.Unreplicated || len(p.Wish) == 1 && !p.Moving(), "group %d is unreplicated, and moves or has several replicas", p.Group)
	d.need(len(p.Tried) == 0 || p.Moving(), "group %d tried nodes without moving", p.Group)
	d.need(slices.IsSorted(p.Tried) && slices.IsSorted(p.Dropped), "group %d: nodes out of order", p.Group)
	for _, n := range p.Tried {
		d.need(!slices.Contains(p.Wish, n) && !slices.Contains(p.Before, n), "group %d: node %d stands in two lists", p.Group, n)
	}
	d.need(len(p.Genesis) > 0, "group %d began with nothing", p.Group)
	all := *p
	all.Dropped = nil
	holders := all.Holders()
	for _, n := range p.Dropped {
		d.need(t.Deleting && slices.Contains(holders, n), "group %d: node %d cannot have dropped it", p.Group, n)
	}
	d.need(len(p.Dropped) < len(holders), "group %d: all nodes have dropped it", p.Group)
}
