package producer_test

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/producer"
)

// model is the table done the naive way: all batches that were ever accepted.
type model struct {
	settings producer.Settings
	accepted []accepted
	timeMs   int64
}

type accepted struct {
	producer.Batch
	base, timeMs int64 // log time then
	forgotten    bool
}

// of lists what is remembered of a producer.
func (m *model) of(id int64) (all []accepted) {
	for _, a := range m.accepted {
		if a.ProducerID == id && !a.forgotten {
			all = append(all, a)
		}
	}
	return all
}

func (m *model) check(b producer.Batch) (producer.Decision, error) {
	if b.ProducerID == producer.None {
		return producer.Decision{}, nil
	}
	all := m.of(b.ProducerID)
	if len(all) == 0 {
		return producer.Decision{}, nil
	}
	last := all[len(all)-1]
	inEpoch := slices.DeleteFunc(slices.Clone(all), func(a accepted) bool { return a.Epoch != last.Epoch })
	for _, a := range inEpoch[max(0, len(inEpoch)-5):] {
		if a.Batch == b {
			return producer.Decision{Duplicate: true, Base: a.base, Last: a.base + int64(a.Count) - 1}, nil
		}
	}
	next := (int64(last.FirstSequence) + int64(last.Count)) % (1 << 31)
	switch {
	case b.Epoch < last.Epoch:
		return producer.Decision{}, producer.ErrInvalidProducerEpoch
	case b.Epoch > last.Epoch && b.FirstSequence != 0, b.Epoch == last.Epoch && int64(b.FirstSequence) != next:
		return producer.Decision{}, producer.ErrOutOfOrderSequence
	}
	return producer.Decision{}, nil
}

func (m *model) append(b producer.Batch, base, timeMs int64) {
	m.timeMs = max(m.timeMs, timeMs)
	m.accepted = append(m.accepted, accepted{Batch: b, base: base, timeMs: m.timeMs, forgotten: b.ProducerID == producer.None})
	m.evict()
}

// evict forgets who expired, and then the oldest of too many.
func (m *model) evict() {
	newest := map[int64]accepted{}
	for _, a := range m.accepted {
		if !a.forgotten {
			newest[a.ProducerID] = a
		}
	}
	var order []accepted
	for _, a := range newest {
		if m.settings.ExpiryMs > 0 && m.timeMs-a.timeMs >= m.settings.ExpiryMs {
			m.forget(a.ProducerID)
		} else {
			order = append(order, a)
		}
	}
	slices.SortFunc(order, func(a, b accepted) int { return cmp.Compare(a.base, b.base) })
	for len(order) > int(m.settings.MaxProducers) {
		m.forget(order[0].ProducerID)
		order = order[1:]
	}
}

func (m *model) forget(id int64) {
	for i := range m.accepted {
		if m.accepted[i].ProducerID == id {
			m.accepted[i].forgotten = true
		}
	}
}

func (m *model) states() []producer.State {
	states := []producer.State{}
	for id := range int64(8) {
		if all := m.of(id); len(all) > 0 {
			a := all[len(all)-1]
			states = append(states, producer.State{
				ProducerID: id, Epoch: a.Epoch, LastSequence: a.LastSequence(),
				LastOffset: a.base + int64(a.Count) - 1, LastTimeMs: a.timeMs,
			})
		}
	}
	return states
}

// next is a batch that a producer may go on with, now and then in a later epoch.
func (m *model) next(rt *rapid.T, id int64) producer.Batch {
	b := batch(id, 0, rapid.SampledFrom([]int32{0, 9, math.MaxInt32 - 7}).Draw(rt, "first"), 1)
	if all := m.of(id); len(all) > 0 {
		b = all[len(all)-1].Batch
		b.FirstSequence = producer.NextSequence(b.FirstSequence, b.Count)
		if rapid.IntRange(0, 9).Draw(rt, "epoch") == 9 {
			b.Epoch, b.FirstSequence = b.Epoch+1, 0
		}
	}
	b.Count = rapid.Int32Range(1, 6).Draw(rt, "count")
	return b
}

