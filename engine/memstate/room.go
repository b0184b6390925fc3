package memstate

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// roomEvery is how often a machine that had no room for a record looks for some.
const roomEvery = 500 * time.Millisecond

// NoSpace tells whether the disk had no room for a checkpoint or a snapshot. It
// ends once there is room again, which the machine looks for by itself.
func (m *Machine[S]) NoSpace() bool { return m.store.cramped }

// lookForRoom looks until there is room for the record that found none. A
// checkpoint that succeeds meanwhile ends it too.
func (s *store) lookForRoom() {
	s.cramped = true
	if s.probing {
		return
	}
	s.probing = true
	s.env.Clock.AfterFunc(roomEvery, func() {
		if s.dead {
			return
		}
		s.tasks.Go("memstate room", func(t *env.Task) {
			full, failed := s.alone(t, s.probe)
			s.probing = false
			switch {
			case s.dead:
			case failed != nil:
				s.failed(failed)
			case full != nil:
				s.lookForRoom()
			default:
				s.cramped = false
			}
		})
	})
}

// zeros are what a probe writes.
var zeros [256 << 10]byte

// probe writes as much as both records take, and removes it.
func (s *store) probe(t *env.Task) (full, failed error) {
	if !s.cramped {
		return nil, nil
	}
	name := recordNames(s.usedID + 1)[0] + unfinishedSuffix
	full, failed = s.fill(t, name, 2*int64(s.wanted))
	if failed != nil {
		return nil, failed
	}
	return full, s.remove(t, name)
}

// fill writes n zeros to a new file.
func (s *store) fill(t *env.Task, name string, n int64) (full, failed error) {
	f, err := s.openFile(t, s.path(name), env.OpenNew)
	if err != nil {
		return roomless(err)
	}
	defer f.Close()
	for off := int64(0); off < n; off += int64(len(zeros)) {
		if err := s.writeAt(t, f, zeros[:min(n-off, int64(len(zeros)))], off); err != nil {
			return roomless(err)
		}
	}
	return nil, nil
}
