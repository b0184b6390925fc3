package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
)

// clock is virtual time: run fires what is due, in order.
type clock struct {
	now    time.Duration
	timers []*timer
	posted []func()
}

type timer struct {
	at time.Duration
	f  func()
}

func (t *timer) Stop() bool {
	pending := t.f != nil
	t.f = nil
	return pending
}

func (c *clock) Monotonic() time.Duration { return c.now }
func (c *clock) Wall() int64              { return int64(c.now) }
func (c *clock) Post(f func())            { c.posted = append(c.posted, f) }
func (c *clock) AfterFunc(d time.Duration, f func()) env.Timer {
	t := &timer{c.now + max(d, 0), f}
	i, _ := slices.BinarySearchFunc(c.timers, t, func(a, b *timer) int {
		if a.at <= b.at {
			return -1
		}
		return 1
	})
	c.timers = slices.Insert(c.timers, i, t)
	return t
}

func (c *clock) run(until time.Duration) {
	for {
		for len(c.posted) > 0 {
			f := c.posted[0]
			c.posted = c.posted[1:]
			f()
		}
		if len(c.timers) == 0 || c.timers[0].at > until {
			c.now = until
			return
		}
		t := c.timers[0]
		c.timers = c.timers[1:]
		c.now = t.at
		if f := t.f; f != nil {
			t.f = nil
			f()
		}
	}
}

// conn answers by a script: one step for each attempt, in order; the last step
// repeats. It notes whom it was asked to reach, and when.
type conn struct {
	clock *clock
	steps []step
	asked []string
}

type step struct {
	produce engine.ProduceResponse
	fetch   engine.FetchResponse
	list    engine.ListOffsetsResponse
	deleted engine.DeleteRecordsResponse
	meta    engine.MetadataResponse
	err     error
	after   time.Duration // -1: never
}

const never = time.Duration(-1)

func (c *conn) next(what string, node env.NodeID, answer func(step)) {
	i := min(len(c.asked), len(c.steps)-1)
	c.asked = append(c.asked, fmt.Sprintf("%s %d", what, node))
	if s := c.steps[i]; s.after != never {
		c.clock.AfterFunc(s.after, func() { answer(s) })
	}
}

func (c *conn) Produce(n env.NodeID, _ engine.ProduceRequest, done func(engine.ProduceResponse, error)) {
	c.next("produce", n, func(s step) { done(s.produce, s.err) })
}

func (c *conn) Fetch(n env.NodeID, _ engine.FetchRequest, done func(engine.FetchResponse, error)) {
	c.next("fetch", n, func(s step) { done(s.fetch, s.err) })
}

func (c *conn) ListOffsets(n env.NodeID, _ engine.ListOffsetsRequest, done func(engine.ListOffsetsResponse, error)) {
	c.next("list", n, func(s step) { done(s.list, s.err) })
}

func (c *conn) DeleteRecords(n env.NodeID, _ engine.DeleteRecordsRequest, done func(engine.DeleteRecordsResponse, error)) {
	c.next("delete", n, func(s step) { done(s.deleted, s.err) })
}

func (c *conn) Metadata(n env.NodeID, _ []string, done func(engine.MetadataResponse, error)) {
	c.next("metadata", n, func(s step) { done(s.meta, s.err) })
}

// entropy draws the same number always, so that pauses and turns are known.
type entropy uint64

func (e entropy) Uint64() uint64 { return uint64(e) }

type world struct {
	*clock
	*conn
	*client.Client
}

func start(change func(*client.Config), steps ...step) world {
	cfg := client.DefaultConfig()
	cfg.Nodes = []env.NodeID{1, 2, 3}
	if change != nil {
		change(&cfg)
	}
	clk := &clock{}
	cn := &conn{clock: clk, steps: steps}
	return world{clk, cn, client.New(clk, cn, entropy(0), cfg)}
}

// produce runs one produce to its end.
func (w world) produce(t *testing.T, timeout time.Duration) client.ProduceResult {
	t.Helper()
	var got []client.ProduceResult
	w.Client.Produce("t", 0, []byte("b"), timeout, func(r client.ProduceResult) { got = append(got, r) })
	if len(got) != 0 {
		t.Fatal("done ran inside Produce")
	}
	w.run(w.now + timeout)
	if len(got) != 1 {
		t.Fatalf("done ran %d times by the deadline, want once", len(got))
	}
	if n := w.InFlight(); n != 0 {
		t.Fatalf("%d operations in flight after the end", n)
	}
	return got[0]
}

