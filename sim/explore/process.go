package explore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Budget is what one run may use of the real world before its worker is killed.
type Budget struct {
	Wall        time.Duration
	MemoryBytes int64 // resident, of the worker
}

// DefaultBudget leaves a slow, loaded machine room: runs take well below a
// second and 300 MB.
func DefaultBudget() Budget { return Budget{Wall: 2 * time.Minute, MemoryBytes: 2 << 30} }

// recycleBytes is where a healthy worker is replaced between two runs, so that
// what earlier runs left behind never kills a later one.
func (b Budget) recycleBytes() int64 { return b.MemoryBytes / 2 }

// process is one worker as its sweep sees it.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	encode  *json.Encoder
	replies chan reply // closed when the worker's stdout ends
	stderr  tail
	budget  Budget
	peak    int64
}

// ErrWorker is wrapped when worker processes cannot be started at all: no run
// is to blame.
var ErrWorker = errors.New("cannot start a worker process")

// startProcess starts a worker and waits for its greeting.
func startProcess(cmd *exec.Cmd, budget Budget) (*process, error) {
	p := &process{cmd: cmd, replies: make(chan reply), budget: budget}
	cmd.Stderr = &p.stderr
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	p.encode = json.NewEncoder(p.in)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	decode := json.NewDecoder(out)
	var hello greeting
	if err := decode.Decode(&hello); err != nil || hello.Worker != workerVersion {
		endProcess(cmd)
		return nil, fmt.Errorf("%w: %s did not greet as a worker: %s", ErrWorker, cmd.Path, p.lastWords())
	}
	go func() {
		defer close(p.replies)
		for {
			var r reply
			if err := decode.Decode(&r); err != nil {
				if !errors.Is(err, io.EOF) {
					_ = cmd.Process.Kill() // it talks nonsense and might live on
				}
				return
			}
			p.replies <- r
		}
	}()
	return p, nil
}

// ask has the worker do one run. alive is false if the worker is gone: died,
// killed for exceeding its budget, or because ctx ended (then err is ctx's).
func (p *process) ask(ctx context.Context, req request) (out *Outcome, alive bool, err error) {
	if err := p.encode.Encode(req); err != nil {
		return p.dead(req.Job), false, nil
	}
	late := time.NewTimer(p.budget.Wall)
	defer late.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case r, ok := <-p.replies:
			if !ok {
				return p.dead(req.Job), false, nil
			}
			p.peak = max(p.peak, r.PeakBytes)
			if r.Error != "" || r.Outcome == nil {
				return nil, true, fmt.Errorf("worker: %s", r.Error)
			}
			r.Outcome.electionNs, r.Outcome.failoverNs = r.ElectionNs, r.FailoverNs
			return r.Outcome, true, nil
		case <-look.C:
			if now := residentBytes(p.cmd.Process.Pid); now > p.budget.MemoryBytes {
				p.kill()
				return died(req.Job, Memory, fmt.Sprintf("the worker held more than its budget of %d MiB", p.budget.MemoryBytes>>20)), false, nil
			}
		case <-late.C:
			p.kill()
			return died(req.Job, Hang, fmt.Sprintf("no result after %v", p.budget.Wall)), false, nil
		case <-ctx.Done():
			p.kill()
			return nil, false, ctx.Err()
		}
	}
}

// dead is the outcome of the run that the worker died in.
func (p *process) dead(job Job) *Outcome {
	p.retire()
	out := died(job, Crash, "the worker died: "+p.lastWords())
	out.Timeline = []cluster.Note{{Text: "the worker's last words:\n" + p.stderr.String()}}
	return out
}

// lastWords says how the worker ended: its panic, if it told, and its status.
func (p *process) lastWords() string {
	status := p.cmd.ProcessState.String()
	for line := range strings.Lines(p.stderr.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
	}
	return status
}

// retire lets a worker end that is idle or dead. Its status is of no interest:
// its work was done, or dead tells of it.
func (p *process) retire() {
	_ = p.in.Close()
	for range p.replies {
	}
	_ = p.cmd.Wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // an error says that it has ended already
	p.retire()
}

// endProcess ends a process that never became a worker.
func endProcess(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// tail keeps the beginning and the end of what is written to it: a panic's
// message stands first, and the rest may be long.
type tail struct{ first, last []byte }

const tailBytes = 16 << 10

func (t *tail) Write(b []byte) (int, error) {
	n := len(b)
	if room := tailBytes - len(t.first); room > 0 {
		take := min(room, len(b))
		t.first = append(t.first, b[:take]...)
		b = b[take:]
	}
	t.last = append(t.last, b...)
	if over := len(t.last) - tailBytes; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return n, nil
}

func (t *tail) String() string { return string(t.first) + string(t.last) }
