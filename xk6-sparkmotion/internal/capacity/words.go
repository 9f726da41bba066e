package capacity

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// say puts the report into sentences. What the status beside them comes from is told first.
func (r *Report) say(knee, first *Plateau) []string {
	queue := r.sayQueue(knee)
	sentences := slices.Concat([]string{r.sayHolds(knee)}, r.sayFirst(first), r.sayLower(knee), r.sayRun())
	if r.Queue.GrowsFrom != nil {
		sentences, queue = append(sentences, queue...), nil
	}
	sentences = slices.Concat(sentences, r.sayGenerator(), r.sayEnd(), queue)
	if s := r.Scaling; s.Omitted == "" {
		sentences = append(sentences, fmt.Sprintf("By the scalability law throughput peaks near %s taps/s (%s to %s).",
			Rate(s.Peak), Rate(s.PeakLow), Rate(s.PeakTop)))
	}
	return append(sentences, r.sayProcesses()...)
}

// Thresholds adds why k6's exit code does not say what the report does, when it doesn't: crossed are the metrics whose
// thresholds did not hold, which take every sample, and may be the script's own.
func (r *Report) Thresholds(crossed []string) {
	switch {
	case len(crossed) > 0 && r.Status != Fail:
		r.Verdict = append(r.Verdict, fmt.Sprintf("k6 fails the run all the same, by its thresholds on %s.", strings.Join(crossed, ", ")))
	case len(crossed) == 0 && r.Status == Fail:
		r.Verdict = append(r.Verdict, "None of k6's thresholds is crossed, so that its exit code does not tell.")
	}
}

func (r *Report) sayHolds(knee *Plateau) string {
	switch valid := r.valid(); {
	case len(r.Plan.Rates) > 0 && len(r.Plateaus) == 0:
		return "No verdict on the system: the plateaus saw no tap."
	case len(r.Plateaus) == 0:
		return "The script has no plateaus: only the run as a whole is judged."
	case len(valid) == 0:
		return "No verdict on the system: no plateau has figures that are its own."
	case knee == nil:
		return fmt.Sprintf("Does not hold %s taps/s, the lowest rate that was judged.", Rate(valid[0].Offered))
	}
	highest := ""
	if !r.ended() && !slices.ContainsFunc(r.Plateaus, func(p Plateau) bool { return p.Rate > knee.Rate }) {
		highest = ", the highest rate tried"
	}
	return r.sayKnee(knee) + highest + r.sayBut(knee) + "."
}

// sayKnee says what holds, and by how many of the limits.
func (r *Report) sayKnee(knee *Plateau) string {
	said := Rate(knee.Offered) + " taps/s"
	untold := r.untold()
	switch {
	case slices.ContainsFunc(untold, func(m Judged) bool { return m.Part == Worker }):
		return "Holds " + said
	case len(untold) > 0:
		return "Redirects hold " + said
	case r.unjudged(knee):
		return "Holds " + said + " within every limit that could be judged"
	}
	return "Holds " + said + " within every limit"
}

// unjudged tells whether a limit was judged neither at a plateau nor over the whole run.
func (r *Report) unjudged(p *Plateau) bool {
	return slices.ContainsFunc(r.Metrics, func(m Judged) bool {
		return (m.Status == NoData || m.Status == Generator) && slices.Contains(p.NotJudged, m.Metric)
	})
}

// sayBut is what else than a higher rate gave the run its status, so that what holds does not contradict it.
func (r *Report) sayBut(knee *Plateau) string {
	lower, untold := r.lower(knee), len(r.untold()) > 0
	switch {
	case untold && r.Status == Fail:
		return ", but the run as a whole fails"
	case untold:
		return ", but the run as a whole warns"
	case lower != nil:
		return fmt.Sprintf(", but not %s/s", Rate(lower.Offered))
	case r.Queue.GrowsFrom != nil && *r.Queue.GrowsFrom <= knee.Offered:
		return ", but the queue grows"
	}
	return ""
}

// sayFirst tells what breaks first above the knee, and at which rate a limit fails that was only warned of there.
func (r *Report) sayFirst(first *Plateau) []string {
	if first == nil {
		return nil
	}
	said := []string{fmt.Sprintf("At %s/s %s: %s.", Rate(first.Offered), first.sayBreaks(), first.sayParts())}
	for _, p := range r.valid() {
		if p.Offered > first.Offered && p.Status == Fail && first.Status != Fail {
			return append(said, fmt.Sprintf("At %s/s %s.", Rate(p.Offered), p.Breaks[0]))
		}
	}
	return said
}

// sayLower tells of a rate below the knee that did not hold: the start of a run often has reasons of its own.
func (r *Report) sayLower(knee *Plateau) []string {
	p := r.lower(knee)
	if p == nil {
		return nil
	}
	return []string{fmt.Sprintf("Below that, at %s/s, %s, which %s/s did not repeat.", Rate(p.Offered), p.sayBreaks(), Rate(knee.Offered))}
}

