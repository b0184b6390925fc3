package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/lockstep-log/lockstep/sim/explore"
)

// progress shows a line that overwrites itself on a terminal; elsewhere it
// prints one now and then.
type progress struct {
	w        io.Writer
	terminal int // file descriptor, -1 if it is none
	every    time.Duration
	last     time.Time
	began    time.Time
	ran      uint64 // runs that ended since it began
	told     map[explore.Job]bool
	time     time.Duration // how long a sweep begins seeds; 0: until the last
}

// toldFailures is how many failures get a line of their own.
const toldFailures = 10

// newProgress shows a sweep that may go on from a report.
func newProgress(w io.Writer, resumed *explore.Report, limit time.Duration) *progress {
	p := &progress{time: limit, w: w, terminal: -1, every: 30 * time.Second, began: time.Now(), last: time.Now(), told: map[explore.Job]bool{}}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, p.every = int(f.Fd()), 200*time.Millisecond
	}
	if resumed != nil {
		for _, f := range resumed.Failures {
			p.told[f.Job] = true
		}
	}
	return p
}

// sweep shows how far a sweep is; it is called after each run.
func (p *progress) sweep(r *explore.Report) {
	p.ran++
	if len(r.Failures) > len(p.told) {
		p.failures(r)
	}
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	rate := float64(p.ran) / time.Since(p.began).Seconds()
	if p.time > 0 {
		left := max(p.time-time.Since(p.began), 0).Round(time.Second)
		p.show(fmt.Sprintf("%d  %.1f seeds/s  %.0fx real time  %v left  %d failed", r.Seeds, rate, r.VirtualPerReal, left, r.Failed))
		return
	}
	left := time.Duration(float64(r.Total()-r.Seeds) / rate * float64(time.Second)).Round(time.Second)
	p.show(fmt.Sprintf("%d/%d  %d%%  %.1f seeds/s  %.0fx real time  %v left  %d failed",
		r.Seeds, r.Total(), r.Seeds*100/r.Total(), rate, r.VirtualPerReal, left, r.Failed))
}

// failures tells of those that are new.
func (p *progress) failures(r *explore.Report) {
	for _, f := range r.Failures {
		if p.told[f.Job] {
			continue
		}
		p.told[f.Job] = true
		if len(p.told) <= toldFailures {
			p.above(fmt.Sprintf("FAIL seed=%d scenario=%s oracle=%s", f.Seed, f.Scenario, f.Oracle))
		}
	}
}

// show replaces the line.
func (p *progress) show(line string) {
	if p.terminal < 0 {
		fmt.Fprintln(p.w, line)
		return
	}
	if width, _, err := term.GetSize(p.terminal); err == nil && len(line) >= width && width > 1 {
		line = line[:width-1]
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
}

// above prints a line that stays.
func (p *progress) above(line string) {
	p.end()
	fmt.Fprintln(p.w, line)
}

// end clears the line.
func (p *progress) end() {
	if p.terminal >= 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
