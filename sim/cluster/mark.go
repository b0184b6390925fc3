package cluster

// maxMarks bounds the timeline; what comes later is only counted.
const maxMarks = 4000

// MarkKind says what a Mark tells of.
type MarkKind uint8

// The kinds of marks, with the fields they fill.
const (
	MarkLoad          MarkKind = iota // the load began
	MarkFault                         // Text began, a fault on Nodes
	MarkOver                          // Text: a fault on Nodes was undone
	MarkServes                        // Node recovered and serves: Term is its incarnation
	MarkRecovered                     // Node found Group's log up to index Term on its disk
	MarkStopped                       // Node stopped itself: Text
	MarkLeader                        // Node leads Group in Term: it committed an entry of its own
	MarkISR                           // Node, leading Group, has Nodes in sync
	MarkHealed                        // the second phase began: Nodes are healed, Text says what became of the rest
	MarkCoreSettled                   // the second phase ended: the healed nodes have come to rest
	MarkUnrecoverable                 // no correct system could go on: Text is the proof
	MarkRestHealed                    // the third phase began: the rest is healed, too
	MarkFenced                        // Node took Group's replica out of service: Text
	MarkDamage                        // Node's disk was damaged, of Group's files or (0) of all: Text
	MarkConverged                     // the cluster came to rest
	MarkPanic                         // Node panicked: Text is the stack
)

// Mark is one moment of a run's timeline, as data: scenarios judge by it. Notes
// tell it to people.
type Mark struct {
	AtNs  int64
	Kind  MarkKind
	Node  uint64
	Group uint64
	Term  uint64
	Nodes []uint64
	Text  string
}

// mark appends to the timeline.
func (c *Cluster) mark(m Mark) {
	if len(c.marks) < maxMarks {
		m.AtNs = c.k.Now()
		c.marks = append(c.marks, m)
	}
}
