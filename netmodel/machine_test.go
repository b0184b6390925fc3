package netmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
)

// TestNetAgainstReference draws sends, cuts, deaths and restarts on links that
// only delay. A frame arrives exactly if nothing stood against it, in order.
func TestNetAgainstReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ids := []env.NodeID{1, 2, 3}
		s := newStory(t, rapid.Uint64().Draw(rt, "seed"), Link{Base: time.Millisecond, Jitter: time.Millisecond}, ids...)
		m := &model{T: rt, story: s, cuts: map[pair]int{}, flying: map[pair][]string{}}
		node := rapid.SampledFrom(ids)
		rt.Repeat(map[string]func(*rapid.T){
			"":     func(rt *rapid.T) { m.T = rt },
			"send": func(rt *rapid.T) { m.T = rt; m.send(node.Draw(rt, "from"), node.Draw(rt, "to")) },
			"cut": func(rt *rapid.T) {
				m.T = rt
				m.cut(Addr(node.Draw(rt, "from")), Addr(node.Draw(rt, "to")))
			},
			"heal": func(rt *rapid.T) {
				from, to := Addr(node.Draw(rt, "from")), Addr(node.Draw(rt, "to"))
				s.Heal(from, to)
				m.cuts[pair{from, to}] = max(m.cuts[pair{from, to}]-1, 0)
			},
			"restart": func(rt *rapid.T) { m.T = rt; m.restart(node.Draw(rt, "node"), rapid.Bool().Draw(rt, "power")) },
			"settle":  func(rt *rapid.T) { m.T = rt; m.settle() },
		})
	})
}

// model is what must arrive.
type model struct {
	*rapid.T
	story  *story
	cuts   map[pair]int
	flying map[pair][]string
	next   int
}

func (m *model) send(from, to env.NodeID) {
	m.next++
	frame := fmt.Sprint(m.next)
	m.story.send(from, to, frame)
	if p := (pair{Addr(from), Addr(to)}); m.cuts[p] == 0 {
		m.flying[p] = append(m.flying[p], fmt.Sprintf("%d/append/%s", from, frame))
	}
}

func (m *model) cut(from, to Addr) {
	m.story.Cut(from, to)
	m.cuts[pair{from, to}]++
}

// restart loses what is on its way to the node, and nothing that comes from it.
func (m *model) restart(id env.NodeID, power bool) {
	if power {
		m.story.PowerOff(id)
	} else {
		m.story.Close(id)
	}
	m.story.boot(id)
	for p := range m.flying {
		if p.to == Addr(id) {
			m.flying[p] = nil
		}
	}
}

func (m *model) settle() {
	m.story.settle()
	for id, h := range m.story.hosts {
		heard := h.take()
		for from := range m.story.hosts {
			p := pair{Addr(from), Addr(id)}
			prefix := fmt.Sprintf("%d/", from)
			got := slices.DeleteFunc(slices.Clone(heard), func(what string) bool { return !strings.HasPrefix(what, prefix) })
			want := m.flying[p]
			if m.cuts[p] > 0 {
				want = nil
			}
			if !slices.Equal(got, want) {
				m.Fatalf("from %d to %d arrived %q, not %q", from, id, got, want)
			}
			m.flying[p] = nil
		}
	}
}
