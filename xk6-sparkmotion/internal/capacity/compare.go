package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Comparison is what got better or worse from one run to another, such as before and after a fix.
type Comparison struct {
	Verdict       []string   `json:"verdict"` // sentences, most important first
	Limits        []string   `json:"limits"`  // labels of the limits that differ: statuses then mean different things
	SustainedRate Change     `json:"sustained_rate"`
	Parts         []Change   `json:"parts"` // the sustained rate of each part that was measured in either run
	Drain         *Change    `json:"drain"` // null when the queue grew in neither
	Plateaus      []Compared `json:"plateaus"`
}

// Compared is a plateau in both runs.
type Compared struct {
	Name    string   `json:"name"`
	Offered float64  `json:"offered"` // taps/s
	Before  Status   `json:"before,omitempty"`
	After   Status   `json:"after,omitempty"`
	Outcome Outcome  `json:"outcome"`       // of the status
	Why     string   `json:"why,omitempty"` // why nothing is known about it
	Figures []Change `json:"figures"`
}

// Change is one figure in both runs.
type Change struct {
	Figure  string     `json:"figure"`
	Unit    units.Unit `json:"unit"`
	Before  *float64   `json:"before"` // null when it was not measured
	After   *float64   `json:"after"`
	Noise   *float64   `json:"noise,omitempty"` // the change that chance alone passes once in a hundred times
	Outcome Outcome    `json:"outcome"`
	Why     string     `json:"why,omitempty"`

	metric string // metric whose limit concerns the figure, if any
}

// Outcome is what is known about a change.
type Outcome string

// The outcomes of a comparison. A Slight change is beyond noise.
const (
	Better Outcome = "better"
	Worse  Outcome = "worse"
	Slight Outcome = "too small to matter"
	Within Outcome = "within noise"
	Untold Outcome = "unclear"
)

// Reasons why nothing is known about a figure that only one run has.
const (
	unknownBefore = "unknown before"
	unknownAfter  = "unknown after"
)

// Compare returns what changed between two runs, plateau by plateau.
//
// Noise is estimated from each run itself: from how much the tenths of a plateau differ, or from the number of samples; package stats has
// the tests and their sources. It is taken at 99 %, because about seventy figures are compared at a time. A pair of runs can't tell a fix
// from what differs between runs but not within one, such as where a cloud has put a function this time, so a change must also be large
// enough to matter.
func Compare(before, after *Report) *Comparison {
	c := &Comparison{Limits: otherLimits(before.Metrics, after.Metrics), Plateaus: []Compared{}}
	var rest []*Plateau
	for i := range after.Plateaus {
		rest = append(rest, &after.Plateaus[i])
	}
	for i := range before.Plateaus {
		a := &before.Plateaus[i]
		j := slices.IndexFunc(rest, func(b *Plateau) bool { return a.Name == b.Name })
		if j < 0 {
			c.Plateaus = append(c.Plateaus, a.alone("only in the run before"))
			continue
		}
		c.Plateaus = append(c.Plateaus, c.plateau(a, rest[j], before.Series.Depth, after.Series.Depth))
		rest = slices.Delete(rest, j, j+1)
	}
	for _, b := range rest {
		c.Plateaus = append(c.Plateaus, b.alone("only in the run after"))
	}
	c.SustainedRate = c.sustained(before, after)
	c.Parts = c.parts(before, after)
	if a, b := before.drained(), after.drained(); a.value != nil || b.value != nil {
		drain := a.to(b)
		c.Drain = &drain
	}
	c.Verdict = slices.Concat(c.say(), sayArrivals(before, after), sayGoals(before, after), sayNotCompared(before, after))
	return c
}

// Worse returns what got worse, most important first: the sustained rate, that of a part, the drain, a plateau's status and figures.
func (c *Comparison) Worse() []string {
	var worse []string
	add := func(where string, changes ...Change) {
		for _, change := range changes {
			if change.Outcome == Worse {
				worse = append(worse, change.Figure+where)
			}
		}
	}
	add("", c.SustainedRate)
	add("'s rate", c.Parts...)
	if c.Drain != nil {
		add("", *c.Drain)
	}
	for _, p := range c.Plateaus {
		at := " at " + units.PerSecond.Value(p.Offered)
		add(at, Change{Figure: "status", Outcome: p.Outcome})
		add(at, p.Figures...)
	}
	return worse
}

func (p *Plateau) alone(why string) Compared {
	return Compared{Name: p.Name, Offered: p.Offered, Outcome: Untold, Why: why, Figures: []Change{}}
}

// plateau compares a plateau's figures, if they are the system's under the same load.
func (c *Comparison) plateau(a, b *Plateau, before, after []Depth) Compared {
	p := Compared{Name: a.Name, Offered: b.Offered, Before: a.Status, After: b.Status, Outcome: Untold, Figures: []Change{}}
	switch {
	case !a.Valid():
		p.Why = notValid(a.Status) + " before"
	case !b.Valid():
		p.Why = notValid(b.Status) + " after"
	case math.Abs(b.Offered-a.Offered) > maxDropped*a.Offered:
		p.Why = fmt.Sprintf("%s taps/s were offered before", units.Rate(a.Offered))
	default:
		p.Figures = changes(a.readings(before), b.readings(after))
		p.Outcome = c.status(p, slices.Concat(a.Breaches, b.Breaches))
	}
	return p
}

func notValid(s Status) string {
	if s == Generator {
		return "the generator was the limit"
	}
	return "too few taps"
}

