package capacity

import (
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Metric is all that is known of a figure before a run: what it is called and k6 knows it by, how it is measured and how
// surely, its limits, what change of it matters, and where it is shown. Whatever deals with figures goes by [Metrics].
type Metric struct {
	Limit
	InPlateau string     // the metric of k6's whose tag plateau selects it there; empty when none does
	Column    Column     // by plateau; none when it has no head
	Failures  string     // what it is the failed share of, as a head; empty when it is no share of failures
	Of        SystemPart // of the system's capacity, that its limit is one of; empty without a limit, or for what sums up several
	Signed    bool       // it may be below 0
	Matters   Matters

	measure func(p *Plateau) Figure
	sure    func(p *Plateau, depths []Depth) (stats.Estimate, bool) // nil when two runs are not compared by it
}

// Figure is a metric's value, and the number of samples that it rests on: without one it was not measured.
type Figure struct {
	Value   float64
	Samples int64
}

// Matters is what a change must come to besides being beyond noise: with enough taps the slightest change is.
type Matters struct {
	Part  float64 // of the value before, and
	Least float64 // in its unit
}

// Column is where a metric stands in the tables by plateau.
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
	VolumeTable                  // what exports and flushes came to
)

// In measures the metric in a plateau.
func (m Metric) In(p *Plateau) Figure { return m.measure(p) }

// Over measures the metric over a whole run.
func (m Metric) Over(run *Measured) Figure { return m.measure(run.whole()) }

// optional is nil when nothing was measured.
func (f Figure) optional() *float64 {
	if f.Samples == 0 {
		return nil
	}
	return &f.Value
}

// Find returns the metric that has a label.
func Find(label string) (Metric, bool) {
	i := slices.IndexFunc(Metrics, func(m Metric) bool { return m.Label == label })
	if i < 0 {
		return Metric{}, false
	}
	return Metrics[i], true
}

// measured is a limit's metric in a plateau. A limit of something that is not recorded, as another version's may be, is of nothing.
func (l Limit) measured(p *Plateau) Figure {
	if m, ok := Find(l.Label); ok && m.Metric == l.Metric {
		return m.In(p)
	}
	return Figure{}
}

// inPlateau is how k6 selects a limit's metric in one plateau, if it has a threshold there.
func (l Limit) inPlateau(name string) (selector string, ok bool) {
	m, _ := Find(l.Label)
	return m.InPlateau + "{plateau:" + name + "}", m.InPlateau != ""
}

// redirects has a percentile of taps measured.
func (m Metric) redirects(percentile float64) Metric {
	m.Unit = units.Time
	m.measure = func(p *Plateau) Figure { return Figure{p.Counts.redirect().at(percentile), p.Counts.Taps} }
	m.sure = func(p *Plateau, _ []Depth) (stats.Estimate, bool) {
		return stats.BatchMeans(p.Counts.batched(percentile))
	}
	return m
}

// batched are a percentile of taps in each tenth of a plateau. Successive taps wait in the same queues, so that they say less
// than their number promises; how much longer stretches differ says more. A tenth whose percentile is its maximum is left out.
func (c *Counts) batched(percentile float64) []float64 {
	var parts []float64
	for _, batch := range c.Redirect {
		if stats.Beyond(batch.count(), percentile) >= 1 {
			parts = append(parts, batch.at(percentile))
		}
	}
	return parts
}

// requests has the p95 of requests measured that come too seldom for tenths.
func (m Metric) requests(of func(c *Counts) histogram) Metric {
	m.Unit = units.Time
	m.measure = func(p *Plateau) Figure { h := of(&p.Counts); return Figure{h.at(95), h.count()} }
	m.sure = func(p *Plateau, _ []Depth) (stats.Estimate, bool) {
		h := of(&p.Counts)
		return stats.Percentile(95, h.count(), h.at)
	}
	return m
}

// share has measured how many of all are some.
func (m Metric) share(count func(p *Plateau) (some, all int64)) Metric {
	m.Unit = units.Share
	m.measure = func(p *Plateau) Figure { some, all := count(p); return Figure{ratio(some, all), all} }
	m.sure = func(p *Plateau, _ []Depth) (stats.Estimate, bool) {
		some, all := count(p)
		return stats.Share(some, all), all >= stats.FewestParts
	}
	return m
}

// mean has measured what one of n had on average. What nobody has summed up is not measured.
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

// derived is a figure of a plateau's own, which k6 has no metric of.
func (m Metric) derived(figure func(p *Plateau) *float64) Metric {
	m.measure = func(p *Plateau) Figure {
		if value := figure(p); value != nil {
			return Figure{*value, 1}
		}
		return Figure{}
	}
	return m
}

// alone takes the metric out of what two runs are compared by.
func (m Metric) alone() Metric {
	m.sure = nil
	return m
}

// surely has an estimate of its own.
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
