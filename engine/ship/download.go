package ship

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// strikesToSwitch is how many timeouts in a row make the asker turn to the next
// source: one is a lost frame.
const strikesToSwitch = 2

// rounds is how often all sources are tried in vain before it gives up.
const rounds = 3

// passes is after how many answers to what was asked later a piece is taken to
// be lost.
const passes = 3

// A piece is repeated before its timeout once it takes quickFactor times as long
// as others did, but no sooner than after a part of the timeout.
const (
	quickFactor = 4
	quickest    = 16
)

// mostSlow is how often the timeout is doubled for answers that come late.
const mostSlow = 3

// download asks for the pieces of one file and hands them out in order. What
// arrives is held to its own checksum only; whether the whole is right is seen
// at its end.
type download struct {
	s     *Ship
	group env.GroupID
	ref   Ref              // of the manifest, where that is the file
	file  machine.FileInfo // Name empty: the manifest

	sources []env.NodeID  // those not yet found useless for this file
	current int           // index of the one that is asked
	strikes int           // its timeouts in a row
	vain    int           // attempts in a row that gave nothing
	busy    int           // answers "busy" since the last piece or strike
	answers error         // why sources were dropped
	slow    uint          // the timeout is doubled so often: a slow link delays, it loses nothing
	prompt  int           // answers in a row for which less would do
	usual   time.Duration // the longest that answers take of late; 0: none has come

	next   int64    // offset of the first byte not asked for
	pieces []*piece // asked, or here and not handed out, in order; at most Window
	timer  env.Timer
	wake   func() // of the task that waits for the first piece
	err    error  // it gave up

	giver env.NodeID // who gave what was handed out since the beginning
	mixed bool       // several did, or an earlier life
	again int        // how often it began anew
}

// piece is one part of the file that is on its way.
type piece struct {
	off     int64
	count   int
	due     time.Duration // when it may be asked for
	at      time.Duration // when it was
	expires time.Duration
	asked   bool
	quick   bool       // it was repeated before it was late
	passed  int        // answers to later questions since
	asks    []question // whoever was asked: a late answer is as good
	data    []byte     // once here
}

// question is one asking for a piece. Each has its own id: were a repeat's the
// same, an answer would not tell whether it took long or the first was lost.
type question struct {
	id uint64
	at time.Duration
}

// question finds what an answer is for.
func (d *download) question(id uint64) (*piece, question) {
	for _, p := range d.pieces {
		for _, q := range p.asks {
			if q.id == id {
				return p, q
			}
		}
	}
	return nil, question{}
}

func (s *Ship) download(g env.GroupID, ref Ref, f machine.FileInfo, sources []env.NodeID, from int64) *download {
	d := &download{s: s, group: g, ref: ref, file: f, sources: sources, next: from, mixed: from > 0}
	if len(sources) == 0 {
		d.err = fmt.Errorf("%w: no other node has it", ErrSources)
	}
	s.downloads = append(s.downloads, d)
	return d
}

func (d *download) close() {
	d.stopTimer()
	d.s.downloads = slices.DeleteFunc(d.s.downloads, func(o *download) bool { return o == d })
}

// take waits for the next bytes of the file.
func (d *download) take(t *env.Task, stopped func() error) ([]byte, error) {
	d.fill()
	for {
		if err := stopped(); err != nil {
			return nil, err
		}
		if d.err != nil {
			return nil, d.err
		}
		if len(d.pieces) > 0 && d.pieces[0].data != nil {
			data := d.pieces[0].data
			d.pieces = slices.Delete(d.pieces, 0, 1)
			d.fill()
			return data, nil
		}
		t.Await(func(done func()) { d.wake = done })
	}
}

// poke resumes the task that waits, to look again.
func (d *download) poke() {
	if wake := d.wake; wake != nil {
		d.wake = nil
		wake()
	}
}

// fill keeps the window full.
func (d *download) fill() {
	for d.err == nil && len(d.pieces) < d.s.cfg.Window && d.next < d.file.Bytes {
		p := &piece{off: d.next, count: int(min(d.file.Bytes-d.next, int64(d.s.cfg.ChunkBytes)))}
		p.due = d.s.receive.take(d.s.now(), p.count)
		d.pieces = append(d.pieces, p)
		d.next += int64(p.count)
	}
	d.work()
}

// work asks for what is due, and comes back when more is or an answer is late.
func (d *download) work() {
	d.stopTimer()
	if d.err != nil {
		return
	}
	now := d.s.now()
	first := time.Duration(-1)
	for _, p := range d.pieces {
		if p.data != nil {
			continue
		}
		if !p.asked && p.due <= now {
			d.ask(p, now)
		}
		at := p.due
		if p.asked {
			at = d.repeat(p, now)
		}
		if first < 0 || at < first {
			first = at
		}
	}
	if first >= 0 {
		d.timer = d.s.env.Clock.AfterFunc(first-now, d.expire)
	}
}

