package cluster

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/netmodel"
)

// step is one thing that a prober sees.
type step func(p *prober)

// The scripts below are about one group with min ISR 2: replica 101 on node 1,
// 102 on 2 and 103 on 3.
func scripted() *prober {
	return newProber(3, 2, []checker.Group{{ID: 1, MinISR: 2, Members: []checker.Member{
		{Replica: 101, Node: 1}, {Replica: 102, Node: 2}, {Replica: 103, Node: 3},
	}}, {ID: 2, MinISR: 1, Unreplicated: true, Members: []checker.Member{{Replica: 201, Node: 1}}}})
}

func ms(n int64) int64 { return n * int64(time.Millisecond) }

func saw(e checker.Event) step {
	if e.Node == 0 {
		e.Node = 1
	}
	switch e.Kind {
	case checker.EventCrashed, checker.EventBooted, checker.EventLost, checker.EventRecycled,
		checker.EventTornTail, checker.EventResynced, checker.EventStopped, checker.EventFull, checker.EventSpace,
		checker.EventScrubbed, checker.EventDiskLost:
	default:
		e.Group = 1
		if e.Replica == 0 {
			e.Replica = 100 + e.Node
		}
	}
	return func(p *prober) { p.observe(&e) }
}

func started(node uint64, files ...string) step {
	return func(p *prober) { p.started(node, files) }
}

func booted(node uint64) step   { return saw(checker.Event{Kind: checker.EventBooted, Node: node}) }
func died(node uint64) step     { return saw(checker.Event{Kind: checker.EventCrashed, Node: node}) }
func powerOff(node uint64) step { return func(p *prober) { p.losesPower(node); died(node)(p) } }

func up(nodes ...uint64) step {
	return func(p *prober) {
		for _, n := range nodes {
			started(n)(p)
		}
		for _, n := range nodes {
			booted(n)(p)
		}
	}
}

func role(node uint64, r checker.Role, term uint64, peer ...uint64) step {
	e := checker.Event{Kind: checker.EventRole, Node: node, Role: r, Term: term}
	if len(peer) > 0 {
		e.Peer = 100 + peer[0]
	}
	return saw(e)
}

// entries enter a log at one moment.
func entries(node, term, first, last uint64) step {
	return func(p *prober) {
		for i := first; i <= last; i++ {
			saw(checker.Event{Kind: checker.EventEntry, Node: node, Term: term, Index: i})(p)
		}
	}
}

func written(file string, first, last uint64) step {
	return saw(checker.Event{Kind: checker.EventWritten, File: file, First: first, Last: last})
}

func persisted(first, last uint64) step {
	return saw(checker.Event{Kind: checker.EventPersisted, First: first, Last: last})
}

func committed(node, index uint64) step {
	return saw(checker.Event{Kind: checker.EventCommit, Node: node, Index: index})
}

func isr(term uint64, set ...uint64) step {
	return saw(checker.Event{Kind: checker.EventISR, Term: term, Set: set})
}

func recovered(e checker.Event) step {
	e.Kind = checker.EventRecovered
	return saw(e)
}

func fault(f Fault, nodes ...uint64) step { return func(p *prober) { p.began(&f, nodes) } }

func answer(code engine.Code) step { return func(p *prober) { p.answered(0, 1, code, 0) } }

func produces(op checker.Op, stored ...string) step {
	op.Kind, op.Values = checker.Produce, []string{"v"}
	var log checker.Log
	for _, v := range stored {
		log.Records = append(log.Records, checker.LogRecord{Value: v})
	}
	return func(p *prober) { p.operations([]checker.Op{op}, []checker.Log{log}) }
}

func fetch(r engine.FetchRequest, a engine.FetchResponse, took int64) step {
	return func(p *prober) { p.fetched(&r, &a, took) }
}

func network(n netmodel.Stats) step { return func(p *prober) { p.network(n) } }
func disk(d diskmodel.Stats) step   { return func(p *prober) { p.disk(d) } }

const (
	fol  = checker.Follower
	pre  = checker.PreCandidate
	cand = checker.Candidate
	lead = checker.Leader
)

// script is a stream that reaches a probe with its last step, and one that
// comes close.
type script struct{ reaches, misses []step }

