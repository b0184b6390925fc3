package ship_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// spoil gives a copy of the files with one byte of one changed.
func spoil(files map[string][]byte, name string) map[string][]byte {
	bad := map[string][]byte{}
	for n, b := range files {
		bad[n] = slices.Clone(b)
	}
	bad[name][len(bad[name])/2] ^= 1
	return bad
}

// TestRottenSource: a node whose copy is bad is told, and the file comes from
// another; the rest still comes from it.
func TestRottenSource(t *testing.T) {
	w := newWorld(t, 30, 3, small)
	files := randomFiles(30, 3000, 2000)
	w.replicate(files)
	ref := w.offer(10)
	w.host(2).files = spoil(files, "0000.log")
	w.mustStage(ref, files)
	if got := w.host(2).suspects; len(got) != 1 || got[0] != "0000.log" {
		t.Errorf("node 2 was told of %v", got)
	}
	if got := w.host(3).reads; got != 10 {
		t.Errorf("%d reads at node 3", got)
	}
}

// TestMixedSources: pieces of a good and of a bad copy together tell nothing of
// either; each is tried alone then.
func TestMixedSources(t *testing.T) {
	w := newWorld(t, 31, 3, small)
	files := randomFiles(31, 6000)
	w.replicate(files)
	ref := w.offer(10)
	w.host(3).files = spoil(files, "0000.log")
	o := w.stage(ref, nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 1000 })
	w.host(2).files = nil // not here for a moment: the rest comes from node 3
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 5000 })
	w.host(2).files = files
	w.until(func() bool { return o.done > 0 })
	// Node 2 was given up for this file, node 3 alone has a bad one.
	if !errors.Is(o.err, ship.ErrSources) || !strings.Contains(o.err.Error(), "node 2: not here") || !strings.Contains(o.err.Error(), "node 3: its copy is bad") {
		t.Fatalf("got %v", o.err)
	}
	if got := w.host(2).suspects; len(got) != 0 {
		t.Errorf("node 2 was told of %v", got)
	}
	w.mustStage(ref, files)
}

// TestGoneIsQuick: a source that has not what is wanted costs no timeout.
func TestGoneIsQuick(t *testing.T) {
	w := newWorld(t, 42, 4, small)
	files := randomFiles(42, 3000)
	w.host(2).files, w.host(3).files, w.host(4).files = map[string][]byte{}, nil, files
	begin := w.k.Now()
	o := w.fetch(info("0000.log", files["0000.log"]))
	w.until(func() bool { return o.done > 0 })
	if took := time.Duration(w.k.Now() - begin); o.err != nil || took > small.ChunkTimeout {
		t.Errorf("%v after %v", o.err, took)
	}
}

// TestAllSourcesBad: the answer says of each node why.
func TestAllSourcesBad(t *testing.T) {
	w := newWorld(t, 32, 5, small)
	files := randomFiles(32, 3000)
	w.replicate(spoil(files, "0000.log"))
	w.host(3).readErr = errors.New("checksum mismatch")
	w.host(4).files = nil
	w.host(5).files = map[string][]byte{"0000.log": files["0000.log"][:2000]}
	o := w.fetch(info("0000.log", files["0000.log"]))
	w.until(func() bool { return o.done > 0 })
	for _, why := range []string{"node 2: its copy is bad", "node 3: damaged", "node 4: not here", "node 5: gone"} {
		if !errors.Is(o.err, ship.ErrSources) || !strings.Contains(o.err.Error(), why) {
			t.Errorf("%q is missing in %v", why, o.err)
		}
	}
	w.host(5).files = files
	again := w.fetch(info("0000.log", files["0000.log"]))
	w.until(func() bool { return again.done > 0 })
	if b, _ := w.host(1).disk.ReadRaw(dir + "/stage.repair.file.0000.log"); again.err != nil || !bytes.Equal(b, files["0000.log"]) {
		t.Fatalf("%v, %d bytes", again.err, len(b))
	}
}

// TestSourceServesLonger: a peer whose file has grown serves its beginning.
func TestSourceServesLonger(t *testing.T) {
	w := newWorld(t, 33, 2, small)
	files := randomFiles(33, 3000)
	w.replicate(files)
	f := machine.FileInfo{Name: "0000.log", Bytes: 1234, Sum: sum(files["0000.log"][:1234])}
	o := w.fetch(f)
	w.until(func() bool { return o.done > 0 })
	if b, _ := w.host(1).disk.ReadRaw(dir + "/stage.repair.file.0000.log"); o.err != nil || !bytes.Equal(b, files["0000.log"][:1234]) {
		t.Fatalf("%v, %d bytes", o.err, len(b))
	}
}