// lower is the lowest plateau that did not hold while the knee above it did.
func (r *Report) lower(knee *Plateau) *Plateau {
	for _, p := range r.valid() {
		if knee != nil && p.Offered < knee.Offered && p.Status != Pass {
			return p
		}
	}
	return nil
}

// sayBreaks names the two worst limits that broke.
func (p *Plateau) sayBreaks() string {
	said := make([]string, 0, 2)
	for _, b := range p.Breaks[:min(2, len(p.Breaks))] {
		said = append(said, b.String())
	}
	return strings.Join(said, " and ")
}

func (b Break) String() string {
	tier := "fails its limit of"
	switch {
	case b.Status == Fail:
	case b.Value < b.Limit:
		tier = "is under the warning of"
	default:
		tier = "is over the warning of"
	}
	return fmt.Sprintf("%s %s %s (%s)", b.Label, tier, Value(b.Metric, b.Limit), Value(b.Metric, b.Value))
}

// sayParts names the parts that break at the same rate: which of them was first, nothing tells.
func (p *Plateau) sayParts() string {
	var parts []string
	for _, b := range p.Breaks {
		if name := partNames[b.Part]; !slices.Contains(parts, name) {
			parts = append(parts, name)
		}
	}
	last := len(parts) - 1
	if last == 0 {
		return parts[0] + " breaks first"
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last] + " break at the same rate"
}

// sayRun tells of limits that did not hold over the whole run, and that no plateau tells of.
func (r *Report) sayRun() []string {
	var said []string
	untold := r.untold()
	for _, m := range untold {
		said = append(said, Break{Metric: m.Metric, Label: m.Label, Value: m.Value, Limit: m.of(m.Status), Status: m.Status}.String())
	}
	if said == nil {
		return nil
	}
	why := ""
	switch {
	case len(r.Plateaus) == 0:
	case slices.ContainsFunc(untold, r.inPlateaus):
		why = ", which no plateau that was judged shows"
	default:
		why = ", which no single plateau had enough samples to show"
	}
	return []string{"Over the whole run " + strings.Join(said, " and ") + why + "."}
}

// untold are the metrics whose limits did not hold over the whole run, but did at each plateau that was judged.
func (r *Report) untold() []Judged {
	var untold []Judged
	for _, m := range r.Metrics {
		if (m.Status == Warn || m.Status == Fail) && !r.told(m) {
			untold = append(untold, m)
		}
	}
	return untold
}

// told tells whether a plateau has the same limit broken. Errors of all parts together are those of one of them.
func (r *Report) told(m Judged) bool {
	if m.Part == "" {
		return slices.ContainsFunc(r.Metrics, func(part Judged) bool {
			return strings.HasPrefix(part.Metric, "error_rate{") && worse(m.Status, part.Status) == part.Status
		})
	}
	return slices.ContainsFunc(r.valid(), func(p *Plateau) bool {
		return slices.ContainsFunc(p.Breaks, func(b Break) bool { return b.Metric == m.Metric })
	})
}

// inPlateaus tells whether some plateau had enough samples of a metric.
func (r *Report) inPlateaus(m Judged) bool {
	return slices.ContainsFunc(r.Plateaus, func(p Plateau) bool { return !slices.Contains(p.NotJudged, m.Metric) })
}

// sayEnd tells of a run that ended early, or else of taps that had no answer when it ended.
func (r *Report) sayEnd() []string {
	if n := len(r.Plateaus); n > 0 && r.ended() {
		last := &r.Plateaus[n-1]
		return []string{fmt.Sprintf("The run ended early, %s seconds into %s/s; of what was to follow nothing is known.",
			Rate(significant(last.Seconds, 2)), Rate(last.Offered))}
	}
	var said []string
	for i := range r.Plateaus {
		if p := &r.Plateaus[i]; p.cutOff() > maxDropped {
			said = append(said, fmt.Sprintf("At %s/s %s of the taps had no answer when the run ended: a gracefulStop longer than their "+
				"timeout has them judged.", Rate(p.Offered), Percent(p.cutOff())))
		}
	}
	return said
}

func (r *Report) sayGenerator() []string {
	if len(r.Plateaus) == 0 && r.limited() {
		return []string{fmt.Sprintf("%s was the limit: it started taps late %s of the time, so that latencies and rates are "+
			"its own, not the system's. Give it more cores, or less to do.", capital(r.machine()), Percent(r.Whole.limited()))}
	}
	for i, p := range r.Plateaus {
		from, on := "From", " on"
		if slices.ContainsFunc(r.Plateaus[i:], func(p Plateau) bool { return p.Status != Generator }) {
			from, on = "At", ""
		}
		switch {
		case p.Status != Generator:
			continue
		case p.GeneratorLimited > MaxLimited:
			return []string{fmt.Sprintf("%s %s/s%s %s was the limit: it started taps late %s of the time, so that nothing is known "+
				"of the system there. Give it more cores, or share the load.", from, Rate(p.Offered), on, r.machine(), Percent(p.GeneratorLimited))}
		default:
			return []string{fmt.Sprintf("At %s/s %s of the iterations found no free virtual user while the system kept its limits, "+
				"so that nothing is known of it there. Raise preAllocatedVUs and maxVUs.", Rate(p.Offered), Percent(p.dropped()))}
		}
	}
	return nil
}