// scripts has an entry for each probe but those of connections, which the
// model of a client's request counts: see TestARunTellsWhatItReached.
var scripts = map[probe]script{
	twoCandidates:      {[]step{role(1, cand, 2), role(2, cand, 2)}, []step{role(1, cand, 2), role(2, cand, 3)}},
	splitVote:          {[]step{role(1, cand, 2), role(2, cand, 2), role(1, cand, 3)}, []step{role(1, cand, 2), role(2, cand, 2), role(2, lead, 2), role(1, cand, 3)}},
	preVoteFailed:      {[]step{role(1, pre, 1), role(1, fol, 1)}, []step{role(1, pre, 1), role(1, cand, 2), role(1, fol, 2)}},
	candidateBeaten:    {[]step{role(1, cand, 2), role(1, fol, 2, 2)}, []step{role(1, cand, 2), role(1, fol, 3, 2)}},
	candidateAgain:     {[]step{role(1, cand, 2), role(1, pre, 2)}, []step{role(1, fol, 2), role(1, pre, 2)}},
	quorumCheck:        {[]step{role(1, lead, 2), role(1, fol, 2)}, []step{role(1, lead, 2), role(1, fol, 3)}},
	leaderDeposed:      {[]step{role(1, lead, 2), role(1, fol, 3)}, []step{role(1, lead, 2), role(1, fol, 2)}},
	twoLeaders:         {[]step{up(1, 2, 3), role(1, lead, 2), role(2, lead, 3)}, []step{up(1, 2, 3), role(1, lead, 2), died(1), role(2, lead, 3)}},
	sameLeaderAgain:    {[]step{role(1, lead, 2), role(1, fol, 2), role(1, lead, 3)}, []step{role(1, lead, 2), role(2, lead, 3), role(1, lead, 4)}},
	leaderAfterCrash:   {[]step{up(1), role(1, lead, 2), died(1), up(1), role(1, lead, 3)}, []step{up(1), role(1, lead, 2), role(1, fol, 2), role(1, lead, 3)}},
	electedInRecovery:  {[]step{up(1, 2), started(3), role(1, lead, 2)}, []step{up(1, 2), role(1, lead, 2)}},
	bareQuorum:         {[]step{up(1, 2), role(1, lead, 2)}, []step{up(1, 2, 3), role(1, lead, 2)}},
	closedConnection:   {[]step{up(1), role(1, lead, 2), died(1), role(2, pre, 2)}, []step{up(1), role(1, lead, 2), powerOff(1), role(2, pre, 2)}},
	votedAfterRestart:  {[]step{up(1), vote(4), died(1), up(1), vote(4)}, []step{up(1), vote(4), died(1), up(1), vote(5)}},
	voteRecovered:      {[]step{recovered(checker.Event{Vote: 102})}, []step{recovered(checker.Event{Vote: 101})}},
	leaderDiedUnproven: {[]step{up(1), role(1, lead, 2), entries(1, 2, 5, 5), committed(1, 4), died(1)}, []step{up(1), role(1, lead, 2), entries(1, 2, 5, 5), committed(1, 5), died(1)}},
	inheritedEntries:   {[]step{entries(1, 1, 1, 3), committed(1, 2), role(1, lead, 2)}, []step{entries(1, 1, 1, 3), committed(1, 3), role(1, lead, 2)}},
	shorterLog:         {[]step{up(1, 2), entries(2, 1, 1, 3), role(1, lead, 2)}, []step{up(1), entries(2, 1, 1, 3), role(1, lead, 2)}},

	suffixTruncated:      {[]step{entries(1, 1, 1, 3), entries(1, 2, 3, 3)}, []step{entries(1, 1, 1, 3), entries(1, 2, 4, 4)}},
	longSuffixTruncated:  {[]step{entries(1, 1, 1, 5), entries(1, 2, 2, 2)}, []step{entries(1, 1, 1, 5), entries(1, 2, 3, 3)}},
	durableTruncated:     {[]step{entries(1, 1, 1, 3), persisted(1, 2), entries(1, 2, 2, 2)}, []step{entries(1, 1, 1, 3), persisted(1, 2), entries(1, 2, 3, 3)}},
	replacedAcrossFiles:  {[]step{entries(1, 1, 1, 3), written("a", 1, 3), entries(1, 2, 2, 2), written("b", 2, 2)}, []step{entries(1, 1, 1, 3), written("a", 1, 3), entries(1, 2, 2, 2), written("a", 2, 2)}},
	turnBatch:            {[]step{role(1, lead, 2), entries(1, 2, 1, 2)}, []step{role(1, fol, 2), entries(1, 2, 1, 2)}},
	batchedWrite:         {[]step{written("a", 1, 2)}, []step{written("a", 1, 1), written("a", 2, 2)}},
	farBehind:            {[]step{committed(1, 60), ack(2, 10)}, []step{committed(1, 60), ack(2, 11)}},
	sentFromJournal:      {[]step{role(1, lead, 2), saw(checker.Event{Kind: checker.EventReadBack})}, []step{saw(checker.Event{Kind: checker.EventReadBack})}},
	committedIndirectly:  {[]step{entries(1, 1, 1, 2), role(1, lead, 2), entries(1, 2, 3, 3), committed(1, 3)}, []step{entries(1, 1, 1, 2), committed(1, 2), role(1, lead, 2), entries(1, 2, 3, 3), committed(1, 3)}},
	committedAheadOfDisk: {[]step{role(1, lead, 2), entries(1, 2, 1, 1), committed(1, 1)}, []step{role(1, lead, 2), entries(1, 2, 1, 1), persisted(1, 1), committed(1, 1)}},
	commitLeap:           {[]step{committed(1, 5), committed(1, 25)}, []step{committed(1, 5), committed(1, 24)}},
	frameLost:            {[]step{network(netmodel.Stats{Lost: 1})}, []step{network(netmodel.Stats{Sent: 1, Cut: 1})}},
	frameTwice:           {[]step{network(netmodel.Stats{Duplicated: 1})}, []step{network(netmodel.Stats{Lost: 1})}},
	frameReordered:       {[]step{network(netmodel.Stats{Reordered: 1})}, []step{network(netmodel.Stats{Lost: 1})}},
	frameCorrupted:       {[]step{network(netmodel.Stats{Corrupted: 1})}, []step{network(netmodel.Stats{Lost: 1})}},

	journalRolled:        {[]step{started(1), written("a", 1, 1), booted(1), written("b", 2, 2)}, []step{started(1), written("a", 1, 1), written("b", 1, 1), booted(1), written("b", 2, 2)}},
	journalRecycled:      {[]step{saw(checker.Event{Kind: checker.EventRecycled})}, nil},
	tornTail:             {[]step{saw(checker.Event{Kind: checker.EventTornTail})}, nil},
	resynced:             {[]step{saw(checker.Event{Kind: checker.EventResynced})}, nil},
	emptyTail:            {[]step{up(1), died(1), up(1)}, []step{up(1), died(1), started(1), saw(checker.Event{Kind: checker.EventResynced}), booted(1)}},
	checkpointUnderLoad:  {[]step{entries(1, 1, 1, 3), committed(1, 2), checkpoint(2)}, []step{entries(1, 1, 1, 3), committed(1, 3), checkpoint(2)}},
	twoCheckpoints:       {[]step{started(1, "g/1/checkpoint-1", "g/1/checkpoint-2")}, []step{started(1, "g/1/checkpoint-1", "g/1/checkpoint-2.tmp", "g/2/checkpoint-1")}},
	fromCheckpoint:       {[]step{recovered(checker.Event{Offset: 1, Index: 1, Last: 1})}, []step{recovered(checker.Event{Index: 1, Last: 1})}},
	replayedJournal:      {[]step{recovered(checker.Event{Offset: 1, Index: 2, Last: 2})}, []step{recovered(checker.Event{Offset: 2, Index: 2, Last: 3})}},
	recoveredUncommitted: {[]step{recovered(checker.Event{Index: 2, Last: 3})}, []step{recovered(checker.Event{Index: 2, Last: 2})}},
	writeInFlight:        {[]step{up(1), entries(1, 1, 1, 2), written("a", 1, 2), persisted(1, 1), died(1)}, []step{up(1), entries(1, 1, 1, 2), written("a", 1, 2), persisted(1, 2), died(1)}},
	crashInRecovery:      {[]step{started(1), died(1)}, []step{up(1), died(1)}},
	crashLoop:            {[]step{started(1), died(1), started(1), died(1)}, []step{started(1), died(1), up(1), died(1), started(1), died(1)}},
	powerLossAfterCrash:  {[]step{up(1), died(1), started(1), powerOff(1)}, []step{up(1), died(1), up(1), powerOff(1)}},
	writeLost:            {[]step{saw(checker.Event{Kind: checker.EventLost})}, nil},
	sectorTorn:           {[]step{disk(diskmodel.Stats{TornSectors: 1})}, []step{disk(diskmodel.Stats{LostWrites: 1})}},
	nameLost:             {[]step{disk(diskmodel.Stats{LostEntries: 1})}, []step{disk(diskmodel.Stats{LostWrites: 1})}},
	syncFailed:           {[]step{disk(diskmodel.Stats{FailedSyncs: 1})}, []step{disk(diskmodel.Stats{Syncs: 1})}},
	stoppedItself:        {[]step{saw(checker.Event{Kind: checker.EventStopped})}, nil},

	isrShrunk:             {[]step{isr(2, 1, 2, 3), isr(2, 1, 2)}, []step{isr(2, 1, 2, 3), isr(3, 1, 2)}},
	isrGrew:               {[]step{isr(2, 1, 2), isr(2, 1, 2, 3)}, []step{isr(2, 1, 2), isr(3, 1, 2, 3)}},
	isrAlone:              {[]step{isr(2, 1)}, []step{isr(2, 1, 2)}},
	isrBelowMin:           {[]step{isr(2, 1)}, []step{isr(2, 1, 2)}},
	leaderOutside:         {[]step{isr(2, 2, 3)}, []step{isr(2, 1, 3)}},
	isrInherited:          {[]step{isr(2, 1, 2)}, []step{isr(2, 1, 2, 3), isr(2, 1, 2)}},
	produceRefused:        {[]step{answer(engine.NotEnoughReplicas)}, []step{answer(engine.RequestTimedOut)}},
	produceUnacknowledged: {[]step{answer(engine.NotEnoughReplicasAfterAppend)}, []step{answer(engine.RequestTimedOut)}},

	hintFollowed:   {[]step{hinted(2), asks(0, 2)}, []step{hinted(2), asks(1, 2), asks(0, 3), asks(0, 2)}},
	unknownFound:   {[]step{produces(checker.Op{Outcome: checker.Unknown}, "u", "v")}, []step{produces(checker.Op{Outcome: checker.OK}, "v")}},
	unknownAbsent:  {[]step{produces(checker.Op{Outcome: checker.Failed, UnknownAttempts: 1}, "u")}, []step{produces(checker.Op{Outcome: checker.Failed}, "u")}},
	writtenTwice:   {[]step{produces(checker.Op{Outcome: checker.OK, UnknownAttempts: 1}, "v", "v")}, []step{produces(checker.Op{Outcome: checker.OK, UnknownAttempts: 1}, "v", "u")}},
	unknownRetried: {[]step{produces(checker.Op{Outcome: checker.OK, UnknownAttempts: 1}, "v")}, []step{produces(checker.Op{Outcome: checker.OK}, "v")}},
	readNotReady:   {[]step{answer(engine.OffsetNotAvailable)}, []step{answer(engine.LeaderNotAvailable)}},
	longPoll:       {[]step{fetch(engine.FetchRequest{MaxWait: 1}, engine.FetchResponse{Batches: []byte{1}}, 1)}, []step{fetch(engine.FetchRequest{MaxWait: 1}, engine.FetchResponse{}, 1), fetch(engine.FetchRequest{MaxWait: 1}, engine.FetchResponse{Batches: []byte{1}}, 0)}},

	allDown:                {[]step{up(1, 2), died(1), died(2)}, []step{up(1, 2), died(1), up(1), died(2)}},
	powerLossOfAll:         {[]step{up(1, 2, 3), powerOff(1), powerOff(2), powerOff(3)}, []step{up(1, 2, 3), powerOff(1), powerOff(2), died(3)}},
	quorumDown:             {[]step{up(1, 2, 3), died(1), died(2)}, []step{up(1, 2, 3), died(1), up(1), died(2)}},
	restartWhileOthersDown: {[]step{up(1, 2, 3), died(1), died(2), started(1)}, []step{up(1, 2, 3), died(1), started(1)}},
	sameLeaderMet:          {[]step{up(1), role(1, fol, 2, 2), died(1), up(1), role(1, fol, 2, 2)}, []step{up(1), role(1, fol, 2, 2), died(1), up(1), role(1, fol, 3, 2)}},
	leaderStopped:          {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: Stop}, 1)}, []step{up(1), role(1, lead, 2), fault(Fault{Kind: Stop}, 2)}},
	leaderPaused:           {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: Pause}, 1)}, []step{up(1), role(1, lead, 2), role(1, fol, 3), fault(Fault{Kind: Pause}, 1)}},
	leaderCutOff:           {[]step{role(1, lead, 2), fault(Fault{Kind: Partition}, 2, 3)}, []step{role(1, lead, 2), fault(Fault{Kind: Partition}, 1, 3), fault(Fault{Kind: Partition}, 2)}},
	diedPaused:             {[]step{up(1), fault(Fault{Kind: Pause}, 1), died(1)}, []step{up(1), fault(Fault{Kind: Pause}, 1), over(Fault{Kind: Pause}, 1), died(1)}},
	faultsOverlap:          {[]step{fault(Fault{Kind: Crash}, 1), fault(Fault{Kind: Pause}, 2)}, []step{fault(Fault{Kind: WallJump}, 1), fault(Fault{Kind: Crash}, 1), over(Fault{Kind: Crash}, 1), fault(Fault{Kind: Pause}, 2)}},
	clockForward:           {[]step{fault(Fault{Kind: WallJump, LatencyNs: 1}, 1)}, []step{fault(Fault{Kind: WallJump, LatencyNs: -1}, 1)}},
	leaderFrozen:           {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: Freeze}, 1)}, []step{up(1), role(1, lead, 2), fault(Fault{Kind: Freeze}, 2)}},
	clockDrifted:           {[]step{fault(Fault{Kind: Drift}, 1)}, []step{fault(Fault{Kind: Freeze}, 1)}},
	leaderDeposedAsleep:    {[]step{up(1, 2), role(1, lead, 2), fault(Fault{Kind: Pause}, 1), role(2, lead, 3)}, []step{up(1, 2), role(1, lead, 2), fault(Fault{Kind: Pause}, 1), over(Fault{Kind: Pause}, 1), role(2, lead, 3)}},
	inSyncStruck:           {[]step{fault(Fault{Kind: Crash, Role: RoleISRFollower}, 1)}, []step{fault(Fault{Kind: Crash, Role: RoleFollower}, 1)}},
	longestStruck:          {[]step{fault(Fault{Kind: Crash, Role: RoleLongestLog}, 1)}, []step{fault(Fault{Kind: Crash, Role: RoleShortestLog}, 1)}},
	diedAtOperation:        {[]step{fault(Fault{Kind: Crash, On: OnIO}, 1)}, []step{fault(Fault{Kind: Crash, On: OnIO, DelayNs: 1}, 1), fault(Fault{Kind: Pause, On: OnIO}, 1)}},
	diedAtSync:             {[]step{fault(Fault{Kind: PowerLoss, On: OnSync}, 1)}, []step{fault(Fault{Kind: PowerLoss, On: OnIO}, 1)}},
	diedAtRecovery:         {[]step{fault(Fault{Kind: Crash, On: OnRecoveryIO}, 1)}, []step{fault(Fault{Kind: Crash, On: OnStart}, 1)}},

	ringCut:          {[]step{fault(Fault{Kind: Ring}, 1, 2, 3)}, []step{fault(Fault{Kind: Partition}, 1)}},
	bridgeLeft:       {[]step{fault(Fault{Kind: Bridge}, 1)}, []step{fault(Fault{Kind: Partition}, 1)}},
	leaderFlapped:    {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: Flap}, 1)}, []step{up(1), role(1, lead, 2), fault(Fault{Kind: Flap}, 3)}},
	leaderReset:      {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: Reset}, 1)}, []step{up(1), role(1, lead, 2), fault(Fault{Kind: Reset}, 3)}},
	leaderClogged:    {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: Clog}, 1)}, []step{up(1), role(1, lead, 2), fault(Fault{Kind: Clog}, 3)}},
	leaderStalled:    {[]step{up(1), role(1, lead, 2), fault(Fault{Kind: StallDisk}, 1)}, []step{up(1), role(1, lead, 2), fault(Fault{Kind: StallDisk}, 3)}},
	queueOverflowed:  {[]step{network(netmodel.Stats{QueueFull: 1})}, []step{network(netmodel.Stats{Queued: 1})}},
	frameReset:       {[]step{network(netmodel.Stats{Reset: 1})}, []step{network(netmodel.Stats{Lost: 1})}},
	diskThrottled:    {[]step{disk(diskmodel.Stats{Throttled: 1})}, []step{disk(diskmodel.Stats{Writes: 1})}},
	stoppedAgain:     {[]step{fault(Fault{Kind: SyncErrors}, 1), stoppedSelf(1), stoppedSelf(1)}, []step{stoppedSelf(1), fault(Fault{Kind: SyncErrors}, 1), stoppedSelf(1), stoppedSelf(2)}},
	disksSwapped:     {[]step{fault(Fault{Kind: SwapDisks}, 1, 2)}, []step{fault(Fault{Kind: PowerLoss}, 1, 2)}},
	bytesRotten:      {[]step{disk(diskmodel.Stats{RottenBits: 1})}, []step{disk(diskmodel.Stats{ReadErrors: 1})}},
	readFailed:       {[]step{disk(diskmodel.Stats{ReadErrors: 1})}, []step{disk(diskmodel.Stats{Reads: 1})}},
	writeMisdirected: {[]step{disk(diskmodel.Stats{MisdirectedWrites: 1})}, []step{disk(diskmodel.Stats{Writes: 1})}},
	writeSwallowed:   {[]step{disk(diskmodel.Stats{LostDeviceWrites: 1})}, []step{disk(diskmodel.Stats{LostWrites: 1})}},
	spaceRefused:     {[]step{disk(diskmodel.Stats{NoSpace: 1})}, []step{disk(diskmodel.Stats{FailedSyncs: 1})}},
	replicaFenced:    {[]step{saw(checker.Event{Kind: checker.EventFenced})}, nil},
	restBroken:       {[]step{func(p *prober) { p.broke(1) }}, nil},
	leaderInRest:     {[]step{up(1), role(1, lead, 2), func(p *prober) { p.broke(1) }}, []step{up(1), role(1, lead, 2), func(p *prober) { p.broke(2) }}},

	snapshotInstalled:    {[]step{sent(2, 10), staged(2, 10), installed(2, 10)}, []step{sent(2, 10), installed(2, 10)}},
	snapshotResumed:      {[]step{up(2), sent(2, 10), died(2), up(2), sent(2, 10), resumed(2, 10)}, []step{up(2), sent(2, 10), resumed(2, 10)}},
	snapshotOutlived:     {[]step{up(1), sent(2, 10), died(1), staged(2, 10)}, []step{up(1), sent(2, 10), staged(2, 10), died(1)}},
	snapshotSuperseded:   {[]step{sent(2, 10), sent(2, 20)}, []step{sent(2, 10), sent(3, 20), sent(2, 10), staged(2, 10), installed(2, 10), sent(2, 20)}},
	snapshotUnderLoad:    {[]step{committed(1, 10), sent(2, 10), committed(1, 11), staged(2, 10), installed(2, 10)}, []step{committed(1, 10), sent(2, 10), staged(2, 10), installed(2, 10), committed(1, 11)}},
	snapshotBelowEnd:     {[]step{entries(2, 1, 1, 11), sent(2, 10), staged(2, 10), installed(2, 10)}, []step{entries(2, 1, 1, 10), sent(2, 10), staged(2, 10), installed(2, 10)}},
	snapshotFailed:       {[]step{saw(checker.Event{Kind: checker.EventSnapshotFailed, Peer: 102})}, []step{saw(checker.Event{Kind: checker.EventSnapshotFailed})}},
	replicaReplaced:      {[]step{fencedOff(2), adopted(2, 104, 0), members(7, 101, 103, 104)}, []step{fencedOff(2), adopted(2, 104, 0), joint(7, 101, 103, 104), members(6, 101, 103, 104), members(7, 101, 103)}},
	diskReplaced:         {[]step{lostDisk(2), adopted(2, 104, 0), members(7, 101, 103, 104)}, []step{fencedOff(2), adopted(2, 104, 0), members(7, 101, 103, 104)}},
	ownCheckpoint:        {[]step{adopted(2, 104, 5)}, []step{adopted(2, 104, 0)}},
	replacedUnderLeaders: {[]step{role(1, lead, 2), fencedOff(2), role(3, lead, 3)}, []step{role(1, lead, 2), fencedOff(2), adopted(2, 104, 0), members(7, 101, 103, 104), role(3, lead, 3)}},
	leaderInJoint:        {[]step{joint(7, 101, 103, 104), role(3, lead, 3)}, []step{joint(7, 101, 103, 104), members(8, 101, 103, 104), role(3, lead, 3)}},

	segmentRepaired:      {[]step{repaired("segment")}, []step{repaired("index"), repaired("checkpoint"), repaired("journal")}},
	indexRebuilt:         {[]step{repaired("index")}, []step{repaired("segment")}},
	checkpointRebuilt:    {[]step{repaired("checkpoint")}, []step{repaired("segment")}},
	journalReplaced:      {[]step{repaired("journal")}, []step{repaired("segment")}},
	damageInService:      {[]step{up(1), damagedFile(1)}, []step{started(1), damagedFile(1)}},
	damageAtStart:        {[]step{started(1), damagedFile(1)}, []step{up(1), damagedFile(1)}},
	tailInDoubt:          {[]step{saw(checker.Event{Kind: checker.EventDamaged, Node: 1, Text: "read: " + journal.InDoubt})}, []step{damagedFile(1)}},
	staleFound:           {[]step{fault(Fault{Kind: LostWrite}, 1), damagedFile(1)}, []step{fault(Fault{Kind: LostWrite}, 1), damagedFile(2)}},
	misdirectedFound:     {[]step{fault(Fault{Kind: MisdirectedWrite}, 1), damagedFile(2), damagedFile(1)}, []step{fault(Fault{Kind: LostWrite}, 1), damagedFile(1)}},
	scrubPassed:          {[]step{saw(checker.Event{Kind: checker.EventScrubbed})}, nil},
	allCopiesDamaged:     {[]step{saw(checker.Event{Kind: checker.EventUnrepairable})}, []step{damagedFile(1)}},
	recycledThenTorn:     {append(reused("j-5"), torn("j-5")), append(reused("j-5"), torn("j-4"))},
	journalOfMany:        {begun(24), append([]step{written("j-0", 0, 0), saw(checker.Event{Kind: checker.EventRecycled})}, begun(23)...)},
	fullLeaderLeft:       {[]step{up(1, 2), role(1, lead, 2), outOfSpace(1), role(2, lead, 3)}, []step{up(1, 2), role(1, lead, 2), outOfSpace(1), died(1), role(2, lead, 3)}},
	fullRecovered:        {[]step{up(1), outOfSpace(1), roomAgain(1)}, []step{up(1), outOfSpace(1), died(1), up(1), roomAgain(1)}},
	storageRefused:       {[]step{answer(engine.KafkaStorageError)}, []step{answer(engine.NotEnoughReplicas)}},
	logTrimmed:           {[]step{trimmed()}, nil},
	trimmedBySize:        {[]step{retains(8, "size"), trimmedTo(8)}, []step{retains(8, "size"), trimmedTo(7), retains(9, "time"), trimmedTo(9)}},
	trimmedByTime:        {[]step{retains(8, "time"), trimmedTo(8)}, []step{trimmedTo(8), retains(9, "size"), trimmedTo(9)}},
	followerBelowStart:   {[]step{applied(2, 7), trimmedTo(8), sent(2, 10), staged(2, 10), installed(2, 10)}, []step{applied(2, 8), trimmedTo(8), sent(2, 10), staged(2, 10), installed(2, 10)}},
	produceThrottled:     {[]step{answer(engine.ThrottlingQuotaExceeded)}, []step{answer(engine.KafkaStorageError)}},
	recordsDeleted:       {[]step{deletion(5, engine.None, 5)}, []step{deletion(5, engine.NotLeaderOrFollower, -1)}},
	deletionRefused:      {[]step{deletion(9, engine.OffsetOutOfRange, 5)}, []step{deletion(9, engine.None, 9)}},
	trimmedUnderSnapshot: {[]step{sent(2, 10), trimmed()}, []step{trimmed(), sent(2, 10), staged(2, 10), installed(2, 10), trimmed()}},
	directNoted:          {[]step{noted(2)}, []step{noted(1)}},
	directCut:            {[]step{aloneSaw(checker.EventTornTail)}, []step{torn("a")}},
	directResynced:       {[]step{aloneSaw(checker.EventResynced)}, []step{saw(checker.Event{Kind: checker.EventResynced})}},
	directCheckpoint:     {[]step{aloneSaw(checker.EventCheckpoint)}, []step{saw(checker.Event{Kind: checker.EventCheckpoint})}},
	directFullRecovered:  {[]step{up(1), outOfSpace(1), roomAgain(1), aloneSaw(checker.EventProduceAcked)}, []step{up(1), outOfSpace(1), roomAgain(1), died(1), up(1), aloneSaw(checker.EventRecovered), aloneSaw(checker.EventProduceAcked)}},
	directLost:           {[]step{aloneSaw(checker.EventFenced)}, []step{saw(checker.Event{Kind: checker.EventFenced})}},
	fetchBelowStart:      {[]step{fetch(engine.FetchRequest{Offset: 3}, engine.FetchResponse{Err: engine.OffsetOutOfRange, LogStart: 4}, 1)}, []step{fetch(engine.FetchRequest{Offset: 9}, engine.FetchResponse{Err: engine.OffsetOutOfRange, LogStart: 4}, 1)}},

	clockBackward: {[]step{fault(Fault{Kind: WallJump, LatencyNs: -1}, 1)}, []step{fault(Fault{Kind: WallJump, LatencyNs: 1}, 1)}},
}

