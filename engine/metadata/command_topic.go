package metadata

import (
	"encoding/binary"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// CreateTopic creates a topic. Where its replicas go is decided by the state, or
// by Placement: for each partition the nodes, the preferred leader first.
// Partitions and Factor are then 0, or what Placement has. Answer: TopicCreated.
type CreateTopic struct {
	Name         string
	Partitions   int32
	Factor       int32
	Placement    [][]env.NodeID
	Configs      []Setting
	Unreplicated bool // one replica, without raft
}

func (c CreateTopic) kind() kind { return kindCreateTopic }

func (c CreateTopic) body(dst []byte) []byte {
	dst = appendText(dst, c.Name)
	dst = binary.AppendVarint(dst, int64(c.Partitions))
	dst = binary.AppendVarint(dst, int64(c.Factor))
	dst = appendPlacement(dst, c.Placement)
	return appendFlag(appendSettings(dst, c.Configs), c.Unreplicated)
}

func appendPlacement(dst []byte, placement [][]env.NodeID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(placement)))
	for _, nodes := range placement {
		dst = appendNodes(dst, nodes)
	}
	return dst
}

func (r *reader) placement() [][]env.NodeID { return list(r, MaxPartitions, r.nodes) }

func readCreateTopic(r *reader) Command {
	return CreateTopic{r.text(maxText), r.int32(), r.int32(), r.placement(), r.settings(), r.flag()}
}

func (c CreateTopic) apply(t *turn) (Answer, *Error) {
	if bad := c.checkName(&t.State); bad != nil {
		return nil, bad
	}
	wishes, bad := c.wishes(&t.State)
	if bad != nil {
		return nil, bad
	}
	configs, bad := c.configs(t.maxMessage, len(wishes[0]))
	if bad != nil {
		return nil, bad
	}
	topic := &Topic{
		ID: t.nextTopic, Name: c.Name, Created: t.index, ConfigVersion: t.index,
		Factor: len(wishes[0]), Unreplicated: c.Unreplicated, Configs: configs,
	}
	t.nextTopic++
	t.nameTopic(topic, true)
	first := t.addPartitions(topic, wishes)
	return TopicCreated{topic.ID, first, len(wishes)}, nil
}

func (c CreateTopic) checkName(s *State) *Error {
	if err := ValidateTopicName(c.Name); err != nil {
		return err.(*Error) //nolint:errorlint // it is never wrapped
	}
	other := s.colliding(c.Name)
	switch {
	case other == nil:
		return nil
	case other.Name == c.Name:
		return reject(TopicAlreadyExists, "topic %s exists already: choose another name, or delete it first", c.Name)
	default:
		return reject(InvalidTopic, "topic %s collides with %s, for '.' and '_' are one in the names of metrics: choose another name", c.Name, other.Name)
	}
}

// wishes decides where the replicas go.
func (c CreateTopic) wishes(s *State) ([][]env.NodeID, *Error) {
	partitions, factor := int(c.Partitions), int(c.Factor)
	if n := len(c.Placement); n > 0 {
		if partitions != 0 && partitions != n || factor != 0 && factor != len(c.Placement[0]) {
			return nil, reject(InvalidRequest, "topic %s: %d partitions of %d replicas, but the placement has %d of %d: leave the numbers out, or correct them", c.Name, partitions, factor, n, len(c.Placement[0]))
		}
		partitions, factor = n, len(c.Placement[0])
	}
	if partitions < 1 {
		return nil, reject(InvalidPartitions, "topic %s: %d partitions: give 1 or more", c.Name, partitions)
	}
	if bad := s.checkRoom(c.Name, partitions); bad != nil {
		return nil, bad
	}
	if bad := checkFactor(c.Name, factor, c.Unreplicated); bad != nil {
		return nil, bad
	}
	if len(c.Placement) > 0 {
		return c.Placement, s.checkPlacement(c.Name, 0, factor, c.Placement)
	}
	return s.place(c.Name, nil, partitions, factor)
}

// configs gives the settings of a new topic.
func (c CreateTopic) configs(maxMessage int64, factor int) (Configs, *Error) {
	if bad := checkSettings(c.Configs, nil, maxMessage); bad != nil {
		return Configs{}, inTopic(c.Name, bad)
	}
	configs := Configs{}.with(c.Configs, nil)
	if v, ok := configs.Get(MinISR); ok && v > int64(factor) {
		return Configs{}, reject(InvalidConfig, "topic %s: %s is %d, but a partition has only %d replicas: lower it, or raise the replication factor", c.Name, MinISR, v, factor)
	}
	return configs, nil
}