// TestManyRepairs: files of one directory come at once, each in a place of its
// own, beside a snapshot.
func TestManyRepairs(t *testing.T) {
	w := newWorld(t, 34, 3, small)
	files := randomFiles(34, 3000, 2000, 2500)
	w.replicate(files)
	s := w.stage(w.offer(10), nil)
	var all []*outcome
	for _, name := range []string{"0000.log", "0001.log", "0002.log"} {
		all = append(all, w.fetch(info(name, files[name])))
	}
	w.until(func() bool {
		return s.done > 0 && !slices.ContainsFunc(all, func(o *outcome) bool { return o.done == 0 })
	})
	w.check(s, files)
	for i, o := range all {
		name := o.staged.Manifest.Files[0].Name
		if b, _ := w.host(1).disk.ReadRaw(dir + "/stage.repair.file." + name); o.err != nil || !bytes.Equal(b, files[name]) {
			t.Errorf("repair %d: %v", i, o.err)
		}
		discarded := false
		o.staged.Discard(func(err error) { discarded = err == nil })
		w.until(func() bool { return discarded })
	}
	w.check(s, files)
	if got := w.leftovers(); len(got) != 5 {
		t.Errorf("left: %v", got)
	}
}

// keeper is a machine that has files of its own.
type keeper struct {
	machine.StateMachine
	claims, intact []bool
	asked          []string
}

func (k *keeper) Keeps(machine.Manifest) []bool { return k.claims }
func (k *keeper) Verify(f machine.FileInfo, done func(bool, error)) {
	k.asked = append(k.asked, f.Name)
	i := len(k.asked) - 1
	if k.intact[i] {
		done(true, nil)
		return
	}
	done(true, env.ErrIO)
}

// TestKeeps: what the machine has and can verify is not fetched.
func TestKeeps(t *testing.T) {
	w := newWorld(t, 35, 2, small)
	files := randomFiles(35, 3000, 2000, 2500)
	w.replicate(files)
	w.mustStage(w.offer(10), files) // what is staged already and kept now is given up
	k := &keeper{claims: []bool{true, false, true}, intact: []bool{true, false}}
	o := w.stage(w.offer(10), k)
	w.until(func() bool { return o.done > 0 })
	if o.err != nil || o.staged.Bytes != 4500 || !slices.Equal(k.asked, []string{"0000.log", "0002.log"}) {
		t.Errorf("%v, %+v, verified %v", o.err, o.staged, k.asked)
	}
	if got := w.leftovers(); slices.Contains(got, "stage.file.0000.log") || !slices.Contains(got, "stage.file.0002.log") {
		t.Errorf("staged: %v", got)
	}
}

// TestServer: what is asked beyond the limits is refused, what makes no sense
// is dropped.
func TestServer(t *testing.T) {
	cfg := small
	cfg.ServeQueue, cfg.PeerQueue, cfg.SendBytes = 5, 3, 1000
	w := newWorld(t, 36, 4, cfg)
	w.replicate(randomFiles(36, 3000))
	s := w.host(2).p
	ask := func(from env.NodeID, o wire.Own) {
		o.Kind = wire.OwnFetch
		s.exec(func() { s.ship.Receive(from, wire.Message{Group: group, Own: &o}) })
	}
	good := wire.Own{File: "0000.log", Bytes: 3000, Count: 1000}
	for _, bad := range []wire.Own{
		{File: "0000.log", Bytes: 3000},                             // no bytes
		{File: "0000.log", Bytes: 3000, Count: 3001},                // beyond the end
		{File: "0000.log", Bytes: 3000, Offset: 3000, Count: 1},     // likewise
		{File: "../journal", Bytes: 3000, Count: 1},                 // no name
		{File: "0000.log", Bytes: 1 << 40, Count: 1<<32 - 1},        // too much
		{File: "../journal", Code: wire.Damaged},                    // a complaint of nothing
		{File: "", Bytes: 1 << 62, Offset: 1 << 62, Count: 1 << 10}, // far beyond the end
	} {
		ask(1, bad)
	}
	if got := s.ship.Stats(); w.host(2).reads != 0 || got.Refused != 0 || len(w.host(2).suspects) != 0 {
		t.Fatalf("%d reads, %+v, %v", w.host(2).reads, got, w.host(2).suspects)
	}
	for id := range uint64(6) { // the first goes through, its repeat and two more wait, three are refused
		good.ID, good.Offset = id, int64(id)
		ask(1, good)
		good.ID += 10
		ask(1, good) // a repeat of what waits changes nothing, and has an id of its own
	}
	if got := s.ship.Stats().Refused; got != 6 { // three, each of them twice
		t.Errorf("refused %d", got)
	}
	for id := range uint64(3) {
		good.ID, good.Offset = id, int64(id)
		ask(3, good)
	}
	if got := s.ship.Stats().Refused; got != 7 {
		t.Errorf("refused %d", got)
	}
	s.exec(func() { s.PeerDown(1) })
	w.pass(time.Minute)
	if got := w.host(2).reads; got != 3 {
		t.Errorf("%d reads: what a dead node asked is forgotten", got)
	}
}