// elsewhere are the probes that the models and the phases count: a run shows them.
var elsewhere = []probe{connectionRefused, connectionReset, nameTaken, diskLost, damageWithheld, coreSettled, journalFullRefused}

func stoppedSelf(node uint64) step {
	return saw(checker.Event{Kind: checker.EventStopped, Node: node})
}

func vote(term uint64) step {
	return saw(checker.Event{Kind: checker.EventVoteSent, Term: term, Peer: 102})
}

func ack(node, index uint64) step {
	return saw(checker.Event{Kind: checker.EventAckSent, Node: node, Peer: 101, Index: index})
}

func checkpoint(index uint64) step {
	return saw(checker.Event{Kind: checker.EventCheckpoint, Index: index})
}

// sent: replica 101 offers another node's replica a snapshot.
func sent(to, index uint64) step {
	return saw(checker.Event{Kind: checker.EventSnapshotSent, Peer: 100 + to, Index: index})
}

func resumed(node, index uint64) step {
	return saw(checker.Event{Kind: checker.EventSnapshotResumed, Node: node, Index: index})
}

func staged(node, index uint64) step {
	return saw(checker.Event{Kind: checker.EventSnapshotStaged, Node: node, Index: index})
}

func installed(node, index uint64) step {
	return saw(checker.Event{Kind: checker.EventSnapshot, Node: node, Index: index})
}

