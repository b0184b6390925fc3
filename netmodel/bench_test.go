package netmodel

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func BenchmarkSend(b *testing.B) {
	s := newStory(b, 1, DefaultLink(), 1, 2)
	frame := make([]byte, 200)
	s.hosts[2] = nil
	quiet := s.Net.Attach(2, func(f func()) { f() })
	quiet.Attach(silent{})
	from := s.hosts[1]
	s.settle()
	b.ReportAllocs()
	for b.Loop() {
		from.Send(2, env.Append, frame)
		s.Step()
	}
}

type silent struct{}

func (silent) Receive(env.NodeID, env.Lane, []byte) {}
func (silent) PeerUp(env.NodeID)                    {}
func (silent) PeerDown(env.NodeID)                  {}
