package cluster

import (
	"fmt"
	"strings"
	"time"
)

// maxMarks bounds the timeline; what comes later is only counted.
const maxMarks = 4000

// MarkKind says what a Mark tells of.
type MarkKind uint8

// The kinds of marks, with the fields they fill.
const (
	MarkLoad      MarkKind = iota // the load began
	MarkFault                     // Text began, on Nodes
	MarkOver                      // Text was undone, on Nodes
	MarkServes                    // Node recovered and serves: Term is its incarnation
	MarkRecovered                 // Node found Group's log up to index Term on its disk
	MarkStopped                   // Node stopped itself: Text
	MarkLeader                    // Node leads Group in Term: it committed an entry of its own
	MarkISR                       // Node, leading Group, has Nodes in sync
	MarkHealed                    // the second phase began
	MarkConverged                 // the cluster came to rest
	MarkPanic                     // Node panicked: Text is the stack
)

// Mark is one line of a run's timeline, as data: scenarios judge by it, and
// people read it.
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

// String renders the mark for people.
func (m Mark) String() string {
	return fmt.Sprintf("%10.10s  %s", seconds(m.AtNs), m.text())
}

// seconds renders nanoseconds as "12.345678s", without floats.
func seconds(ns int64) string {
	return fmt.Sprintf("%d.%06ds", ns/int64(time.Second), ns%int64(time.Second)/1000)
}

func (m Mark) text() string {
	switch m.Kind {
	case MarkLoad:
		return "all nodes serve, the load begins"
	case MarkFault:
		return m.Text + nodeList(m.Nodes)
	case MarkOver:
		return "over: " + m.Text + nodeList(m.Nodes)
	case MarkServes:
		return fmt.Sprintf("node %d serves (boot %d)", m.Node, m.Term)
	case MarkRecovered:
		return fmt.Sprintf("node %d recovered group %d up to index %d", m.Node, m.Group, m.Term)
	case MarkStopped:
		return fmt.Sprintf("node %d stopped itself: %s", m.Node, m.Text)
	case MarkLeader:
		return fmt.Sprintf("group %d: node %d leads in term %d", m.Group, m.Node, m.Term)
	case MarkISR:
		return fmt.Sprintf("group %d: in sync are%s", m.Group, strings.TrimPrefix(nodeList(m.Nodes), ":"))
	case MarkHealed:
		return "everything is healed"
	case MarkConverged:
		return "the cluster has come to rest"
	case MarkPanic:
		return fmt.Sprintf("node %d panicked: %s", m.Node, m.Text)
	}
	return "?"
}

func nodeList(nodes []uint64) string {
	var b strings.Builder
	b.WriteString(": node")
	for _, n := range nodes {
		fmt.Fprintf(&b, " %d", n)
	}
	return b.String()
}
