package memstate_test

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/memstate"
	"github.com/lockstep-log/lockstep/sim"
)

// counter is a whole replicated state machine: a command is a number to add, its
// answer is the sum.
type counter struct{ sum uint64 }

var errNoNumber = errors.New("the command is no number")

func (c *counter) Apply(e machine.Entry) machine.Result {
	n, read := binary.Uvarint(e.Data)
	if read != len(e.Data) {
		return machine.Result{Err: errNoNumber}
	}
	c.sum += n
	return machine.Result{Data: binary.AppendUvarint(nil, c.sum)}
}

func (c *counter) Save(dst []byte) []byte { return binary.LittleEndian.AppendUint64(dst, c.sum) }

func (c *counter) Load(b []byte) error {
	if len(b) != 8 {
		return fmt.Errorf("a counter has 8 bytes, not %d", len(b))
	}
	c.sum = binary.LittleEndian.Uint64(b)
	return nil
}

func (c *counter) Fingerprint() uint64 { return c.sum }

// newCounter is an engine.Config's NewMachine: it makes the counter durable.
func newCounter(s engine.MachineSpec) *memstate.Machine[*counter] {
	return memstate.New(s.Env, s.Tasks, memstate.Config[*counter]{
		Dir: s.Dir,
		New: func() *counter { return &counter{} },
	}, s.Fail)
}

// The machine of a partition counts to 42 and loses its power. A node does all of
// this by itself; here it is done by hand, on a modelled disk.
func Example() {
	kernel := sim.New(1)
	disk := diskmodel.New(kernel, 1, diskmodel.DefaultConfig())
	start := func() *memstate.Machine[*counter] {
		return newCounter(engine.MachineSpec{
			Env: env.Env{Disk: disk.Mount(func(f func()) { f() }), Clock: clock{kernel}}, Tasks: &env.Tasks{}, Dir: "groups/1",
			Fail: func(err error) { fmt.Println("the node stops:", err) },
		})
	}
	wait := func(begin func(done func(error))) {
		ended := false
		begin(func(err error) { ended = err == nil })
		for !ended && kernel.Step() {
		}
	}
	opened := func(done func(error)) func(machine.Checkpoint, error) {
		return func(c machine.Checkpoint, err error) { fmt.Println("index", c.Index); done(err) }
	}

	m := start()
	wait(func(done func(error)) { m.Format(nil, done) })
	m = start()
	wait(func(done func(error)) { m.Open(opened(done)) })
	m.Apply(machine.Entry{Index: 1, Term: 1, Data: []byte{40}})
	m.Apply(machine.Entry{Index: 2, Term: 1, Data: []byte{2}})
	wait(func(done func(error)) { m.Checkpoint(nil, opened(done)) })
	disk.PowerLoss(diskmodel.LoseAll)

	m = start()
	wait(func(done func(error)) { m.Open(opened(done)) })
	fmt.Println("sum", m.State().sum)
	// Output:
	// index 0
	// index 2
	// index 2
	// sum 42
}