func fencedOff(node uint64) step {
	return saw(checker.Event{Kind: checker.EventFenced, Node: node})
}

func adopted(node, id, index uint64) step {
	return saw(checker.Event{Kind: checker.EventReplica, Node: node, Replica: id, Peer: 100 + node, Index: index})
}

func members(index uint64, voters ...uint64) step {
	return saw(checker.Event{Kind: checker.EventMembers, Index: index, Voters: voters})
}

func joint(index uint64, voters ...uint64) step {
	return saw(checker.Event{Kind: checker.EventMembers, Index: index, Voters: voters, Outgoing: []uint64{101, 102, 103}})
}

func lostDisk(node uint64) step { return saw(checker.Event{Kind: checker.EventDiskLost, Node: node}) }

func repaired(what string) step {
	return saw(checker.Event{Kind: checker.EventRepaired, Text: what})
}

func damagedFile(node uint64) step {
	return saw(checker.Event{Kind: checker.EventDamaged, Node: node})
}

func outOfSpace(node uint64) step { return saw(checker.Event{Kind: checker.EventFull, Node: node}) }
func roomAgain(node uint64) step  { return saw(checker.Event{Kind: checker.EventSpace, Node: node}) }

func trimmedTo(offset int64) step {
	return saw(checker.Event{Kind: checker.EventTrim, Offset: offset})
}

