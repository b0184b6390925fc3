package checker

import "fmt"

// says tells what an operation claims about the log.
func (s *step) says() string {
	switch {
	case s.class == classRead:
		return fmt.Sprintf("answers length %d", s.pos)
	case s.class == classSeen:
		return fmt.Sprintf("takes offset %d for committed", s.pos)
	case s.acknowledged():
		return fmt.Sprintf("is acknowledged at offset %d", s.pos)
	default:
		return fmt.Sprintf("stands at offset %d, its outcome unknown", s.pos)
	}
}

// acknowledged says that this copy of a batch is the one its client was told of.
func (s *step) acknowledged() bool {
	return s.class == classProduce && s.op.Outcome == OK && s.op.Offset == s.pos
}
