package client

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestLeadersForgetTheOldest(t *testing.T) {
	l := newLeaders(3)
	for p := range int32(5) {
		l.hint(partitionKey{"t", p}, 1, 1)
	}
	for p := range int32(5) {
		if got, want := l.of(partitionKey{"t", p}) != 0, p >= 2; got != want {
			t.Errorf("partition %d known: %v, want %v", p, got, want)
		}
	}
	if len(l.known) != 3 || len(l.order) != 3 {
		t.Errorf("%d known, %d in order, want 3", len(l.known), len(l.order))
	}
}

func TestOnlyAGrowingEpochIsNews(t *testing.T) {
	l := newLeaders(8)
	key := partitionKey{"t", 0}
	steps := []struct {
		node  uint64
		epoch int32
		news  bool
		then  uint64
	}{
		{0, 9, false, 0}, {2, 4, true, 2}, {3, 3, false, 2}, {2, 4, false, 2}, {3, 5, true, 3},
	}
	for i, s := range steps {
		if got := l.hint(key, env.NodeID(s.node), s.epoch); got != s.news {
			t.Errorf("step %d: news %v, want %v", i, got, s.news)
		}
		if at := l.of(key); at != env.NodeID(s.then) {
			t.Errorf("step %d: leader %d, want %d", i, at, s.then)
		}
	}
	l.doubts(key, 2)
	if l.of(key) != 3 {
		t.Error("a doubt about another node cost the leader its place")
	}
	l.doubts(key, 3)
	if l.of(key) != 0 || l.hint(key, 3, 5) || l.of(key) != 0 {
		t.Error("a leader in doubt was believed for the same epoch")
	}
	if l.serves(key, 3, 5); l.of(key) != 3 {
		t.Error("a leader that serves is not believed")
	}
}
