// Package metadata is the cluster's own replicated state: which nodes there are,
// which topics, where the replicas of their partitions should be, and which ids
// were given to whom. It is the state machine of raft group 1, pure and in
// memory: no I/O, no clock, no randomness. Whoever holds it makes it durable.
//
// # A guided tour
//
// A State (state.go) is a value that never changes. State.Do (turn.go) applies a
// Command to it and gives the State after it, an Answer, or an *Error. The
// commands are in command_node.go, command_topic.go, command_move.go and
// command_producer.go; what they speak of in node.go, topic.go, partition.go and
// config.go; where replicas go is decided in place.go, plan.go and level.go, over
// the seating of nodes in seating.go. trie.go is the persistent map that
// everything is kept in. encode.go and decode.go are the form for checkpoints;
// machine.go is the thin holder that applies entries of a log.
//
//	s, err := metadata.New(metadata.Genesis{Cluster: 7, Nodes: nodes})
//	m := metadata.NewMachine(s)
//	result := m.Apply(index, metadata.AppendCommand(nil, metadata.CreateTopic{Name: "t", Partitions: 6, Factor: 3}))
//	p := m.State().Partition(m.State().Topic("t").Group(0))
//
// Trying a command out is applying it to a State and forgetting the result.
//
// # Wish and truth
//
// A partition's Wish says where its replicas should be. Whether they are there
// only its group's own membership says (package membership). One command changes
// any number of wishes; the leader of each group compares and goes there step by
// step; Settled reports that it has arrived. From the first change of a wish to
// that report the partition is Moving, and keeps Before, where the replicas were,
// so that CancelReassign can wish them back, and Tried, where else some may be.
// A partition is held by the nodes of all three lists.
//
// Who reports Settled owes this, for stale words must not be believed: the wish's
// version stands in the report, the reporter read that wish before it made sure of
// its leadership (by a read index or an entry of its term), and the configuration
// that it reports is in force since the index it names. Metadata cannot know
// whether another leader of the group, whose copy of metadata is older, begins to
// follow an earlier wish later on. So a Settled partition is no permission to
// delete anything: a replica goes when its own group's configuration, committed,
// has removed it, or when Verdict says Drop.
//
// # Deleting
//
// DeleteTopic frees the name and marks the topic. Each node that may have a
// replica drops it and says so (ReportDropped); removed nodes count as having
// done it. A partition that nobody holds is forgotten, and a topic with no
// partition left too. Since group ids only grow, a group below NextGroup that is
// not there was deleted, and a node that wakes up with its files removes them: see
// Verdict.
//
// # Placement
//
// New partitions: each replica goes to the rack with the fewest of the partition,
// among those to the one with the least of the topic for its size, then of all;
// in it to the node with the fewest of the topic, then of all, then the lowest
// id. The replica whose node leads the fewest of the topic is the preferred
// leader, and where that leaves leaders uneven some are exchanged. So a topic is
// spread evenly whatever else there is, an empty node does not get a new topic to
// itself, and what cannot be divided goes where there is least. Nodes that are
// joining, draining or gone get nothing. An empty rack name is one rack.
//
// Evacuate plans what must leave draining and lost nodes and moves nothing else.
// Rebalance plans what makes the cluster even: more racks first, then loads, a
// replica at a time from the node with the most, of the topic that has the most
// there. Both give a Reassign that starts no more moves than a limit has room
// for, and that skips partitions whose wish has changed since it was made. They
// take time in proportion to all partitions: call them when Version has changed,
// not on every tick.
//
// # Promises
//
//   - Applying is a function of state, index and bytes. Equal states have equal
//     bytes (Append) and equal fingerprints.
//   - A rejected command changes nothing. Its error is equal on all replicas.
//   - A State is a snapshot: it stays as it is, for as long as anyone reads it.
//     One command copies paths, not partitions; lookups by name, id and group take
//     a number of steps that does not grow in practice (at most 3 to 100,000).
//   - Ids of nodes, groups, topics and producers are never given twice. Version
//     and all counters only grow.
//   - No wish names a node twice, or one that took no replicas when it was wished
//     for; a removed node stays in a wish only if it was removed by force.
//   - Where a setting min.insync.replicas is set it is at most the number of
//     replicas of each partition, wished and before. A default that is more is cut
//     to that by ConfigsOf.
//   - These may be repeated, and change nothing the second time: RegisterNode,
//     RemoveNode, DrainNode, UndrainNode, DeleteTopic with an id, ReportDropped,
//     AlterTopic, Reassign, CancelReassign, Settled.
//   - Whatever Decode and DecodeCommand accept can be applied and encoded again.
//
// # Versions
//
// A command begins with a version and a kind. A replica that does not know one
// cannot know what the others make of it, so it must not go on: Machine.Apply
// panics, which ends the replica at its group's border until the program is
// newer. So nobody proposes what a member of the group does not understand. Bytes
// of a known kind that do not read are rejected on all replicas alike. A State of
// another version is ErrVersion and is not read at all.
//
// # Encodings
//
// All numbers are uvarints in their shortest form, but where a byte count or
// "signed" (zigzag varint) stands. A text is its length and its bytes; a list is
// its length and its elements; a flag is a byte, 0 or 1; a setting is its key
// (1 byte) and its value (signed). Nothing may follow.
//
// A command:
//
//	offset  field
//	     0  version, 1 (1 byte)
//	     1  kind (1 byte)
//	     2  fields, by kind
//
//	 1 RegisterNode       node, text address, text rack, disk, incarnation
//	 2 RemoveNode         node, flag force
//	 3 DrainNode          node
//	 4 UndrainNode        node
//	 5 CreateTopic        text name, signed partitions, signed factor, list of
//	                      lists of nodes, list of settings, flag unreplicated
//	 6 DeleteTopic        text name, topic id
//	 7 ReportDropped      node, group
//	 8 AlterTopic         text name, topic id, list of settings, list of keys (1 byte)
//	 9 AddPartitions      text name, topic id, signed total, list of lists of nodes
//	10 Reassign           list of: group, list of nodes, wish version
//	11 CancelReassign     list of groups
//	12 Settled            group, list of nodes, config index, wish version
//	13 AllocateProducers  count
//
// An answer:
//
//	offset  field
//	     0  version, 1 (1 byte)
//	     1  kind (1 byte)
//	     2  fields: 1 Done: flag changed. 2 TopicCreated: topic id, first group,
//	        partitions. 3 PartitionsAdded: first group, first number, partitions.
//	        4 Moved: partitions, skipped. 5 Producers: first id, count.
//
// A state:
//
//	version, 1 (1 byte)
//	cluster id, index of the last change, bound of max.message.bytes,
//	next group, next topic id, next producer id
//	list of settings: the defaults, all of them, by key
//	list of nodes by id: id, state (1 byte), text address, text rack, disk,
//	  incarnation
//	list of topics by id: id, text name, flags (1 deleting, 2 unreplicated),
//	  index of creation, factor, list of settings by key, index of their last
//	  change, list of runs (first group, partitions), then each partition
//
// A partition; one that is gone is its flags alone, 0:
//
//	flags: 1 there, 2 moving, 4 tried, 8 dropped
//	list of origins: node, replica, disk (8 bytes, little-endian)
//	list of nodes: the wish, the preferred leader first
//	index that set the wish, config index of the last report
//	list of nodes for each of moving, tried, dropped whose flag is set
//
// # Limits and known gaps
//
//   - See limits.go: 100,000 partitions, 10,000 nodes ever, 9 replicas.
//   - Unreplicated partitions do not move: their node is drained only once their
//     topics are deleted.
//   - The addresses of two nodes may be equal: a node that takes over another's
//     address must be able to say so before the other does.
//   - A disk that comes back after another took its place is taken as the newest:
//     only the last disk of a node is remembered.
//   - Rebalance moves one replica at a time: evenness that only an exchange of two
//     replicas between racks would bring is not found.
//   - A topic that grows keeps the factor it was created with, whatever its
//     partitions were reassigned to.
package metadata
