package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
	"github.com/lockstep-log/lockstep/netmodel"
)

// stopping is a clean stop that was asked for.
type stopping struct{ errs []error }

func (h *host) stop() *stopping {
	s := &stopping{}
	h.do(func() { h.node.Stop(func(err error) { s.errs = append(s.errs, err) }) })
	return s
}

// end waits for the stop and some time longer; it is to be answered once.
func (s *stopping) end(t *testing.T, w *world) error {
	t.Helper()
	w.until(func() bool { return len(s.errs) > 0 }, "end of the stop")
	w.sleep(100 * time.Millisecond)
	if len(s.errs) != 1 {
		t.Fatalf("a stop was answered %d times: %v", len(s.errs), s.errs)
	}
	return s.errs[0]
}

// steps runs so many events.
func (w *world) steps(n int) {
	for range n {
		w.k.Step()
	}
}

// over ends a process that stopped.
func (h *host) over() {
	*h.alive = false
	h.w.net.Close(h.id)
}

func TestStopAtAnyMomentOfRecovery(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) { partitions(c, 2) })
	w.formatAndStart()
	h := w.nodes[0]
	w.leaderOf(2)
	for range 3 {
		h.produceTo(t, 0, batch("replayed"))
		h.produceTo(t, 1, batch("replayed"))
	}
	h.crash()
	for moment := 0; ; moment++ {
		h.start()
		w.steps(moment)
		if h.ready > 0 {
			if moment < 20 {
				t.Fatalf("recovery took %d events: too few to say anything", moment)
			}
			break
		}
		if err := h.stop().end(t, w); err != nil {
			t.Fatalf("after %d events: %v", moment, err)
		}
		if h.ready != 0 || h.node.Ready() || h.failed != nil {
			t.Fatalf("stopped after %d events of recovery: ready %d times, failed %v", moment, h.ready, h.failed)
		}
		h.over()
		h.disk.Crash()
	}
	w.leader()
	if r := h.produceTo(t, 0, batch("x")); r.Err != engine.None || r.BaseOffset != 3 {
		t.Fatalf("after all that: %+v", r)
	}
}

func TestStopWhenReadyIsTold(t *testing.T) {
	w := newWorld(t, 1, nil)
	h := w.nodes[0]
	if err := h.format(); err != nil {
		t.Fatal(err)
	}
	s := &stopping{}
	h.onReady = func() { h.node.Stop(func(err error) { s.errs = append(s.errs, err) }) }
	h.start()
	if err := s.end(t, w); err != nil || h.failed != nil {
		t.Fatalf("stop: %v, failed %v", err, h.failed)
	}
}

// However the two overlap, each is answered once, and with the same result.
func TestStopTwice(t *testing.T) {
	for gap := 0; ; gap++ {
		w := newWorld(t, 1, nil)
		w.formatAndStart()
		l := w.leader()
		l.produce(t, batch("kept"))
		first := l.stop()
		w.steps(gap)
		over := len(first.errs) > 0
		second := l.stop()
		for i, s := range []*stopping{first, second} {
			if err := s.end(t, w); err != nil {
				t.Fatalf("%d events between them: stop %d: %v", gap, i+1, err)
			}
		}
		if l.traced(env.EventCheckpoint) != 1 {
			t.Fatalf("%d events between them: the second stop cut the first one off", gap)
		}
		l.over()
		l.start()
		if got := values(t, w.leader().fetch(t, engine.FetchRequest{}).Batches); !slices.Equal(got, []string{"kept"}) {
			t.Fatalf("%d events between them: then the log holds %q", gap, got)
		}
		if over {
			if gap < 4 {
				t.Fatalf("a stop took %d events: too few to say anything", gap)
			}
			return
		}
	}
}

func TestStopReportsAFailedSync(t *testing.T) {
	failures := 0
	for moment := 0; ; moment++ {
		w := newWorld(t, 1, nil)
		w.formatAndStart()
		l := w.leader()
		l.produce(t, batch("kept"))
		w.sleep(time.Second)
		s := l.stop()
		w.steps(moment)
		if len(s.errs) > 0 {
			break // no sync is left to fail
		}
		l.disk.FailNextSync(1)
		err := s.end(t, w)
		switch {
		case err == nil: // the stop's last sync was under way already
		case !errors.Is(err, env.ErrIO):
			t.Fatalf("after %d events: %v", moment, err)
		default:
			failures++
		}
		if l.failed != nil {
			t.Fatalf("after %d events: Failed is called beside the stop's answer: %v", moment, l.failed)
		}
		l.disk.FailNextSync(0)
		l.over()
		l.disk.Crash()
		l.start()
		if got := values(t, w.leader().fetch(t, engine.FetchRequest{}).Batches); !slices.Equal(got, []string{"kept"}) {
			t.Fatalf("after %d events: then the log holds %q", moment, got)
		}
	}
	if failures == 0 {
		t.Fatal("no stop met a failed sync")
	}
}

