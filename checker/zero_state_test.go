package checker_test

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// TestHardStateOfNoTerm: a fresh replica has term 0 and no vote. The journal may
// write that into the head of its next file while the replica comes to life, and
// says that it is durable afterwards. Who says so without having written it, or of
// bytes that are not durable, is named as for any other term.
func TestHardStateOfNoTerm(t *testing.T) {
	for _, test := range []struct {
		name             string
		written, durable bool
		snapshot         bool // installed while the bytes are on their way
		says             string
	}{
		{name: "in a head", written: true, durable: true},
		{name: "in a head, and a snapshot comes", written: true, durable: true, snapshot: true},
		{name: "never written", says: "term 0, vote 0 persisted and has nothing of the kind in writing"},
		{name: "not durable", written: true, says: "calls term 0 and vote 0 persisted: 10 bytes of head at 0 on node 2 are not durable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := started(2)
			c.takeCheckpoint(c.r(1))
			head := checker.Event{Kind: checker.EventWritten, File: "head", Length: 10}
			observe := c.tap
			c.tap = func(e checker.Event) {
				observe(e)
				if e.Kind == checker.EventReplica && test.written {
					again := head
					again.Seq, again.AtNs, again.Node, again.Group, again.Replica = e.Seq, e.AtNs, e.Node, e.Group, e.Replica
					observe(again)
				}
			}
			r := left(c) // its adoption, then the head, then its recovery
			c.tap = observe
			if test.snapshot {
				c.tell(r, checker.Event{Kind: checker.EventSnapshot, Index: c.r(1).checkpoint, Term: 1})
			}
			c.durable[toyByte{r.host(), head.File, 0}] = test.durable
			head.Kind = checker.EventPersisted
			c.turn()
			c.tell(r, head)
			report := c.m.Finish()
			if test.says == "" {
				wantClean(t, report)
				return
			}
			if violations(t, report, checker.Durability) != 1 || !strings.Contains(report.Violations[0].Message, test.says) {
				t.Errorf("want one violation with %q: %v", test.says, report.Violations)
			}
		})
	}
}