func retains(offset int64, why string) step {
	return saw(checker.Event{Kind: checker.EventRetention, Offset: offset, Text: why})
}

func applied(node uint64, end int64) step {
	return saw(checker.Event{Kind: checker.EventApply, Node: node, Offset: end})
}

func deletion(offset int64, code engine.Code, start int64) step {
	return func(p *prober) {
		p.deleted(&engine.DeleteRecordsRequest{Offset: offset}, &engine.DeleteRecordsResponse{Err: code, LogStart: start})
	}
}

// noted and aloneSaw are of an unreplicated log, group 2, on node 1.
func noted(group uint64) step {
	return func(p *prober) {
		p.observe(&checker.Event{Kind: checker.EventDurableEnd, Node: 1, Group: group, Offset: 3})
	}
}

func aloneSaw(kind checker.EventKind) step {
	return func(p *prober) { p.observe(&checker.Event{Kind: kind, Node: 1, Group: 2, Replica: 201}) }
}

func trimmed() step { return saw(checker.Event{Kind: checker.EventTrim}) }

func torn(file string) step {
	return saw(checker.Event{Kind: checker.EventTornTail, File: file})
}

// begun: the journal goes on in so many files.
func begun(files int) []step {
	var all []step
	for i := range files {
		all = append(all, written("j-"+strconv.Itoa(i+1), 0, 0))
	}
	return all
}

