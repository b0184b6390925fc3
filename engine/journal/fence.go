package journal

import (
	"fmt"
	"strings"
)

// fence marks a group whose record of what it promised is incomplete. The first
// reason stands, here and in every later head.
func (g *group) fence(err error) {
	if g.fenced == nil {
		g.fenced = err
	}
}

// fenceText is what a head keeps of the reason.
func fenceText(err error) string {
	return strings.TrimPrefix(err.Error(), ErrDamaged.Error()+": ")
}

// fencedBefore is the reason as an earlier recovery wrote it down.
func fencedBefore(reason string) error { return fmt.Errorf("%w: %s", ErrDamaged, reason) }

// fenceAll fences every group of the node: nobody can say whom it hit.
func (j *Journal) fenceAll(err error) {
	for _, g := range j.order {
		g.fence(err)
	}
}
