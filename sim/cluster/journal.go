package cluster

import (
	"strings"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
)

// journalDir is where a node's journal has its files, spares included.
const journalDir = "journal/"

// measureJournal shows the oracles what the journal takes of the disk, whenever a
// file of it came into being, got another name or grew.
func (h *host) measureJournal(s diskmodel.Step) {
	grew := s.Kind == diskmodel.StepOpen && s.Made || s.Kind == diskmodel.StepRename || s.Kind == diskmodel.StepTruncate ||
		s.Kind == diskmodel.StepWrite && h.disk.Size(s.Name) == s.Off+int64(s.Bytes)
	if !grew || !strings.HasPrefix(s.Name, journalDir) || s.Err != nil {
		return
	}
	bytes := int64(0)
	for _, name := range h.disk.Files() {
		if strings.HasPrefix(name, journalDir) {
			bytes += h.disk.Size(name)
		}
	}
	cfg := &h.c.journals
	h.c.monitor.ObserveJournal(checker.JournalSize{
		AtNs: h.c.k.Now(), Node: uint64(h.id), Bytes: bytes, Bound: cfg.MaxBytes + int64(cfg.Spares)*cfg.FileBytes,
	})
}
