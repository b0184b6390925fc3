// Package lease lets a leader answer linearizable reads without a round trip.
//
// A leader sends rounds. A voter that follows it promises, for a while by its
// own clock, to elect nobody, and acknowledges. Once a quorum has, the leader
// holds a lease, counted by its own clock from the moment at which it sent the
// round. While the lease is valid nobody else leads, so what the leader has
// committed is all that is committed.
//
// The package is the rules alone: no I/O, no clock, no raft. Package replica
// carries the messages and obeys the answers.
//
//	leader     Begin, Reconfigured, End, Revoke    what happened to it
//	           Want, Due, Send                     rounds, as long as reads want leases
//	           Supported, Valid                    the lease
//	supporter  Support                             promise, then acknowledge
//	           Promised, Until                     no campaign, no ForgetLeader before
//	           Refuses, TimeoutNow                 what raft must not see
//
// # What is promised
//
// Theorem. At the moment at which a leader of term T reads its clock for a call
// of Valid that says true, no replica of the group has won an election in a
// later term. So nothing is committed in the group that this leader has not
// committed.
//
// Corollary. A read that arrived before that moment, and is answered from state
// that includes this leader's commit index at that moment, is linearizable: every
// write that was acknowledged before the read began was committed by this leader
// or before its term, so it is included. How long the leader is paused between the
// check and the answer does not matter: the read takes effect at the check, and
// the check lies between its beginning and its end. For the same reason a check
// must never be reused for a read that came later, and the clock must be read
// after the read came.
//
// # Assumptions
//
//	A1  Drift. Over any span of real time d, the monotonic clock of a running
//	    process advances by d(1-rho) to d(1+rho); rho is DriftPPM, and equal on all
//	    nodes, as is Promise. The clock never jumps and never stands still, also
//	    while the process is paused. Readings are exact to a nanosecond.
//	A2  Raft. One leader a term; a vote is durable before it is told, and a term
//	    never goes back for those who have told it; a leader has every entry that
//	    was committed in an earlier term (Raft, section 5.4.3).
//	A3  Restart. A process or a replica that begins again makes a new Supporter.
//	A4  Neighbours. Configurations follow each other in the log, and quorums of one
//	    and the next always meet (joint consensus). A change is proposed only when
//	    the one before is applied. Each message and each disk record that carries an
//	    entry tells, or follows, the commit index of its sender; who has committed
//	    changes that it has not applied does not campaign (raft.hup); who restarts
//	    applies up to its durable commit index first.
//	A5  The leader knows first. Begin comes after an entry of the leader's own term
//	    was applied; a leader applies a change, and calls Reconfigured, before any
//	    message leaves that tells of its commitment.
//	A6  Order. A leader reads the clock for Send before the round leaves. A supporter
//	    reads its clock after the round came, and raft's term and leader in the same
//	    moment, not as they were before other messages of the turn. Refuses and
//	    TimeoutNow stand before raft; ticks, hints and campaigns ask Promised.
//
// # Proof
//
// Suppose that the leader L of term T finds its lease valid at the real time t,
// and that some election of a later term was won before t. Of all those take the
// one that was won first: C, in term U > T, by the votes of a quorum Q of the
// configuration c that C had applied.
//
// Step 1, the configurations. Let e be the entry of L's configuration, the last
// that L has applied at t. It is committed, in a term up to T, so by A2 it is in
// C's log. By A4, induction over messages and restarts, C knew at least the change
// before e to be committed and had applied it, or it would not have campaigned. On
// the other side, whatever C knew to be committed was committed by leaders of terms
// up to T, since C's is the first later election. What leaders before L committed
// lies before L's first own entry, and what L committed L applied first: by A5 L
// had applied all that C had. So c is L's configuration or the one before, and by
// A4 their quorums meet.
//
// Step 2, the supporter. Let r be the round that the lease runs from, sent at the
// real time s, when L's clock showed S. The lease was not dropped since, so a
// quorum of L's configuration at t has acknowledged r or a later round of T:
// Reconfigured forgets all that was sent before it. By step 1 some replica P is in
// this quorum and in Q. Acknowledgements name term and round, and terms have one
// leader (A2) that counts its rounds in one life, since a restarted leader leads no
// more in the same term; so neither delay nor repetition nor reordering of
// messages makes an acknowledgement of another round. P made its promise at some
// time p >= s, because a round is not received before it is sent.
//
// Step 3, P is L. Then P voted in U, and had stepped down, or will vote later. L
// calls End before that vote leaves, so the lease was not valid at t, or the vote
// left after t. This is why the leader may count itself without a promise: to lead
// the term is the promise.
//
// Step 4, P voted before its promise. Then its term was at least U > T at p, in
// memory at least, and if it restarted in between, on the disk (A2: the vote had
// left). Support refuses who is not in the leader's term.
//
// Step 5, P voted after its promise, in the same life. Support asks that P follows
// L, so no campaign of P is under way. P keeps the promise whatever term it comes
// to: Refuses drops requests for votes, also before raft could take over their
// term, and Promised forbids to campaign, by tick, by hint or by MsgTimeoutNow. So
// P voted only after its clock had advanced by more than Promise since p, so at a
// real time v > p + Promise/(1+rho). The lease ends when L's clock has advanced
// by Length <= Promise(1-rho)/(1+rho) since S, so t < s + Length/(1-rho)
// <= s + Promise/(1+rho) < v. The vote came after t.
//
// Step 6, P gave its promise back. It did so on MsgTimeoutNow of term T, or on a
// forced request of term T+1, which exists only because somebody received such a
// message. L called Revoke(T) before the message left, and no lease of T is valid
// after that, however late the message arrives. If the lease was valid at t, all
// of this lies after t. (A promise of P to a leader of a term before T that is
// given up with it protects nobody: L won an election after that term, and by this
// theorem no lease of that term has been valid since.)
//
// Step 7, P restarted between promise and vote. It began again after p and granted
// nothing for one Promise of its clock: v > p + Promise/(1+rho) as in step 5. That
// L itself restarts needs no rule: a lease lives in memory.
//
// Each case puts P's vote after t or the lease's end before t. So no quorum had
// voted by t: contradiction. Messages of a leader that was elected rightly are
// accepted at any time, with or without promise: they elect nobody.
//
// # What breaks beyond the bound
//
// If clocks drift by rho' > rho, steps 5 and 7 fail, and only these: a lease may
// outlive the promises behind it by Length/(1-rho') - Promise/(1+rho'). For so long
// a deposed leader may answer reads from its last state: stale, in order, and
// nothing is lost or acknowledged wrongly, since writes never rely on leases. A
// machine that is suspended (or whose virtual machine is) stops Linux'
// CLOCK_MONOTONIC, which Go reads: that is a clock that stands still, and no bound
// covers it. Do not suspend machines that serve leases. A process that is merely
// stopped is not affected.
//
// # Why each rule
//
// The tests play a raft in which everything that is not forbidden happens, and
// find a violation as soon as any one of these is left out: the drift bound, the
// wait after a restart, the end of a lease with the leadership, its end at
// MsgTimeoutNow, its end at a change, the send time as its beginning, the first
// own commit, both majorities, the supporter's term, no votes, no campaigns.
// The same rules around RawNodes of go.etcd.io/raft/v3 put A2 and A4 to the test.
//
// # Transfers
//
// A transfer of leadership must not wait for promises that the leader itself no
// longer wants kept. So its word gives them back, at once, and this is what makes
// Revoke at MsgTimeoutNow a matter of safety: the message may arrive long after
// the transfer was given up. A forced request that does not follow from the
// promised leader's word is refused as any other.
//
// # Limits
//
// The send times of the newest 16 rounds are kept; older acknowledgements do not
// count. Voters are the configuration's: no bound of its own. Learners may promise,
// and do not count. A dead leader costs elections one Promise at most, a restarted
// voter likewise.
package lease
