package capacity

import (
	"fmt"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Search is the result of a search for the capacity. Its probes are the run's plateaus.
type Search struct {
	Confirmed bool     `json:"confirmed"`
	Low       *float64 `json:"low"`          // taps/s of the highest rate that held: the answer, if confirmed
	High      *float64 `json:"high"`         // taps/s of the lowest rate above it that did not; null if all held
	Unknown   bool     `json:"high_unknown"` // as far as is known, that was not the system's fault
	Seconds   float64  `json:"seconds"`      // how long it took
	Ended     string   `json:"ended"`        // why, if there is no answer
}

// status returns Pass with an answer, and Fail if no rate holds.
func (s *Search) status() Status {
	switch {
	case s.Confirmed:
		return Pass
	case s.Low == nil && s.High != nil && !s.Unknown:
		return Fail
	}
	return NoData
}

// say returns the answer as a sentence.
func (s *Search) say(r *Report) string {
	switch {
	case s.Confirmed:
		sustained, _ := r.sustained()
		said := "Holds "
		if s.Unknown {
			said += "at least "
		}
		said += units.Rate(*s.Low) + " taps/s within every limit"
		if len(sustained.NotJudged) > 0 {
			said += " that could be judged"
		}
		return said + fmt.Sprintf(", for %s s%s.", units.Rate(units.Significant(sustained.Seconds, 3)), s.tried(r))
	case s.Low != nil:
		return fmt.Sprintf("Holds %s taps/s for %s s, not confirmed%s: %s.", units.Rate(*s.Low),
			units.Rate(units.Significant(r.lastAt(*s.Low), 3)), s.tried(r), s.Ended)
	case s.High != nil:
		return fmt.Sprintf("Holds no rate that was tried, down to %s taps/s.", units.Rate(*s.High))
	}
	return "No rate was tried to its end: " + s.Ended + "."
}

// tried names the rates next to the answer.
func (s *Search) tried(r *Report) string {
	if s.High == nil {
		return ", the highest rate tried"
	}
	below := *s.Low
	for _, p := range r.valid() {
		if p.Rate < *s.Low {
			below = p.Rate
		}
	}
	return fmt.Sprintf(" (%s to %s tried)", units.Rate(below), units.Rate(*s.High))
}

// lastAt returns for how many seconds a rate was held the last time.
func (r *Report) lastAt(rate float64) float64 {
	for _, p := range slices.Backward(r.Plateaus) {
		if p.Rate == rate {
			return p.Seconds
		}
	}
	return 0
}

// searched returns the probe that confirmed the answer, if one did, and the lowest above it that broke.
func (r *Report) searched() (sustained, first *Plateau) {
	for _, p := range r.valid() {
		switch low := r.Search.Low; {
		case low != nil && p.Rate == *low && p.Status == Pass:
			sustained = p
		case (low == nil || p.Rate > *low) && p.Status != Pass && first == nil:
			first = p
		}
	}
	if !r.Search.Confirmed {
		sustained = nil
	}
	return sustained, first
}

// AtBest returns what was measured of a probe so far, as if the rest of it were as good as possible: a limit that breaks even then is lost,
// while one that breaks only so far may do so for a stall that the rest outweighs. The queue and losses, which readings tell, are not known
// before the end.
func (m Measured) AtBest() Measured {
	m.Readings, m.Series.Depth = Readings{}, nil
	m.Plateaus = slices.Clone(m.Plateaus)
	for i := range m.Plateaus {
		p := &m.Plateaus[i]
		p.Counts = p.Counts.clone()
		p.Started += p.toCome(p.Started)
		p.Counts.addPerfect(p.toCome)
		p.Seconds = p.Hold
	}
	return m
}

// toCome returns how many more there will be if the plateau goes on as it has.
func (p *Plateau) toCome(sofar int64) int64 {
	return int64(float64(sofar) * max(0, p.Hold/p.Seconds-1))
}

// addPerfect adds what is to come, without failures and in no time.
func (c *Counts) addPerfect(toCome func(int64) int64) {
	taps, told := toCome(c.Taps), toCome(c.Told)
	c.Iterations += toCome(c.Iterations)
	c.Asked += toCome(c.Asked)
	c.Taps, c.Redirected = c.Taps+taps, c.Redirected+taps
	c.Told, c.Hits = c.Told+told, c.Hits+told
	c.Redirect[batches-1].addZeros(taps)
	c.Analytics.addZeros(toCome(c.Analytics.count()))
	c.Exports.addZeros(toCome(c.Exports.count()))
	c.Queries += toCome(c.Queries)
	c.Samples += toCome(c.Samples)
	c.Flushes += toCome(c.Flushes)
	c.Flushed += toCome(c.drained())
}

// fewest is how many samples past a limit make a probe suspect, though a verdict takes more.
const fewest = 5

// Suspected returns the first limit that a plateau breaks by too few samples for a verdict, or nil. A probe is short: a search that took it
// for held would go on where more samples would break.
func (p *Plateau) Suspected(limits []Limit) *Breach {
	for _, l := range limits {
		figure := l.measured(p)
		if tier := l.tier(figure.Value); l.Part != "" && figure.Samples >= fewest && figure.Samples < l.Enough && tier != Pass {
			breach := l.breach(figure.Value, tier)
			return &breach
		}
	}
	return nil
}
