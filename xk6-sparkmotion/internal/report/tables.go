// Package report shows a [capacity.Report]: in a terminal, as Markdown for a pull request, and as a page of its own; and a
// [capacity.Comparison] in a terminal.
package report

import (
	"fmt"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// table is figures in rows, which each form lays out its own way.
type table struct {
	Name  string
	Align string // l or r for each column
	Head  []string
	Rows  [][]cell
}

// cell is a text, and what is known of it if it was judged.
type cell struct {
	Text   string
	Status capacity.Status
}

// Right tells whether a column is aligned to the right.
func (t table) Right(column int) bool { return t.Align[column] == 'r' }

// add adds a row that is not judged.
func (t *table) add(texts ...string) {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].Text = text
	}
	t.Rows = append(t.Rows, row)
}

// limits are the metrics of the whole run, with both tiers.
func limits(r *capacity.Report) table {
	t := table{
		Name: "The run against its limits", Align: "llrrrr",
		Head: []string{"Metric", "Verdict", "Value", "Warn", "Fail", "Samples"},
	}
	for _, m := range r.Metrics {
		sign := "≥ "
		if m.Above {
			sign = "≤ "
		}
		value, samples := capacity.Value(m.Metric, m.Value), count(float64(m.Samples))
		verdict := string(m.Status)
		switch {
		case m.Samples == 0:
			verdict, value = "not measured", none
		case m.Status == capacity.NoData:
			samples += " of " + count(float64(m.Enough))
		}
		weight := m.Status
		if weight == capacity.Pass {
			weight = "" // what is well does not call for the eye twice
		}
		t.Rows = append(t.Rows, []cell{
			{Text: m.Label}, {verdict, m.Status}, {value, weight}, {Text: sign + capacity.Value(m.Metric, m.Warn)},
			{Text: sign + capacity.Value(m.Metric, m.Fail)}, {Text: samples},
		})
	}
	return t
}

// taps are the plateaus' taps.
func taps(r *capacity.Report) table {
	t := table{
		Name: "Taps by plateau", Align: "rlrrrrrrr",
		Head: []string{"Offered taps/s", "Verdict", "Achieved taps/s", "Redirect p50", "Redirect p95", "Redirect p99", "Redirect max", "Errors", "KV hits"},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		t.Rows = append(t.Rows, []cell{
			{Text: count(p.Offered)}, {string(p.Status), p.Status}, {Text: count(p.Achieved)},
			{Text: latency(p.Redirect.P50)}, judged(p, "redirect_latency", latency(p.Redirect.P95)),
			{Text: latency(p.Redirect.P99)}, {Text: latency(p.Redirect.Max)},
			judged(p, "error_rate{part:worker}", share(p.ErrorRate, p.Counts.Taps)),
			judged(p, "kv_hit_rate", share(p.KVHitRate, p.Counts.Redirected)),
		})
	}
	return t
}

// system is the rest of the system at the same time, and the generator.
func system(r *capacity.Report) table {
	from, to, flushes := "Queue at start", "Queue at end", r.Whole.Flushed > 0
	if flushes {
		from, to = "Left by first flush", "Left by last flush"
	}
	t := table{
		Name: "Generator, admin and queue by plateau", Align: "rrrrrrrrrr",
		Head: []string{
			"Offered taps/s", "Dropped", "Generator lag p95", "Analytics p95", "Export p95", "Queued taps/s", "Flushed taps/s",
			from, to, "Growth taps/s",
		},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		growth := optional(p.Growth)
		if p.Growth != nil && *p.Growth > 0 {
			growth = "+" + growth
		}
		first, last := optional(p.DepthStart), optional(p.DepthEnd)
		if flushes && p.Counts.Flushed == 0 {
			first, last = none, none
		}
		lag := cell{Text: latency(p.GeneratorLag)}
		if p.GeneratorLimited > capacity.MaxLimited {
			lag.Status = capacity.Generator
		}
		t.Rows = append(t.Rows, []cell{
			{Text: count(p.Offered)}, {Text: count(float64(p.Dropped))}, lag,
			judged(p, "analytics_latency", latency(p.Analytics)), judged(p, "csv_export_latency", latency(p.Export)),
			{Text: count(p.Queued)}, {Text: count(p.Flushed)}, {Text: first}, {Text: last}, {Text: growth},
		})
	}
	return t
}

