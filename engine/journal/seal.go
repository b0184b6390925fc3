package journal

// A seal is an empty batch: its watermark says that everything before it was
// durable, so that the last batch with data, should it rot, is told from one
// that a crash cut short. It is written when the journal has been idle for
// SealAfter, and on Close.

func (j *Journal) armSeal() {
	if j.sealed || j.sealing != nil {
		return
	}
	j.sealing = j.env.Clock.AfterFunc(j.cfg.SealAfter, func() {
		j.sealing = nil
		if !j.busy && j.failed == nil && !j.closed && j.queue.len() == 0 && !j.sealed {
			j.seal()
		}
	})
}

func (j *Journal) disarmSeal() {
	if j.sealing != nil {
		j.sealing.Stop()
		j.sealing = nil
	}
}

// seal writes one. Every batch leaves room in its file for it.
func (j *Journal) seal() {
	j.busy = true
	j.batchNo++
	var p plan
	j.planRiders(&p)
	j.begin(batchSeal, p)
	j.submit()
}