// reused: a file is given back, and enough are begun that the last is that one.
func reused(last string) []step {
	all := []step{written("j-1", 1, 1), saw(checker.Event{Kind: checker.EventRecycled, File: "j-1"})}
	return append(all, written("j-2", 2, 2), written("j-3", 3, 3), written("j-4", 4, 4), written(last, 5, 5))
}

func asks(client int, node uint64) step {
	return func(p *prober) { p.asks(client, env.NodeID(node)) }
}

func hinted(leader uint64) step {
	return func(p *prober) { p.answered(0, 1, engine.NotLeaderOrFollower, env.NodeID(leader)) }
}

func over(f Fault, nodes ...uint64) step { return func(p *prober) { p.ended(&f, nodes) } }

func TestEachProbeIsReachedByWhatItSays(t *testing.T) {
	for at, info := range probes {
		s, there := scripts[probe(at)]
		if !there && !slices.Contains(elsewhere, probe(at)) {
			t.Errorf("%s has no script", info.Name)
		}
		if !there {
			continue
		}
		p := scripted()
		for i, do := range s.reaches {
			if p.counts[at] != 0 {
				t.Errorf("%s: reached before step %d", info.Name, i)
			}
			do(p)
		}
		if p.counts[at] != 1 {
			t.Errorf("%s: reached %d times, want once", info.Name, p.counts[at])
		}
		p = scripted()
		for _, do := range s.misses {
			do(p)
		}
		if p.counts[at] != 0 {
			t.Errorf("%s: reached by what only comes close", info.Name)
		}
	}
}

