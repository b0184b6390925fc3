package metadata

import "math"

// Limits of the state. What exceeds one is rejected with PolicyViolation, or
// with the code that Kafka has for it.
const (
	// MaxFactor is the largest number of replicas of a partition.
	MaxFactor = 9
	// MaxPartitions is the largest number of partitions of all topics, those being
	// deleted included.
	MaxPartitions = 100_000
	// MaxNodes is the largest number of nodes, removed ones included: their ids
	// are remembered for ever.
	MaxNodes = 10_000
	// MaxNodeID is the largest node id; Kafka's protocol has 31 bits for it.
	MaxNodeID = math.MaxInt32
	// MaxTopicName is the longest name of a topic, in bytes.
	MaxTopicName = 249
	// MaxText is the longest address or rack, in bytes.
	MaxText = 255
	// MaxMoves is the largest number of partitions in one command.
	MaxMoves = 10_000
	// MaxProducers is the largest block of producer ids.
	MaxProducers = 1 << 20
)

// maxList bounds the lists of nodes that a decoder of commands believes, so that
// a list that is merely too long for a partition gets an error that says so.
const maxList = 255

// maxText bounds texts in the same way.
const maxText = 1 << 10
