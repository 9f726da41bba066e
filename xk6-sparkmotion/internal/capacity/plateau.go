package capacity

import (
	"cmp"
	"math"
	"slices"
)

// Measured is what a run has seen.
type Measured struct {
	Plan      Plan // of the rates that were asked for
	Processes []Process
	Whole     Counts
	Plateaus  []Plateau
	Series    Series
}

// Plateau is one arrival rate that was held, and what the system did then. Rates are a second, latencies in ms.
type Plateau struct {
	Name    string  `json:"name"`    // the tag plateau
	Rate    float64 `json:"rate"`    // iterations asked for
	Start   float64 `json:"start"`   // seconds since the plateaus began
	Seconds float64 `json:"seconds"` // less than asked for when the run was stopped
	Counts  Counts  `json:"counts"`
	Figures
	Judgement
}

// Figures are what the counts of a plateau come to.
type Figures struct {
	Offered     float64 `json:"offered"`            // taps
	Achieved    float64 `json:"achieved"`           // taps
	Dropped     int64   `json:"dropped_iterations"` // asked for and never started: no virtual user was free
	Redirect    Latency `json:"redirect"`
	ErrorRate   float64 `json:"error_rate"`  // of taps
	KVHitRate   float64 `json:"kv_hit_rate"` // of redirects
	Concurrency float64 `json:"concurrency"` // taps under way, by Little's law

	GeneratorLag     float64 `json:"generator_lag_p95"`
	GeneratorLimited float64 `json:"generator_limited"` // share of beats that were too late

	Analytics float64 `json:"analytics_p95"`
	Export    float64 `json:"export_p95"`

	Queued     float64  `json:"queued"`      // taps that went into the queue
	Flushed    float64  `json:"flushed"`     // taps that flushes moved
	DepthStart *float64 `json:"depth_start"` // what the first flush left; without one, the depth at the start
	DepthEnd   *float64 `json:"depth_end"`   // what the last flush left
	Growth     *float64 `json:"growth"`      // of the queue, taps a second; null when it was not watched
}

// Latency are percentiles in ms.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// derive computes the figures of a plateau from its counts, those of so many processes, and the queue's course.
func (p *Plateau) derive(depths []Depth, processes int) {
	c := &p.Counts
	perIteration := 1.0
	if c.Iterations > 0 {
		perIteration = float64(c.Taps+c.CutOff) / float64(c.Iterations)
	}
	redirect := c.redirect()
	p.Figures = Figures{
		Offered:  p.Rate * perIteration,
		Achieved: float64(c.Taps) / p.Seconds,
		Dropped:  max(0, int64(math.Round(p.Rate*p.Seconds))-c.Iterations-int64(processes)), // each may have one due at the very end
		Redirect: Latency{redirect.at(50), redirect.at(95), redirect.at(99), redirect.at(100)},

		ErrorRate:   ratio(c.Taps-c.Redirected, c.Taps),
		KVHitRate:   ratio(c.Hits, c.Redirected),
		Concurrency: c.Waited.Seconds() / p.Seconds,

		GeneratorLag: c.Lag.at(95), GeneratorLimited: c.limited(),
		Analytics: c.Analytics.at(95), Export: c.Exports.at(95),
		Queued: float64(c.Hits) / p.Seconds, Flushed: float64(c.Flushed) / p.Seconds,
	}
	p.watchQueue(depths)
}

// watchQueue finds how fast the queue grew, and its depth first and last: after flushes, or where none was seen, at the
// plateau's ends.
func (p *Plateau) watchQueue(depths []Depth) {
	var before *Depth
	var within []Depth
	for i, d := range depths {
		switch {
		case d.At <= p.Start:
			before = &depths[i]
		case d.At <= p.Start+p.Seconds:
			within = append(within, d)
		}
	}
	if len(within) == 0 {
		return // an old depth alone says nothing of this plateau
	}
	left := slices.DeleteFunc(slices.Clone(within), func(d Depth) bool { return d.Flushed == 0 })
	p.Growth = p.growth(before, within, left)
	switch {
	case len(left) > 0:
		within = left
	case before != nil:
		within = append([]Depth{*before}, within...)
	}
	p.DepthStart, p.DepthEnd = &within[0].Depth, &within[len(within)-1].Depth
}

// growth is the queue's, in taps a second; nil when too little was seen of it. Between two flushes a queue rises and falls,
// so that what flushes leave tells most: nothing, or more each time. Where a flush takes as long as the plateau, so does
// any depth that is higher than the last.
func (p *Plateau) growth(before *Depth, within, left []Depth) *float64 {
	if g := p.slope(left); g != nil {
		return g
	}
	if len(left) > 0 && left[len(left)-1].Depth <= p.Queued { // a second's worth: it was emptied
		return new(float64)
	}
	if before != nil && p.Start-before.At < p.Seconds/3 {
		within = append([]Depth{*before}, within...)
	}
	if !slices.IsSortedFunc(within, func(a, b Depth) int { return cmp.Compare(a.Depth, b.Depth) }) {
		return nil
	}
	return p.slope(within)
}

// slope is the change from the first depth to the last, if they span a third of the plateau.
func (p *Plateau) slope(depths []Depth) *float64 {
	if len(depths) < 2 {
		return nil
	}
	first, last := depths[0], depths[len(depths)-1]
	span := last.At - first.At
	if span < p.Seconds/3 {
		return nil
	}
	slope := (last.Depth - first.Depth) / span
	return &slope
}
