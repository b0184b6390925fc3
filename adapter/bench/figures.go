package bench

import (
	"slices"
	"time"
)

// Report is what Compare found.
type Report struct {
	BatchBytes int     `json:"batchBytes"`
	TurnBytes  int64   `json:"turnBytes"`
	Rounds     int     `json:"rounds"`
	Speeds     []Speed `json:"speeds"`
	Ratios     []Ratio `json:"ratios"`
}

// Speed is what one contender acknowledged.
type Speed struct {
	Name     string `json:"name"`
	InFlight int    `json:"inFlight"`
	Bytes    Spread `json:"bytesPerSecond"`
	// What a batch costs, whoever else is busy: the processor's time, syncs, and bytes
	// written for each byte acknowledged. The last two are those that fell into the
	// contender's turns, of the background too.
	ProcessorMicros Spread  `json:"processorMicrosPerBatch"`
	Syncs           float64 `json:"syncsPerBatch"`
	Written         float64 `json:"bytesWrittenPerByte"`
	// SyncMicros is the mean time of a sync; 0 for the plain loop.
	SyncMicros float64 `json:"syncMicros"`
}

// Ratio compares two contenders round by round.
type Ratio struct {
	Name     string `json:"name"`
	Against  string `json:"against"`
	InFlight int    `json:"inFlight"`
	Ratio    Spread `json:"ratio"`
	// Undisturbed is the ratio of the speeds that each had in its best tenth of the
	// rounds: what is left where others who use the disk had the least part in it.
	Undisturbed float64 `json:"undisturbed"`
	Target      float64 `json:"target"` // 0: none
	Met         bool    `json:"met"`    // by the median
}

// Spread is what many rounds gave.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"lowerQuartile"`
	High   float64 `json:"upperQuartile"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(all []float64) Spread {
	slices.Sort(all)
	at := func(quarter int) float64 { return all[quarter*(len(all)-1)/4] }
	return Spread{Median: at(2), Low: at(1), High: at(3), Min: at(0), Max: at(4)}
}

// target is the least acceptable ratio with so many requests in flight.
type target struct {
	name, against string
	one, many     float64
}

// targets are the project's own; see docs/performance.md. A replicated partition
// acknowledges each byte once and writes it twice.
var targets = []target{
	{Unreplicated, Plain, 0.85, 0.85},
	{Replicated, Plain, 0.70, 1},
	{Replicated, Unreplicated, 0.80, 0.80},
	{RemoteAlone, Plain, 0, 0},
	{Remote, Plain, 0, 0},
	{Remote, RemoteAlone, 0, 0},
}

func (t *target) of(inFlight int) float64 {
	switch {
	case inFlight == 1:
		return t.one
	case inFlight >= 16:
		return t.many
	}
	return 0
}

func (b *comparison) report() Report {
	bytes := float64(b.TurnBytes / int64(b.BatchBytes) * int64(b.BatchBytes))
	r := Report{BatchBytes: b.BatchBytes, TurnBytes: b.TurnBytes, Rounds: b.Rounds}
	for _, group := range b.groups {
		byName := map[string]*turn{}
		for _, t := range group {
			byName[t.name] = t
			r.Speeds = append(r.Speeds, t.speed(bytes, float64(b.TurnBytes/int64(b.BatchBytes)), b.Rounds+1))
		}
		for _, want := range targets {
			t, base := byName[want.name], byName[want.against]
			if t != nil {
				r.Ratios = append(r.Ratios, t.against(base, &want))
			}
		}
	}
	return r
}

// speed sums up a contender that acknowledged so many bytes in each turn.
func (t *turn) speed(bytes, batches float64, turns int) Speed {
	s := Speed{Name: t.name, InFlight: t.inFlight, Syncs: 1, Written: 1}
	if t.name != Plain {
		s.Syncs = float64(t.disk.Syncs) / (batches * float64(turns))
		s.SyncMicros = float64(t.disk.SyncTime.Microseconds()) / max(float64(t.disk.Syncs), 1)
		s.Written = float64(t.disk.WriteBytes) / (bytes * float64(turns))
	}
	s.Bytes = spreadOf(each(t.took, func(d time.Duration) float64 { return bytes / d.Seconds() }))
	s.ProcessorMicros = spreadOf(each(t.cpu, func(d time.Duration) float64 { return d.Seconds() * 1e6 / batches }))
	return s
}

func each(all []time.Duration, f func(time.Duration) float64) (out []float64) {
	for _, d := range all {
		out = append(out, f(d))
	}
	return out
}

// against compares round by round: above 1, t is the faster one.
func (t *turn) against(base *turn, want *target) Ratio {
	var all []float64
	for i, d := range t.took {
		all = append(all, base.took[i].Seconds()/d.Seconds())
	}
	r := Ratio{Name: t.name, Against: base.name, InFlight: t.inFlight, Ratio: spreadOf(all), Target: want.of(t.inFlight)}
	r.Undisturbed = base.fast().Seconds() / t.fast().Seconds()
	r.Met = r.Ratio.Median >= r.Target
	return r
}

// fast is the time of the best tenth of the rounds.
func (t *turn) fast() time.Duration {
	sorted := slices.Sorted(slices.Values(t.took))
	return sorted[(len(sorted)-1)/10]
}
