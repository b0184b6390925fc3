package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Config shapes a Client. Start from DefaultConfig.
type Config struct {
	// Nodes are asked in turn when no leader is known. At least one.
	Nodes []env.NodeID

	// AttemptTimeout is how long one attempt may take before it counts as lost;
	// a fetch's long poll is added to it. Simulated range: 200 ms to 2 s.
	AttemptTimeout time.Duration

	// Backoff is the pause before the second attempt; it doubles up to
	// MaxBackoff, and each pause is drawn from its upper half.
	Backoff    time.Duration
	MaxBackoff time.Duration

	// Retries limits how many attempts may follow the first. Zero: as many as
	// the operation's timeout allows. Negative: none.
	Retries int

	// RetryUnknown lets a produce be asked again after an attempt whose outcome
	// is unknown. It can then stand twice in the log.
	RetryUnknown bool

	// MaxInFlight bounds the operations in flight.
	MaxInFlight int

	// MaxLeaders bounds the remembered partition leaders; the oldest is
	// forgotten first.
	MaxLeaders int
}

// DefaultConfig suits a local cluster with ticks of 50 ms. Nodes is left empty.
func DefaultConfig() Config {
	return Config{
		AttemptTimeout: time.Second,
		Backoff:        10 * time.Millisecond,
		MaxBackoff:     200 * time.Millisecond,
		MaxInFlight:    1024,
		MaxLeaders:     16384,
	}
}

// ErrConfig is wrapped by all errors of Config.Validate.
var ErrConfig = errors.New("client configuration")

// Validate reports the first value that makes no sense.
func (c *Config) Validate() error {
	switch {
	case len(c.Nodes) == 0:
		return fmt.Errorf("%w: no nodes", ErrConfig)
	case c.AttemptTimeout <= 0:
		return fmt.Errorf("%w: attempt timeout %v is not positive", ErrConfig, c.AttemptTimeout)
	case c.Backoff <= 0:
		return fmt.Errorf("%w: back-off %v is not positive", ErrConfig, c.Backoff)
	case c.MaxBackoff < c.Backoff:
		return fmt.Errorf("%w: longest back-off %v is below the first, %v", ErrConfig, c.MaxBackoff, c.Backoff)
	case c.MaxInFlight <= 0:
		return fmt.Errorf("%w: %d operations in flight", ErrConfig, c.MaxInFlight)
	case c.MaxLeaders <= 0:
		return fmt.Errorf("%w: %d remembered leaders", ErrConfig, c.MaxLeaders)
	}
	return nil
}
