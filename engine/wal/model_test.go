package wal_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

// modelled is one life of a log on the simulator's disk.
type modelled struct {
	t      *testing.T
	kernel *sim.Kernel
	disk   *diskmodel.Disk
	tasks  *env.Tasks
	mount  env.Disk
	log    *wal.Log
	failed error

	damaged  []wal.BadFile
	repaired []wal.Repaired
}

func boot(t *testing.T, k *sim.Kernel, d *diskmodel.Disk) *modelled {
	m := &modelled{t: t, kernel: k, disk: d}
	m.restart()
	return m
}

// restart gives the disk to a new process.
func (m *modelled) restart() {
	m.tasks = &env.Tasks{}
	m.mount = m.disk.Mount(func(f func()) { f() })
	m.failed, m.damaged, m.repaired = nil, nil, nil
	m.log = wal.New(env.Env{Disk: m.mount}, m.tasks, wal.Config{
		Dir: "groups/7", Genesis: small, TailBytes: 4096,
		OnDamage:   func(b wal.BadFile) { m.damaged = append(m.damaged, b) },
		OnRepaired: func(r wal.Repaired) { m.repaired = append(m.repaired, r) },
	}, func(err error) { m.failed = err })
}

// await drives the kernel until a completion says so.
func (m *modelled) await(begin func(done func())) {
	m.t.Helper()
	called := false
	begin(func() { called = true })
	for !called {
		if !m.kernel.Step() {
			m.t.Fatalf("nothing left to happen (failed: %v)", m.failed)
		}
	}
}

func (m *modelled) open() (c machine.Checkpoint) {
	m.t.Helper()
	m.await(func(done func()) {
		m.log.Open(func(got machine.Checkpoint, err error) {
			if err != nil {
				m.t.Fatal(err)
			}
			c = got
			done()
		})
	})
	return c
}

func (m *modelled) content() map[int64][]byte {
	all := map[int64][]byte{}
	for _, s := range m.log.Segments() {
		m.await(func(done func()) {
			m.tasks.Go("content", func(t *env.Task) {
				b, err := m.log.ReadSegment(t, s.Base)
				if err != nil {
					m.t.Error(err)
				}
				all[s.Base] = b
				done()
			})
		})
	}
	return all
}

// TestOnTheModelledDisk lives through crashes, power losses of every kind and
// failed syncs on package diskmodel, and asks its ghost whether a reported
// checkpoint is durable.
func TestOnTheModelledDisk(t *testing.T) {
	h := makeHistory(41, 400)
	want := reference(t, h)
	for seed := range uint64(20) {
		k := sim.New(seed)
		d := diskmodel.New(k, 1, diskmodel.DefaultConfig())
		r := k.Rand("test", 1)
		m := boot(t, k, d)
		m.await(func(done func()) {
			m.log.Format(nil, func(err error) {
				if err != nil {
					t.Fatal(err)
				}
				done()
			})
		})
		promised := machine.Checkpoint{ID: 1}
		for life := 0; m.log.AppliedIndex() < uint64(len(h)) || life == 0; life++ {
			m.tasks.Stop()
			d.Crash()
			if r.Chance(2, 3) {
				d.PowerLoss(diskmodel.LossMode(r.Between(0, 4)))
			}
			m = boot(t, k, d)
			if c := m.open(); c.ID < promised.ID || c.Index < promised.Index {
				t.Fatalf("seed %d: opened %d at %d, had promised %d at %d", seed, c.ID, c.Index, promised.ID, promised.Index)
			}
			if r.Chance(1, 4) {
				d.FailNextSync(1)
			}
			for range r.Between(1, 8) {
				to := min(m.log.AppliedIndex()+uint64(r.Between(1, 60)), uint64(len(h)))
				for _, e := range h[m.log.AppliedIndex():to] {
					m.log.Apply(e)
				}
				reported := false
				m.log.Checkpoint(nil, func(c machine.Checkpoint, err error) {
					reported, promised = true, c
					m.durable()
				})
				for range r.Between(1, 200) {
					if reported || !k.Step() {
						break
					}
				}
				if !reported {
					break
				}
			}
			d.FailNextSync(0)
		}
		if m.log.Fingerprint() != want.log.Fingerprint() || !maps.EqualFunc(m.content(), want.content(), bytes.Equal) {
			t.Fatalf("seed %d: logs differ", seed)
		}
		m.tasks.Stop()
	}
}

// durable asks the ghost about every byte of the newest checkpoint. Called
// inside its completion, so the segments are still as captured or longer.
func (m *modelled) durable() {
	m.t.Helper()
	snapshot, err := m.log.Snapshot()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, f := range snapshot.Files {
		if !m.disk.Durable("groups/7/"+f.Name, 0, f.Bytes) {
			m.t.Fatalf("checkpoint %d was reported, %s is not durable", snapshot.Checkpoint.ID, f.Name)
		}
	}
}
