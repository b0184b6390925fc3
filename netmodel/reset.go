package netmodel

// Reset breaks the connection of two addresses: what is under way between them
// is lost both ways.
func (n *Net) Reset(a, b Addr) { _, _ = n.link(a, b), n.link(b, a) }
