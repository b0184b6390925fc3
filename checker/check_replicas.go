package checker

// replicas judges the final copies of a partition: all went equally far, and
// those that did are equal.
func (j *judge) replicas(p *partition) {
	all := p.log.Replicas
	for i := range all {
		j.checked[oConvergence]++
		if first := &all[0]; all[i].AppliedIndex != first.AppliedIndex {
			j.fail(oConvergence, 0, 0, "%v: replica %d applied up to %d, replica %d up to %d", p.key, all[i].Replica, all[i].AppliedIndex, first.Replica, first.AppliedIndex)
		}
		for k := range i {
			j.pair(p, &all[k], &all[i])
		}
	}
}

// pair compares two replicas. At equal applied index everything is equal; else
// the segments of the same range are.
func (j *judge) pair(p *partition, a, b *ReplicaDigest) {
	even := a.AppliedIndex == b.AppliedIndex
	if even {
		j.checked[oReplicasEqual]++
		j.checked[oRetention]++
		if a.StartOffset != b.StartOffset {
			j.fail(oRetention, 0, 0, "%v: the logs of replicas %d and %d, which applied up to %d, start at offsets %d and %d", p.key, a.Replica, b.Replica, a.AppliedIndex, a.StartOffset, b.StartOffset)
		}
		if a.Fingerprint != b.Fingerprint {
			j.fail(oReplicasEqual, 0, 0, "%v: replicas %d and %d applied up to %d and have fingerprints %016x and %016x", p.key, a.Replica, b.Replica, a.AppliedIndex, a.Fingerprint, b.Fingerprint)
		}
	}
	i, k := 0, 0
	for i < len(a.Segments) && k < len(b.Segments) {
		x, y := &a.Segments[i], &b.Segments[k]
		switch {
		case x.Base == y.Base:
			j.segments(p, a, b, x, y, even)
			i, k = i+1, k+1
		case x.Base < y.Base:
			j.lonely(p, b, a, x, k > 0)
			i++
		default:
			j.lonely(p, a, b, y, i > 0)
			k++
		}
	}
	if even && (i < len(a.Segments) && k > 0 || k < len(b.Segments) && i > 0) {
		j.fail(oReplicasEqual, 0, 0, "%v: replicas %d and %d applied up to %d and have %d and %d segments", p.key, a.Replica, b.Replica, a.AppliedIndex, len(a.Segments), len(b.Segments))
	}
}

// segments compares two that begin at the same offset.
func (j *judge) segments(p *partition, a, b *ReplicaDigest, x, y *SegmentDigest, even bool) {
	if x.Bytes != y.Bytes {
		if even {
			j.checked[oReplicasEqual]++
			j.fail(oReplicasEqual, 0, 0, "%v: segment %d has %d bytes on replica %d and %d on replica %d, which applied equally far", p.key, x.Base, x.Bytes, a.Replica, y.Bytes, b.Replica)
		}
		return
	}
	j.checked[oReplicasEqual]++
	if x.Sum != y.Sum {
		j.fail(oReplicasEqual, 0, 0, "%v: the %d bytes of segment %d differ on replicas %d and %d", p.key, x.Bytes, x.Base, a.Replica, b.Replica)
	}
}

// lonely judges a segment of one replica that begins inside the other's log.
func (j *judge) lonely(p *partition, without, with *ReplicaDigest, s *SegmentDigest, inside bool) {
	if inside {
		j.checked[oReplicasEqual]++
		j.fail(oReplicasEqual, 0, 0, "%v: replica %d has a segment at offset %d, replica %d has not", p.key, with.Replica, s.Base, without.Replica)
	}
}
