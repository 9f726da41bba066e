package capacity

import (
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Metric is everything known about a figure before a run: its names for people and for k6, how it is measured and how surely, its limits,
// which changes of it matter, and where it is shown. All code that deals with figures goes by [Metrics].
type Metric struct {
	Limit
	InPlateau string     // k6's metric that the tag plateau selects there; empty if none does
	Column    Column     // in the tables by plateau; none without a heading
	Failures  string     // heading for what it is the failed share of; empty if it is not a share of failures
	Of        SystemPart // part whose capacity its limit belongs to; empty without a limit, or for a sum of several
	Signed    bool       // it may be below 0
	Rare      bool       // its column is left out if it is 0 throughout
	Matters   Matters

	measure func(p *Plateau) Figure
	sure    func(p *Plateau, depths []Depth) (stats.Estimate, bool) // nil if two runs are not compared by it
}

// Figure is a metric's value, and the number of samples behind it: without samples it was not measured.
type Figure struct {
	Value   float64
	Samples int64
}

// Matters is how large a change must be, besides being beyond noise: with enough taps, the slightest change is.
type Matters struct {
	Part  float64 // share of the value before, and
	Least float64 // absolute change, in its unit
}

// Column is a metric's place in the tables by plateau.
type Column struct {
	Table Table
	Head  string
}

// Table is one of the tables by plateau.
type Table int

// The tables by plateau.
const (
	TapsTable   Table = iota + 1 // the taps
	SystemTable                  // the generator, and the rest of the system
	VolumeTable                  // what exports and flushes moved
)

// In measures the metric in a plateau.
func (m Metric) In(p *Plateau) Figure { return m.measure(p) }

// Over measures the metric over a whole run.
func (m Metric) Over(run *Measured) Figure { return m.measure(run.whole()) }

// optional returns the value, or nil if nothing was measured.
func (f Figure) optional() *float64 {
	if f.Samples == 0 {
		return nil
	}
	return &f.Value
}

// Find returns the metric with a label.
func Find(label string) (Metric, bool) {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Label == label })
	if i < 0 {
		return Metric{}, false
	}
	return Metrics[i], true
}

// measured returns a limit's metric in a plateau. It is empty if the metric is not recorded, such as one of another version.
func (l Limit) measured(p *Plateau) Figure {
	if m, ok := Find(l.Label); ok && m.Metric == l.Metric {
		return m.In(p)
	}
	return Figure{}
}

// inPlateau returns how k6 selects a limit's metric in one plateau, if it has a threshold there.
func (l Limit) inPlateau(name string) (selector string, ok bool) {
	m, _ := Find(l.Label)
	return m.InPlateau + "{plateau:" + name + "}", m.InPlateau != ""
}

// redirects makes the metric a percentile of taps.
func (m Metric) redirects(percentile float64) Metric {
	m.Unit = units.Time
	m.measure = func(p *Plateau) Figure { return Figure{p.Counts.redirect().at(percentile), p.Counts.Taps} }
	m.sure = func(p *Plateau, _ []Depth) (stats.Estimate, bool) {
		return stats.BatchMeans(p.Counts.batched(percentile))
	}
	return m
}

// batched returns a percentile of taps in each tenth of a plateau. Successive taps wait in the same queues, so they say less than their
// number suggests; how much longer stretches differ says more. A tenth whose percentile is its maximum is left out.
func (c *Counts) batched(percentile float64) []float64 {
	var parts []float64
	for _, batch := range c.Redirect {
		if stats.Beyond(batch.count(), percentile) >= 1 {
			parts = append(parts, batch.at(percentile))
		}
	}
	return parts
}

// requests makes the metric the p95 of requests that are too rare for tenths.
func (m Metric) requests(of func(c *Counts) histogram) Metric {
	m.Unit = units.Time
	m.measure = func(p *Plateau) Figure { h := of(&p.Counts); return Figure{h.at(95), h.count()} }
	m.sure = func(p *Plateau, _ []Depth) (stats.Estimate, bool) {
		h := of(&p.Counts)
		return stats.Percentile(95, h.count(), h.at)
	}
	return m
}

// share makes the metric a share: some of all.
func (m Metric) share(count func(p *Plateau) (some, all int64)) Metric {
	m.Unit = units.Share
	m.measure = func(p *Plateau) Figure { some, all := count(p); return Figure{ratio(some, all), all} }
	m.sure = func(p *Plateau, _ []Depth) (stats.Estimate, bool) {
		some, all := count(p)
		return stats.Share(some, all), all >= stats.FewestParts
	}
	return m
}

// mean makes the metric an average over n. A sum of 0 counts as not measured.
func (m Metric) mean(of func(c *Counts) (sum, n int64)) Metric {
	m.measure = func(p *Plateau) Figure {
		sum, n := of(&p.Counts)
		if sum == 0 {
			return Figure{}
		}
		return Figure{ratio(sum, n), n}
	}
	return m
}

// derived makes the metric a figure of the plateau itself, for which k6 has no metric.
func (m Metric) derived(figure func(p *Plateau) *float64) Metric {
	m.measure = func(p *Plateau) Figure {
		if value := figure(p); value != nil {
			return Figure{*value, 1}
		}
		return Figure{}
	}
	return m
}

// alone excludes the metric from comparisons of two runs.
func (m Metric) alone() Metric {
	m.sure = nil
	return m
}

// surely gives the metric an estimate of its own.
func (m Metric) surely(sure func(p *Plateau, depths []Depth) (stats.Estimate, bool)) Metric {
	m.sure = sure
	return m
}

func ratio(some, all int64) float64 {
	if all == 0 {
		return 0
	}
	return float64(some) / float64(all)
}
