package engine

// Code is Kafka's error code, as in its protocol.
type Code int16

// The codes the engine answers with. See Code.Definite for what they say about
// a write.
const (
	UnknownServerError           Code = -1
	None                         Code = 0
	OffsetOutOfRange             Code = 1
	CorruptMessage               Code = 2
	UnknownTopicOrPartition      Code = 3
	LeaderNotAvailable           Code = 5
	NotLeaderOrFollower          Code = 6
	RequestTimedOut              Code = 7
	MessageTooLarge              Code = 10
	NotEnoughReplicas            Code = 19
	NotEnoughReplicasAfterAppend Code = 20
	KafkaStorageError            Code = 56
	FencedLeaderEpoch            Code = 74
	UnknownLeaderEpoch           Code = 75
	OffsetNotAvailable           Code = 78
	InvalidRecord                Code = 87
	ThrottlingQuotaExceeded      Code = 89
)

// String gives the name the Kafka protocol uses.
func (c Code) String() string {
	switch c {
	case None:
		return "NONE"
	case OffsetOutOfRange:
		return "OFFSET_OUT_OF_RANGE"
	case CorruptMessage:
		return "CORRUPT_MESSAGE"
	case UnknownTopicOrPartition:
		return "UNKNOWN_TOPIC_OR_PARTITION"
	case LeaderNotAvailable:
		return "LEADER_NOT_AVAILABLE"
	case NotLeaderOrFollower:
		return "NOT_LEADER_OR_FOLLOWER"
	case RequestTimedOut:
		return "REQUEST_TIMED_OUT"
	case MessageTooLarge:
		return "MESSAGE_TOO_LARGE"
	case NotEnoughReplicas:
		return "NOT_ENOUGH_REPLICAS"
	case NotEnoughReplicasAfterAppend:
		return "NOT_ENOUGH_REPLICAS_AFTER_APPEND"
	case KafkaStorageError:
		return "KAFKA_STORAGE_ERROR"
	case FencedLeaderEpoch:
		return "FENCED_LEADER_EPOCH"
	case UnknownLeaderEpoch:
		return "UNKNOWN_LEADER_EPOCH"
	case OffsetNotAvailable:
		return "OFFSET_NOT_AVAILABLE"
	case InvalidRecord:
		return "INVALID_RECORD"
	case ThrottlingQuotaExceeded:
		return "THROTTLING_QUOTA_EXCEEDED"
	case UnknownServerError:
	}
	return "UNKNOWN_SERVER_ERROR"
}

// Retriable tells whether the same request may succeed later, perhaps at
// another node.
func (c Code) Retriable() bool {
	switch c {
	case LeaderNotAvailable, NotLeaderOrFollower, RequestTimedOut, NotEnoughReplicas,
		NotEnoughReplicasAfterAppend, KafkaStorageError, FencedLeaderEpoch, UnknownLeaderEpoch,
		OffsetNotAvailable, ThrottlingQuotaExceeded:
		return true
	case UnknownServerError, None, OffsetOutOfRange, CorruptMessage, UnknownTopicOrPartition,
		MessageTooLarge, InvalidRecord:
	}
	return false
}
