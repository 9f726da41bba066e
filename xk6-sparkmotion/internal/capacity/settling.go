package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Settling is what was seen while the rate of a plateau had only just begun: of the run, but not of the plateau, and not judged.
type Settling struct {
	Seconds float64 `json:"seconds"`
	Started int64   `json:"started_iterations"`
	Taps    int64   `json:"taps"`
	P95     float64 `json:"p95"`                // of redirects, ms; 0 without taps
	Errors  float64 `json:"errors"`             // the share of taps that failed
	Dropped int64   `json:"dropped_iterations"` // no more than k6 counts in the run
	Counts  Counts  `json:"counts"`
}

// derived returns it with what its counts come to, at a rate of iterations.
func (s *Settling) derived(rate float64, processes int, left int64) *Settling {
	if s == nil {
		return nil
	}
	figures := *s
	c := &figures.Counts
	figures.Taps, figures.P95, figures.Errors = c.Taps, c.redirect().at(95), ratio(c.Taps-c.Redirected, c.Taps)
	figures.Dropped = max(0, min(unstarted(rate, s.Seconds, s.Started, processes), left))
	return &figures
}

// unstarted is how many of the iterations that a rate comes to did not start. Each process may have one due at the very end.
func unstarted(rate, seconds float64, started int64, processes int) int64 {
	return int64(math.Round(rate*seconds)) - started - int64(processes)
}

// with returns it with what another process saw.
func (s *Settling) with(other *Settling) *Settling {
	switch {
	case s == nil:
		return other
	case other == nil:
		return s
	}
	both := Settling{Seconds: max(s.Seconds, other.Seconds), Started: s.Started + other.Started, Counts: s.Counts.clone()}
	both.Counts.add(other.Counts)
	return &both
}

// settled is what was seen while the plateau settled; of one that did not have to, nothing.
func (p *Plateau) settled() Settling {
	if p.Settling == nil {
		return Settling{}
	}
	return *p.Settling
}

// p95 is of redirects, if there were any.
func (s Settling) p95() *float64 {
	if s.Taps == 0 {
		return nil
	}
	return &s.P95
}

// unsettled are the limits of what answers taps that did not hold while a plateau settled which then held them.
func (p *Plateau) unsettled(limits []Limit) []Breach {
	if p.Settling == nil || !p.Valid() {
		return nil
	}
	var broken []Breach
	before := &Plateau{Counts: p.Settling.Counts}
	for _, l := range ofTaps(limits) {
		figure := l.measured(before)
		tier := l.tier(figure.Value)
		held := !slices.ContainsFunc(p.Breaches, func(b Breach) bool { return b.Metric == l.Metric })
		if tier != Pass && held && figure.Samples >= l.Enough {
			broken = append(broken, l.breach(figure.Value, tier))
		}
	}
	return broken
}

// saySettling tells of the plateau that was furthest from its limits while it settled: what was seen there is in the run, and not in the verdict.
func (r *Report) saySettling() []string {
	var worst *Plateau
	var broken []Breach
	limits := r.limits()
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		if found := p.unsettled(limits); len(found) > 0 && (worst == nil || found[0].weight() > broken[0].weight()) {
			worst, broken = p, found
		}
	}
	if worst == nil {
		return nil
	}
	var said []string
	for _, b := range broken {
		said = append(said, fmt.Sprintf("%s was %s", b.Label, b.Unit.Value(b.Value)))
	}
	return []string{fmt.Sprintf("While %s/s settled, in its first %s s, %s: not judged.", units.Rate(worst.Offered),
		units.Rate(units.Significant(worst.Settling.Seconds, 2)), strings.Join(said, " and "))}
}
