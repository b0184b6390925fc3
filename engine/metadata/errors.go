package metadata

import (
	"errors"
	"fmt"
)

// Kafka's error codes that a rejected command carries.
const (
	UnknownTopicOrPartition     int16 = 3
	InvalidTopic                int16 = 17
	TopicAlreadyExists          int16 = 36
	InvalidPartitions           int16 = 37
	InvalidReplicationFactor    int16 = 38
	InvalidReplicaAssignment    int16 = 39
	InvalidConfig               int16 = 40
	InvalidRequest              int16 = 42
	PolicyViolation             int16 = 44
	StaleBrokerEpoch            int16 = 77
	NoReassignmentInProgress    int16 = 85
	DuplicateBrokerRegistration int16 = 101
	BrokerIDNotRegistered       int16 = 102
)

// Error is the rejection of a command, equal on all replicas. The text names
// what is wrong, where, and what to do about it.
type Error struct {
	Code int16 // Kafka's
	Text string
}

// Error gives the text.
func (e *Error) Error() string { return e.Text }

func reject(code int16, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Errors of decoders.
var (
	// ErrMalformed marks bytes that no encoder of this package has written.
	ErrMalformed = errors.New("metadata: malformed bytes")
	// ErrVersion marks bytes of a version, or a command of a kind, that this
	// program does not know. It is never guessed at.
	ErrVersion = errors.New("metadata: written by a version this program does not know; install the newer one")
)