func inTopic(name string, bad *Error) *Error {
	return reject(bad.Code, "topic %s: %s", name, bad.Text)
}

// DeleteTopic deletes a topic. Its name is free at once; the topic itself stays,
// Deleting, until all nodes have reported that its replicas are gone. With ID it
// deletes only that very topic, and may be repeated. Answer: Done.
type DeleteTopic struct {
	Name string
	ID   TopicID // 0: whatever has the name
}

func (c DeleteTopic) kind() kind { return kindDeleteTopic }

func (c DeleteTopic) body(dst []byte) []byte {
	return binary.AppendUvarint(appendText(dst, c.Name), uint64(c.ID))
}

func readDeleteTopic(r *reader) Command { return DeleteTopic{r.text(maxText), TopicID(r.uvarint())} }

func (c DeleteTopic) apply(t *turn) (Answer, *Error) {
	if was := t.TopicByID(c.ID); c.ID != 0 && c.ID < t.nextTopic && (was == nil || was.Deleting) {
		return Done{}, nil
	}
	topic, bad := t.find(c.Name, c.ID)
	if bad != nil {
		return nil, bad
	}
	next := *topic
	next.Deleting = true
	t.nameTopic(topic, false)
	t.putTopic(&next)
	for p := range t.Partitions(topic) {
		t.unplace(p)
		for _, n := range p.Holders() {
			if node, _ := t.Node(n); node.State == Gone {
				t.drop(t.Partition(p.Group), n)
			}
		}
	}
	return Done{Changed: true}, nil
}

// find gives the live topic of a name; with id only that very topic.
func (s *State) find(name string, id TopicID) (*Topic, *Error) {
	topic := s.Topic(name)
	switch {
	case topic == nil:
		return nil, reject(UnknownTopicOrPartition, "there is no topic %q: list the topics, or create it first", name)
	case id != 0 && topic.ID != id:
		return nil, reject(UnknownTopicOrPartition, "topic %s has the id %d, not %d: it was created anew, look at it again", name, topic.ID, id)
	}
	return topic, nil
}

// ReportDropped is a node's word that it has removed, durably, its replica of a
// group whose topic is being deleted. Repeating it changes nothing. Answer: Done.
type ReportDropped struct {
	Node  env.NodeID
	Group env.GroupID
}

func (c ReportDropped) kind() kind { return kindReportDropped }

func (c ReportDropped) body(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(c.Node)), uint64(c.Group))
}

func readReportDropped(r *reader) Command {
	return ReportDropped{env.NodeID(r.uvarint()), env.GroupID(r.uvarint())}
}

func (c ReportDropped) apply(t *turn) (Answer, *Error) {
	if _, known := t.Node(c.Node); !known {
		return nil, unknownNode(c.Node)
	}
	if c.Group < firstGroup || c.Group >= t.nextGroup {
		return nil, reject(UnknownTopicOrPartition, "node %d dropped group %d, which never was a partition's: this is a fault of the node", c.Node, c.Group)
	}
	p := t.Partition(c.Group)
	if p == nil {
		return Done{}, nil
	}
	if !t.TopicByID(p.Topic).Deleting {
		return nil, reject(InvalidRequest, "node %d dropped %s, whose topic is not being deleted: this is a fault of the node", c.Node, t.describe(p))
	}
	t.drop(p, c.Node)
	return Done{Changed: t.changed}, nil
}

// AlterTopic changes settings of a topic; what is unset goes back to the
// cluster's default. Repeating it changes nothing. Answer: Done.
type AlterTopic struct {
	Name  string
	ID    TopicID // 0: whatever has the name
	Set   []Setting
	Unset []Key
}

func (c AlterTopic) kind() kind { return kindAlterTopic }

func (c AlterTopic) body(dst []byte) []byte {
	dst = binary.AppendUvarint(appendText(dst, c.Name), uint64(c.ID))
	dst = appendSettings(dst, c.Set)
	dst = binary.AppendUvarint(dst, uint64(len(c.Unset)))
	for _, k := range c.Unset {
		dst = append(dst, byte(k))
	}
	return dst
}

