package quiet

import (
	"errors"
	"fmt"
	"time"
)

// ErrConfig marks every error of Config.Validate.
var ErrConfig = errors.New("quiet: bad configuration")

// Config of idle groups. Key and BeatEvery should be the same on every node of a
// cluster; a different Key keeps groups awake, nothing worse.
type Config struct {
	// Key of the digests: the cluster's id.
	Key uint64
	// Life names this life of the node: another after each restart. Not 0.
	Life uint64
	// BeatEvery is how often a node sends each other one a beat. Default 100 ms;
	// simulated 50 to 200 ms.
	BeatEvery time.Duration
	// PeerTimeout is how old the newest beat that a peer has answered may be, by
	// the time it was sent, before the pair is down. Default 500 ms; simulated 3 to
	// 10 beats.
	PeerTimeout time.Duration
	// SettleTimeout is how long a leader waits, without heartbeats, for all
	// followers to go quiet. Default 300 ms. It must leave followers that were not
	// reached enough of their election timeout; simulated 2 to 4 beats.
	SettleTimeout time.Duration
	// IdleAfter is how long a group has nothing to do before it is offered to go
	// quiet. Default 1 s; simulated 100 ms to 2 s.
	IdleAfter time.Duration
	// MaxChanges bounds the changes toward one peer that it has not acknowledged.
	// From half of it no more groups go quiet; beyond it all of the pair wake up.
	// Default 16,384, 24 bytes each; simulated 4 to 64.
	MaxChanges int
}

// DefaultConfig returns a configuration with every default set; Key and Life are
// the caller's.
func DefaultConfig() Config {
	return Config{
		BeatEvery: 100 * time.Millisecond, PeerTimeout: 500 * time.Millisecond, SettleTimeout: 300 * time.Millisecond,
		IdleAfter: time.Second, MaxChanges: 1 << 14,
	}
}

// Validate checks the configuration; its errors name the field.
func (c Config) Validate() error {
	switch {
	case c.Life == 0:
		return fmt.Errorf("%w: Life is 0; it names this life of the node", ErrConfig)
	case c.BeatEvery <= 0:
		return fmt.Errorf("%w: BeatEvery %v; need more than 0", ErrConfig, c.BeatEvery)
	case c.PeerTimeout < 2*c.BeatEvery:
		return fmt.Errorf("%w: PeerTimeout %v; need at least two beats, %v", ErrConfig, c.PeerTimeout, 2*c.BeatEvery)
	case c.SettleTimeout < c.BeatEvery:
		return fmt.Errorf("%w: SettleTimeout %v; need at least a beat, %v", ErrConfig, c.SettleTimeout, c.BeatEvery)
	case c.IdleAfter <= 0:
		return fmt.Errorf("%w: IdleAfter %v; need more than 0", ErrConfig, c.IdleAfter)
	case c.MaxChanges < 2:
		return fmt.Errorf("%w: MaxChanges %d; need at least 2", ErrConfig, c.MaxChanges)
	}
	return nil
}
