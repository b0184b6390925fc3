package cluster

import (
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

func TestEntropyFollowsItsKeyAlone(t *testing.T) {
	e := new(entropy)
	restore := e.install()
	defer restore()
	draw := func(key, turn uint64, n int) string {
		e.aim(key, turn)
		p := make([]byte, n)
		if _, err := rand.Reader.Read(p); err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	if first, again := draw(1, 1, 20), draw(1, 1, 20); first != again {
		t.Error("the same turn draws other bytes")
	}
	if draw(1, 1, 8) == draw(1, 2, 8) || draw(1, 1, 8) == draw(2, 1, 8) {
		t.Error("another turn or node draws the same bytes")
	}
}

func TestEntropyBelongsToOneRun(t *testing.T) {
	restore := new(entropy).install()
	defer restore()
	defer func() {
		if recover() == nil {
			t.Error("a second simulation began in this process")
		}
	}()
	new(entropy).install()
}

func TestEntropyOutsideATurnPanics(t *testing.T) {
	e := new(entropy)
	e.aim(1, 1)
	e.rest()
	defer func() {
		if recover() == nil {
			t.Error("bytes were drawn by nobody")
		}
	}()
	_, _ = e.Read(make([]byte, 1))
}

func TestClockDriftsAndTimersAreNeverEarly(t *testing.T) {
	for _, ppm := range []int64{-500, 0, 500} {
		c := &Cluster{k: sim.New(1), entropy: new(entropy)}
		h := &host{c: c, clock: hostClock{ownPPM: ppm, ppm: ppm}}
		p := &process{c: c, host: h}
		clock := (*clock)(p)
		asked, fired := 10*time.Second, time.Duration(0)
		clock.AfterFunc(asked, func() { fired = clock.Monotonic() })
		c.k.Run(int64(20 * time.Second))
		if fired < asked || fired > asked+time.Microsecond {
			t.Errorf("drift %d: a timer of %v fired at %v of its own clock", ppm, asked, fired)
		}
		if got, want := int64(clock.Monotonic()), int64(20*time.Second)+20_000*ppm; got != want {
			t.Errorf("drift %d: the clock shows %d, want %d", ppm, got, want)
		}
	}
}

func TestTimerStoppedWhilePausedDoesNotFire(t *testing.T) {
	c := &Cluster{k: sim.New(1), entropy: new(entropy)}
	p := &process{c: c, host: &host{c: c}}
	clock, fired := (*clock)(p), false
	timer := clock.AfterFunc(time.Second, func() { fired = true })
	p.host.paused = 1
	c.k.Run(int64(2 * time.Second))
	if !timer.Stop() {
		t.Error("a timer that waits for the loop cannot be stopped")
	}
	p.host.paused = 0
	p.resume()
	if fired || timer.Stop() {
		t.Error("a stopped timer fired, or was stopped twice")
	}
}

func TestQuantiles(t *testing.T) {
	if QuantilesOf(nil) != nil {
		t.Error("quantiles of nothing")
	}
	var ns []int64
	for ms := int64(100); ms > 0; ms-- {
		ns = append(ns, ms*int64(time.Millisecond))
	}
	b, err := json.Marshal(QuantilesOf(ns))
	if want := `{"p50":50.000,"p99":99.000,"max":100.000,"samples":100}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
	for v, want := range map[Thousandths]string{0: "0.000", 7: "0.007", -1500: "-1.500", 99_987: "99.987"} {
		if v.String() != want {
			t.Errorf("%d is %s, want %s", int64(v), v, want)
		}
	}
}

func TestTruthKnowsWhenALogWasWhole(t *testing.T) {
	var l truth
	l.recovered(instant{}, 10)
	for i := range int64(5) {
		l.entry(instant{(i + 1) * int64(time.Second), i}, uint64(11+i)) // and its clock counts slowly
	}
	for _, c := range []struct {
		index uint64
		want  int64
	}{{15, 99}, {14, 5}, {11, 2}, {10, 1}, {9, -1}} {
		want := instant{c.want * int64(time.Second), c.want - 1}
		if got, known := l.wholeAt(instant{99 * int64(time.Second), 98}, c.index); known != (c.want >= 0) || known && got != want {
			t.Errorf("a log up to %d was whole at %v, want %v, known %v", c.index, got, want, known)
		}
	}
	l.persisted(13)
	l.entry(instant{int64(6 * time.Second), 5}, 12) // replaces 12 and what follows
	if l.end != 12 || l.durable != 11 {
		t.Errorf("the log ends at %d and is durable to %d", l.end, l.durable)
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		was, is     string
		first, last int
		differ      bool
	}{
		{"abcd", "abcd", 0, 0, false},
		{"abcd", "aXcd", 1, 2, true},
		{"abcd", "aXcY", 1, 4, true},
		{"abcd", "ab", 2, 4, true},
		{"", "ab", 0, 2, true},
	} {
		first, last, differ := difference([]byte(c.was), []byte(c.is))
		if first != c.first || last != c.last || differ != c.differ {
			t.Errorf("%q and %q differ %v in %d to %d", c.was, c.is, differ, first, last)
		}
	}
}
