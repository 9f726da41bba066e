package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Settling is what was seen while a plateau's rate had only just begun. It belongs to the run, but not to the plateau, and is not judged.
type Settling struct {
	Seconds float64 `json:"seconds"`
	Started int64   `json:"started_iterations"`
	Taps    int64   `json:"taps"`
	P95     float64 `json:"p95"`                // of redirects, ms; 0 without taps
	Errors  float64 `json:"errors"`             // share of taps that failed
	Dropped int64   `json:"dropped_iterations"` // no more than k6 counts in the run
	Counts  Counts  `json:"counts"`
}

// derived returns s with the figures that follow from its counts, at a rate of iterations.
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

// unstarted returns how many of a rate's iterations did not start. Each process may have one due at the very end.
func unstarted(rate, seconds float64, started int64, processes int) int64 {
	return int64(math.Round(rate*seconds)) - started - int64(processes)
}

// with returns s with what another process saw.
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

// settled returns what was seen while the plateau settled, which is nothing if it did not have to.
func (p *Plateau) settled() Settling {
	if p.Settling == nil {
		return Settling{}
	}
	return *p.Settling
}

// p95 returns the p95 of redirects in ms, or nil if there were none.
func (s Settling) p95() *float64 {
	if s.Taps == 0 {
		return nil
	}
	return &s.P95
}

// unsettled returns the Worker's limits that broke while the plateau settled, but held in it.
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

// saySettling describes the plateau that was furthest from its limits while it settled, which counts in the run, but not in the verdict.
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
