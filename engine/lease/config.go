package lease

import (
	"errors"
	"fmt"
	"time"
)

// MaxPromise is the longest promise: what a dead leader can cost an election.
const MaxPromise = 100 * time.Millisecond

const million = 1_000_000

// ErrConfig marks every error of Config.Validate.
var ErrConfig = errors.New("lease: bad configuration")

// Config of leases. Promise and DriftPPM are part of the safety argument: they
// must be the same on every node of a cluster.
type Config struct {
	// Promise is how long a supporter keeps its promise, by its own clock. At most
	// MaxPromise. Default 100 ms; simulated 20 to 100 ms.
	Promise time.Duration
	// DriftPPM bounds how far any node's monotonic clock may run fast or slow
	// against real time, in millionths. It is an assumption: beyond it a read may
	// be stale. Default 100,000 (10%), because daemons that set the time slew by
	// up to a twelfth; simulated 0 to 200,000.
	DriftPPM int64
	// RenewEvery is the least time between two rounds. Default a third of Length;
	// at least an eighth of it, so that acknowledgements are not too late for the
	// rounds that are remembered; simulated an eighth to a half.
	RenewEvery time.Duration
	// IdleAfter is how long rounds go on after the last read that wanted a lease.
	// Default 1 s; simulated 100 ms to 2 s.
	IdleAfter time.Duration
}

// DefaultConfig returns a configuration with every default set.
func DefaultConfig() Config {
	c := Config{Promise: MaxPromise, DriftPPM: 100_000, IdleAfter: time.Second}
	c.RenewEvery = c.Length() / 3
	return c
}

// Length is how long a lease lasts from the sending of its round, by the
// leader's clock: at most as long, in real time, as the shortest promise.
func (c Config) Length() time.Duration {
	return c.Promise * time.Duration(million-c.DriftPPM) / time.Duration(million+c.DriftPPM)
}

// Validate checks the configuration; its errors name the field.
func (c Config) Validate() error {
	switch {
	case c.Promise <= 0 || c.Promise > MaxPromise:
		return fmt.Errorf("%w: Promise %v; need more than 0 and at most %v", ErrConfig, c.Promise, MaxPromise)
	case c.DriftPPM < 0 || c.DriftPPM >= million:
		return fmt.Errorf("%w: DriftPPM %d; need 0 to %d", ErrConfig, c.DriftPPM, million-1)
	case c.Length() <= 0:
		return fmt.Errorf("%w: Promise %v with DriftPPM %d leaves no lease", ErrConfig, c.Promise, c.DriftPPM)
	case c.RenewEvery <= 0 || c.RenewEvery < c.Length()/8 || c.RenewEvery >= c.Length():
		return fmt.Errorf("%w: RenewEvery %v; need an eighth of the lease to less than all of it, %v", ErrConfig, c.RenewEvery, c.Length())
	case c.IdleAfter <= 0:
		return fmt.Errorf("%w: IdleAfter %v; need more than 0", ErrConfig, c.IdleAfter)
	}
	return nil
}
