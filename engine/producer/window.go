package producer

// Window is how many batches of a producer are remembered. Clients have at most
// so many requests in flight (max.in.flight.requests.per.connection).
const Window = 5

// sequences is an appended batch.
type sequences struct {
	first, last int32
	base        int64 // offset of its first record
}

// lastOffset is that of the batch's last record.
func (s sequences) lastOffset() int64 { return s.base + int64(s.count()) - 1 }

// count is how many records the batch has.
func (s sequences) count() int32 { return NextSequence(s.last-s.first, 1) }

// window is what is known of a producer in its epoch, the oldest batch first. It
// always has one batch at least, and each follows the one before.
type window struct {
	epoch   int16
	count   int16
	batches [Window]sequences
}

// newest is the last batch that was appended.
func (w *window) newest() *sequences { return &w.batches[w.count-1] }

// find looks for the batch with these sequences.
func (w *window) find(first, last int32) *sequences {
	for i := range w.batches[:w.count] {
		if s := &w.batches[i]; s.first == first && s.last == last {
			return s
		}
	}
	return nil
}

// push remembers a batch, in place of the oldest one if there is no room.
func (w *window) push(epoch int16, s sequences) {
	if epoch != w.epoch {
		*w = window{epoch: epoch}
	}
	if w.count == Window {
		copy(w.batches[:], w.batches[1:])
		w.count--
	}
	w.batches[w.count] = s
	w.count++
}
