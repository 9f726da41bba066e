// Package capacity answers how many taps a second a system holds, what breaks first, and where. A [Recorder] counts during the run; a
// [Report] judges the counts, plateau by plateau, and explains the result in words.
package capacity

import (
	"cmp"
	"slices"
)

// Schema is the version of a Report's JSON. Another number means another shape.
const Schema = 3

// Report is the verdict on a run, and what it is based on.
type Report struct {
	Schema        int            `json:"schema"`
	Status        Status         `json:"status"`
	Verdict       []string       `json:"verdict"`        // sentences, most important first
	SustainedRate *float64       `json:"sustained_rate"` // taps/s of the highest plateau at which every limit holds
	FirstBreach   *FirstBreach   `json:"first_breach"`
	Parts         []PartCapacity `json:"parts"`   // what each part holds by itself; the whole holds the least of these
	Metrics       []Judged       `json:"metrics"` // of the whole run
	Measured
	Queue   Queue   `json:"queue"`
	Scaling Scaling `json:"scaling"`
}

// FirstBreach is what breaks first above the sustained rate.
type FirstBreach struct {
	Plateau string  `json:"plateau"`
	Offered float64 `json:"offered"` // taps/s
	Breach
}

// K6 is what k6 says about the same run.
type K6 struct {
	Value   func(Limit) (float64, bool) // its own value of a limit's metric, if it has one
	Crossed []string                    // metrics whose thresholds did not hold: these use every sample, and may be the script's own
}

func (k *K6) value(l Limit) (float64, bool) {
	if k == nil || k.Value == nil {
		return 0, false
	}
	return k.Value(l)
}

// Judge makes the report of a run by these limits, and by what k6 says about it; k6 is nil if that is not known.
func Judge(m Measured, limits []Limit, k6 *K6) *Report {
	r := &Report{Schema: Schema, Measured: m}
	r.Readings.Course = append([]Reading{}, r.Readings.Course...) // [] in JSON, not null
	r.judge(limits, k6)
	others := r.judgeOthers(limits)
	r.Status = r.unlessStopped()
	r.Scaling = scaleOf(r.valid())
	r.Verdict = append(r.say(others), r.sayThresholds(k6)...)
	return r
}

// judge judges the plateaus, and what was counted over the whole run.
func (r *Report) judge(limits []Limit, k6 *K6) {
	r.Plateaus = slices.Clone(r.Plateaus)
	r.Ledger = r.account()
	left := dropped(r.Processes)
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		p.derive(r.Series.Depth, len(r.Processes), left)
		left -= p.Dropped + p.settled().Dropped
		p.judge(limits, len(r.Processes))
	}
	whole := r.judged()
	if r.Goal > 0 {
		k6 = nil // its values include headroom
	}
	for _, l := range limits {
		r.Metrics = append(r.Metrics, judgeRun(l, whole, r.late(), k6))
	}
	r.Queue = watchQueues(r.valid())
	r.judgeParts()
	r.Status = r.overall()
	sustained, first := r.sustained()
	if sustained != nil {
		r.SustainedRate = &sustained.Offered
	}
	if first != nil {
		r.FirstBreach = &FirstBreach{first.Name, first.Offered, first.Breaches[0]}
	}
}

// valid returns the plateaus whose figures are the system's, in order of rate; of equal rates, one that holds comes last.
func (r *Report) valid() []*Plateau {
	var valid []*Plateau
	for i := range r.Plateaus {
		if r.Plateaus[i].Valid() {
			valid = append(valid, &r.Plateaus[i])
		}
	}
	slices.SortStableFunc(valid, func(a, b *Plateau) int {
		return cmp.Or(cmp.Compare(a.Rate, b.Rate), int(oneIf(a.Status == Pass)-oneIf(b.Status == Pass)))
	})
	return valid
}

// ended reports whether the taps ended before the plateaus did.
func (r *Report) ended() bool {
	n := len(r.Plateaus)
	return n < len(r.Schedule.Plateaus()) || n > 0 && r.Plateaus[n-1].short()
}

// cutShort reports whether the run's own scenario was stopped before its plan was done. Its plan is its plateaus, if it has any: whatever
// was to follow, they are known.
func (r *Report) cutShort() bool {
	return slices.ContainsFunc(r.Processes, func(p Process) bool { return p.Stopped != nil }) && (r.ended() || len(r.Schedule.Plateaus()) == 0)
}

// unlessStopped returns the run's status, or Incomplete if one of its scenarios was cut short and nothing worse was found. What was stopped
// above its goal was not cut short.
func (r *Report) unlessStopped() Status {
	short := r.cutShort() && !r.goalTried()
	for _, s := range r.Scenarios {
		short = short || s.alone(r).cutShort()
	}
	if short && r.Status != Fail && r.Status != Generator {
		return Incomplete
	}
	return r.Status
}

// limited reports whether the generator was the limit at some plateau, or in a run without plateaus.
func (r *Report) limited() bool {
	if len(r.Plateaus) == 0 {
		return r.late()
	}
	return r.anyDecisive(func(p *Plateau) bool { return p.Status == Generator })
}

// anyDecisive reports whether is holds for a plateau that the run is judged by.
func (r *Report) anyDecisive(is func(*Plateau) bool) bool {
	for i := range r.Plateaus {
		if r.decides(i) && is(&r.Plateaus[i]) {
			return true
		}
	}
	return false
}

// late reports whether latencies are partly the generator's own. A lack of virtual users does not make them so.
func (r *Report) late() bool {
	if len(r.Plateaus) == 0 {
		return r.Whole.limited() > MaxLimited
	}
	return r.anyDecisive(func(p *Plateau) bool { return p.Counts.limited() > MaxLimited || p.LateStarts })
}

