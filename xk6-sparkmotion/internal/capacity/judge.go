package capacity

import (
	"cmp"
	"slices"
)

// Judgement is what the figures of a plateau mean.
type Judgement struct {
	Status    Status   `json:"status"`
	Breaks    []Break  `json:"breaks"`     // limits that did not hold, the worst first
	NotJudged []string `json:"not_judged"` // metrics with too few samples
}

// Break is a limit that did not hold.
type Break struct {
	Metric string  `json:"metric"`
	Label  string  `json:"label"`
	Part   string  `json:"part"`
	Value  float64 `json:"value"` // ms, or a fraction
	Limit  float64 `json:"limit"` // of the worse tier that the value is past
	Status Status  `json:"status"`
}

// Judged is a metric over the whole run.
type Judged struct {
	Limit
	Value   float64 `json:"value"`
	Samples int64   `json:"samples"`
	Status  Status  `json:"status"`
}

const (
	// MaxLimited is the share of late beats from which on figures are the generator's, not the system's.
	MaxLimited = 0.05
	// maxDropped is the share of iterations that may fail to start: a few do while virtual users are made.
	maxDropped = 0.01
	// fewestTaps is how many a plateau's p95 takes.
	fewestTaps = 20
	// longEnough is the share of its time after which a plateau counts as held.
	longEnough = 0.9
)

// judge sets a plateau's status. The generator comes first: what it was too slow to send, or had no virtual users for while
// the system kept its limits, says nothing of the system.
func (p *Plateau) judge(limits []Limit, hold float64) {
	p.Judgement = Judgement{Status: Pass, Breaks: []Break{}, NotJudged: []string{}}
	sure := !p.short(hold) && p.cutOff() <= maxDropped // enough for a pass
	for _, l := range limits {
		value, samples := p.Counts.figure(l.Metric)
		switch tier := l.tier(value); {
		case samples < l.Enough:
			p.NotJudged = append(p.NotJudged, l.Metric)
			sure = sure && l.Part != Worker
		case tier != Pass && l.Part != "": // errors of all parts together are those of one of them
			p.Breaks = append(p.Breaks, Break{l.Metric, l.Label, l.Part, value, l.of(tier), tier})
		}
	}
	slices.SortStableFunc(p.Breaks, func(a, b Break) int { return cmp.Compare(b.weight(), a.weight()) })
	for _, b := range p.Breaks {
		p.Status = worse(p.Status, b.Status)
	}
	switch {
	case p.GeneratorLimited > MaxLimited:
		p.Status = Generator
	case p.Counts.Taps < fewestTaps, len(p.Breaks) == 0 && !sure: // taps without an answer keep virtual users busy, too
		p.Status = NoData
	case len(p.Breaks) == 0 && p.dropped() > maxDropped:
		p.Status = Generator
	}
}

// short tells whether the run ended in a plateau; its last tap may be due one interval before it does.
func (p *Plateau) short(hold float64) bool { return p.Seconds+1/p.Rate < longEnough*hold }

// cutOff is the share of taps that had no answer when the run ended: nobody knows what would have become of them.
func (p *Plateau) cutOff() float64 { return ratio(p.Counts.CutOff, p.Counts.CutOff+p.Counts.Taps) }

// dropped is the share of iterations that never started.
func (p *Plateau) dropped() float64 {
	return ratio(p.Dropped, p.Dropped+p.Counts.Iterations)
}

// weight orders breaks: what fails comes before what warns, and then what is furthest off.
func (b Break) weight() float64 {
	off := max(b.Value, 1e-9) / max(b.Limit, 1e-9)
	if off < 1 {
		off = 1 / off // a limit from above
	}
	off = 1 - 1/(1+off) // below 1
	if b.Status == Fail {
		off++
	}
	return off
}

// Valid tells whether a plateau's figures are the system's.
func (p *Plateau) Valid() bool { return p.Status != Generator && p.Status != NoData }

// judgeRun judges a metric over the whole run, by k6's own value where there is one. Too few samples never pass; past a
// limit they count, as they do in k6's thresholds. Latencies of a run in which the generator was late don't break a limit:
// they are in part its own.
func judgeRun(l Limit, whole *Counts, late bool, ofK6 func(Limit) (float64, bool)) Judged {
	value, samples := whole.figure(l.Metric)
	if exact, ok := ofK6(l); ok && samples > 0 {
		value = exact
	}
	status := l.tier(value)
	switch {
	case samples == 0, samples < l.Enough && status == Pass:
		status = NoData
	case late && status != Pass && l.Stat != "rate":
		status = Generator
	}
	return Judged{l, value, samples, status}
}