// overTime is the course of taps in at most 60 rows, a round number of steps each.
func overTime(r *capacity.Report) table {
	t := table{Name: "Rate over time", Align: "rrrr", Head: []string{"Time", "Offered taps/s", "Achieved taps/s", "Failed taps/s"}}
	s := r.Series
	for from, each := 0, int(max(1, round(float64(len(s.Achieved))/60))); from < len(s.Achieved); from += each {
		to := min(from+each, len(s.Achieved))
		at, offered := float64(from)*s.Step, none
		for _, p := range r.Plateaus {
			if at >= p.Start && at < p.Start+p.Seconds {
				offered = count(p.Offered)
			}
		}
		t.add(clock(at), offered, count(mean(s.Achieved[from:to])), count(mean(s.Failed[from:to])))
	}
	return t
}

// failed is what failed in each part of the system.
func failed(r *capacity.Report) table {
	t := table{
		Name: "What failed, of how many", Align: "rrrrr",
		Head: []string{"Offered taps/s", "Taps", "Admin queries", "Queue samples", "Flushes"},
	}
	for _, p := range r.Plateaus {
		n := p.Counts
		t.add(count(p.Offered), some(n.Taps-n.Redirected, n.Taps), some(n.QueriesFailed, n.Queries),
			some(n.SamplesFailed, n.Samples), some(n.FlushesFailed, n.Flushes))
	}
	return t
}

func some(failed, all int64) string {
	if all == 0 {
		return none
	}
	return count(float64(failed)) + " of " + count(float64(all))
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// judged is a plateau's figure in the light of its metric's limits; in brackets when there were too few samples to tell.
func judged(p *capacity.Plateau, metric, text string) cell {
	if slices.Contains(p.NotJudged, metric) && text != none {
		return cell{"(" + text + ")", capacity.NoData}
	}
	for _, b := range p.Breaks {
		if b.Metric == metric && p.Valid() {
			return cell{text, b.Status}
		}
	}
	return cell{Text: text}
}

// notes explain what in the tables does not explain itself.
func notes(r *capacity.Report) []string {
	var said []string
	has := func(status capacity.Status) bool {
		return slices.ContainsFunc(r.Metrics, func(m capacity.Judged) bool { return m.Samples > 0 && m.Status == status }) ||
			slices.ContainsFunc(r.Plateaus, func(p capacity.Plateau) bool { return p.Status == status })
	}
	if has(capacity.Generator) {
		said = append(said, fmt.Sprintf("%s: taps started late more than %s of the time, or lacked virtual users, so the figures are "+
			"not the system's.", capacity.Generator, capacity.Percent(capacity.MaxLimited)))
	}
	if has(capacity.NoData) {
		said = append(said, string(capacity.NoData)+": less was seen than a verdict takes. It is no pass, and no alarm.")
	}
	if slices.ContainsFunc(r.Plateaus, func(p capacity.Plateau) bool { return len(p.NotJudged) > 0 }) {
		said = append(said, "In brackets: too few samples in that plateau to be judged.")
	}
	if s := r.Scaling; s.Omitted == "" {
		said = append(said, fmt.Sprintf("The scalability law: λ %s taps/s, σ %.3g, κ %.3g, R² %.3f.", count(s.Lambda), s.Sigma, s.Kappa, s.R2))
	}
	return said
}

const none = "–"

// count is a number in at most 8 characters.
func count(value float64) string {
	if value >= 1e6 || value <= -1e6 {
		return capacity.Rate(value/1e6) + " M"
	}
	return capacity.Rate(value)
}

func optional(value *float64) string {
	if value == nil {
		return none
	}
	return count(*value)
}

// latency is 0 when nothing was measured.
func latency(ms float64) string {
	if ms == 0 {
		return none
	}
	return capacity.Milliseconds(ms)
}

// share is a fraction of so many, in at most 9 characters.
func share(value float64, of int64) string {
	switch {
	case of == 0:
		return none
	case value > 0 && value < 0.0001:
		return "< 0.01 %"
	case value > 0.9999 && value < 1:
		return "> 99.99 %"
	case value > 0.99 && value < 1:
		return fmt.Sprintf("%.2f %%", 100*value)
	}
	return capacity.Percent(value)
}

// clock is a time since the plateaus began: 2:05.
func clock(seconds float64) string {
	return fmt.Sprintf("%d:%02d", int(seconds)/60, int(seconds)%60)
}