func refuse(code engine.Code, leader env.NodeID, epoch int32) step {
	return step{produce: engine.ProduceResponse{Err: code, Leader: leader, LeaderEpoch: epoch}, after: time.Millisecond}
}

func ack(offset int64) step {
	return step{produce: engine.ProduceResponse{BaseOffset: offset, LeaderEpoch: 4}, after: time.Millisecond}
}

func maybe(code engine.Code) step {
	return step{produce: engine.ProduceResponse{Err: code, Unknown: true}, after: time.Millisecond}
}

func TestProduceOutcomes(t *testing.T) {
	silent := step{after: never}
	retry := func(c *client.Config) { c.RetryUnknown = true }
	tests := []struct {
		name   string
		change func(*client.Config)
		steps  []step
		want   client.Outcome
		offset int64
		asked  []string
	}{
		{
			"acknowledged at once", nil,
			[]step{ack(7)},
			client.Outcome{Attempts: 1, Node: 1},
			7,
			[]string{"produce 1"},
		},
		{
			"follows news of the leader", nil,
			[]step{refuse(engine.NotLeaderOrFollower, 3, 4), ack(7)},
			client.Outcome{Attempts: 2, Node: 3},
			7,
			[]string{"produce 1", "produce 3"},
		},
		{
			"takes turns without a hint", nil,
			[]step{refuse(engine.NotLeaderOrFollower, 0, 0), refuse(engine.LeaderNotAvailable, 0, 0), ack(7)},
			client.Outcome{Attempts: 3, Node: 3},
			7,
			[]string{"produce 1", "produce 2", "produce 3"},
		},
		{
			"a definite failure is retried", nil,
			[]step{refuse(engine.NotEnoughReplicas, 1, 4), ack(7)},
			client.Outcome{Attempts: 2, Node: 1},
			7,
			[]string{"produce 1", "produce 1"},
		},
		{
			"what would fail again ends", nil,
			[]step{refuse(engine.MessageTooLarge, 0, 0)},
			client.Outcome{Err: engine.MessageTooLarge, Attempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"refused before it was sent, then acknowledged", nil,
			[]step{{err: fmt.Errorf("dial: %w", client.ErrNotSent)}, ack(7)},
			client.Outcome{Attempts: 2, Node: 2},
			7,
			[]string{"produce 1", "produce 2"},
		},
		{
			"silence is unknown", nil,
			[]step{silent},
			client.Outcome{Err: engine.RequestTimedOut, Unknown: true, Attempts: 1, UnknownAttempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"a broken connection is unknown", nil,
			[]step{{err: errors.New("reset")}},
			client.Outcome{Err: engine.RequestTimedOut, Unknown: true, Attempts: 1, UnknownAttempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"lost leadership is unknown", nil,
			[]step{maybe(engine.NotLeaderOrFollower)},
			client.Outcome{Err: engine.NotLeaderOrFollower, Unknown: true, Attempts: 1, UnknownAttempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"code 7 is unknown even unmarked", nil,
			[]step{refuse(engine.RequestTimedOut, 1, 4)},
			client.Outcome{Err: engine.RequestTimedOut, Unknown: true, Attempts: 1, UnknownAttempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"code 20 is unknown even unmarked", nil,
			[]step{refuse(engine.NotEnoughReplicasAfterAppend, 1, 4)},
			client.Outcome{Err: engine.NotEnoughReplicasAfterAppend, Unknown: true, Attempts: 1, UnknownAttempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"unknown, retried, acknowledged", retry,
			[]step{silent, maybe(engine.RequestTimedOut), ack(9)},
			client.Outcome{Attempts: 3, UnknownAttempts: 2, Node: 2},
			9,
			[]string{"produce 1", "produce 2", "produce 2"},
		},
		{
			"unknown, retried, then refused for good", retry,
			[]step{silent, refuse(engine.InvalidRecord, 0, 0)},
			client.Outcome{Err: engine.InvalidRecord, Unknown: true, Attempts: 2, UnknownAttempts: 1, Node: 2},
			-1,
			[]string{"produce 1", "produce 2"},
		},
		{
			"no retries wanted", func(c *client.Config) { c.Retries = -1 },
			[]step{refuse(engine.NotEnoughReplicas, 1, 4)},
			client.Outcome{Err: engine.NotEnoughReplicas, Attempts: 1, Node: 1},
			-1,
			[]string{"produce 1"},
		},
		{
			"two retries allowed", func(c *client.Config) { c.Retries = 2 },
			[]step{refuse(engine.NotEnoughReplicas, 1, 4)},
			client.Outcome{Err: engine.NotEnoughReplicas, Attempts: 3, Node: 1},
			-1,
			[]string{"produce 1", "produce 1", "produce 1"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := start(test.change, test.steps...)
			got := w.produce(t, 10*time.Second)
			if got.Outcome != test.want || got.BaseOffset != test.offset {
				t.Errorf("got %+v offset %d, want %+v offset %d", got.Outcome, got.BaseOffset, test.want, test.offset)
			}
			if !slices.Equal(w.asked, test.asked) {
				t.Errorf("asked %q, want %q", w.asked, test.asked)
			}
		})
	}
}

func TestDefiniteFailuresAreRetriedUntilTheDeadline(t *testing.T) {
	w := start(nil, refuse(engine.NotEnoughReplicas, 1, 4))
	got := w.produce(t, 2*time.Second)
	if got.Err != engine.NotEnoughReplicas || got.Unknown {
		t.Errorf("got %+v, want NOT_ENOUGH_REPLICAS, not unknown", got.Outcome)
	}
	// Pauses 5, 10, 20, 40, 80, then 100 ms: the lower ends of their ranges.
	if got.Attempts < 20 || got.Attempts > 25 {
		t.Errorf("%d attempts in 2 s, want 20 to 25", got.Attempts)
	}
}

func TestLateAnswersAreIgnored(t *testing.T) {
	late := ack(1)
	late.after = 1500 * time.Millisecond // after the attempt's timeout
	w := start(func(c *client.Config) { c.RetryUnknown = true }, late, step{after: never}, ack(2))
	got := w.produce(t, 10*time.Second)
	if got.BaseOffset != 2 || got.Attempts != 3 || got.UnknownAttempts != 2 {
		t.Errorf("got %+v offset %d, want the third attempt's offset 2", got.Outcome, got.BaseOffset)
	}
}

func TestASilentLeaderIsNotBelievedForTheSameEpoch(t *testing.T) {
	silent := step{after: never}
	w := start(func(c *client.Config) { c.RetryUnknown = true },
		refuse(engine.NotLeaderOrFollower, 3, 4), silent, // 1 names 3, which is silent
		refuse(engine.NotLeaderOrFollower, 3, 4), // stale rumour of 3
		refuse(engine.NotLeaderOrFollower, 1, 5), // news
		ack(7))
	w.produce(t, 10*time.Second)
	want := []string{"produce 1", "produce 3", "produce 2", "produce 3", "produce 1"}
	if !slices.Equal(w.asked, want) {
		t.Errorf("asked %q, want %q", w.asked, want)
	}
	if at := w.Leader("t", 0); at != 1 {
		t.Errorf("leader %d after the acknowledgement, want 1", at)
	}
	if n := w.Stats().Redirects; n != 2 {
		t.Errorf("%d redirects, want 2", n)
	}
}

func TestNewsOfALeaderCostsNoPause(t *testing.T) {
	w := start(nil, refuse(engine.NotLeaderOrFollower, 2, 9), ack(0))
	var at time.Duration
	w.Client.Produce("t", 0, nil, time.Second, func(client.ProduceResult) { at = w.now })
	w.run(time.Second)
	if at != 2*time.Millisecond {
		t.Errorf("acknowledged at %v, want at 2ms: two answers of 1 ms each", at)
	}
}

func TestFetchWaitsForItsLongPoll(t *testing.T) {
	poll := step{fetch: engine.FetchResponse{HighWatermark: 5, Batches: []byte("x")}, after: 1800 * time.Millisecond}
	w := start(nil, poll)
	var got client.FetchResult
	r := engine.FetchRequest{Topic: "t", MaxWait: 1500 * time.Millisecond}
	w.Client.Fetch(r, 5*time.Second, func(r client.FetchResult) { got = r })
	w.run(5 * time.Second)
	if got.Err != engine.None || got.Attempts != 1 || got.HighWatermark != 5 || string(got.Batches) != "x" {
		t.Errorf("got %+v, want the one answer of 1.8 s", got)
	}
}

func TestReadsAreNeverUnknown(t *testing.T) {
	w := start(nil, step{after: never})
	var fetch client.FetchResult
	var list client.ListOffsetsResult
	w.Client.Fetch(engine.FetchRequest{Topic: "t"}, 3*time.Second, func(r client.FetchResult) { fetch = r })
	w.Client.ListOffsets("t", 0, engine.Latest, 3*time.Second, func(r client.ListOffsetsResult) { list = r })
	w.run(3 * time.Second)
	if fetch.Err != engine.RequestTimedOut || fetch.Unknown || fetch.HighWatermark != -1 || fetch.Attempts < 2 {
		t.Errorf("fetch: got %+v", fetch)
	}
	if list.Err != engine.RequestTimedOut || list.Unknown || list.Offset != -1 || list.Attempts < 2 {
		t.Errorf("list-offsets: got %+v", list)
	}
}

func TestOutOfRangeTellsWhereTheLogIs(t *testing.T) {
	w := start(nil, step{fetch: engine.FetchResponse{Err: engine.OffsetOutOfRange, LogStart: 3, HighWatermark: 9}})
	var got client.FetchResult
	w.Client.Fetch(engine.FetchRequest{Topic: "t", Offset: 1}, time.Second, func(r client.FetchResult) { got = r })
	w.run(time.Second)
	if got.Err != engine.OffsetOutOfRange || got.Attempts != 1 || got.LogStart != 3 || got.HighWatermark != 9 {
		t.Errorf("got %+v", got)
	}
}

func TestMetadataTeachesLeaders(t *testing.T) {
	meta := step{meta: engine.MetadataResponse{Cluster: 8, Partitions: []engine.PartitionStatus{{Topic: "t", Leader: 3, LeaderEpoch: 2}}}}
	w := start(nil, meta, step{list: engine.ListOffsetsResponse{Offset: 11}})
	var got client.MetadataResult
	w.Client.Metadata(nil, time.Second, func(r client.MetadataResult) { got = r })
	w.run(time.Second)
	if got.Err != engine.None || got.Cluster != 8 {
		t.Fatalf("got %+v", got)
	}
	var list client.ListOffsetsResult
	w.Client.ListOffsets("t", 0, engine.Latest, time.Second, func(r client.ListOffsetsResult) { list = r })
	w.run(2 * time.Second)
	if list.Node != 3 || list.Offset != 11 {
		t.Errorf("list-offsets got %+v, want offset 11 from node 3, the leader learned", list)
	}
}

func TestOperationsBeyondTheBoundAreRefused(t *testing.T) {
	w := start(func(c *client.Config) { c.MaxInFlight = 1 }, step{after: never})
	var codes []engine.Code
	for range 2 {
		w.Client.Produce("t", 0, nil, time.Second, func(r client.ProduceResult) {
			codes = append(codes, r.Err)
			if r.Err == engine.ThrottlingQuotaExceeded && (r.Unknown || r.Attempts != 0) {
				t.Errorf("refused, yet %+v", r.Outcome)
			}
		})
	}
	w.run(2 * time.Second)
	if want := []engine.Code{engine.ThrottlingQuotaExceeded, engine.RequestTimedOut}; !slices.Equal(codes, want) {
		t.Errorf("got %v, want %v", codes, want)
	}
}

func TestCloseEndsWhatIsInFlight(t *testing.T) {
	w := start(nil, step{after: never})
	var got []client.Outcome
	w.Client.Produce("t", 0, nil, time.Minute, func(r client.ProduceResult) { got = append(got, r.Outcome) })
	w.run(time.Millisecond)
	w.Client.Produce("t", 1, nil, time.Minute, func(r client.ProduceResult) { got = append(got, r.Outcome) })
	w.Close()
	w.run(2 * time.Minute)
	want := []client.Outcome{
		{Err: engine.RequestTimedOut},
		{Err: engine.RequestTimedOut, Unknown: true, Attempts: 1, UnknownAttempts: 1, Node: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(w.asked) != 1 {
		t.Errorf("asked %q after Close", w.asked)
	}
}

func TestConfigIsValidated(t *testing.T) {
	bad := map[string]func(*client.Config){
		"no nodes":         func(c *client.Config) { c.Nodes = nil },
		"attempt timeout":  func(c *client.Config) { c.AttemptTimeout = 0 },
		"back-off":         func(c *client.Config) { c.Backoff = -1 },
		"longest back-off": func(c *client.Config) { c.MaxBackoff = c.Backoff - 1 },
		"in flight":        func(c *client.Config) { c.MaxInFlight = 0 },
		"leaders":          func(c *client.Config) { c.MaxLeaders = 0 },
	}
	for name, change := range bad {
		cfg := client.DefaultConfig()
		cfg.Nodes = []env.NodeID{1}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&cfg)
		if err := cfg.Validate(); !errors.Is(err, client.ErrConfig) {
			t.Errorf("%s: got %v, want ErrConfig", name, err)
		}
	}
}