func TestProbesAreDeclaredOnce(t *testing.T) {
	seen := map[string]bool{}
	for i, p := range Probes() {
		if _, name, cut := strings.Cut(p.Name, "/"); !cut || name == "" || p.About == "" || seen[p.Name] {
			t.Errorf("probe %d: name %q, about %q, seen before: %v", i, p.Name, p.About, seen[p.Name])
		}
		seen[p.Name] = true
	}
	if len(seen) < 40 {
		t.Errorf("%d probes", len(seen))
	}
}

func TestACampaignAfterATimeoutIsNoneOfAClosedConnection(t *testing.T) {
	p := scripted()
	for _, do := range []step{up(1), role(1, lead, 2), died(1)} {
		do(p)
	}
	saw(checker.Event{Kind: checker.EventRole, Node: 2, Role: pre, Term: 2, AtNs: ms(500)})(p)
	if p.counts[closedConnection] != 0 {
		t.Error("reached half a second later")
	}
}

func TestAReplacedEntryOfAnOlderFile(t *testing.T) {
	p := scripted()
	for _, do := range []step{
		entries(1, 1, 1, 4), written("a", 1, 2), written("b", 3, 4), entries(1, 2, 2, 2), written("b", 2, 2),
	} {
		do(p)
	}
	if p.counts[replacedAcrossFiles] != 1 {
		t.Errorf("reached %d times: entry 2 was in file a and is in b now", p.counts[replacedAcrossFiles])
	}
}

