package cluster

// Probe is a point of which each sweep should say that sometimes a run comes
// there: what never happens was never tested.
type Probe struct {
	Name  string `json:"name"`
	About string `json:"about"`

	// Required: a sweep over 200 seeds of the scenario mixed comes there, or
	// something is wrong with the scenario, the models or the engine. One is
	// required if 5% of the seeds or more come there: then it is missed by chance
	// less than once in 20,000 such sweeps.
	Required bool `json:"required"`
}

// Probes lists all of them, reached or not, in the order of their subjects.
func Probes() []Probe { return append([]Probe(nil), probes[:]...) }

// probe is a Probe's number.
type probe uint8

// Elections.
const (
	twoCandidates probe = iota
	splitVote
	preVoteFailed
	candidateBeaten
	candidateAgain
	quorumCheck
	leaderDeposed
	twoLeaders
	sameLeaderAgain
	leaderAfterCrash
	electedInRecovery
	bareQuorum
	closedConnection
	votedAfterRestart
	voteRecovered
	leaderDiedUnproven
	inheritedEntries
	shorterLog
)

// Replication.
const (
	suffixTruncated probe = iota + shorterLog + 1
	longSuffixTruncated
	durableTruncated
	replacedAcrossFiles
	turnBatch
	batchedWrite
	farBehind
	sentFromJournal
	committedIndirectly
	committedAheadOfDisk
	commitLeap
	frameLost
	frameTwice
	frameReordered
	frameCorrupted
)

// Storage.
const (
	journalRolled probe = iota + frameCorrupted + 1
	journalRecycled
	tornTail
	resynced
	emptyTail
	checkpointUnderLoad
	twoCheckpoints
	fromCheckpoint
	replayedJournal
	recoveredUncommitted
	writeInFlight
	crashInRecovery
	crashLoop
	powerLossAfterCrash
	writeLost
	sectorTorn
	nameLost
	syncFailed
	stoppedItself
)

// In-sync sets.
const (
	isrShrunk probe = iota + stoppedItself + 1
	isrGrew
	isrAlone
	isrBelowMin
	leaderOutside
	isrInherited
	produceRefused
	produceUnacknowledged
)

// Clients.
const (
	hintFollowed probe = iota + produceUnacknowledged + 1
	unknownFound
	unknownAbsent
	writtenTwice
	unknownRetried
	readNotReady
	longPoll
	connectionRefused
	connectionReset
)

// Processes, restarts and what holds them up.
const (
	allDown probe = iota + connectionReset + 1
	powerLossOfAll
	quorumDown
	restartWhileOthersDown
	sameLeaderMet
	leaderStopped
	leaderPaused
	leaderCutOff
	diedPaused
	faultsOverlap
	clockForward
	clockBackward
	leaderFrozen
	clockDrifted
	leaderDeposedAsleep
	inSyncStruck
	longestStruck
	diedAtOperation
	diedAtSync
	diedAtRecovery
)

// What the links, the disks and the phases came to.
const (
	ringCut probe = iota + diedAtRecovery + 1
	bridgeLeft
	leaderFlapped
	leaderReset
	leaderClogged
	queueOverflowed
	frameReset
	leaderStalled
	diskThrottled
	stoppedAgain
	disksSwapped
	bytesRotten
	readFailed
	writeMisdirected
	writeSwallowed
	nameTaken
	diskLost
	spaceRefused
	replicaFenced
	damageWithheld
	restBroken
	leaderInRest
	coreSettled
)

// Snapshots and replicas that are replaced.
const (
	snapshotInstalled probe = iota + coreSettled + 1
	snapshotResumed
	snapshotOutlived
	snapshotSuperseded
	snapshotUnderLoad
	snapshotBelowEnd
	snapshotFailed
	replicaReplaced
	diskReplaced
	ownCheckpoint
	replacedUnderLeaders
	leaderInJoint
)

// Damage that is found and repaired, and what becomes of a disk that is full, of
// a journal that is bounded and of a log that is.
const (
	segmentRepaired probe = iota + leaderInJoint + 1
	indexRebuilt
	checkpointRebuilt
	journalReplaced
	damageInService
	damageAtStart
	tailInDoubt
	staleFound
	misdirectedFound
	scrubPassed
	allCopiesDamaged
	recycledThenTorn
	journalOfMany
	fullLeaderLeft
	fullRecovered
	storageRefused
	logTrimmed
	trimmedBySize
	trimmedByTime
	trimmedUnderSnapshot
	followerBelowStart
	fetchBelowStart
	recordsDeleted
	deletionRefused
	journalFullRefused
	produceThrottled
	directNoted
	directCut
	directResynced
	directCheckpoint
	directFullRecovered
	directLost

	probeCount
)

