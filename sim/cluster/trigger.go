package cluster

import (
	"slices"

	"github.com/lockstep-log/lockstep/diskmodel"
)

// trigger counts an event for the first fault that waits for its kind, and
// begins it if it was the last one that it waited for.
func (h *host) trigger(on string) {
	i := slices.IndexFunc(h.armed, func(a armed) bool { return a.on == on })
	if i < 0 {
		return
	}
	if h.armed[i].left--; h.armed[i].left > 0 {
		return
	}
	begin := h.armed[i].begin
	h.armed = slices.Delete(h.armed, i, i+1)
	begin()
}

// stepped is told of each operation of the disk that was carried out, before the
// process hears of it: a fault without delay strikes in between.
func (h *host) stepped(s diskmodel.Step) {
	if s.Kind == diskmodel.StepRead || s.Kind == diskmodel.StepSize || s.Kind == diskmodel.StepList {
		return
	}
	h.measureJournal(s)
	if h.c.loadedNs != 0 {
		h.operations++
	}
	if len(h.armed) == 0 {
		return
	}
	if s.Kind == diskmodel.StepSync || s.Kind == diskmodel.StepSyncDir {
		h.trigger(OnSync)
	}
	if h.process != nil && !h.process.ready {
		h.trigger(OnRecoveryIO)
	}
	h.trigger(OnIO)
}
