package osenv_test

import (
	"fmt"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// BenchmarkJournal appends 1 KiB to each of 1, 16 or 256 groups and waits for all,
// on this machine's disk: in one journal, whose groups share each sync, and in a
// journal for each group. One operation is one round over all groups.
func BenchmarkJournal(b *testing.B) {
	for _, groups := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("shared/%dgroups", groups), func(b *testing.B) { benchJournals(b, 1, groups) })
		b.Run(fmt.Sprintf("file-per-group/%dgroups", groups), func(b *testing.B) { benchJournals(b, groups, 1) })
	}
}

func benchJournals(b *testing.B, journals, groups int) {
	loop := osenv.NewLoop(0)
	disk, err := osenv.OpenDisk(loop, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	loop.Start()
	defer func() {
		loop.Stop()
		<-loop.Done()
		_ = disk.Close()
	}()
	e := env.Env{Clock: loop, Disk: disk, Tracer: env.Discard, Entropy: osenv.Entropy{}}
	tasks := &env.Tasks{}
	open := make([]*journal.Journal, journals)
	for i := range open {
		open[i] = openJournal(b, loop, e, tasks, fmt.Sprintf("journal%d", i), groups)
	}
	data, index := make([]byte, 1<<10), uint64(0)
	b.SetBytes(int64(journals * groups << 10))
	b.ResetTimer()
	for range b.N {
		index++
		ended, left := make(chan struct{}), journals*groups
		done := func() {
			if left--; left == 0 {
				close(ended)
			}
		}
		loop.Submit(func() {
			for _, j := range open {
				for g := range groups {
					at, term, kind := index, uint64(1), raftpb.EntryNormal
					id := env.GroupID(g + 1)
					j.View(id).SetApplied(at - 1)
					j.Append(id, journal.HardState{}, []*raftpb.Entry{{Index: &at, Term: &term, Type: &kind, Data: data}}, done)
				}
			}
		})
		<-ended
	}
	b.StopTimer()
	loop.Call(tasks.Stop)
}

func openJournal(b *testing.B, loop *osenv.Loop, e env.Env, tasks *env.Tasks, dir string, groups int) (j *journal.Journal) {
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.WindowBytes, cfg.Spares = dir, 4<<20, 1
	cfg.FileBytes, cfg.MaxBatchBytes = 2<<20, 512<<10
	id := journal.Identity{Cluster: 1, Node: 1}
	var genesis []journal.Genesis
	for g := range groups {
		genesis = append(genesis, journal.Genesis{Group: env.GroupID(g + 1), Replica: 1})
	}
	opened := make(chan error, 1)
	loop.Submit(func() {
		tasks.Go("open", func(t *env.Task) {
			err := journal.Format(t, e, cfg, id, genesis)
			if err == nil {
				j, err = journal.Open(t, e, cfg, id, nil, tasks, func(err error) { b.Error(err) })
			}
			opened <- err
		})
	})
	if err := <-opened; err != nil {
		b.Fatal(err)
	}
	for ready := false; !ready; { // the next file is being filled
		loop.Call(func() { ready = j.Stats().Spares > 1 })
	}
	return j
}