var probes = [probeCount]Probe{
	twoCandidates:      {Name: "election/two-candidates", About: "two replicas were candidates in the same term", Required: true},
	splitVote:          {Name: "election/split-vote", About: "a term with several candidates ended without a leader", Required: true},
	preVoteFailed:      {Name: "election/pre-vote-failed", About: "a pre-candidate became a follower again: it lost the pre-vote or heard of a leader", Required: true},
	candidateBeaten:    {Name: "election/candidate-beaten", About: "a candidate followed the winner of its own term", Required: true},
	candidateAgain:     {Name: "election/candidate-again", About: "a candidate without an answer began the next election", Required: true},
	quorumCheck:        {Name: "election/quorum-check", About: "a leader that heard of no quorum stepped down in its own term", Required: true},
	leaderDeposed:      {Name: "election/leader-deposed", About: "a leader heard of a higher term", Required: true},
	twoLeaders:         {Name: "election/two-leaders", About: "a leader was elected while one of an older term still held itself for it", Required: true},
	sameLeaderAgain:    {Name: "election/same-leader-again", About: "the leader of the last term was elected again", Required: true},
	leaderAfterCrash:   {Name: "election/leader-after-crash", About: "it was elected again after its process had died meanwhile", Required: true},
	electedInRecovery:  {Name: "election/during-recovery", About: "a leader was elected while another member recovered", Required: true},
	bareQuorum:         {Name: "election/bare-quorum", About: "a leader was elected while no member beyond a quorum was up", Required: true},
	closedConnection:   {Name: "election/closed-connection", About: "a follower campaigned sooner after the end of its leader's process than by a timeout", Required: true},
	votedAfterRestart:  {Name: "election/voted-after-restart", About: "a replica granted the same vote before and after a restart"},
	voteRecovered:      {Name: "election/vote-recovered", About: "a restarted replica found a vote of its for another in the last term it knew", Required: true},
	leaderDiedUnproven: {Name: "election/leader-died-unproven", About: "a leader died before it committed an entry of its term"},
	inheritedEntries:   {Name: "election/inherited-entries", About: "a leader began with entries that it did not know to be committed", Required: true},
	shorterLog:         {Name: "election/shorter-log", About: "a leader was elected while another member that was up had a longer log", Required: true},

	suffixTruncated:      {Name: "replication/suffix-truncated", About: "a replica replaced entries at the end of its log", Required: true},
	longSuffixTruncated:  {Name: "replication/long-suffix-truncated", About: "it replaced four of them or more", Required: true},
	durableTruncated:     {Name: "replication/durable-suffix-truncated", About: "it replaced entries that were durable on it", Required: true},
	replacedAcrossFiles:  {Name: "replication/replaced-across-files", About: "a replaced entry was written to another journal file than the one it replaces", Required: true},
	turnBatch:            {Name: "replication/turn-batch", About: "a leader appended several entries of one turn", Required: true},
	batchedWrite:         {Name: "replication/batched-write", About: "several entries of one log went to the disk in one record", Required: true},
	farBehind:            {Name: "replication/far-behind", About: "a follower acknowledged entries 50 or more behind the commit index", Required: true},
	sentFromJournal:      {Name: "replication/read-back", About: "a leader read entries back from its journal", Required: true},
	committedIndirectly:  {Name: "replication/committed-indirectly", About: "entries of older terms were committed by one of the leader's own (Raft, section 5.4.2)", Required: true},
	committedAheadOfDisk: {Name: "replication/committed-ahead-of-disk", About: "a leader committed an entry that its own disk did not hold yet", Required: true},
	commitLeap:           {Name: "replication/commit-leap", About: "a commit index rose by 20 or more at once", Required: true},
	frameLost:            {Name: "replication/frame-lost", About: "the network lost a frame", Required: true},
	frameTwice:           {Name: "replication/frame-twice", About: "the network delivered a frame twice", Required: true},
	frameReordered:       {Name: "replication/frame-reordered", About: "the network let a frame overtake another", Required: true},
	frameCorrupted:       {Name: "replication/frame-corrupted", About: "the network damaged a frame", Required: true},

	journalRolled:        {Name: "storage/journal-rolled", About: "a journal went on in a new file", Required: true},
	journalRecycled:      {Name: "storage/journal-recycled", About: "a journal file was given back for reuse", Required: true},
	tornTail:             {Name: "storage/torn-tail", About: "recovery cut an incomplete write", Required: true},
	resynced:             {Name: "storage/tail-resynced-at-recovery", About: "recovery rewrote what might have been in the page cache only", Required: true},
	emptyTail:            {Name: "storage/empty-tail", About: "recovery found nothing behind the last durable byte", Required: true},
	checkpointUnderLoad:  {Name: "storage/checkpoint-under-load", About: "a checkpoint became durable while newer entries were under way", Required: true},
	twoCheckpoints:       {Name: "storage/two-checkpoints", About: "recovery found a checkpoint beside the one that it replaces", Required: true},
	fromCheckpoint:       {Name: "storage/from-checkpoint", About: "recovery began with a checkpoint", Required: true},
	replayedJournal:      {Name: "storage/replayed-journal", About: "recovery applied committed entries behind the checkpoint", Required: true},
	recoveredUncommitted: {Name: "storage/recovered-uncommitted", About: "recovery found entries not known to be committed", Required: true},
	writeInFlight:        {Name: "storage/write-in-flight", About: "a process died while entries were written and not synced", Required: true},
	crashInRecovery:      {Name: "storage/crash-in-recovery", About: "a process died before it had recovered", Required: true},
	crashLoop:            {Name: "storage/crash-loop", About: "two processes in a row died before they had recovered", Required: true},
	powerLossAfterCrash:  {Name: "storage/power-loss-after-crash", About: "a machine lost power after its process had died and before the next had recovered", Required: true},
	writeLost:            {Name: "storage/write-lost", About: "a power loss took bytes of the journal that were not synced", Required: true},
	sectorTorn:           {Name: "storage/sector-torn", About: "a power loss tore a sector", Required: true},
	nameLost:             {Name: "storage/name-lost", About: "a power loss took a directory entry that was not synced", Required: true},
	syncFailed:           {Name: "storage/sync-failed", About: "a sync failed", Required: true},
	stoppedItself:        {Name: "storage/stopped-itself", About: "a node stopped itself on a failure", Required: true},

	isrShrunk:             {Name: "isr/shrunk", About: "a leader took a member out of the in-sync set", Required: true},
	isrGrew:               {Name: "isr/grew", About: "a leader took a member into the in-sync set", Required: true},
	isrAlone:              {Name: "isr/alone", About: "the in-sync set was one node", Required: true},
	isrBelowMin:           {Name: "isr/below-min", About: "the in-sync set was smaller than min ISR", Required: true},
	leaderOutside:         {Name: "isr/leader-outside", About: "the in-sync set lacked its leader"},
	isrInherited:          {Name: "isr/inherited", About: "a leader began with an in-sync set that lacked members", Required: true},
	produceRefused:        {Name: "isr/produce-refused", About: "a produce was refused for too few in-sync replicas", Required: true},
	produceUnacknowledged: {Name: "isr/produce-unacknowledged", About: "a produce was appended and had too few in-sync replicas then", Required: true},

	hintFollowed:      {Name: "client/hint-followed", About: "a client went to the leader that another node had named", Required: true},
	unknownFound:      {Name: "client/unknown-found", About: "a produce of unknown outcome stands in the agreed log", Required: true},
	unknownAbsent:     {Name: "client/unknown-absent", About: "a produce of unknown outcome does not", Required: true},
	writtenTwice:      {Name: "client/written-twice", About: "a client's retry wrote its batch a second time", Required: true},
	unknownRetried:    {Name: "client/unknown-retried", About: "a produce succeeded after an attempt of unknown outcome", Required: true},
	readNotReady:      {Name: "client/read-not-ready", About: "a linearizable read was refused by a leader that had committed nothing in its term", Required: true},
	longPoll:          {Name: "client/long-poll", About: "a fetch that waited was answered by new records"},
	connectionRefused: {Name: "client/connection-refused", About: "a client met a machine without a serving process", Required: true},
	connectionReset:   {Name: "client/connection-reset", About: "a process died with a client's request", Required: true},

	allDown:                {Name: "process/all-down", About: "no process was up", Required: true},
	powerLossOfAll:         {Name: "process/power-loss-of-all", About: "all machines were without power at once", Required: true},
	quorumDown:             {Name: "process/quorum-down", About: "a group had no quorum of processes", Required: true},
	restartWhileOthersDown: {Name: "process/restart-while-others-down", About: "a process started while another was down", Required: true},
	sameLeaderMet:          {Name: "process/same-leader-met", About: "a restarted follower met the leader and term that it had left", Required: true},
	leaderStopped:          {Name: "process/leader-stopped", About: "a leader was asked for a clean stop", Required: true},
	leaderPaused:           {Name: "process/leader-paused", About: "a leader's process was paused", Required: true},
	leaderCutOff:           {Name: "process/leader-cut-off", About: "a leader was partitioned from a quorum", Required: true},
	diedPaused:             {Name: "process/died-paused", About: "a paused process died", Required: true},
	faultsOverlap:          {Name: "process/faults-overlap", About: "a fault began while another was in force", Required: true},
	clockForward:           {Name: "process/clock-forward", About: "a wall clock jumped forward", Required: true},
	clockBackward:          {Name: "process/clock-backward", About: "a wall clock jumped backward", Required: true},
	leaderFrozen:           {Name: "process/leader-frozen", About: "a leader's clock stood still", Required: true},
	clockDrifted:           {Name: "process/clock-drifted", About: "a clock changed its rate", Required: true},
	leaderDeposedAsleep:    {Name: "process/leader-deposed-asleep", About: "a leader was elected while the one before it was paused", Required: true},
	inSyncStruck:           {Name: "process/in-sync-follower-struck", About: "a fault aimed at a follower in the in-sync set", Required: true},
	longestStruck:          {Name: "process/longest-log-struck", About: "a fault aimed at the replica with the longest log", Required: true},
	diedAtOperation:        {Name: "process/died-at-operation", About: "a process died between an operation of its disk and its answer", Required: true},
	diedAtSync:             {Name: "process/died-at-sync", About: "it died between a sync and its answer", Required: true},
	diedAtRecovery:         {Name: "process/died-at-recovery", About: "it died so while it recovered", Required: true},

	ringCut:          {Name: "network/ring", About: "nodes reached their neighbours alone", Required: true},
	bridgeLeft:       {Name: "network/bridge", About: "two halves met at a bridge alone", Required: true},
	leaderFlapped:    {Name: "network/leader-flapped", About: "a leader's partition came and went", Required: true},
	leaderReset:      {Name: "network/leader-reset", About: "a leader's connections broke", Required: true},
	leaderClogged:    {Name: "network/leader-clogged", About: "what a leader sent, or was sent, was held", Required: true},
	queueOverflowed:  {Name: "network/queue-overflowed", About: "a link's queue was full and dropped a frame"},
	frameReset:       {Name: "network/frame-reset", About: "a frame was lost with its connection", Required: true},
	leaderStalled:    {Name: "storage/leader-stalled", About: "a leader's disk ended nothing", Required: true},
	diskThrottled:    {Name: "storage/throttled", About: "a disk's bandwidth held an operation up", Required: true},
	stoppedAgain:     {Name: "storage/stopped-again", About: "a node whose syncs fail stopped itself, and again after its restart", Required: true},
	disksSwapped:     {Name: "storage/disks-swapped", About: "a node was started on another one's disk", Required: true},
	bytesRotten:      {Name: "damage/rot", About: "bits flipped at rest"},
	readFailed:       {Name: "damage/read-failed", About: "a process met sectors that cannot be read"},
	writeMisdirected: {Name: "damage/write-misdirected", About: "a write landed in another place"},
	writeSwallowed:   {Name: "damage/write-lost", About: "a write that was told a success landed nowhere"},
	nameTaken:        {Name: "damage/name-lost", About: "a file lost its name"},
	diskLost:         {Name: "damage/disk-lost", About: "a disk was lost"},
	spaceRefused:     {Name: "damage/no-space", About: "a process met a full disk"},
	replicaFenced:    {Name: "damage/replica-fenced", About: "a replica was taken out of service"},
	damageWithheld:   {Name: "damage/withheld", About: "the atlas spared a majority"},
	restBroken:       {Name: "phase/rest-broken", About: "nodes outside the healed quorum broke", Required: true},
	leaderInRest:     {Name: "phase/leader-in-rest", About: "one of them led a group then", Required: true},
	coreSettled:      {Name: "phase/quorum-settled", About: "the healed quorum came to rest without the others", Required: true},

	snapshotInstalled:    {Name: "storage/snapshot-installed", About: "a follower went on from a snapshot"},
	snapshotResumed:      {Name: "storage/snapshot-resumed-after-crash", About: "a follower that died while a snapshot came went on with what was there"},
	snapshotOutlived:     {Name: "storage/snapshot-outlived-sender", About: "a snapshot became whole although who had offered it died meanwhile"},
	snapshotSuperseded:   {Name: "storage/snapshot-superseded", About: "a newer snapshot was offered before the older one was installed"},
	snapshotUnderLoad:    {Name: "storage/snapshot-under-load", About: "entries were committed between a snapshot's offer and its installation"},
	snapshotBelowEnd:     {Name: "storage/snapshot-below-log-end", About: "a snapshot took the place of a log that went on behind it, with entries that were never committed"},
	snapshotFailed:       {Name: "storage/snapshot-given-up", About: "a leader gave up a snapshot that it had offered"},
	replicaReplaced:      {Name: "storage/replica-replaced-after-rot", About: "a replica that may have forgotten became a voter again, under a fresh id"},
	diskReplaced:         {Name: "storage/replica-replaced-after-lost-disk", About: "so did one whose disk was lost"},
	ownCheckpoint:        {Name: "storage/replica-kept-its-log", About: "a replica under a fresh id went on from its own checkpoint"},
	replacedUnderLeaders: {Name: "storage/leader-changed-in-replacement", About: "a leader was elected while a replica was being replaced"},
	leaderInJoint:        {Name: "storage/leader-changed-in-joint", About: "a leader was elected under two configurations at once"},

	segmentRepaired:      {Name: "storage/segment-repaired-from-peer", About: "a bad segment was fetched from another replica"},
	indexRebuilt:         {Name: "storage/index-rebuilt", About: "a bad index was made anew"},
	checkpointRebuilt:    {Name: "storage/checkpoint-rebuilt", About: "a bad checkpoint was made anew"},
	journalReplaced:      {Name: "storage/journal-repaired", About: "a journal was rid of a damaged file"},
	damageInService:      {Name: "storage/damage-found-in-service", About: "a node that serves found bytes that do not verify"},
	damageAtStart:        {Name: "storage/damage-found-at-start", About: "a node that recovers found some"},
	tailInDoubt:          {Name: "storage/tail-in-doubt", About: "a journal's end could not be read, and who may have had a record there was fenced"},
	staleFound:           {Name: "storage/stale-write-found", About: "a node found damage after its disk was to lose a write"},
	misdirectedFound:     {Name: "storage/misdirected-write-found", About: "a node found damage after its disk was to misdirect a write"},
	scrubPassed:          {Name: "storage/scrubbed", About: "a node had read all that its disk holds"},
	allCopiesDamaged:     {Name: "storage/all-copies-damaged", About: "no other replica could give the good bytes of a range"},
	recycledThenTorn:     {Name: "storage/recycled-file-then-torn", About: "recovery cut an incomplete write in a file that was given back and used again"},
	journalOfMany:        {Name: "storage/journal-of-many-files", About: "a node's journal came to 24 files that were not given back"},
	fullLeaderLeft:       {Name: "storage/disk-full-transferred", About: "a leader whose disk was full gave its leadership away"},
	fullRecovered:        {Name: "storage/disk-full-recovered", About: "a process whose disk was full had room again"},
	storageRefused:       {Name: "client/storage-error", About: "a client was refused for the state of a disk"},
	logTrimmed:           {Name: "storage/trimmed", About: "a log let its oldest records go"},
	trimmedBySize:        {Name: "storage/trimmed-by-size", About: "it did so because it had come to the bytes that it keeps"},
	trimmedByTime:        {Name: "storage/trimmed-by-time", About: "it did so because they had come to their age"},
	trimmedUnderSnapshot: {Name: "storage/trimmed-during-snapshot", About: "it did so between a snapshot's offer and its installation"},
	followerBelowStart:   {Name: "storage/follower-below-start-snapshot", About: "a snapshot came for a replica whose log ended before the others' began"},
	fetchBelowStart:      {Name: "client/fetch-below-start", About: "a client asked for records that were let go, and was told where the log begins"},
	recordsDeleted:       {Name: "client/delete-records-applied", About: "a client was told that the records it wanted gone are gone"},
	deletionRefused:      {Name: "client/delete-records-refused", About: "a client wanted records gone that there are none of"},
	journalFullRefused:   {Name: "client/journal-full", About: "a produce was refused for a journal at its bound"},
	produceThrottled:     {Name: "client/throttled", About: "a client was refused because too much was on its way already"},
	directNoted:          {Name: "storage/direct-durable-end-written", About: "an unreplicated log noted how far it is durable"},
	directCut:            {Name: "storage/direct-tail-cut-at-recovery", About: "recovery cut an incomplete write at its end"},
	directResynced:       {Name: "storage/direct-tail-resynced", About: "recovery wrote again what it found behind its checkpoint"},
	directCheckpoint:     {Name: "storage/direct-checkpoint", About: "it made a checkpoint of its own"},
	directFullRecovered:  {Name: "storage/direct-full-disk-recovered", About: "it acknowledged a produce, its disk having been full, in the same process"},
	directLost:           {Name: "storage/direct-lost-named", About: "it found records lost for good, and serves no more"},
}
