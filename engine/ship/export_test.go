package ship

import "time"

// Budget lets tests see when bytes are due.
type Budget struct{ b budget }

// NewBudget makes one.
func NewBudget(rate int64) *Budget { return &Budget{budget{rate: rate}} }

// Take is budget.take.
func (b *Budget) Take(now time.Duration, n int) time.Duration { return b.b.take(now, n) }