// machine is where the generator ran.
func (r *Report) machine() string {
	if len(r.Processes) > 1 {
		return fmt.Sprintf("the machine of one of the %d processes", len(r.Processes))
	}
	return "this machine"
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// sayProcesses tells how well the plateaus of several processes line up, or that one is not all of a run.
func (r *Report) sayProcesses() []string {
	switch {
	case len(r.Processes) == 1 && r.Processes[0].share() < 1:
		p := r.Processes[0]
		return []string{fmt.Sprintf("This process sent %s of the run (segment %s), and its figures are of that alone: only "+
			"k6 x sparkmotion merge judges the whole.", Percent(p.share()), p.Segment)}
	case len(r.Processes) < 2:
		return nil
	}
	said := fmt.Sprintf("%d processes sent this", len(r.Processes))
	if len(r.Plateaus) == 0 {
		return []string{said + "."}
	}
	said += fmt.Sprintf(", whose plateaus began within %s of each other by their clocks", Milliseconds(1000*r.apart()))
	if hold := r.Plan.Hold.Seconds(); r.apart() > hold/batches {
		return []string{said + fmt.Sprintf(": too far apart for plateaus of %s s, so that each figure is in part of the rate beside its own.", Rate(hold))}
	}
	return []string{said + "."}
}

// sayQueue tells what a queue that grows comes to after ten minutes.
func (r *Report) sayQueue(knee *Plateau) []string {
	q := r.Queue
	switch {
	case q.GrowsFrom == nil && q.Watched && r.Whole.Flushed > 0: // between two it rises and falls
		return []string{"Flushes kept up: what they left in the queue did not grow."}
	case q.GrowsFrom == nil && q.Watched:
		return []string{"The queue did not grow."}
	case q.GrowsFrom == nil:
		return nil
	}
	at := knee
	if at == nil || !at.grows() {
		valid := r.valid()
		at = valid[slices.IndexFunc(valid, (*Plateau).grows)]
	}
	waiting := *at.Growth * (10 * time.Minute).Seconds()
	said := fmt.Sprintf("The queue grows by %s a second at %s/s", about(*at.Growth), Rate(at.Offered))
	if *q.GrowsFrom < at.Offered {
		said += fmt.Sprintf(", and from %s/s on", Rate(*q.GrowsFrom))
	}
	if q.Drain == nil {
		return []string{said + ", more than these taps come to: others fill it too."}
	}
	if *q.Drain < 1 {
		return []string{said + ": nothing is drained."}
	}
	return []string{said + fmt.Sprintf(": the flush cron drains at most %s/s, so that 10 minutes at %s/s leave %s taps waiting, %s to drain.",
		about(*q.Drain), Rate(at.Offered), about(waiting), minutes(waiting / *q.Drain))}
}

var partNames = map[string]string{Worker: "the Worker", Admin: "the admin application", Hub: "the flush cron", Upstash: "Upstash"}

// Rate is a rate or a count to three digits, with thousands set apart.
func Rate(value float64) string {
	if short := significant(value, 3); math.Abs(short) < 1000 {
		return strconv.FormatFloat(short, 'f', -1, 64)
	}
	digits := strconv.FormatFloat(math.Round(value), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// about is a large number to two digits: 2,900, 1.7 M.
func about(value float64) string {
	if value < 1e6 {
		return Rate(significant(value, 2))
	}
	return strconv.FormatFloat(significant(value/1e6, 2), 'f', -1, 64) + " M"
}

// Value is a metric's value with its unit.
func Value(metric string, value float64) string {
	if strings.HasSuffix(metric, "_latency") {
		return Milliseconds(value)
	}
	return Percent(value)
}

// Milliseconds is a latency: 0.31 ms, 64 ms, 8.2 s.
func Milliseconds(value float64) string {
	if significant(value, 3) >= 1000 {
		return strconv.FormatFloat(significant(value/1000, 3), 'f', -1, 64) + " s"
	}
	return strconv.FormatFloat(significant(value, 3), 'f', -1, 64) + " ms"
}

// Percent is a fraction: 0.02 %, 99.7 %.
func Percent(value float64) string {
	if value > 0.9 && value < 1 { // how far from all is what matters
		return strconv.FormatFloat(100-significant(100*(1-value), 3), 'f', -1, 64) + " %"
	}
	return strconv.FormatFloat(significant(100*value, 3), 'f', -1, 64) + " %"
}

func minutes(seconds float64) string {
	switch {
	case seconds < 90:
		return fmt.Sprintf("%.0f seconds", seconds)
	case seconds < 90*60:
		return fmt.Sprintf("%.0f minutes", seconds/60)
	}
	return fmt.Sprintf("%.1f hours", seconds/3600)
}

// significant rounds to so many digits.
func significant(value float64, digits int) float64 {
	if value == 0 || math.IsInf(value, 0) || math.IsNaN(value) {
		return value
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(value))))
	return math.Round(value*scale) / scale
}