// TestBusySource: a node that is busy is asked again, then another is.
func TestBusySource(t *testing.T) {
	cfg := small
	cfg.Window = 6
	w := newWorld(t, 37, 3, cfg)
	files := randomFiles(37, 9000)
	w.replicate(files)
	busy := cfg
	busy.ServeQueue, busy.SendBytes = 1, 1
	w.host(2).p.end()
	w.host(2).cfg = busy
	w.host(2).boot()
	w.mustStage(w.offer(10), files)
	if s := w.host(1).p.ship.Stats(); s.Busy == 0 || s.Switched == 0 {
		t.Errorf("%+v", s)
	}
}

// TestOffers: a manifest is served as long as one sending needs it.
func TestOffers(t *testing.T) {
	w := newWorld(t, 38, 2, small)
	w.replicate(randomFiles(38, 300))
	ref := w.offer(10)
	if again := w.offer(10); again != ref {
		t.Errorf("the same snapshot has two references: %v, %v", ref, again)
	}
	s := w.host(2).p.ship
	s.Withdraw(ref)
	w.mustStage(ref, w.host(2).files)
	s.Withdraw(ref)
	s.Withdraw(ref) // once more is harmless
	ref.Sum++
	o := w.stage(ref, nil)
	w.until(func() bool { return o.done > 0 })
	if !errors.Is(o.err, ship.ErrSources) || !strings.Contains(o.err.Error(), "the manifest: node 2: gone") {
		t.Errorf("got %v", o.err)
	}
	if _, err := s.Offer(group, machine.Manifest{Files: []machine.FileInfo{{Name: "a/b"}}}); !errors.Is(err, ship.ErrManifest) {
		t.Errorf("a bad manifest is offered: %v", err)
	}
}

// TestManifestOfAnotherGroup: what the reference names must be what it says.
func TestManifestOfAnotherGroup(t *testing.T) {
	w := newWorld(t, 39, 2, small)
	w.replicate(randomFiles(39, 300))
	ref, err := w.host(2).p.ship.Offer(group, manifestOf(10, w.host(2).files))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := w.host(2).p.ship.Offer(8, manifestOf(10, w.host(2).files))
	if err != nil {
		t.Fatal(err)
	}
	ref.Sum = foreign.Sum // of equal length
	o := w.stage(ref, nil)
	w.until(func() bool { return o.done > 0 })
	if o.err == nil || len(w.leftovers()) > 0 {
		t.Errorf("got %v, %v", o.err, w.leftovers())
	}
}

// TestClose: nothing is called back, nothing is sent.
func TestClose(t *testing.T) {
	w := newWorld(t, 40, 2, small)
	w.replicate(randomFiles(40, 9000))
	ref := w.offer(10)
	o := w.stage(ref, nil)
	w.until(func() bool { return w.host(1).p.ship.Progress(group) > 1000 })
	w.host(1).p.ship.Close()
	w.host(2).p.ship.Close()
	w.pass(time.Minute)
	if o.done != 0 || w.host(2).p.ship.Stats().Refused != 0 {
		t.Errorf("done %d times: %v", o.done, o.err)
	}
}

// TestChunksOfNobody: answers that nobody waits for, or from the wrong node,
// or altered, do nothing.
func TestChunksOfNobody(t *testing.T) {
	w := newWorld(t, 41, 3, small)
	files := randomFiles(41, 3000)
	w.replicate(files)
	o := w.stage(w.offer(10), nil)
	p := w.host(1).p
	w.until(func() bool { return len(w.host(1).asked) > 5 })
	for _, id := range append(w.host(1).asked, 0, 1) {
		for _, code := range []wire.Code{wire.OK, wire.Gone, wire.Full} {
			p.exec(func() {
				p.ship.Receive(3, wire.Message{Group: group, Own: &wire.Own{Kind: wire.OwnChunk, ID: id, Code: code, Data: []byte("forged")}})
				p.ship.Receive(3, wire.Message{Group: group, Own: &wire.Own{Kind: wire.OwnChunk, ID: id, Code: code, File: "0000.log"}})
				p.ship.Receive(3, wire.Message{Group: group, Own: &wire.Own{Kind: wire.OwnSnapStatus, ID: id}})
				p.ship.Receive(3, wire.Message{Group: group})
			})
		}
	}
	w.until(func() bool { return o.done > 0 })
	w.check(o, files)
	if s := p.ship.Stats(); s.Switched != 0 || s.ReceivedBytes > 3300 {
		t.Errorf("%+v", s)
	}
}
