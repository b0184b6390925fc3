package isr

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestMembersComeAndGo(t *testing.T) {
	state := State{Members: []env.ReplicaID{1, 2, 3}}
	tr := NewTracker(0, time.Second, 1, []env.ReplicaID{1, 2, 3}, state, 10)
	tr.Heard(0, 2, 10)
	tr.SetFollowers([]env.ReplicaID{1, 2}, []env.ReplicaID{4})
	state = state.Without(3, 11)
	if state.Version != 11 || !slices.Equal(state.Members, []env.ReplicaID{1, 2}) {
		t.Fatalf("%+v", state)
	}
	if got := state.Without(3, 12); got.Version != 11 {
		t.Fatalf("removing nobody made version %d", got.Version)
	}
	if tr.CaughtUp(4) != never || tr.CaughtUp(3) != never || tr.CaughtUp(2) != 0 {
		t.Fatalf("caught up: 4 at %v, 3 at %v, 2 at %v", tr.CaughtUp(4), tr.CaughtUp(3), tr.CaughtUp(2))
	}
	tr.Heard(5, 4, 10)
	tr.Heard(5, 2, 10)
	if tr.CaughtUp(4) != 5 {
		t.Fatalf("the learner was caught up at %v", tr.CaughtUp(4))
	}
	if got := tr.Wanted(nil, 5, state, 10); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("a learner is wanted: %v", got)
	}
	tr.SetFollowers([]env.ReplicaID{1, 2, 4}, nil)
	if got := tr.Wanted(nil, 5, state, 10); !slices.Equal(got, []env.ReplicaID{1, 2, 4}) {
		t.Fatalf("after its promotion: %v", got)
	}
	if got := tr.InForce(nil, 5, state); !slices.Equal(got, []env.ReplicaID{1, 2}) {
		t.Fatalf("in force: %v", got)
	}
}

func TestTheSetMayBecomeEmpty(t *testing.T) {
	s := State{Version: 3, Members: []env.ReplicaID{7}}.Without(7, 9)
	again, rest, err := DecodeState(s.Append(nil))
	if err != nil || len(rest) != 0 || again.Version != 9 || len(again.Members) != 0 {
		t.Fatalf("%+v, %v, %v", again, rest, err)
	}
	if AckIndex(nil, 5, 1) != 0 {
		t.Fatal("an empty set acknowledges")
	}
}