// status returns how a plateau's status changed. That counts only if a figure past its limit in either run changed beyond noise.
func (c *Comparison) status(p Compared, breaches []Breach) Outcome {
	switch {
	case p.Before == p.After:
		return Within
	case len(c.Limits) > 0:
		return Untold
	}
	direction, outcome := Better, Within
	if worse(p.Before, p.After) == p.After {
		direction = Worse
	}
	for _, change := range p.Figures {
		switch past := slices.ContainsFunc(breaches, func(b Breach) bool { return b.Metric == change.metric }); {
		case past && change.Outcome == direction:
			return direction
		case past && change.Outcome == Untold:
			outcome = Untold
		}
	}
	return outcome
}

// sustained compares the rates that two runs hold. Another rate is better or worse only if the status of some plateau is.
func (c *Comparison) sustained(before, after *Report) Change {
	k := Change{Figure: "sustained rate", Unit: units.PerSecond, Before: before.SustainedRate, After: after.SustainedRate, Outcome: Within}
	a, b := orZero(before.SustainedRate), orZero(after.SustainedRate)
	switch {
	case before.Status == Incomplete:
		k.Outcome, k.Why = Untold, "the run before was stopped"
		return k
	case after.Status == Incomplete:
		k.Outcome, k.Why = Untold, "the run after was stopped"
		return k
	case len(before.valid()) == 0:
		k.Outcome, k.Why = Untold, unknownBefore
		return k
	case len(after.valid()) == 0:
		k.Outcome, k.Why = Untold, unknownAfter
		return k
	case math.Abs(b-a) <= maxDropped*a:
		return k
	}
	direction := Worse
	if b > a {
		direction = Better
	}
	for _, p := range c.Plateaus {
		switch p.Outcome {
		case direction:
			k.Outcome = direction
			return k
		case Untold:
			k.Outcome = Untold
		}
	}
	return k
}

// parts compares the rates that each part holds. A part got better or worse only if one of its own figures did, at some plateau.
func (c *Comparison) parts(before, after *Report) []Change {
	parts := []Change{}
	for _, part := range allParts {
		a, b := before.Part(part), after.Part(part)
		k := Change{
			Figure: strings.TrimPrefix(part.String(), "the "), Unit: units.PerSecond, Before: a.SustainedRate, After: b.SustainedRate, Outcome: Within,
		}
		switch {
		case !a.Judged() && !b.Judged():
			continue
		case !a.Judged():
			k.Outcome, k.Why = Untold, unknownBefore
		case !b.Judged():
			k.Outcome, k.Why = Untold, unknownAfter
		case math.Abs(orZero(b.SustainedRate)-orZero(a.SustainedRate)) > maxDropped*orZero(a.SustainedRate):
			k.Outcome = c.ofPart(part, orZero(b.SustainedRate) > orZero(a.SustainedRate))
		}
		parts = append(parts, k)
	}
	return parts
}

// ofPart returns Better or Worse if one of the part's figures is, at some plateau, and otherwise Untold.
func (c *Comparison) ofPart(part SystemPart, higher bool) Outcome {
	direction := Worse
	if higher {
		direction = Better
	}
	for _, p := range c.Plateaus {
		for _, f := range p.Figures {
			if f.Outcome == direction && partOf(Limit{Label: f.Figure}) == part {
				return direction
			}
		}
	}
	return Untold
}

// changes compares the readings of two plateaus one by one, except for those that neither has.
func changes(before, after []reading) []Change {
	changes := []Change{}
	for i, b := range after {
		if a := before[i]; a.value != nil || b.value != nil {
			changes = append(changes, a.to(b))
		}
	}
	return changes
}

// to compares two readings of a figure.
func (a reading) to(b reading) Change {
	c := Change{Figure: a.metric.Label, Unit: a.metric.Unit, metric: a.metric.Metric, Before: a.value, After: b.value, Outcome: Untold}
	switch {
	case a.value == nil:
		c.Why = unknownBefore
	case b.value == nil:
		c.Why = unknownAfter
	case !a.enough && !b.enough:
		c.Why = "too few"
	case !a.enough:
		c.Why = "too few before"
	case !b.enough:
		c.Why = "too few after"
	default:
		c.judge(a, b)
	}
	return c
}

// judge tells a change from noise. If a percentile changed over all taps, but not over the tenths, short moments caused it.
func (c *Change) judge(a, b reading) {
	change, noise := *b.value-*a.value, stats.Noise(a.sure, b.sure)
	c.Noise, c.Outcome = &noise, Within
	switch {
	case math.Abs(change) <= noise:
	case math.Abs(b.sure.Value-a.sure.Value) <= noise:
		c.Why = "comes and goes"
	case math.Abs(change) <= max(a.metric.Matters.Least, a.metric.Matters.Part*math.Abs(*a.value)):
		c.Outcome = Slight
	case change > 0 == a.metric.Above:
		c.Outcome = Better
	default:
		c.Outcome = Worse
	}
}

// otherLimits returns the labels of the limits that two runs don't share.
func otherLimits(before, after []Judged) []string {
	other := []string{}
	for _, lists := range [][2][]Judged{{before, after}, {after, before}} {
		for _, m := range lists[0] {
			same := func(n Judged) bool { return n.Limit == m.Limit }
			if !slices.ContainsFunc(lists[1], same) && !slices.Contains(other, m.Label) {
				other = append(other, m.Label)
			}
		}
	}
	return other
}

func orZero(value *float64) float64 {
	if value == nil {
		return 0
	}
	return *value
}
