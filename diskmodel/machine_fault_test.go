package diskmodel

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
)

// rarely is true once in a few draws.
func rarely(t *rapid.T) bool { return rapid.IntRange(0, 3).Draw(t, "rarely") == 0 }

// fails gives an error handler that wants an error, and how to see whether it
// got it.
func (m *machine) fails(want error) func(error) {
	m.errors++
	told := false
	m.t.Cleanup(func() {
		if !told {
			m.t.Errorf("an operation that was to fail never ended")
		}
	})
	return func(err error) {
		told = true
		if !errors.Is(err, want) {
			m.t.Fatalf("an operation that was to fail with %v ended with %v", want, err)
		}
	}
}

func (m *machine) FailSync(t *rapid.T) {
	m.t = t
	r := m.file()
	if !rarely(t) {
		return
	}
	lasting := rapid.Bool().Draw(t, "lasting")
	if lasting {
		m.disk.SetSyncErrors(true)
		r.open.Sync(m.fails(env.ErrIO))
	} else {
		m.disk.FailNextSync(1)
	}
	r.open.Sync(m.fails(env.ErrIO))
	m.settle()
	m.disk.SetSyncErrors(false)
	r.syncFailed()
}

func (m *machine) Rot(t *rapid.T) {
	m.t = t
	r := m.file()
	off, bit := rapid.IntRange(0, 9000).Draw(t, "off"), rapid.UintRange(0, 7).Draw(t, "bit")
	there := off < min(len(r.medium), len(r.now()))
	if m.disk.Rot(r.name, int64(off), bit) != there {
		t.Fatalf("the byte's being there should be %v", there)
	}
	if there {
		r.medium = slices.Clone(r.medium)
		r.medium[off].holds ^= 1 << bit
	}
}

func (m *machine) FailReads(t *rapid.T) {
	m.t = t
	r := m.file()
	off, n := rapid.IntRange(0, 9000).Draw(t, "off"), rapid.IntRange(1, 2000).Draw(t, "n")
	size := min(len(r.medium), len(r.now()))
	if m.disk.FailReads(r.name, int64(off), int64(n)) != (off < size) {
		t.Fatalf("the bytes' being there should be %v", off < size)
	}
	r.medium = slices.Clone(r.medium)
	for i := off; i < min(off+n, size); i++ {
		r.medium[i].unreadable = true
	}
}

// Stray lets a write be lost or go astray. After a failed sync whole sectors are
// written, which the reference leaves out.
func (m *machine) Stray(t *rapid.T) {
	m.t = t
	r := m.file()
	if r.lost {
		return
	}
	value, n, off := m.drawWrite()
	met := func(name string) bool { return name == r.name }
	c := refChange{from: off, to: off + n, value: value, fate: fateLost}
	if rapid.Bool().Draw(t, "misdirected") {
		shift := rapid.IntRange(-4000, 4000).Draw(t, "shift")
		c.fate, c.shift = fateMisdirected, reachableShift(shift, c, max(off+n, len(r.now())))
		m.disk.MisdirectNextWrite(met, int64(shift))
		if c.shift == 0 {
			c.fate = fateNone
		}
	} else {
		m.disk.LoseNextWrite(met)
	}
	r.change(c)
	r.open.WriteAt(bytes.Repeat([]byte{value}, n), int64(off), m.expect)
	m.settle()
	if waiting := len(m.disk.orders) > 0; waiting != (c.fate == fateNone) {
		t.Fatalf("an order waits: %v", waiting)
	}
	m.disk.ForgetNextWrites()
}

// reachableShift tries the sectors one by one, first in the direction that was
// asked, then in the other.
func reachableShift(shift int, c refChange, size int) int {
	step, sectors := 512, (max(shift, -shift)+511)/512
	if shift < 0 {
		step = -512
	}
	for _, step := range []int{step, -step} {
		for k := max(sectors, 1); k > 0; k-- {
			if at := c.from + k*step; at >= 0 && at+c.to-c.from <= size {
				return k * step
			}
		}
	}
	return 0
}

