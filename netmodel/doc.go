// Package netmodel is env.Network on the simulator: links between addresses
// that lose, delay, repeat, reorder and damage what they carry, and that can be
// cut one way or both.
//
// # The fault contract
//
//   - Each ordered pair of addresses is a link with knobs of its own (Link). A
//     frame takes Base, a draw up to Jitter, PerKiB for its length and at times a
//     draw from a heavy tail.
//   - On one link and lane frames arrive in the order they were sent, except
//     those that the knobs reorder or duplicate. Lanes do not wait for each other.
//   - A damaged frame is a damaged copy: other receivers of the same bytes see
//     them intact.
//   - A cut link drops silently what is sent and what is under way, and counts
//     it. Cuts of one link add up: it carries again once each was healed.
//   - Attach with a receiver tells both sides PeerUp, after a link delay, if
//     neither direction is cut; otherwise once both are healed. Close (the process
//     crashed) tells every peer PeerDown where the link is not cut. PowerOff tells
//     nobody.
//   - What a process sent before it died may still arrive. What was sent to it
//     vanishes with it, and does not reach its successor.
//   - Clients use Transfer: same latency, loss and cuts; a damaged message counts
//     as lost, none is repeated or reordered.
//
// The randomness of a link is keyed by its two ends: traffic elsewhere changes
// nothing on it.
//
// # Known gaps
//
// No bandwidth shared between frames, no queue limit, no clogging yet: PerKiB
// delays a frame by its own length alone.
package netmodel
