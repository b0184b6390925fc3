// Package client is the logic between an application and a cluster: which node
// to ask, when to ask again, and what may be said about the outcome. It is a
// pure layer: simulated and live clients share it, and only the Conn differs.
//
// # Promises
//
//   - Every operation ends: its done is called exactly once, on the loop, never
//     inside the call that began it, at the latest at the operation's timeout.
//   - A produce that ends without success and without Unknown was not written,
//     and never will be. One with Unknown may have been, may still be, or may
//     stand twice when RetryUnknown let the client ask again (UnknownAttempts
//     says how many attempts may have written).
//   - An attempt that was given up is over: its late answer changes nothing.
//
// # How it goes on
//
// The leader of a partition is remembered from answers and metadata. A failure
// sends the next attempt to the leader named in it, without a pause if that
// leader is news, else after an exponential back-off with jitter. Without a
// hint the nodes take turns. A leader that did not answer is not believed again
// for the same leader epoch, until it answers.
//
// Failures that the same request would meet again (too large, corrupt, out of
// range) end the operation; all others are retried until the timeout or the
// attempts are used up. An unknown outcome of a produce is retried only with
// Config.RetryUnknown.
//
// # Limits
//
// Operations in flight and remembered leaders are bounded by Config; an
// operation beyond the first bound ends with THROTTLING_QUOTA_EXCEEDED and was
// not attempted.
//
// # Known gaps
//
// There is no producer id yet: a retried unknown outcome can stand twice. The
// list of nodes is fixed; nodes that metadata names are not added to it.
package client
