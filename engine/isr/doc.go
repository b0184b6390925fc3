// Package isr keeps the in-sync replica set of one partition.
//
// # What is replicated and what is not
//
// The set itself (State) changes only by a command in the partition's own log,
// so every replica knows it and a new leader starts from it. What the leader
// alone knows is when each follower was last caught up with its log end
// (Tracker). From both follows the set in force: the members of the replicated
// set that are not lagging now. A follower that lags leaves the set in force at
// once, so it stops counting for acknowledgements before its removal is
// committed; a follower that is back counts only after its return was
// committed.
//
// # When is a follower in sync
//
// As in Kafka (replica.lag.time.max.ms, KIP-16): it was caught up with the
// leader's end within the lag limit. "Caught up at time t" means: everything
// the leader had at t is durable on the follower. The leader remembers when its
// end grew, so a follower that is always a little behind a busy leader is as
// old as the first entry it lacks, however often it is heard from.
//
// # Promises
//
//   - AckIndex never exceeds what minISR members of the set in force, the leader
//     among them, hold durably.
//   - Nothing here reads a clock: time is handed in, monotonic.
//
// # Limits
//
// The memory of when the end grew has at most maxSamples entries; the time of
// being caught up is exact to 1/64 of the lag limit.
//
// # Members that come and go
//
// The group's membership is decided elsewhere; the leader hands it in. A learner
// is tracked, so that its promotion can wait until it is caught up, but has no
// place in the set. A replica that leaves the group leaves the set in the same
// entry, which may leave the set empty: then nothing is acknowledged until the
// leader's next command has put it back together.
package isr