// maxElsewhere is the share of redirects that may lead to hosts other than the page's or a fallback.
const maxElsewhere = 0.01

// whole returns the run as one plateau.
func (m *Measured) whole() *Plateau { return &Plateau{Counts: m.Whole, Ledger: m.Ledger} }

// elsewhere returns the share of redirects that do.
func (r *Report) elsewhere() float64 {
	all := &r.judged().Counts.Redirects
	return ratio(all.Other.Sum(), all.Page.Sum()+all.Elsewhere())
}

// maxRepeated is the share of taps that may be sent again: a healthy server may close a kept connection just as it is reused.
const maxRepeated = 0.01

// repeats reports whether more taps than that were sent again, over the whole run or in a plateau with enough taps to tell.
func (r *Report) repeats() bool {
	const enough = 100
	many := func(c *Counts) bool { return c.Taps >= enough && ratio(c.Repeated, c.Taps) > maxRepeated }
	return many(&r.judged().Counts) || r.anyDecisive(func(p *Plateau) bool { return many(&p.Counts) })
}

// overall returns the worst of what is known. If none of a run's plateaus is valid, only a failure over the whole run counts. Redirects to
// unexpected hosts are worth a warning, whatever else holds; so are a queue in which more taps wait than flushes took, and answers lost with
// their connections.
func (r *Report) overall() Status {
	valid, above := r.split()
	switch {
	case r.Search != nil:
		return r.Search.status()
	case len(valid) == 0 && r.limited():
		return Generator
	}
	status := NoData
	for _, metric := range r.Metrics {
		status = worse(status, metric.Status)
	}
	if len(r.Schedule.Plateaus()) > 0 && len(valid) == 0 && status != Fail {
		return NoData
	}
	for _, p := range valid {
		status = worse(status, p.Status)
	}
	if len(above) == 0 && r.backlog() > 0 || r.elsewhere() > maxElsewhere || r.repeats() {
		status = worse(status, Warn)
	}
	switch above := r.unjudgedAbove(valid); {
	case status == Fail:
		return Fail
	case above != "":
		return above
	case !r.reachesGoal():
		return NoData
	}
	return status
}

// unjudgedAbove returns why a rate above all judged ones was not judged, so that nobody knows whether the system holds it; "" if there is none.
func (r *Report) unjudgedAbove(valid []*Plateau) Status {
	for _, why := range []Status{Generator, NoData} {
		if len(valid) > 0 && r.anyDecisive(func(p *Plateau) bool { return p.Status == why && p.Rate > valid[len(valid)-1].Rate }) {
			return why
		}
	}
	return ""
}

// sustained returns the highest plateau at which every limit holds, and the first above it at which one does not. No rate above a failure
// counts as held; a warning below it may only be due to the start of the run. A plateau with too few samples for a limit that broke below it
// is not known to hold.
func (r *Report) sustained() (sustained, first *Plateau) {
	return r.sustainedOf("")
}

// sustainedOf does the same by the limits of one part, or by all if part is empty.
func (r *Report) sustainedOf(part SystemPart) (sustained, first *Plateau) {
	if part == "" && r.Search != nil {
		return r.searched()
	}
	var broken []string
	for _, p := range r.valid() {
		switch s := r.statusIn(part, p); {
		case s == "":
		case s != Pass && first == nil:
			first = p
		case s == Pass && (first == nil || r.statusIn(part, first) == Warn && p.Rate > first.Rate) && !p.leavesOpen(broken):
			sustained, first = p, nil
		}
		for _, b := range p.Breaches {
			if part == "" || b.of() == part {
				broken = append(broken, b.Metric)
			}
		}
	}
	return sustained, first
}

// leavesOpen reports whether the plateau was not judged by one of the metrics.
func (p *Plateau) leavesOpen(metrics []string) bool {
	return slices.ContainsFunc(p.NotJudged, func(metric string) bool { return slices.Contains(metrics, metric) })
}

// limits returns the limits that the run was judged by.
func (r *Report) limits() []Limit {
	var limits []Limit
	for _, metric := range r.Metrics {
		limits = append(limits, metric.Limit)
	}
	return limits
}

// Crossed returns the metrics whose fail tier was crossed, over the whole run or in a plateau, as k6 selects them. Like k6's thresholds, it
// ignores whether there were enough samples, and whose fault it was. With a goal, k6 has only one threshold.
func (r *Report) Crossed() []string {
	switch {
	case r.Goal == 0:
		return r.crossed(r.limits())
	case r.HoldsGoal():
		return nil
	}
	return []string{GoalHeld}
}

func (m *Measured) crossed(limits []Limit) []string {
	var crossed []string
	fails := func(l Limit, p *Plateau) bool {
		figure := l.measured(p)
		return figure.Samples > 0 && l.tier(figure.Value) == Fail
	}
	together := m.together()
	for _, l := range limits {
		if fails(l, m.whole()) {
			crossed = append(crossed, l.Metric)
		}
		for _, p := range together {
			if selector, ok := l.inPlateau(p.Name); ok && fails(l, p) {
				crossed = append(crossed, selector)
			}
		}
	}
	return crossed
}

// together returns the plateaus by name, with the taps of all scenarios that had one of that name, as k6's tag plateau selects them.
func (m *Measured) together() []*Plateau {
	var all []*Plateau
	add := func(plateaus []Plateau) {
		for _, p := range plateaus {
			i := slices.IndexFunc(all, func(known *Plateau) bool { return known.Name == p.Name })
			if i < 0 {
				i, all = len(all), append(all, &Plateau{Name: p.Name})
			}
			all[i].Counts.add(p.Counts)
		}
	}
	add(m.Plateaus)
	for _, name := range m.Others() {
		add(m.Scenarios[name].Plateaus)
	}
	return all
}
