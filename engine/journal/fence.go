package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
)

// maxUnreadFiles is how many files are kept for nobody but groups with bytes
// that cannot be read. Beyond it they are fenced for good.
const maxUnreadFiles = 16

// fence marks a group whose record of what it promised is incomplete. The first
// reason stands, here and in every later head. But bytes that the disk does not
// give are not known to be wrong: that fence ends with the process, the files
// are kept, and heads written meanwhile say nothing of the group.
func (g *group) fence(err error) {
	d, ok := errors.AsType[*DamageError](err)
	unread := ok && d.unread
	if g.fenced == nil || g.unread && !unread {
		g.fenced, g.unread = err, unread
	}
}

// keepUnread keeps every file for groups with bytes that cannot be read, unless
// these become too many: then the fence is written down.
func (j *Journal) keepUnread(h *head) {
	kept := 0
	for _, f := range j.files { // begun since: those before, the groups had use for
		if len(f.unread) > 0 && f.seq < h.oldest {
			kept++
		}
	}
	for _, g := range j.order {
		g.unread = g.unread && kept <= maxUnreadFiles && j.bytesFrom(0) <= j.border()
		if g.unread {
			h.oldest = min(h.oldest, j.files[0].seq)
		}
	}
	j.giveUpUnread()
	// The oldest file's head is all there is to begin a group with.
	for n := len(j.files) - 1; n > 0; n-- {
		if f := j.files[n]; f.seq == h.oldest && !j.saysAll(f) {
			h.oldest = j.files[n-1].seq
		}
	}
}

// saysAll tells whether recovery may begin with a file: of a group that its head
// says nothing of, either nothing needs to be known, for it is fenced for good, or
// it was adopted since, and that says all.
func (j *Journal) saysAll(f *file) bool {
	return !slices.ContainsFunc(f.unread, func(id env.GroupID) bool {
		g := j.groups[id]
		return g != nil && (g.fenced == nil || g.unread) && g.adoptedIn < f.seq
	})
}

// reasonText is what heads and records keep of the reason.
func reasonText(err error) string {
	if errors.Is(err, ErrBlank) {
		return ""
	}
	text := strings.TrimPrefix(err.Error(), ErrDamaged.Error()+": ")
	return text[:min(len(text), maxReasonBytes)]
}

// fencedBefore is the reason as an earlier process wrote it down.
func fencedBefore(reason string) error { return fmt.Errorf("%w: %s", ErrDamaged, reason) }

// fencedRow is the reason that a row gives.
func fencedRow(r *tableRow) error {
	if r.blank && r.reason == "" {
		return ErrBlank
	}
	return fencedBefore(r.reason)
}

// fenceAll fences every group of the node: nobody can say whom it hit.
func (j *Journal) fenceAll(err error) {
	for _, g := range j.order {
		g.fence(err)
	}
}
