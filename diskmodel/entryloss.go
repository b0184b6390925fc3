package diskmodel

// LoseEntry damages a directory: the durable name of a file is gone, for
// processes and on the medium, while handles of it still work. It comes back
// when the fault is lifted, unless something else took the name. It reports
// false if there is no file whose name is durable. Simulated: one name at a
// time.
func (d *Disk) LoseEntry(name string) bool {
	n := d.file(name)
	if n == nil || d.durablePath(checkName(name)) != n {
		return false
	}
	n.entryLost = true
	d.recordFault(opLoseEntry, n.id, 0, 0)
	return true
}

// child finds what processes see under a name of a directory; nil if nothing.
func (n *node) child(base string) *node {
	child := n.dir.entries[base]
	if child != nil && child.entryLost {
		return nil
	}
	return child
}