func TestStopAnswersAFetchThatReadsTheDisk(t *testing.T) {
	w, l := coldWorld(t, 1, nil)
	p := l.poll(engine.FetchRequest{MaxBytes: 100})
	s := l.stop()
	if p.answers != 1 || p.response.Err != engine.NotLeaderOrFollower {
		t.Fatalf("%d answers, %v", p.answers, p.response.Err)
	}
	if err := s.end(t, w); err != nil || p.answers != 1 {
		t.Fatalf("stop: %v; the fetch was answered %d times", err, p.answers)
	}
}

// A user may stop a node because of what a request was answered, whoever is
// answered in the same turn, and nobody is forgotten.
func TestStopInsideAnAnswer(t *testing.T) {
	for name, ask := range requests {
		w := newWorld(t, 3, func(c *engine.Config) { c.Topology.Partitions[0].MinISR = 1 })
		w.formatAndStart()
		l := w.leader()
		w.sleep(time.Second)
		s := &stopping{}
		answers := 0
		l.do(func() {
			for range 5 {
				ask(l.node, func() {
					if answers++; answers == 1 {
						l.node.Stop(func(err error) { s.errs = append(s.errs, err) })
					}
				})
			}
		})
		w.sleep(time.Millisecond)
		l.do(func() { requests["produce"](l.node, func() {}) })
		if err := s.end(t, w); err != nil || answers != 5 {
			t.Errorf("%s: %d of 5 answered, stop: %v", name, answers, err)
		}
		if n := l.traced(env.EventFenced); n != 0 {
			t.Errorf("%s: a stop fenced %d replicas", name, n)
		}
	}
}

// requests of every kind that waits; done is called when one is answered.
var requests = map[string]func(n *engine.Node, done func()){
	"produce": func(n *engine.Node, done func()) {
		n.Produce(engine.ProduceRequest{Topic: "t", Batch: batch("x"), LeaderEpoch: -1}, func(engine.ProduceResponse) { done() })
	},
	"list offsets": func(n *engine.Node, done func()) {
		n.ListOffsets(engine.ListOffsetsRequest{Topic: "t", Timestamp: engine.Latest, LeaderEpoch: -1}, func(engine.ListOffsetsResponse) { done() })
	},
	"read barrier": func(n *engine.Node, done func()) {
		n.ReadBarrier(1, 0, func(engine.Code) { done() })
	},
	"poll": func(n *engine.Node, done func()) {
		n.Fetch(engine.FetchRequest{Topic: "t", MaxWait: time.Hour, LeaderEpoch: -1}, func(engine.FetchResponse) { done() })
	},
	"expiring poll": func(n *engine.Node, done func()) {
		n.Fetch(engine.FetchRequest{Topic: "t", Offset: 0, MinBytes: 1 << 20, MaxWait: time.Second, LeaderEpoch: -1}, func(engine.FetchResponse) { done() })
	},
	"linearizable fetch": func(n *engine.Node, done func()) {
		n.Fetch(engine.FetchRequest{Topic: "t", Linearizable: true, LeaderEpoch: -1}, func(engine.FetchResponse) { done() })
	},
}

func TestNothingIsCalledAfterKillInsideAnAnswer(t *testing.T) {
	for name, ask := range requests {
		w := newWorld(t, 1, nil)
		w.formatAndStart()
		l := w.leader()
		answers := 0
		l.do(func() {
			for range 5 {
				ask(l.node, func() {
					if answers++; answers == 1 {
						l.node.Kill()
					}
				})
			}
		})
		w.sleep(time.Millisecond)
		l.do(func() { requests["produce"](l.node, func() {}) })
		w.sleep(3 * time.Second)
		if answers != 1 {
			t.Errorf("%s: %d answered; the first one killed the node", name, answers)
		}
	}
}

func TestNothingIsSentAfterKillInsideAnAnswer(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.formatAndStart()
	l := w.leader()
	w.sleep(time.Second)
	killed, sent := false, 0
	w.watch = func(from, _ env.NodeID, _ env.Lane, _ []byte) {
		if killed && from == l.id {
			sent++
		}
	}
	l.do(func() {
		requests["produce"](l.node, func() {
			l.node.Kill()
			killed = true
		})
	})
	w.until(func() bool { return killed }, "answer")
	w.sleep(time.Second)
	if sent != 0 {
		t.Fatalf("%d frames sent after Kill", sent)
	}
}

