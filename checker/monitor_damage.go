package checker

import "slices"

// Damage is bytes of a file that a node found bad and has not called good since.
type Damage struct {
	Node, Group, Replica uint64 // Group 0: of the node, such as its journal
	File                 string
	Offset, Length       int64
	Text                 string
	AtNs                 int64
	Seq                  uint64
}

// damaged notes a finding. A file is bad once, however often it is found.
func (m *Monitor) damaged(e *Event) {
	m.checked[oDamageRepaired]++
	for i := range m.damages {
		if d := &m.damages[i]; d.Node == e.Node && d.File == e.File {
			return
		}
	}
	m.damages = append(m.damages, Damage{
		Node: e.Node, Group: e.Group, Replica: e.Replica, File: e.File,
		Offset: e.Offset, Length: e.Length, Text: e.Text, AtNs: e.AtNs, Seq: e.Seq,
	})
}

func (m *Monitor) repaired(e *Event) { m.forgetDamage(e.Node, e.File) }

// forgetDamage drops what was found in a file; in all files if it is "".
func (m *Monitor) forgetDamage(node uint64, file string) {
	if len(m.damages) == 0 {
		return
	}
	m.damages = slices.DeleteFunc(m.damages, func(d Damage) bool {
		return d.Node == node && (file == "" || d.File == file)
	})
}

// Damages lists what was found and not repaired, oldest first.
func (m *Monitor) Damages() []Damage { return slices.Clone(m.damages) }

// JudgeDamage objects to every damage that is left when a run has come to rest.
// Excused, which may be nil, tells which the engine need not have repaired: the
// file is gone, the node is not up, or no replica has good bytes. It is for who
// knows the disks; that a node says so (EventUnrepairable) proves nothing.
func (m *Monitor) JudgeDamage(excused func(Damage) bool) {
	for _, d := range m.damages {
		m.checked[oDamageRepaired]++
		if excused != nil && excused(d) {
			continue
		}
		m.fail(oDamageRepaired, d.AtNs, d.Seq, "node %d, group %d: %s was found damaged at %d (%s) and is not repaired", d.Node, d.Group, d.File, d.Offset, d.Text)
	}
}
