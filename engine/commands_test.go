package engine

import "testing"

// Buffers are used again, and no more of them are kept than their bound allows.
func TestCommandsAreBounded(t *testing.T) {
	var c commands
	first := append(c.take(100), 1, 2, 3)
	c.give(first)
	if again := c.take(50); cap(again) != cap(first) || len(again) != 0 {
		t.Errorf("got a buffer of %d with %d bytes, gave one of %d", cap(again), len(again), cap(first))
	}
	if larger := c.take(1 << 20); cap(larger) < 1<<20 {
		t.Errorf("asked for a MiB, got %d", cap(larger))
	}
	for range 100 {
		c.give(make([]byte, 0, 1<<20))
	}
	if c.bytes > freeCommandBytes || len(c.free) != freeCommandBytes>>20 {
		t.Errorf("%d buffers of %d bytes are kept", len(c.free), c.bytes)
	}
}

// A produce that finds a buffer makes no other for its command.
func TestCommandsAllocateNothing(t *testing.T) {
	var c commands
	c.give(make([]byte, 0, 64<<10))
	c.give(make([]byte, 0, 64<<10))
	if n := testing.AllocsPerRun(100, func() { c.give(c.take(60 << 10)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