func readAlterTopic(r *reader) Command {
	return AlterTopic{
		r.text(maxText), TopicID(r.uvarint()), r.settings(),
		list(r, maxList, func() Key { return Key(r.byte()) }),
	}
}

func (c AlterTopic) apply(t *turn) (Answer, *Error) {
	topic, bad := t.find(c.Name, c.ID)
	if bad != nil {
		return nil, bad
	}
	if bad := checkSettings(c.Set, c.Unset, t.maxMessage); bad != nil {
		return nil, inTopic(c.Name, bad)
	}
	next := *topic
	next.Configs, next.ConfigVersion = topic.Configs.with(c.Set, c.Unset), t.index
	if next.Configs == topic.Configs {
		return Done{}, nil
	}
	was, _ := topic.Configs.Get(MinISR)
	if v, ok := next.Configs.Get(MinISR); ok && v > was {
		for p := range t.Partitions(topic) {
			if v > int64(p.least()) {
				return nil, reject(InvalidConfig, "topic %s: %s is %d, but partition %d has only %d replicas%s: lower it, or reassign the partition to more nodes", c.Name, MinISR, v, p.Number, p.least(), onItsWay(p))
			}
		}
	}
	t.putTopic(&next)
	return Done{Changed: true}, nil
}

func onItsWay(p *Partition) string {
	if p.Moving() {
		return " until its reassignment is done"
	}
	return ""
}

// AddPartitions has a topic grow to Total partitions. Placement, if there is
// one, is for the new ones. Answer: PartitionsAdded.
type AddPartitions struct {
	Name      string
	ID        TopicID // 0: whatever has the name
	Total     int32
	Placement [][]env.NodeID
}

func (c AddPartitions) kind() kind { return kindAddPartitions }

func (c AddPartitions) body(dst []byte) []byte {
	dst = binary.AppendUvarint(appendText(dst, c.Name), uint64(c.ID))
	return appendPlacement(binary.AppendVarint(dst, int64(c.Total)), c.Placement)
}

func readAddPartitions(r *reader) Command {
	return AddPartitions{r.text(maxText), TopicID(r.uvarint()), r.int32(), r.placement()}
}

func (c AddPartitions) apply(t *turn) (Answer, *Error) {
	topic, bad := t.find(c.Name, c.ID)
	if bad != nil {
		return nil, bad
	}
	has := topic.Partitions()
	more := int(c.Total) - has
	if more < 1 {
		return nil, reject(InvalidPartitions, "topic %s has %d partitions, and asked for are %d in all: a topic can only grow", c.Name, has, c.Total)
	}
	if bad := t.checkRoom(c.Name, more); bad != nil {
		return nil, bad
	}
	var wishes [][]env.NodeID
	switch {
	case c.Placement == nil:
		wishes, bad = t.place(c.Name, topic, more, topic.Factor)
	case len(c.Placement) != more:
		bad = reject(InvalidReplicaAssignment, "topic %s grows by %d partitions, and the placement has %d: give one list of nodes for each new partition", c.Name, more, len(c.Placement))
	default:
		wishes, bad = c.Placement, t.checkPlacement(c.Name, has, topic.Factor, c.Placement)
	}
	if bad != nil {
		return nil, bad
	}
	first := t.addPartitions(topic, wishes)
	return PartitionsAdded{first, int32(has), more}, nil
}

// addPartitions gives a topic the partitions with these wishes, in fresh groups
// from first on.
func (t *turn) addPartitions(topic *Topic, wishes [][]env.NodeID) (first env.GroupID) {
	first = t.nextGroup
	t.nextGroup += env.GroupID(len(wishes))
	number := int32(topic.Partitions())
	t.putTopic(topic.grown(first, len(wishes)))
	for i, nodes := range wishes {
		p := &Partition{
			Topic: topic.ID, Number: number + int32(i), Group: first + env.GroupID(i), Unreplicated: topic.Unreplicated,
			Wish: slices.Clone(nodes), WishVersion: t.index, Genesis: make([]Origin, len(nodes)),
		}
		for j, n := range nodes {
			node, _ := t.Node(n)
			p.Genesis[j] = Origin{Node: n, Replica: env.ReplicaID(j + 1), Disk: node.Disk}
		}
		t.putPartition(nil, p)
	}
	return first
}
