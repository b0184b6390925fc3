package rpc

import (
	"log/slog"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Config of a Network. Zero values of limits and pauses mean the default.
type Config struct {
	Cluster uint64     // of this node; others are refused
	Node    env.NodeID // this node

	// Peers gives host:port of every other node.
	Peers map[env.NodeID]string

	QueueBytes int // waiting in one lane toward one peer; default 16 MiB
	FrameBytes int // largest frame; default 8 MiB
	InboxBytes int // received and waiting for the loop; default 64 MiB

	Backoff    time.Duration // pause after the first failure, then doubled; default 20 ms
	MaxBackoff time.Duration // the longest pause; default 1 s

	Log *slog.Logger // default slog.Default()
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	def(&c.QueueBytes, 16<<20)
	def(&c.FrameBytes, 8<<20)
	def(&c.InboxBytes, 64<<20)
	def(&c.Backoff, 20*time.Millisecond)
	def(&c.MaxBackoff, time.Second)
	c.MaxBackoff = max(c.MaxBackoff, c.Backoff)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func def[T ~int | ~int64](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