func settings() *rapid.Generator[producer.Settings] {
	return rapid.Custom(func(rt *rapid.T) producer.Settings {
		return producer.Settings{
			MaxProducers: rapid.Int64Range(1, 6).Draw(rt, "max producers"),
			ExpiryMs:     rapid.SampledFrom([]int64{0, 1, 50, 1000}).Draw(rt, "expiry"),
		}
	})
}

// TestTableAgreesWithTheListOfAllBatches drives a table, one that is written and
// read again all the time, and the naive model through the same calls.
func TestTableAgreesWithTheListOfAllBatches(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		s := settings().Draw(rt, "settings")
		m, table, reborn := &model{settings: s}, producer.New(s), producer.New(s)
		end, clock := int64(0), int64(0)
		send := func(rt *rapid.T, b producer.Batch) {
			want, why := m.check(b)
			for _, one := range []*producer.Table{table, reborn} {
				if got, err := one.Check(b); got != want || !errors.Is(err, why) {
					rt.Fatalf("%+v: %+v, %v; want %+v, %v", b, got, err, want, why)
				}
			}
			switch {
			case why != nil:
				seen[why.Error()]++
			case want.Duplicate:
				seen["duplicate"]++
			default:
				seen["appended"]++
				clock += rapid.Int64Range(-30, 60).Draw(rt, "later")
				table.Appended(b, end, clock)
				reborn.Appended(b, end, clock)
				m.append(b, end, clock)
				end += int64(b.Count)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"any": func(rt *rapid.T) {
				send(rt, producer.Batch{
					ProducerID:    rapid.Int64Range(producer.None, 7).Draw(rt, "id"),
					Epoch:         rapid.Int16Range(0, 3).Draw(rt, "epoch"),
					FirstSequence: rapid.SampledFrom([]int32{0, 1, 5, math.MaxInt32, math.MaxInt32 - 3}).Draw(rt, "sequence"),
					Count:         rapid.Int32Range(1, 6).Draw(rt, "count"),
				})
			},
			"next": func(rt *rapid.T) {
				id := rapid.Int64Range(0, 7).Draw(rt, "id")
				for range rapid.IntRange(1, 8).Draw(rt, "batches") {
					send(rt, m.next(rt, id))
				}
			},
			"again": func(rt *rapid.T) {
				if len(m.accepted) == 0 {
					rt.Skip()
				}
				for range rapid.IntRange(1, 8).Draw(rt, "batches") {
					ago := rapid.IntRange(0, min(len(m.accepted)-1, 20)).Draw(rt, "ago")
					send(rt, m.accepted[len(m.accepted)-1-ago].Batch)
				}
			},
			"settings": func(rt *rapid.T) {
				m.settings = settings().Draw(rt, "settings")
				m.evict()
				table.SetSettings(m.settings)
				reborn.SetSettings(m.settings)
			},
			"": func(rt *rapid.T) {
				p := table.AppendTo([]byte("before"))[len("before"):]
				again, err := producer.Decode(p, m.settings)
				if err != nil {
					rt.Fatal(err)
				}
				if len(p) != table.EncodedBytes() || !bytes.Equal(again.AppendTo(nil), p) || !bytes.Equal(reborn.AppendTo(nil), p) {
					rt.Fatalf("%x was read as %x", p, again.AppendTo(nil))
				}
				if table.Fingerprint() != again.Fingerprint() || table.Fingerprint() != reborn.Fingerprint() {
					rt.Fatal("fingerprints differ")
				}
				if got, want := again.States(), m.states(); !slices.Equal(got, want) || again.TimeMs() != m.timeMs {
					rt.Fatalf("producers are %+v at %d, want %+v at %d", got, again.TimeMs(), want, m.timeMs)
				}
				reborn = again
			},
		})
	})
	t.Logf("seen: %v", seen)
	for _, what := range []string{"appended", "duplicate", producer.ErrOutOfOrderSequence.Error(), producer.ErrInvalidProducerEpoch.Error()} {
		if seen[what] == 0 {
			t.Errorf("%s: seen %d times", what, seen[what])
		}
	}
}
