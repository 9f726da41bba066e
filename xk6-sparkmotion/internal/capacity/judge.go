package capacity

import (
	"cmp"
	"math"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Judgement is what the figures of a plateau mean.
type Judgement struct {
	Status    Status   `json:"status"`
	Breaches  []Breach `json:"breaches"`   // limits that did not hold, the worst first
	NotJudged []string `json:"not_judged"` // metrics with too few samples

	LateStarts bool `json:"late_starts"` // taps started too long after they were due for figures to be the system's
}

// Breach is a limit that did not hold.
type Breach struct {
	Metric string     `json:"metric"`
	Label  string     `json:"label"`
	Part   string     `json:"part"`
	Unit   units.Unit `json:"unit"`
	Value  float64    `json:"value"`
	Limit  float64    `json:"limit"` // of the worse tier that the value is past
	Status Status     `json:"status"`
}

// breach is a limit's, by a value that is past its tier.
func (l Limit) breach(value float64, tier Status) Breach {
	return Breach{l.Metric, l.Label, l.Part, l.Unit, value, l.ofTier(tier), tier}
}

// Judged is a metric over the whole run.
type Judged struct {
	Limit
	Value   float64 `json:"value"`
	Samples int64   `json:"samples"`
	Status  Status  `json:"status"`
	From    Origin  `json:"from"` // that set the limit
}

const (
	// MaxLimited is the share of the lag probe's looks that are too late from which on figures are the generator's, not the system's.
	MaxLimited = 0.05
	// maxDelay is the share of the redirect p95's warning limit from which on a p95 of how late taps started is too much.
	maxDelay = 0.2
	// maxDropped is the share of iterations that may fail to start: a few do while virtual users are made.
	maxDropped = 0.01
	// fewestTaps is how many a plateau's p95 takes.
	fewestTaps = 20
	// longEnough is the share of its time after which a plateau counts as held.
	longEnough = 0.9
	// farOff is the share of what a plateau offers from which on what was achieved is another rate, of which its figures are: less is what
	// late timers and a plateau's ends come to, more is a step between two plateaus.
	farOff = 0.05
)

// judge sets a plateau's status. The generator comes first: what it was too slow to send, or had no virtual users for while
// the system kept its limits, says nothing of the system.
func (p *Plateau) judge(limits []Limit, processes int) {
	p.Judgement = Judgement{Status: Pass, Breaches: []Breach{}, NotJudged: []string{}}
	sure := !p.short() && p.cutOff() <= maxDropped // enough for a pass
	for _, l := range limits {
		figure := l.measured(p)
		switch tier := l.tier(figure.Value); {
		case figure.Samples < l.Enough:
			p.NotJudged = append(p.NotJudged, l.Metric)
			sure = sure && (l.Part != Worker || figure.Samples == 0) // what answers don't tell, no number of taps does
		case tier != Pass && l.Part != "": // errors of all parts together are those of one of them
			p.Breaches = append(p.Breaches, l.breach(figure.Value, tier))
		}
	}
	if p.grows() {
		p.Breaches = append(p.Breaches, p.growthBreach())
	}
	slices.SortStableFunc(p.Breaches, func(a, b Breach) int { return cmp.Compare(b.weight(), a.weight()) })
	for _, b := range p.Breaches {
		p.Status = worse(p.Status, b.Status)
	}
	p.LateStarts = p.startsLate(limits)
	switch {
	case p.Counts.limited() > MaxLimited, p.LateStarts:
		p.Status = Generator
	case len(p.Breaches) == 0 && p.dropped() > maxDropped && !p.short() && p.cutOff() <= maxDropped: // taps without an answer keep virtual users busy, too
		p.Status = Generator
	case p.Counts.Taps < fewestTaps, len(p.Breaches) == 0 && !sure:
		p.Status = NoData
	case len(p.Breaches) == 0 && p.offRate(processes):
		p.Status = NoData
	}
}

// delayLabel is what the p95 of how late taps started is called.
const delayLabel = "start delay p95"

// startsLate reports whether taps that were due at moments of their own started too late: their latencies count from when they were due. It
// excuses no latency that fails without that: where 99 of 100 taps started within a delay and 5 of 100 took longer than a time, 4 of 100 took
// longer than the difference.
func (p *Plateau) startsLate(limits []Limit) bool {
	i := slices.IndexFunc(limits, func(l Limit) bool { return l.Metric == "redirect_latency" })
	if i < 0 || p.Counts.Delay.at(95) <= maxDelay*limits[i].Warn {
		return false
	}
	return limits[i].tier(limits[i].measured(p).Value-p.Counts.Delay.at(99)) != Fail
}

// offRate reports whether other taps than the plateau's rate were sent, too few or too many, but for an iteration that each process may have
// begun beside either of its ends. What holds at another rate, a plateau can't show.
func (p *Plateau) offRate(processes int) bool {
	sent := float64(p.Counts.Taps+p.Counts.CutOff) / p.Seconds
	atEnds := float64(2*processes) * p.perIteration() / p.Seconds
	return math.Abs(sent-p.Offered) > max(farOff*p.Offered, atEnds)
}

// short reports whether the run ended in a plateau; its last tap may be due one interval before it does.
func (p *Plateau) short() bool { return p.Seconds+1/p.Rate < longEnough*p.Hold }

// cutOff is the share of taps that had no answer when the run ended: nobody knows what would have become of them.
func (p *Plateau) cutOff() float64 { return ratio(p.Counts.CutOff, p.Counts.CutOff+p.Counts.Taps) }

// dropped is the share of iterations that never started.
func (p *Plateau) dropped() float64 {
	return ratio(p.Dropped, p.Dropped+p.Started)
}

// weight orders breaches: what fails comes before what warns, and then what is furthest off.
func (b Breach) weight() float64 {
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

// Valid reports whether a plateau's figures are the system's.
func (p *Plateau) Valid() bool { return p.Status != Generator && p.Status != NoData }

// StatusOf returns what is known of a metric in the plateau; nothing of one that is within its limits, or has none.
func (p *Plateau) StatusOf(m Metric) Status {
	i := slices.IndexFunc(p.Breaches, func(b Breach) bool { return b.Metric == m.Metric })
	switch {
	case m.Metric == "generator_lag" && p.Counts.limited() > MaxLimited, m.Label == delayLabel && p.LateStarts:
		return Generator
	case !m.limited():
		return ""
	case slices.Contains(p.NotJudged, m.Metric):
		return NoData
	case i >= 0 && p.Valid():
		return p.Breaches[i].Status
	}
	return ""
}

// judgeRun judges a metric over the whole run, by k6's own value where there is one. Too few samples never pass; past a
// limit they count, as they do in k6's thresholds. Latencies of a run in which the generator was late are no breach:
// they are in part its own.
func judgeRun(l Limit, whole *Plateau, late bool, k6 *K6) Judged {
	figure := l.measured(whole)
	if exact, ok := k6.value(l); ok && figure.Samples > 0 {
		figure.Value = exact
	}
	status := l.tier(figure.Value)
	switch {
	case figure.Samples == 0, figure.Samples < l.Enough && status == Pass:
		status = NoData
	case late && status != Pass && l.Unit != units.Share:
		status = Generator
	}
	return Judged{l, figure.Value, figure.Samples, status, l.origin()}
}
