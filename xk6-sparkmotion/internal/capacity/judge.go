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
	Breaches  []Breach `json:"breaches"`   // limits that did not hold, worst first
	NotJudged []string `json:"not_judged"` // metrics with too few samples

	LateStarts bool `json:"late_starts"` // taps started so late that figures are not the system's
}

// Breach is a limit that did not hold.
type Breach struct {
	Metric string     `json:"metric"`
	Label  string     `json:"label"`
	Part   string     `json:"part"`
	Unit   units.Unit `json:"unit"`
	Value  float64    `json:"value"`
	Limit  float64    `json:"limit"` // of the worst tier that the value is past
	Status Status     `json:"status"`
}

// breach returns the breach of a limit by a value past a tier.
func (l Limit) breach(value float64, tier Status) Breach {
	return Breach{l.Metric, l.Label, l.Part, l.Unit, value, l.ofTier(tier), tier}
}

// Judged is a metric over the whole run.
type Judged struct {
	Limit
	Value   float64 `json:"value"`
	Samples int64   `json:"samples"`
	Status  Status  `json:"status"`
	From    Origin  `json:"from"` // what set the limit
}

const (
	// MaxLimited is the share of late beats of the lag probe above which figures are the generator's, not the system's.
	MaxLimited = 0.05
	// maxDelay is how much the p95 of start delays may be, as a share of the redirect p95's warning limit.
	maxDelay = 0.2
	// maxDropped is the share of iterations that may fail to start: a few do while virtual users are created.
	maxDropped = 0.01
	// fewestTaps is how many taps a plateau's p95 needs.
	fewestTaps = 20
	// longEnough is the share of its time that a plateau must last to count as held.
	longEnough = 0.9
	// farOff is how far the achieved rate may be from the offered one, as a share, before figures are those of another rate: late timers
	// and a plateau's ends make less of a difference, the step between two plateaus more.
	farOff = 0.05
)

// judge sets a plateau's status. The generator comes first: what it was too slow to send, or had no virtual users for while the system kept
// its limits, says nothing about the system.
func (p *Plateau) judge(limits []Limit, processes int) {
	p.Judgement = Judgement{Status: Pass, Breaches: []Breach{}, NotJudged: []string{}}
	sure := !p.short() && p.cutOff() <= maxDropped // enough for a pass
	for _, l := range limits {
		figure := l.measured(p)
		switch tier := l.tier(figure.Value); {
		case figure.Samples < l.Enough:
			p.NotJudged = append(p.NotJudged, l.Metric)
			sure = sure && (l.Part != Worker || figure.Samples == 0) // if answers don't tell, more taps would not either
		case tier != Pass && l.Part != "": // the total error rate repeats that of some part
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

// delayLabel is the label of the p95 of start delays.
const delayLabel = "start delay p95"

// startsLate reports whether taps with due times of their own started too late: their latencies count from when they were due. A latency that
// fails even without the delay is the system's: if 99 of 100 taps started within the delay and 5 of 100 took longer than the p95, at least 4
// of 100 took longer than the difference.
func (p *Plateau) startsLate(limits []Limit) bool {
	i := slices.IndexFunc(limits, func(l Limit) bool { return l.Metric == "redirect_latency" })
	if i < 0 || p.Counts.Delay.at(95) <= maxDelay*limits[i].Warn {
		return false
	}
	return limits[i].tier(limits[i].measured(p).Value-p.Counts.Delay.at(99)) != Fail
}

// offRate reports whether taps were sent at another rate than the plateau's, higher or lower, apart from an iteration that each process may
// have begun near either end. A plateau can't show what holds at another rate.
func (p *Plateau) offRate(processes int) bool {
	sent := float64(p.Counts.Taps+p.Counts.CutOff) / p.Seconds
	atEnds := float64(2*processes) * p.perIteration() / p.Seconds
	return math.Abs(sent-p.Offered) > max(farOff*p.Offered, atEnds)
}

// short reports whether the run ended during the plateau, whose last tap may be due one interval before its end.
func (p *Plateau) short() bool { return p.Seconds+1/p.Rate < longEnough*p.Hold }

// cutOff returns the share of taps that had no answer when the run ended: nobody knows how they would have ended.
func (p *Plateau) cutOff() float64 { return ratio(p.Counts.CutOff, p.Counts.CutOff+p.Counts.Taps) }

// dropped returns the share of iterations that never started.
func (p *Plateau) dropped() float64 {
	return ratio(p.Dropped, p.Dropped+p.Started)
}

// weight orders breaches: failures before warnings, then by how far off they are.
func (b Breach) weight() float64 {
	off := max(b.Value, 1e-9) / max(b.Limit, 1e-9)
	if off < 1 {
		off = 1 / off // good values are above the limit
	}
	off = 1 - 1/(1+off) // below 1
	if b.Status == Fail {
		off++
	}
	return off
}

// Valid reports whether a plateau's figures are the system's.
func (p *Plateau) Valid() bool { return p.Status != Generator && p.Status != NoData }

// StatusOf returns a metric's status in the plateau; "" if it is within its limits, or has none.
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

// judgeRun judges a metric over the whole run, by k6's own value if there is one. Too few samples never pass; past a limit they count, as
// in k6's thresholds. If the generator was late, latencies are not a breach, because they are partly its own.
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
