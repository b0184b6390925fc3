package env

// Lock lets one task after the other in, in the order in which they asked. The zero
// value is free.
type Lock struct {
	held    bool
	waiting []func()
}

// Acquire waits for the lock. The caller gives it back with Release, deferred,
// which also runs where the task dies with its node.
func (k *Lock) Acquire(t *Task) {
	if !k.held {
		k.held = true
		return
	}
	t.Await(func(done func()) { k.waiting = append(k.waiting, done) })
}

// Release hands the lock to the next task.
func (k *Lock) Release() {
	if len(k.waiting) == 0 {
		k.held = false
		return
	}
	next := k.waiting[0]
	k.waiting = k.waiting[1:]
	next()
}