// The last answers of a leader that is deposed, or that stops.
func TestNothingIsCalledAfterKillInsideALastAnswer(t *testing.T) {
	for name, end := range map[string]func(w *world, l *host){
		"stopped": func(_ *world, l *host) { l.stop() },
		"deposed": func(w *world, l *host) {
			w.eachOther(l, func(h *host) { h.do(func() { h.node.PeerDown(l.id) }) })
		},
	} {
		for kind, ask := range requests {
			w := newWorld(t, 3, nil)
			w.formatAndStart()
			l := w.leader()
			w.sleep(time.Second)
			l.disk.SetSlow(time.Second) // nothing is done before the end
			answers := 0
			l.do(func() {
				for range 5 {
					ask(l.node, func() {
						if answers++; answers == 1 {
							l.node.Kill()
						}
					})
				}
			})
			end(w, l)
			w.sleep(5 * time.Second)
			if answers != 1 {
				t.Errorf("%s, %s: %d answered; the first one killed the node", name, kind, answers)
			}
		}
	}
}

func TestNothingIsCalledAfterKillInsideTheAnswerToAStop(t *testing.T) {
	for _, ready := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		h := w.nodes[0]
		if err := h.format(); err != nil {
			t.Fatal(err)
		}
		h.start()
		if ready {
			w.leader()
		}
		answers := 0
		h.do(func() {
			for range 3 {
				h.node.Stop(func(error) {
					answers++
					h.node.Kill()
				})
			}
		})
		w.sleep(time.Second)
		if answers != 1 {
			t.Errorf("ready %v: %d stops answered; the first answer killed the node", ready, answers)
		}
	}
}

func TestKillForgetsAStop(t *testing.T) {
	for _, ready := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		h := w.nodes[0]
		if err := h.format(); err != nil {
			t.Fatal(err)
		}
		h.start()
		if ready {
			w.leader().produce(t, batch("x"))
		}
		answers := 0
		h.do(func() {
			h.node.Stop(func(error) { answers++ })
			h.node.Kill()
		})
		w.sleep(time.Second)
		if answers > 0 || h.failed != nil || h.node.Ready() {
			t.Errorf("ready %v: %d stops answered after Kill, failed %v", ready, answers, h.failed)
		}
	}
}

// A deposed leader learns in one message that it is, and that entries of its
// own are committed. Its answers come in between, and one of them stops it.
func TestStopInsideTheLastAnswerOfADeposedLeader(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.formatAndStart()
	l := w.leader()
	w.sleep(time.Second)
	s := &stopping{}
	answers := 0
	w.eachOther(l, func(h *host) { w.net.Cut(netmodel.Addr(h.id), netmodel.Addr(l.id)) }) // no acknowledgement
	l.do(func() {
		requests["produce"](l.node, func() {
			answers++
			l.node.Stop(func(err error) { s.errs = append(s.errs, err) })
		})
	})
	w.sleep(5 * time.Millisecond)
	w.eachOther(l, func(h *host) { w.net.Cut(netmodel.Addr(l.id), netmodel.Addr(h.id)) })
	var probe wire.Frame // the first of the new leader's entries
	w.watch = func(_, to env.NodeID, _ env.Lane, b []byte) {
		if len(appends(t, b)) > 0 && to == l.id && probe.Messages == nil {
			probe, _ = wire.Decode(b)
		}
	}
	w.eachOther(l, func(h *host) { h.do(func() { h.node.PeerDown(l.id) }) })
	w.sleep(20 * time.Millisecond)
	if answers > 0 || probe.Messages == nil {
		t.Fatalf("%d answers; another node is to lead, unknown to the first", answers)
	}
	commit := probe.Messages[0].Raft.Entries[0].GetIndex() // sent again once that is committed
	probe.Messages[0].Raft.Commit = &commit
	applied := l.traced(env.EventApply)
	l.do(func() { l.node.Receive(probe.From, env.Append, wire.AppendFrame(nil, &probe)) })
	w.net.HealAll()
	if err := s.end(t, w); err != nil || answers != 1 {
		t.Fatalf("%d answers, stop: %v", answers, err)
	}
	if n := l.traced(env.EventFenced); n != 0 || l.traced(env.EventApply) != applied {
		t.Fatalf("the stop fenced %d replicas and applied %d entries", n, l.traced(env.EventApply)-applied)
	}
}

func TestRequestsOfAStoppedNodeAreRefused(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.formatAndStart()
	l := w.leader()
	if err := l.stop().end(t, w); err != nil {
		t.Fatal(err)
	}
	if r := l.produce(t, batch(strings.Repeat("x", 10))); r.Err != engine.LeaderNotAvailable || r.Unknown {
		t.Errorf("produce: %v, unknown %v", r.Err, r.Unknown)
	}
	if r := l.fetch(t, engine.FetchRequest{}); r.Err != engine.LeaderNotAvailable {
		t.Errorf("fetch: %v", r.Err)
	}
	if r := l.end(t); r.Err != engine.LeaderNotAvailable {
		t.Errorf("list offsets: %v", r.Err)
	}
}