func TestObservingAllocatesNothing(t *testing.T) {
	p := scripted()
	up(1, 2, 3)(p)
	events := []checker.Event{
		{Kind: checker.EventRole, Node: 1, Group: 1, Role: lead, Term: 2},
		{Kind: checker.EventEntry, Node: 1, Group: 1, Term: 2, Index: 1},
		{Kind: checker.EventWritten, Node: 1, Group: 1, First: 1, Last: 1, File: "a"},
		{Kind: checker.EventPersisted, Node: 1, Group: 1, First: 1, Last: 1},
		{Kind: checker.EventAckSent, Node: 2, Group: 1, Peer: 101, Index: 1},
		{Kind: checker.EventCommit, Node: 1, Group: 1, Index: 1},
		{Kind: checker.EventISR, Node: 1, Group: 1, Term: 2, Set: []uint64{1, 2}},
		{Kind: checker.EventApply, Node: 1, Group: 1, Index: 1},
		{Kind: checker.EventBooted, Node: 1},
	}
	if n := testing.AllocsPerRun(100, func() {
		for i := range events {
			p.observe(&events[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A crash of the leader is what short does; the rest follows from it.
func TestARunTellsWhatItReached(t *testing.T) {
	s := short(1)
	s.Workload.ProducesPerMinute = 6000
	r := run(t, s, Options{})
	mustPass(t, r)
	for _, at := range []probe{closedConnection, bareQuorum, hintFollowed, connectionRefused, connectionReset} {
		if r.Probes[probes[at].Name] == 0 {
			t.Errorf("%s was not reached, only %v", probes[at].Name, r.Probes)
		}
	}
	for _, at := range []probe{allDown, leaderCutOff, faultsOverlap, frameTwice, syncFailed} {
		if r.Probes[probes[at].Name] != 0 {
			t.Errorf("%s was reached", probes[at].Name)
		}
	}
	names := make([]string, 0, probeCount)
	for _, p := range Probes() {
		names = append(names, p.Name)
	}
	for name := range r.Probes {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not declared", name)
		}
	}
}
