package env

import "time"

// Clock tells the time and calls back. It does not promise that two nodes
// agree, nor that a callback is punctual: a paused process fires late.
type Clock interface {
	// Monotonic is the time since an arbitrary origin of this process. It never
	// goes back. It may drift against real time.
	Monotonic() time.Duration

	// Wall is the calendar time in nanoseconds since the Unix epoch, UTC. It may
	// be offset, drift and jump in both directions: good for timestamps of
	// records, never for a decision about safety.
	Wall() int64

	// AfterFunc calls f on the loop once d has passed. A d of zero or less fires
	// as soon as the loop is free, never inside AfterFunc itself.
	AfterFunc(d time.Duration, f func()) Timer

	// Post calls f on the loop after the callback that runs now and, where the
	// loop can tell cheaply, after the events that already wait: work that many
	// events cause is done once a turn. Posted functions run in order.
	Post(f func())
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop cancels the callback. It reports false if f has run or was stopped.
	// After Stop returns, on the loop, f will not run.
	Stop() bool
}
