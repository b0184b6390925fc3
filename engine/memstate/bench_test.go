package memstate

import (
	"bytes"
	"testing"

	"github.com/lockstep-log/lockstep/engine/machine"
)

// blob is a state of that many bytes whose commands do nothing.
type blob struct{ b []byte }

func (s *blob) Apply(machine.Entry) machine.Result { return machine.Result{} }
func (s *blob) Save(dst []byte) []byte             { return append(dst, s.b...) }
func (s *blob) Load(b []byte) error                { s.b = bytes.Clone(b); return nil }
func (s *blob) Fingerprint() uint64                { return uint64(len(s.b)) }

func opened(n int) *Machine[*blob] {
	m := &Machine[*blob]{opened: true, state: &blob{make([]byte, n)}, fresh: func() *blob { return &blob{} }}
	m.store.durable = sealRecord(beginRecord(nil, 0), header{id: 1}, 0)
	m.store.durable = m.capture(nil) // a buffer of the right size from the second one on
	return m
}

// TestApplyAllocatesNothing beside what the state does.
func TestApplyAllocatesNothing(t *testing.T) {
	m := opened(0)
	e := machine.Entry{Term: 1, Data: []byte{1}}
	if n := testing.AllocsPerRun(1000, func() { e.Index++; m.Apply(e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkApply(b *testing.B) {
	m := opened(0)
	e := machine.Entry{Term: 1, Data: []byte{1}}
	b.ReportAllocs()
	for b.Loop() {
		e.Index++
		m.Apply(e)
	}
}

// BenchmarkCapture is what a checkpoint costs the loop at once.
func BenchmarkCapture(b *testing.B) {
	m := opened(16 << 20)
	b.ReportAllocs()
	b.SetBytes(16 << 20)
	for b.Loop() {
		m.capture([]byte("meta"))
	}
}

// BenchmarkParse is what Open adds to State.Load.
func BenchmarkParse(b *testing.B) {
	r := opened(16 << 20).capture(nil)
	b.SetBytes(16 << 20)
	for b.Loop() {
		if _, err := parseRecord(r.whole); err != nil {
			b.Fatal(err)
		}
	}
}