func (d *download) stopTimer() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *download) ask(p *piece, now time.Duration) {
	p.asked, p.quick, p.passed, p.at, p.expires = true, false, 0, now, now+d.patience()
	d.send(p)
}

// repeat asks once more for a piece that takes much longer than others did: on a
// fast link a lost frame need not cost a timeout. It gives when to look again.
func (d *download) repeat(p *piece, now time.Duration) time.Duration {
	if d.usual == 0 || p.quick {
		return p.expires
	}
	at := p.at + max(quickFactor*d.usual, d.s.cfg.ChunkTimeout/quickest)
	switch {
	case at >= p.expires:
		return p.expires
	case at > now:
		return at
	case d.s.receive.free > now: // a repeat is bytes like any others
		return min(d.s.receive.free, p.expires)
	}
	d.s.receive.take(now, p.count)
	p.quick = true
	d.send(p)
	return p.expires
}

func (d *download) send(p *piece) {
	q := question{id: d.s.nextID(), at: d.s.now()}
	p.asks = append(p.asks, q)
	d.s.port.Send(d.sources[d.current], wire.Message{Group: d.group, Own: &wire.Own{
		Kind: wire.OwnFetch, ID: q.id, Index: d.ref.Index, Term: d.ref.Term,
		File: d.file.Name, Bytes: d.file.Bytes, Sum: d.file.Sum, Offset: p.off, Count: uint32(p.count),
	}})
}

func (d *download) patience() time.Duration { return d.s.cfg.ChunkTimeout << d.slow }

// later puts a piece that was asked for back, to be asked for again.
func (d *download) later(p *piece, wait time.Duration) {
	now := d.s.now()
	p.asked, p.due = false, max(now+wait, d.s.receive.take(now, p.count))
}

// expire runs when something is due or late. Of what is late the first piece is
// asked again at once; the others get more time, for on a slow link all of them
// are late and every repeat makes it slower.
func (d *download) expire() {
	d.timer = nil
	if d.s.closed {
		return
	}
	now := d.s.now()
	if late := d.late(now); late != nil {
		d.slow, d.prompt = min(d.slow+1, mostSlow), 0
		for _, p := range d.pieces {
			p.expires = max(p.expires, now+d.patience())
		}
		d.later(late, 0)
		d.strikes++
		d.miss(fmt.Errorf("node %d does not answer", d.sources[d.current]))
	}
	d.work()
}

// late gives the first piece whose answer is late.
func (d *download) late(now time.Duration) *piece {
	for _, p := range d.pieces {
		if p.asked && p.data == nil && p.expires <= now {
			return p
		}
	}
	return nil
}

// miss counts an attempt in vain, and turns to the next source when the
// current one failed too often.
func (d *download) miss(why error) {
	d.vain++
	if d.vain >= rounds*strikesToSwitch*len(d.sources) {
		d.fail(why)
		return
	}
	if d.strikes >= strikesToSwitch && len(d.sources) > 1 {
		d.turn(d.current + 1)
	}
}

// turn makes another source the one that is asked, also for what the last one
// owes.
func (d *download) turn(to int) {
	d.strikes = 0
	d.current = to % len(d.sources)
	d.s.stats.Switched++
	d.slow = 0
	for _, p := range d.pieces {
		if p.asked && p.data == nil {
			d.later(p, 0)
		}
	}
}

// drop gives a source up for this file.
func (d *download) drop(why error) {
	d.answers = errors.Join(d.answers, why)
	d.sources = slices.Delete(slices.Clone(d.sources), d.current, d.current+1)
	if len(d.sources) == 0 {
		d.fail(nil)
		return
	}
	d.turn(d.current)
}

// fail gives up.
func (d *download) fail(last error) {
	what := d.file.Name
	if what == "" {
		what = "the manifest"
	}
	d.err = fmt.Errorf("%w: %s: %w", ErrSources, what, errors.Join(d.answers, last))
	d.poke()
}

// down takes the hint that a node is gone: what it owes is asked of another.
func (d *download) down(node env.NodeID) {
	if d.err != nil || d.sources[d.current] != node || !slices.ContainsFunc(d.pieces, func(p *piece) bool { return p.asked && p.data == nil }) {
		return
	}
	if d.strikes = strikesToSwitch; len(d.sources) == 1 {
		return // it may come back; the timeout decides
	}
	d.miss(fmt.Errorf("node %d went away", node))
	d.work()
}

