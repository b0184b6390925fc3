package explore

import (
	"fmt"
	"strings"
)

// What is shown of a timeline: of a run that passed its head and its end, of
// one that failed what led up to the first violation and followed it.
const (
	shownHead   = 16
	shownEnd    = 5
	shownLeadUp = 16 // the first violation
	shownAfter  = 5
	shownLines  = 12 // of one note: a panic's stack
)

func (p *page) timeline(o *Outcome, all bool) {
	if len(o.Timeline) == 0 {
		return
	}
	p.line("Timeline (! a fault, < its end)")
	width := len(instant(o.Timeline[len(o.Timeline)-1].AtNs))
	at, failed := firstViolation(o)
	next := 0
	violated := func() { p.line("  %*s >> the first violation", width, instant(at)) }
	for i := range excerpt(o, all) {
		p.skipped(i-next, width)
		next = i + 1
		n := &o.Timeline[i]
		if failed && at < n.AtNs {
			violated()
			failed = false
		}
		sign := n.Sign
		if sign == "" {
			sign = " "
		}
		p.line("  %*s %s  %s", width, instant(n.AtNs), sign, noteText(n.Text, all))
	}
	p.skipped(len(o.Timeline)-next, width)
	if failed {
		violated()
	}
	p.line("")
}

func (p *page) skipped(n, width int) {
	if n > 0 {
		p.line("  %*s    ... %d more, --verbose shows all", width, "", n)
	}
}

// excerpt gives the numbers of the notes to show, in order.
func excerpt(o *Outcome, all bool) func(yield func(int) bool) {
	head, end := shownHead, len(o.Timeline)-shownEnd
	from := 0
	if at, failed := firstViolation(o); failed {
		pivot := 0
		for pivot < len(o.Timeline) && o.Timeline[pivot].AtNs <= at {
			pivot++
		}
		from, head, end = pivot-shownLeadUp, pivot+shownAfter, len(o.Timeline)
	}
	return func(yield func(int) bool) {
		for i := range o.Timeline {
			if (all || i >= from && i < head || i >= end) && !yield(i) {
				return
			}
		}
	}
}

// noteText keeps further lines under the first, and cuts a long stack.
func noteText(text string, all bool) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > shownLines && !all {
		lines = append(lines[:shownLines], fmt.Sprintf("... %d more lines, --verbose shows all", len(lines)-shownLines))
	}
	return indented(strings.Join(lines, "\n"))
}

// indented keeps what has several lines inside its section.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}
