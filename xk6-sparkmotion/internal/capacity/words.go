package capacity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// say puts the report into sentences, beginning with the reason for the status beside them.
func (r *Report) say(others []string) []string {
	sustained, first := r.sustained()
	holds, queue := r.sayHolds(), r.sayQueue(sustained)
	switch {
	case r.Search == nil && r.Status == Incomplete && r.cutShort():
		holds = r.sayStopped(sustained)
	case len(others) > 0 && len(r.valid()) > 0:
		holds = r.Scenario + ": " + uncapital(holds)
	}
	sentences := slices.Concat([]string{holds}, r.sayReasons(), r.sayFirst(first), r.sayRedirects(first), r.sayLower(sustained), sustained.sayOwnPart(), r.saySettling(), others, r.sayRun(),
		r.sayLedger(), r.sayElsewhere(), r.sayRepeated(), r.sayFlushes())
	if r.Queue.GrowsFrom != nil {
		sentences, queue = append(sentences, queue...), nil
	}
	sentences = slices.Concat(sentences, r.sayGenerator(), r.sayOffRate(), r.sayTapless(), r.sayEnd(sustained), r.sayClimbs(), queue,
		r.sayBacklog(), r.sayExports(), r.sayKV(), r.sayUnrecorded(), r.sayArrivals())
	if s := r.Scaling; s.Omitted == "" {
		sentences = append(sentences, fmt.Sprintf("By the scalability law throughput peaks near %s taps/s (%s to %s).",
			units.Rate(s.Peak), units.Rate(s.PeakLow), units.Rate(s.PeakHigh)))
	}
	return append(sentences, r.sayProcesses()...)
}

// sayThresholds explains why k6's exit code differs from the report's status, if it does.
func (r *Report) sayThresholds(k6 *K6) []string {
	switch {
	case k6 == nil:
	case len(k6.Crossed) > 0 && r.Status != Fail:
		return []string{fmt.Sprintf("k6 still fails the run, by its thresholds on %s.", strings.Join(k6.Crossed, ", "))}
	case len(k6.Crossed) == 0 && r.Status == Fail:
		return []string{"None of k6's thresholds was crossed, so its exit code doesn't show this."}
	}
	return nil
}

// sayFirst says what breaks first above the sustained rate, and, if that is a warning, at which rate a limit fails.
func (r *Report) sayFirst(first *Plateau) []string {
	if first == nil {
		return nil
	}
	more := ""
	open := r.openAt(first)
	if len(open) > 0 {
		more = "; whether " + listed(open) + " broke before that is not known"
	}
	if first.breaksLatency() {
		more += "; the generator's own part was " + units.Milliseconds(first.Counts.Lag.at(95))
	}
	said := []string{fmt.Sprintf("At %s/s %s: %s%s.", units.Rate(first.Offered), first.sayBreaches(), first.sayParts(len(open) == 0), more)}
	for _, p := range r.valid() {
		if p.Offered > first.Offered && p.Status == Fail && first.Status != Fail {
			return append(said, fmt.Sprintf("At %s/s %s.", units.Rate(p.Offered), p.Breaches[0]))
		}
	}
	return said
}

// breaksLatency reports whether redirects are too slow, and it is known how much of that is the generator's own.
func (p *Plateau) breaksLatency() bool {
	return p.Counts.Lag.count() > 0 && slices.ContainsFunc(p.Breaches, func(b Breach) bool { return b.Part == Worker && b.Unit == units.Time })
}

// sayLower mentions a rate below the sustained one that did not hold: the start of a run often has causes of its own.
func (r *Report) sayLower(sustained *Plateau) []string {
	p := r.lower(sustained)
	if p == nil {
		return nil
	}
	return []string{fmt.Sprintf("At %s/s %s, but not at %s/s.", units.Rate(p.Offered), p.sayBreaches(), units.Rate(sustained.Offered))}
}

// lower returns the lowest plateau that did not hold although the sustained one above it did.
func (r *Report) lower(sustained *Plateau) *Plateau {
	for _, p := range r.valid() {
		if sustained != nil && p.Offered < sustained.Offered && p.Status != Pass {
			return p
		}
	}
	return nil
}

