package checker

// gapless judges the offsets of the agreed log: the base offset of a batch is
// the number of records before it, so there are no gaps.
func (j *judge) gapless(p *partition) {
	next := p.log.StartOffset
	for i := range p.log.Records {
		j.checked[oGaplessOffsets]++
		r := &p.log.Records[i]
		if r.Offset != next {
			j.fail(oGaplessOffsets, 0, 0, "%v: the agreed log has offset %d where offset %d belongs", p.key, r.Offset, next)
		}
		next = r.Offset + 1
	}
}

// written judges the agreed log record by record: who produced it, and how
// often.
func (j *judge) written(p *partition, complete bool) {
	count := make(map[*Op]int, len(p.produces))
	for i := range p.log.Records {
		r := &p.log.Records[i]
		by, ok := p.owners[r.Value]
		if !ok {
			if complete {
				j.checked[oAbortedRead]++
				j.fail(oAbortedRead, 0, 0, "%v: nobody produced the record %q at offset %d", p.key, r.Value, r.Offset)
			}
			continue
		}
		j.checked[oDuplicate]++
		if !p.wholeAt(by, r.Offset) {
			j.object(oLinearizability, by.op, "%v: produce %d of client %d: its record %q stands at offset %d without the rest of its batch around it", p.key, by.op.Seq, by.op.Client, r.Value, r.Offset)
			continue
		}
		if by.place == 0 || r.Offset-int64(by.place) < p.log.StartOffset && r.Offset == p.log.StartOffset {
			count[by.op]++
			p.copies = append(p.copies, placed{by.op, r.Offset - int64(by.place)})
		}
	}
	for _, o := range p.produces {
		j.copies(p, o, count[o])
		if end := o.Offset + int64(len(o.Values)); o.Outcome == OK && end <= p.log.StartOffset {
			p.copies = append(p.copies, placed{o, o.Offset}) // it is deleted, and stood there
		}
	}
}

// wholeAt says that the batch stands around one of its records.
func (p *partition) wholeAt(by owner, offset int64) bool {
	prev, prevOK := p.at(offset - 1)
	next, nextOK := p.at(offset + 1)
	v, i := by.op.Values, by.place
	if i > 0 && offset > p.log.StartOffset && (!prevOK || prev != v[i-1]) {
		return false
	}
	return i == len(v)-1 || nextOK && next == v[i+1]
}

// copies judges how often a batch stands in the log.
func (j *judge) copies(p *partition, o *Op, n int) {
	if o.outcome() == Failed {
		j.checked[oAbortedRead]++
		if n > 0 {
			j.object(oAbortedRead, o, "%v: produce %d of client %d failed (code %d), and its value %q stands in the agreed log", p.key, o.Seq, o.Client, o.Code, o.Values[0])
		}
		return
	}
	if n > o.copies() {
		j.object(oDuplicate, o, "%v: produce %d of client %d: its value %q stands %d times in the agreed log; %v with %d unknown attempts explains %d", p.key, o.Seq, o.Client, o.Values[0], n, o.outcome(), o.UnknownAttempts, o.copies())
	}
}

// acknowledged judges what clients were told is written.
func (j *judge) acknowledged(p *partition) {
	for _, o := range p.produces {
		if o.Outcome != OK {
			continue
		}
		j.checked[oLostWrite]++
		if !p.holds(o, o.Offset) {
			j.lost(p, o)
		}
	}
}

// lost names the first value of the batch that is not where it was acknowledged.
func (j *judge) lost(p *partition, o *Op) {
	for i, v := range o.Values {
		offset := o.Offset + int64(i)
		got, ok := p.at(offset)
		if offset < p.log.StartOffset || p.log.lost(offset) || ok && got == v {
			continue
		}
		there := "nothing"
		if ok {
			there = "\"" + got + "\""
		}
		if elsewhere, ok := p.find(v); ok {
			j.object(oLostWrite, o, "%v: produce %d of client %d: %q was acknowledged at offset %d, the agreed log holds %s there and the value at offset %d", p.key, o.Seq, o.Client, v, offset, there, elsewhere)
		} else {
			j.object(oLostWrite, o, "%v: produce %d of client %d: %q was acknowledged at offset %d, the agreed log holds %s there and the value nowhere", p.key, o.Seq, o.Client, v, offset, there)
		}
		return
	}
}
