// Package quiet lets idle groups cost nothing: their replicas do not tick, and
// send no heartbeats, while the nodes that they live on watch each other.
//
// A leader that has nothing to do, and whose followers all have everything, gives
// each of them a Grant and stops ticking. A follower that a grant fits stops
// ticking, too. Grants travel in beats: one a node pair and BeatEvery, whatever
// the number of groups. Anything that happens to the group wakes it up. Package
// engine carries the beats; replicas obey Rest and Wake.
//
//	group    awake -> offered -> settled      Offer; all nodes have acknowledged
//	           ^---------'----------'         Wake, refused, not settled in time
//	follower awake -> resting -> awake        Rest; Wake, taken back, pair not well
//
// # Beats
//
// For each ordered pair of nodes there is one set: the grants of groups led by
// the first with a follower on the second. Only the leader's node changes it. It
// counts the changes, and each beat carries those that were not acknowledged yet,
// so a lost beat costs a beat and an idle pair sends 30 bytes. The follower's node
// mirrors the set. A follower that woke up on its own is named in its beats until
// its grant is gone: it asks, the leader's node decides.
//
// Each beat carries a digest of the set, kept by toggling a hash of (group, term,
// replica) for each grant. At the same change the mirror must have the same
// digest: that is compared exactly, however fast groups come and go, because the
// changes are counted. (A digest of what rests at this moment, compared without
// counting, differs whenever a change is under way; with a thousand changes a
// second it always is, and idle groups would be woken for nothing.) If it differs,
// a wake-up was lost: all of the mirror wakes up at once, the answer says that it
// is void, the leader's node wakes up all of the set and begins another era.
//
// A pair is well while the other node answers: each beat has a stamp, the
// sender's own clock, and echoes the newest stamp of the other. The newest
// answered stamp must not be older than PeerTimeout. That a beat came says
// nothing: it may have been under way for long, and the other direction may be
// cut. If a pair is down, both sides wake up whatever rests between them and say so.
//
// # What is promised
//
// To be called by the owner: Wake, in the same turn, whenever a replica that does
// not tick gets a request or a message of raft's (heartbeats of its own term and
// their answers may pass), changes its role, term, leader, membership, or ends;
// Tick at every tick; Beat to every node each BeatEvery. Then:
//
// Theorem 1. If a follower rests at a moment t of its node's clock, with a grant
// (group, term) of node A, then A, in its present life, stated after t -
// PeerTimeout - one tick that the leader of this term is on A and has not taken
// the grant back. This holds whatever messages were lost, late, repeated or out of
// order.
//
// Proof. It rests, so the pair was well at the last Tick: some beat b of A's
// present life echoed a stamp s >= t - PeerTimeout - tick. Stamps of other lives do
// not count (Beat.Yours; stamps that are void since PeerDown neither). A echoed s
// after it arrived, so b was made after s. When b came the mirror took over all
// changes up to b's making, since a beat carries all that is not acknowledged, or
// was at a later state already, or broke, in which case nothing of it rests. So the
// grants that it has had were in A's set when b was made or later. A grant is in
// A's set only while its leader leads: Offer is called by a leader, and whatever
// ends that calls Wake, which takes the grant out. A new life of A begins without
// grants, and the first beat of it empties the mirror.
//
// Corollary (budget). If a leader stops, in whatever way (crash, power loss, pause,
// cut either way, stepping down, being fenced), each of its resting followers ticks
// again within PeerTimeout and a tick. From then on raft's own bound holds, as in
// a group that never rested. Nobody else's help is needed, so no pattern of cuts
// keeps a follower at rest behind a leader that is out of reach.
//
// Theorem 2. If A takes a grant back, the follower wakes up when the next beat
// arrives. If A's set loses a grant, or the mirror one, without a change (a lost
// wake-up: our bug), both sides wake up within one beat and a round trip; with the
// beat lost, two beats and a round trip.
//
// Proof. The next beat that arrives carries the change; or it carries the digest of
// a set that is not the mirror's at the same change, and two sets have the same
// digest with probability 2^-64. The mirror wakes up as it compares, its answer
// leaves at once, and A wakes up as it arrives; if that is lost the next beats
// repeat it.
//
// Theorem 3. A leader does not rest for long if a follower of it does not. Either
// the follower's node is not well, then A wakes up by PeerTimeout; or its next beat
// asks for the grant, or says that the mirror is void, and A wakes up; or the
// change that added the grant has not arrived, then the group is not settled within
// SettleTimeout and wakes up. A settled group was acknowledged by all nodes.
//
// # Why nothing worse can happen
//
// Resting is about ticks alone. It grants nothing, votes for nobody and commits
// nothing; a follower that rests in vain delays an election by PeerTimeout, and
// safety never depends on this package.
//
// # Cost
//
// A beat costs the same whatever rests: about 0.2 us to make, send, take and
// compare. A group that rests takes about 370 bytes, leader's and follower's node
// together. Coming to rest and waking up costs about 2.5 us.
//
// # Limits and known gaps
//
// Toward one peer at most MaxChanges changes wait for their acknowledgement: from
// half of it on no group comes to rest, and a wake-up beyond it wakes up all of the
// pair. A group of which one member's node is away does not rest. A member has one
// replica on a node. A pause of a node beyond PeerTimeout wakes up all of its
// pairs' groups at once; they come to rest again after IdleAfter.
package quiet