// answer takes a chunk; it reports whether it was one of this download.
func (d *download) answer(from env.NodeID, o *wire.Own) bool {
	p, q := d.question(o.ID)
	if p == nil {
		return false
	}
	if d.err != nil || p.data != nil || o.File != d.file.Name || !slices.Contains(d.sources, from) {
		return true
	}
	current := d.sources[d.current] == from
	switch {
	case o.Code == wire.OK && d.right(p, o):
		d.accept(p, q, from, o)
	case !current:
		// It was asked before, and what it says now is of no interest.
	case o.Code == wire.OK:
		d.later(p, 0)
		d.strikes++
		d.miss(fmt.Errorf("node %d answers with wrong pieces", from))
	case o.Code == wire.Busy:
		d.wait(p, from)
	case o.Code == wire.Gone:
		d.drop(fmt.Errorf("node %d: %w", from, ErrGone))
	default:
		d.drop(fmt.Errorf("node %d: %s", from, o.Code))
	}
	d.work()
	d.poke()
	return true
}

// wait takes the answer "busy": a node that is so for a whole timeout counts as
// one that does not answer.
func (d *download) wait(p *piece, from env.NodeID) {
	const parts = 8 // of the timeout
	d.s.stats.Busy++
	d.later(p, d.s.cfg.ChunkTimeout/parts)
	if d.busy++; d.busy >= parts*d.s.cfg.Window {
		d.busy = 0
		d.strikes++
		d.miss(fmt.Errorf("node %d is busy", from))
	}
}

// right tells whether a chunk is the piece that was asked for.
func (*download) right(p *piece, o *wire.Own) bool {
	return o.Offset == p.off && len(o.Data) == p.count && o.Sum == chunkSum(o.File, o.Offset, o.Data)
}

func (d *download) accept(p *piece, q question, from env.NodeID, o *wire.Own) {
	took := d.s.now() - q.at
	d.s.stats.ReceivedBytes += int64(p.count)
	d.strikes, d.vain, d.busy = 0, 0, 0
	if d.giver == 0 {
		d.giver = from
	}
	d.mixed = d.mixed || d.giver != from
	p.data = o.Data
	d.usual = max(took, d.usual-d.usual/8, 1)
	d.pass(p, q)
	if d.slow == 0 || took > d.patience()/4 {
		d.prompt = 0
	} else if d.prompt++; d.prompt >= d.s.cfg.Window {
		d.slow, d.prompt = d.slow-1, 0
	}
}

// pass looks for pieces that an answer has overtaken: they need not wait for
// their timeout. One answer is enough if it is to a question of long after: all
// of a window may be lost with a connection, and one timeout after the other
// would take as long as the window is wide.
func (d *download) pass(answered *piece, q question) {
	for _, p := range d.pieces {
		long := p.at+d.s.cfg.ChunkTimeout/2 <= q.at
		switch {
		case p.data != nil || !p.asked:
			continue
		case long:
			d.later(p, 0)
			continue
		case p.at > q.at || p.off > answered.off:
			continue
		}
		if p.passed++; p.passed >= min(passes, d.s.cfg.Window-1) {
			d.later(p, 0)
		}
	}
}

// restart begins the file anew, for its sum is wrong. If one node gave all of
// it, that one is not asked again and told that its copy is bad.
func (d *download) restart() error {
	d.again++
	switch {
	case d.err != nil:
		return d.err
	case !d.mixed && d.giver == 0:
		d.fail(errors.New("its sum is not that of no bytes"))
		return d.err
	case d.mixed && d.again > rounds*len(d.sources):
		d.fail(errors.New("the pieces of several nodes do not fit together"))
		return d.err
	}
	d.pieces, d.next = nil, 0
	if bad := d.giver; !d.mixed && bad != 0 {
		d.s.port.Send(bad, wire.Message{Group: d.group, Own: &wire.Own{
			Kind: wire.OwnFetch, Code: wire.Damaged, File: d.file.Name, Bytes: d.file.Bytes, Sum: d.file.Sum,
		}})
		if d.sources[d.current] == bad {
			d.drop(fmt.Errorf("node %d: its copy is bad", bad))
		}
	}
	d.giver, d.mixed = 0, false
	return d.err
}

// chunkSum is what a chunk is held to.
func chunkSum(file string, off int64, data []byte) uint32 {
	var at [8]byte
	for i := range at {
		at[i] = byte(off >> (8 * i))
	}
	sum := crc32.Update(0, castagnoli, []byte(file))
	return crc32.Update(crc32.Update(sum, castagnoli, at[:]), castagnoli, data)
}
