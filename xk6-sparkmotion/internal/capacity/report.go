// Package capacity answers how many taps a second a system holds, what breaks first, and where. A [Recorder] counts
// during the run; a [Report] judges what it has counted, plateau by plateau, and says it in words.
package capacity

import (
	"cmp"
	"slices"
)

// Schema is the version of a Report's JSON. Another number means another shape.
const Schema = 1

// Report is the answer.
type Report struct {
	Schema    int       `json:"schema"`
	Status    Status    `json:"status"`
	Verdict   []string  `json:"verdict"` // sentences, the most important first
	Holds     *float64  `json:"holds"`   // the knee: taps/s of the highest plateau at which every limit holds
	First     *First    `json:"breaks_first"`
	Metrics   []Judged  `json:"metrics"` // of the whole run
	Plan      Plan      `json:"plan"`
	Processes []Process `json:"processes"`
	Plateaus  []Plateau `json:"plateaus"`
	Queue     Queue     `json:"queue"`
	Scaling   Scaling   `json:"scaling"`
	Series    Series    `json:"series"`
	Whole     Counts    `json:"counts"` // of the whole run
}

// First is what breaks first above the knee.
type First struct {
	Plateau string  `json:"plateau"`
	Offered float64 `json:"offered"` // taps/s
	Break
}

// Judge makes the report of a run. ofK6 gives k6's own value of a limit's metric, if it has one.
func Judge(m Measured, limits []Limit, ofK6 func(Limit) (float64, bool)) *Report {
	r := &Report{
		Schema: Schema, Status: NoData, Plan: m.Plan, Processes: m.Processes, Plateaus: m.Plateaus, Series: m.Series, Whole: m.Whole,
	}
	for i := range r.Plateaus {
		r.Plateaus[i].derive(m.Series.Depth, len(m.Processes))
		r.Plateaus[i].judge(limits, m.Plan.Hold.Seconds())
	}
	for _, l := range limits {
		r.Metrics = append(r.Metrics, judgeRun(l, &r.Whole, r.late(), ofK6))
	}
	r.Queue = watch(r.valid())
	r.Status = r.overall()
	knee, first := r.knee()
	if knee != nil {
		r.Holds = &knee.Offered
	}
	if first != nil {
		r.First = &First{first.Name, first.Offered, first.Breaks[0]}
	}
	r.Scaling = scale(r.valid())
	r.Verdict = r.say(knee, first)
	return r
}

// valid are the plateaus whose figures are the system's, from the lowest rate; of equal ones the one that holds is the last.
func (r *Report) valid() []*Plateau {
	var valid []*Plateau
	for i := range r.Plateaus {
		if r.Plateaus[i].Valid() {
			valid = append(valid, &r.Plateaus[i])
		}
	}
	slices.SortStableFunc(valid, func(a, b *Plateau) int {
		return cmp.Or(cmp.Compare(a.Rate, b.Rate), int(one(a.Status == Pass)-one(b.Status == Pass)))
	})
	return valid
}

// ended tells whether the run ended before its plateaus did.
func (r *Report) ended() bool {
	n := len(r.Plateaus)
	return n < len(r.Plan.Rates) || n > 0 && r.Plateaus[n-1].short(r.Plan.Hold.Seconds())
}

// limited tells whether the generator was the limit at some plateau, or in a run without any.
func (r *Report) limited() bool {
	if len(r.Plateaus) == 0 {
		return r.late()
	}
	return slices.ContainsFunc(r.Plateaus, func(p Plateau) bool { return p.Status == Generator })
}

// late tells whether latencies are in part the generator's own. Those of taps that it had virtual users for are not.
func (r *Report) late() bool {
	if len(r.Plateaus) == 0 {
		return r.Whole.limited() > MaxLimited
	}
	return slices.ContainsFunc(r.Plateaus, func(p Plateau) bool { return p.GeneratorLimited > MaxLimited })
}

// overall is the worst of what is known. A run with plateaus none of which is valid knows nothing. A queue that grows is worth a
// warning, whatever else holds: it has no limit, and ends a day as surely as one.
func (r *Report) overall() Status {
	valid := r.valid()
	switch {
	case len(valid) == 0 && r.limited():
		return Generator
	case len(r.Plateaus) > 0 && len(valid) == 0:
		return NoData
	}
	status := NoData
	for _, metric := range r.Metrics {
		status = worse(status, metric.Status)
	}
	for _, p := range valid {
		status = worse(status, p.Status)
	}
	if r.Queue.GrowsFrom != nil {
		status = worse(status, Warn)
	}
	return status
}

// knee is the highest plateau at which every limit holds, and the lowest above it at which one does not.
func (r *Report) knee() (knee, first *Plateau) {
	for _, p := range r.valid() {
		switch {
		case p.Status != Pass && first == nil:
			first = p
		case p.Status == Pass && (first == nil || p.Rate > first.Rate):
			knee, first = p, nil
		}
	}
	return knee, first
}
