package env_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

type summing struct{}

func (summing) Trace(env.Event) {}

// A tracer gets checksums unless it says that it has no use for them.
func TestSummed(t *testing.T) {
	if !env.Summed(summing{}) || env.Summed(env.Discard) {
		t.Errorf("a tracer gets sums: %t; Discard: %t", env.Summed(summing{}), env.Summed(env.Discard))
	}
}