// sayBreaches names the two worst limits that broke.
func (p *Plateau) sayBreaches() string {
	said := make([]string, 0, 2)
	for _, b := range p.Breaches[:min(2, len(p.Breaches))] {
		said = append(said, b.String())
	}
	return strings.Join(said, " and ")
}

func (b Breach) String() string {
	tier := "fails its limit of"
	switch {
	case b.Label == growthLabel:
		return fmt.Sprintf("the queue grows by %s taps a second", units.About(b.Value))
	case b.Status == Fail:
	case b.Limit == 0:
		return fmt.Sprintf("%s is not 0 (%s)", b.Label, b.Unit.Value(b.Value))
	case b.Value < b.Limit:
		tier = "is under the warning of"
	default:
		tier = "is over the warning of"
	}
	return fmt.Sprintf("%s %s %s (%s)", b.Label, tier, b.Unit.Value(b.Limit), b.Unit.Value(b.Value))
}

// openAt names the parts that may have broken before the plateau where the first limit is known to: they were not judged there, nor at the
// rate below, and broke at some time, or had been judged before.
func (r *Report) openAt(first *Plateau) []string {
	valid := r.valid()
	lower := valid[:max(0, slices.Index(valid, first))]
	var open []string
	for _, c := range r.Parts {
		judged := func(p *Plateau) bool { return r.statusIn(c.Part, p) != "" }
		switch {
		case first.worst(c.Part) != nil, judged(first), len(lower) > 0 && judged(lower[len(lower)-1]):
		case len(c.Over) > 0, slices.ContainsFunc(lower, judged):
			open = append(open, c.Part.String())
		}
	}
	return open
}

// sayParts names the parts that break at the same rate: which of them was first, nothing tells. One alone is the first where that is sure.
func (p *Plateau) sayParts(sure bool) string {
	var parts []string
	for _, b := range p.Breaches {
		if name := partNames[b.Part]; !slices.Contains(parts, name) {
			parts = append(parts, name)
		}
	}
	switch {
	case len(parts) == 1 && sure:
		return parts[0] + " breaks first"
	case len(parts) == 1:
		return parts[0] + " breaks"
	}
	return listed(parts) + " break at the same rate"
}

// sayRun mentions limits that did not hold over the whole run, unless a plateau mentions them.
func (r *Report) sayRun() []string {
	if r.Search != nil {
		return nil // probes break limits on purpose
	}
	var said []string
	untold := r.untold()
	for _, m := range untold {
		said = append(said, m.breach(m.Value, m.Status).String())
	}
	if said == nil {
		return nil
	}
	why := ""
	switch {
	case len(r.Plateaus) == 0:
	case slices.ContainsFunc(untold, r.inPlateaus):
		why = ", which no judged plateau shows"
	default:
		why = ", which no single plateau had enough samples to show"
	}
	return []string{"Over the whole run " + strings.Join(said, " and ") + why + "."}
}

// untold returns the metrics whose limits did not hold over the whole run, but did at each plateau that was judged.
func (r *Report) untold() []Judged {
	var untold []Judged
	for _, m := range r.Metrics {
		if (m.Status == Warn || m.Status == Fail) && !r.told(m) {
			untold = append(untold, m)
		}
	}
	return untold
}

// told reports whether the same limit broke at a plateau of some scenario. The total error rate repeats that of some part.
func (r *Report) told(m Judged) bool {
	if m.Part == "" {
		return slices.ContainsFunc(r.Metrics, func(part Judged) bool {
			return strings.HasPrefix(part.Metric, "error_rate{") && worse(m.Status, part.Status) == part.Status
		})
	}
	breaks := func(p Plateau) bool {
		return p.Valid() && slices.ContainsFunc(p.Breaches, func(b Breach) bool { return b.Metric == m.Metric })
	}
	for _, s := range r.Scenarios {
		if slices.ContainsFunc(s.Plateaus, breaks) {
			return true
		}
	}
	return slices.ContainsFunc(r.Plateaus, breaks)
}

// inPlateaus reports whether some plateau had enough samples of a metric.
func (r *Report) inPlateaus(m Judged) bool {
	return slices.ContainsFunc(r.Plateaus, func(p Plateau) bool { return !slices.Contains(p.NotJudged, m.Metric) })
}

var partNames = map[string]string{Worker: "the Worker", Admin: "the admin application", Hub: "the flush cron", Upstash: "Upstash", Recorded: "recording"}
