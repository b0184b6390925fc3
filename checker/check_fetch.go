package checker

// fetched judges every fetch by what any fetch promises: records of the agreed
// log, contiguous from the asked offset on, below the high watermark. The high
// watermark of a plain fetch promises no recency, only that it is committed.
func (j *judge) fetched(p *partition) {
	for _, o := range p.fetches {
		j.contiguous(p, o)
		j.watermark(p, o)
		for _, r := range o.Fetched {
			if r.Offset < p.log.StartOffset {
				continue // deleted since
			}
			j.checked[oAbortedRead]++
			if agreed, ok := p.at(r.Offset); ok && agreed == r.Value {
				continue
			}
			if _, ok := p.find(r.Value); !ok {
				j.object(oAbortedRead, o, "%v: fetch %d of client %d saw %q at offset %d, which is not in the agreed log", p.key, o.Seq, o.Client, r.Value, r.Offset)
			}
		}
	}
}

// contiguous judges the offsets of one answer. Whole batches are answered, so
// records before the asked offset may lead, if they reach it.
func (j *judge) contiguous(p *partition, o *Op) {
	records := o.Fetched
	if len(records) == 0 {
		return
	}
	j.checked[oPollSkip]++
	j.checked[oNonmonotonicPoll]++
	if first := records[0].Offset; first > o.Offset {
		j.object(oPollSkip, o, "%v: fetch %d of client %d asked for offset %d and was answered from offset %d on", p.key, o.Seq, o.Client, o.Offset, first)
	}
	for i := 1; i < len(records); i++ {
		prev, now := records[i-1].Offset, records[i].Offset
		switch {
		case now <= prev:
			j.object(oNonmonotonicPoll, o, "%v: fetch %d of client %d was answered offset %d after offset %d", p.key, o.Seq, o.Client, now, prev)
		case now > prev+1:
			j.object(oPollSkip, o, "%v: fetch %d of client %d was answered offset %d after offset %d", p.key, o.Seq, o.Client, now, prev)
		}
	}
	if last := records[len(records)-1].Offset; last < o.Offset {
		j.object(oNonmonotonicPoll, o, "%v: fetch %d of client %d asked for offset %d and was answered up to offset %d", p.key, o.Seq, o.Client, o.Offset, last)
	}
}

func (j *judge) watermark(p *partition, o *Op) {
	j.checked[oMonotoneHighWatermark]++
	if o.HighWatermark > p.end {
		j.object(oMonotoneHighWatermark, o, "%v: fetch %d of client %d was told the high watermark %d, the agreed log ends at %d", p.key, o.Seq, o.Client, o.HighWatermark, p.end)
	}
	for _, r := range o.Fetched {
		if r.Offset >= o.HighWatermark {
			j.object(oMonotoneHighWatermark, o, "%v: fetch %d of client %d saw offset %d at high watermark %d", p.key, o.Seq, o.Client, r.Offset, o.HighWatermark)
			return
		}
	}
}

// sighting is who saw a value at an offset first.
type sighting struct {
	value string
	op    *Op // nil: the agreed log
}

// seen judges that all who saw an offset saw the same value: the agreed log,
// acknowledgements and fetches.
func (j *judge) seen(p *partition) {
	first := map[int64]sighting{} // what the agreed log does not cover, or no more
	see := func(o *Op, offset int64, value string) {
		j.checked[oInconsistentOffsets]++
		known := sighting{}
		if agreed, ok := p.at(offset); ok {
			known.value = agreed
		} else if known, ok = first[offset]; !ok {
			first[offset] = sighting{value, o}
			return
		}
		if known.value != value {
			j.inconsistent(p, o, offset, value, known)
		}
	}
	for _, o := range p.produces {
		if o.Outcome == OK {
			for i, v := range o.Values {
				see(o, o.Offset+int64(i), v)
			}
		}
	}
	for _, o := range p.fetches {
		for _, r := range o.Fetched {
			see(o, r.Offset, r.Value)
		}
	}
}

func (j *judge) inconsistent(p *partition, o *Op, offset int64, value string, known sighting) {
	if known.op == nil {
		j.object(oInconsistentOffsets, o, "%v: at offset %d %v %d of client %d saw %q, the agreed log holds %q", p.key, offset, o.Kind, o.Seq, o.Client, value, known.value)
		return
	}
	j.object(oInconsistentOffsets, o, "%v: at offset %d %v %d of client %d saw %q, %v %d of client %d saw %q",
		p.key, offset, o.Kind, o.Seq, o.Client, value, known.op.Kind, known.op.Seq, known.op.Client, known.value)
}
