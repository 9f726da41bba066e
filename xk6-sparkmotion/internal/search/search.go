// Package search finds the highest rate that a system holds: it doubles the rate until a limit breaks, comes back, bisects, and has the
// answer held for longer. It knows rates and outcomes alone; who makes the load, and who judges it, is the caller.
package search

import (
	"math"
	"slices"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Plan holds the parameters of a search.
type Plan struct {
	Start   float64       // taps/s that it begins with
	Most    float64       // taps/s that it never exceeds
	Within  float64       // the share by which the rate that breaks may be above the one that holds
	Settle  time.Duration // of a probe, before it is judged
	Hold    time.Duration // that a probe is judged over
	Confirm time.Duration // that the answer is held for
}

// enough is how many taps a probe makes at least: limits on shares need a hundred.
const enough = 120

// Probe is a rate to hold.
type Probe struct {
	Rate     float64 // taps/s
	Settle   time.Duration
	Hold     time.Duration
	Confirms bool // the answer
}

// Lasts returns how long its load lasts.
func (p Probe) Lasts() time.Duration { return p.Settle + p.Hold }

// Outcome is the result of a probe.
type Outcome int

// The outcomes.
const (
	Unknown Outcome = iota // the generator was the limit, or there was too little to judge by
	Held
	Broke     // a limit of the system's
	Collapsed // and by so much that no second try is needed
)

// Search is a search in progress. A rate that just breaks is tried once more, because one stalled machine is not a limit. One at which the generator
// was the limit is tried four times, because that says nothing about the system.
type Search struct {
	plan      Plan
	held      []float64 // rates that held and are below all that broke, rising
	broken    []bound   // rates that did not hold and are above all that held, falling
	known     []float64 // rates that held and are below all that broke, rising: one that can't be judged again has held all the same
	confirmed bool
	doubted   bool // a confirmation has broken
}

// bound is a rate that did not hold.
type bound struct {
	rate   float64
	broke  int // how often a limit broke,
	missed int // and how often nothing was known
}

// sure reports whether another try is pointless.
func (b bound) sure() bool { return b.broke >= 2 || b.broke+b.missed >= 4 }

// New returns a search.
func New(plan Plan) *Search { return &Search{plan: plan} }

// Low returns the highest rate known to hold, 0 for none: the answer, when that is confirmed.
func (s *Search) Low() float64 {
	if s.confirmed {
		return highest(s.held)
	}
	return highest(s.known)
}

// High returns the lowest rate above Low that did not hold, 0 for none, and reports whether that says nothing about the system.
func (s *Search) High() (rate float64, unknown bool) {
	for _, b := range slices.Backward(s.broken) {
		if b.rate > s.Low() {
			return b.rate, b.broke == 0
		}
	}
	return 0, false
}

func highest(rising []float64) float64 {
	if len(rising) == 0 {
		return 0
	}
	return rising[len(rising)-1]
}

// below returns the rates that are below one.
func below(rate float64, rising []float64) []float64 {
	i, _ := slices.BinarySearch(rising, rate)
	return rising[:i]
}

// Confirmed reports whether the rate Low was held long enough to be the answer.
func (s *Search) Confirmed() bool { return s.confirmed }

// Next returns the next probe for the time that is left, with a pause after each; false if there is none.
func (s *Search) Next(left, pause time.Duration) (Probe, bool) {
	if s.confirmed {
		return Probe{}, false
	}
	low := highest(s.held)
	confirm := Probe{Rate: low, Settle: s.plan.Settle, Hold: s.plan.Confirm, Confirms: true}
	if s.doubted { // probes are too short to tell: a step below, that is confirmed as well
		step := s.plan.Within / 2
		if left < 2*confirm.Lasts() { // the last that there is time for
			step = s.plan.Within
		}
		confirm.Rate = max(low, units.Significant(s.broken[len(s.broken)-1].rate/(1+step), 3))
		return confirm, left >= confirm.Lasts()
	}
	rate, hold := s.rate(), s.plan.Hold
	if len(s.broken) == 0 {
		hold /= 2 // twice too much shows at once
	}
	next := Probe{Rate: rate, Settle: s.plan.Settle, Hold: max(hold, time.Duration(enough/rate*float64(time.Second)))}
	switch {
	case low > 0 && (rate == low || left < next.Lasts()+pause+confirm.Lasts()): // or there is no time for both
		return confirm, left >= confirm.Lasts()
	case rate < 1:
		return Probe{}, false
	}
	return next, left >= next.Lasts()
}

// rate is the next to be tried; that of Low when nothing is left to try but to confirm it.
func (s *Search) rate() float64 {
	low := highest(s.held)
	if len(s.broken) == 0 {
		return min(max(s.plan.Start, 2*low), s.plan.Most)
	}
	high := s.broken[len(s.broken)-1]
	switch {
	case !high.sure():
		return high.rate
	case low == 0:
		return units.Significant(high.rate/2, 3)
	case s.close(low, high.rate):
		return low
	}
	return units.Significant(math.Sqrt(low*high.rate), 3)
}

func (s *Search) close(low, high float64) bool { return high <= low*(1+s.plan.Within) }

// Observe records the result of a probe.
func (s *Search) Observe(p Probe, o Outcome) {
	if o == Held {
		s.holds(p)
		return
	}
	s.doubted = s.doubted || p.Confirms && o != Unknown
	s.held = below(p.Rate, s.held)
	if o != Unknown {
		s.known = below(p.Rate, s.known)
	}
	if n := len(s.broken); n == 0 || s.broken[n-1].rate != p.Rate {
		s.broken = append(s.broken, bound{rate: p.Rate})
	}
	b := &s.broken[len(s.broken)-1]
	switch {
	case o == Unknown:
		b.missed++
	case p.Confirms, o == Collapsed:
		b.broke = 2 // another try could tell no more
	default:
		b.broke++
	}
}

func (s *Search) holds(p Probe) {
	s.confirmed = p.Confirms
	for len(s.broken) > 0 && s.broken[len(s.broken)-1].rate <= p.Rate {
		s.broken = s.broken[:len(s.broken)-1]
	}
	if p.Rate > highest(s.held) {
		s.held = append(s.held, p.Rate)
	}
	if p.Rate > highest(s.known) {
		s.known = append(s.known, p.Rate)
	}
}
