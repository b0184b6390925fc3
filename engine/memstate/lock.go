package memstate

import "github.com/lockstep-log/lockstep/engine/env"

// lock lets one task after the other change the files of a store. The zero value
// is free.
type lock struct {
	held    bool
	waiting []func()
}

// acquire waits for the lock. The caller gives it back with release, deferred,
// which also runs where the task dies with its node.
func (k *lock) acquire(t *env.Task) {
	if !k.held {
		k.held = true
		return
	}
	t.Await(func(done func()) { k.waiting = append(k.waiting, done) })
}

// release hands the lock to the next task.
func (k *lock) release() {
	if len(k.waiting) == 0 {
		k.held = false
		return
	}
	next := k.waiting[0]
	k.waiting = k.waiting[1:]
	next()
}