func (m *machine) LoseEntry(t *rapid.T) {
	m.t = t
	r := m.file()
	if !rarely(t) {
		return
	}
	durable := r.durably == r.name && len(r.names) == 1 && !slices.ContainsFunc(m.files, func(o *reference) bool {
		return o != r && slices.Contains(o.names, r.name)
	})
	lost := m.disk.LoseEntry(r.name)
	if lost && r.durably != r.name || !lost && durable {
		t.Fatalf("a name, durable: %v, was lost: %v", durable, lost)
	}
	if !lost {
		return
	}
	r.hidden, r.open = true, nil
	m.mount.Open(r.name, env.OpenExisting, func(_ env.File, err error) {
		if !errors.Is(err, env.ErrNotExist) {
			t.Fatalf("the open of a lost name ended with %v", err)
		}
	})
	m.settle()
}

// Full asks a full disk to grow in every way, and to overwrite.
func (m *machine) Full(t *rapid.T) {
	m.t = t
	r := m.file()
	m.disk.SetFull(true)
	size := len(r.now())
	m.unique++
	value := byte(10 + m.unique%200)
	off := rapid.IntRange(0, size).Draw(t, "off")
	p := bytes.Repeat([]byte{value}, size-off+rapid.IntRange(1, 1000).Draw(t, "beyond"))
	before := r.now()
	r.open.WriteAt(p, int64(off), m.fails(env.ErrNoSpace))
	r.open.Truncate(int64(size+1), m.fails(env.ErrNoSpace))
	m.settle()
	kept := 0
	for got := m.cached(r); off+kept < len(got) && got[off+kept] == value && before[off+kept] != value; {
		kept++
	}
	if kept > 0 {
		r.write(value, kept, off)
	}
	if m.find("new") == nil {
		m.mount.Open("new", env.OpenNew, func(_ env.File, err error) { m.fails(env.ErrNoSpace)(err) })
		m.mount.Mkdir("dir", m.fails(env.ErrNoSpace))
	}
	if size > off {
		r.write(1, size-off, off)
		r.open.WriteAt(bytes.Repeat([]byte{1}, size-off), int64(off), m.expect)
	}
	m.settle()
	m.disk.SetFull(false)
}

// Throttle changes no outcome: what is under way still ends.
func (m *machine) Throttle(t *rapid.T) {
	m.t = t
	r := m.file()
	rates := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), 1, 3).Draw(t, "rates")
	for _, rate := range rates {
		value, n, off := m.drawWrite()
		r.write(value, n, off)
		r.open.WriteAt(bytes.Repeat([]byte{value}, n), int64(off), m.expect)
		m.disk.SetThrottle(rate)
		m.disk.Stall(m.kernel.Now() + rate)
		m.kernel.Run(m.kernel.Now() + int64(time.Millisecond))
	}
	m.settle()
}

// LostDisk takes the device away and puts in a new one.
func (m *machine) LostDisk(t *rapid.T) {
	m.t = t
	r := m.file()
	if !rarely(t) {
		return
	}
	r.open.WriteAt([]byte{1}, 0, m.fails(env.ErrIO))
	r.open.Sync(m.fails(env.ErrIO))
	m.disk.Lose()
	m.mount.SyncDir(".", m.fails(env.ErrIO))
	m.settle()
	if _, seen := m.disk.ReadRaw(r.name); seen || m.disk.Durable(r.name, 0, 0) || m.disk.Intact(r.name, 0, 0) || len(m.disk.Files()) > 0 {
		t.Fatalf("a lost disk still shows %s", r.name)
	}
	if rapid.Bool().Draw(t, "powerless") {
		m.disk.PowerLoss(LossAny)
		m.remount()
		m.mount.Open(r.name, env.OpenExisting, func(_ env.File, err error) { m.fails(env.ErrIO)(err) })
		m.settle()
	}
	m.disk.Replace()
	m.files = nil
	m.remount()
}

func (m *machine) Lift(t *rapid.T) {
	m.t = t
	m.disk.LiftFaults()
	for _, r := range m.files {
		r.lift()
	}
	if damage := m.disk.Damaged(); len(damage) > 0 {
		t.Fatalf("%v is left", damage)
	}
}
