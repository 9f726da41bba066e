// Package report shows a [capacity.Report] in a terminal, as Markdown for a pull request, as JUnit XML, and as a page of its own; and a
// [capacity.Comparison] in a terminal.
package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// table holds figures in rows. Each form of the report lays it out in its own way.
type table struct {
	Name  string
	Class string // CSS class on the page
	Align string // l or r for each column
	Head  []string
	Rows  [][]cell
}

// cell is a text, with its status if it was judged.
type cell struct {
	Text   string
	Status capacity.Status
}

// Right reports whether a column is aligned to the right.
func (t table) Right(column int) bool { return t.Align[column] == 'r' }

// add adds a row that is not judged.
func (t *table) add(texts ...string) {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].Text = text
	}
	t.Rows = append(t.Rows, row)
}

// limitsTable shows the metrics of the whole run, with both tiers.
func limitsTable(r *capacity.Report) table {
	name := "The run against its limits"
	if r.Goal > 0 {
		name = "The run up to its goal, against its limits"
	}
	t := table{
		Name: name, Class: "limits", Align: "llrrrr",
		Head: []string{"Metric", "Verdict", "Value", "Warn", "Fail", "Samples"},
	}
	for _, m := range r.Metrics {
		value, samples, warn := m.Unit.Value(m.Value), count(float64(m.Samples)), tier(m.Limit, m.Warn)
		if m.Warn == m.Fail {
			warn = unknown // one tier, which fails
		}
		verdict := string(m.Status)
		switch {
		case m.Samples == 0:
			verdict, value = notMeasured, unknown
		case m.Status == capacity.NoData:
			samples += " of " + count(float64(m.Enough))
		}
		weight := m.Status
		if weight == capacity.Pass {
			weight = "" // a pass is not highlighted twice
		}
		t.Rows = append(t.Rows, []cell{
			{Text: m.Label}, {verdict, m.Status}, {value, weight}, {Text: warn},
			{Text: tier(m.Limit, m.Fail)}, {Text: samples},
		})
	}
	return t
}

// tapsTable shows the taps of the plateaus that the verdict begins with.
func tapsTable(r *capacity.Report) table {
	if len(r.Scenarios) == 0 {
		return tapsIn("", r.Plateaus)
	}
	return tapsIn(r.Scenario, r.Plateaus)
}

// tapsTables returns such a table for each scenario.
func tapsTables(r *capacity.Report) []table {
	all := []table{tapsTable(r)}
	for _, name := range r.Others() {
		all = append(all, tapsIn(name, r.Scenarios[name].Plateaus))
	}
	return all
}

func tapsIn(scenario string, plateaus []capacity.Plateau) table {
	t := table{Name: "Taps by plateau", Align: "rl", Head: []string{"Offered taps/s", "Verdict"}}
	if scenario != "" {
		t.Name += ", " + shortened(scenario, width-30)
	}
	for i := range plateaus {
		p := &plateaus[i]
		t.Rows = append(t.Rows, []cell{{Text: count(p.Offered)}, {string(p.Status), p.Status}})
	}
	t.columns(plateaus, capacity.TapsTable)
	return t
}

// systemTable shows the generator and the rest of the system, by plateau.
func systemTable(r *capacity.Report) table {
	t := table{Name: "Generator, admin and queue by plateau", Align: "r", Head: []string{"Offered taps/s"}}
	t.plateaus(r)
	t.columns(r.Plateaus, capacity.SystemTable)
	from, to, flushes := "Queue at start", "Queue at end", r.Whole.Flushed+r.Whole.FlushDropped > 0
	if flushes {
		from, to = "Left by first flush", "Left by last flush"
	}
	t.Head, t.Align = append(t.Head, from, to), t.Align+"rr"
	for i := range r.Plateaus {
		first, last := optional(r.Plateaus[i].DepthStart), optional(r.Plateaus[i].DepthEnd)
		if flushes && r.Plateaus[i].Counts.Flushed+r.Plateaus[i].Counts.FlushDropped == 0 {
			first, last = unknown, unknown
		}
		t.Rows[i] = append(t.Rows[i], cell{Text: first}, cell{Text: last})
	}
	return t
}

// ledgerTable shows what became of the redirected taps, by the system's own counters.
func ledgerTable(r *capacity.Report) table {
	t := table{
		Name: "Every tap accounted for", Align: "lrrrrrrr",
		Head: []string{"Offered taps/s", "Redirected", "Received", "Flushed", "Dropped", "Waiting", "Lost", "Unaccounted"},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		t.ledger(count(p.Offered), p.Ledger, p.StatusOf(lostMetric))
		t.Rows[i][7].Text = unknown // a running flush has taken taps that it has not counted yet
	}
	t.ledger("The run", r.Ledger, r.Part(capacity.RecordingPart).Status)
	return t
}

var lostMetric, _ = capacity.Find("taps lost")

// ledger adds a row. Taps received or flushed in a plateau may be from the one before it.
func (t *table) ledger(name string, l *capacity.Ledger, status capacity.Status) {
	if l == nil {
		t.add(name, unknown, unknown, unknown, unknown, unknown, unknown, unknown)
		return
	}
	texts := []string{name}
	for _, n := range []int64{l.Redirected, l.Received, l.Flushed, l.Dropped, l.Waiting} {
		texts = append(texts, count(float64(n)))
	}
	lost := unknown
	if l.Lost != nil {
		lost = count(float64(*l.Lost))
	}
	if l.AtLeast {
		lost = "≥ " + lost
	}
	t.add(append(texts, lost, count(float64(l.Unaccounted)))...)
	if status == capacity.Warn || status == capacity.Fail {
		t.Rows[len(t.Rows)-1][6].Status = status
	}
}

// partsTable shows what each part holds by itself: a ladder whose rungs are the plateaus.
func partsTable(r *capacity.Report) table {
	t := table{Name: "What each part holds", Class: "parts", Align: "llr", Head: []string{"Part", "Verdict", "Holds taps/s"}}
	for i := range r.Plateaus {
		t.Head, t.Align = append(t.Head, "at "+count(r.Plateaus[i].Offered)), t.Align+"r"
	}
	for _, c := range r.Parts {
		verdict := cell{string(c.Status), c.Status}
		if !r.Seen(c.Part) {
			verdict.Text = notMeasured
		}
		row := []cell{{Text: capitalized(strings.TrimPrefix(c.Part.String(), "the "))}, verdict, {Text: optional(c.SustainedRate)}}
		for _, status := range c.Plateaus {
			row = append(row, cell{rungs[status], status})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// rungs says what a part does in a plateau.
var rungs = map[capacity.Status]string{"": unknown, capacity.Pass: "holds", capacity.Warn: "warns", capacity.Fail: "fails"}

func capitalized(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// volumeTable shows how much exports and flushes moved.
func volumeTable(r *capacity.Report) table {
	t := table{Name: "Exports and flushes by plateau", Align: "r", Head: []string{"Offered taps/s"}}
	t.plateaus(r)
	t.columns(r.Plateaus, capacity.VolumeTable)
	return t
}

// plateaus adds a row for each plateau, with what it offered.
func (t *table) plateaus(r *capacity.Report) {
	for i := range r.Plateaus {
		t.add(count(r.Plateaus[i].Offered))
	}
}

// columns adds a column for each metric of a table, with a cell for each plateau.
func (t *table) columns(plateaus []capacity.Plateau, of capacity.Table) {
	for _, m := range capacity.Metrics {
		if m.Column.Table != of || m.Rare && !slices.ContainsFunc(plateaus, func(p capacity.Plateau) bool { return m.In(&p).Value != 0 }) {
			continue
		}
		t.Head, t.Align = append(t.Head, m.Column.Head), t.Align+"r"
		for i := range plateaus {
			t.Rows[i] = append(t.Rows[i], judged(&plateaus[i], m))
		}
	}
}

// overTime shows the rates over time in at most 60 rows, each of a round number of steps.
func overTime(r *capacity.Report) table {
	t := table{Name: "Rate over time", Align: "rrrr", Head: []string{"Time", "Offered taps/s", "Achieved taps/s", "Failed taps/s"}}
	s := r.Series
	for from, each := 0, int(max(1, roundUp(float64(len(s.Achieved))/60))); from < len(s.Achieved); from += each {
		to := min(from+each, len(s.Achieved))
		at, offered := float64(from)*s.Step, unknown
		for _, p := range r.Plateaus {
			if began, ended := p.Span(); at >= began && at < ended {
				offered = count(p.Offered)
			}
		}
		t.add(clock(at), offered, count(mean(s.Achieved[from:to])), count(mean(s.Failed[from:to])))
	}
	return t
}

// failuresTable shows what failed in each part of the system.
func failuresTable(r *capacity.Report) table {
	t := table{Name: "Failures by plateau", Align: "r", Head: []string{"Offered taps/s"}}
	t.plateaus(r)
	for _, m := range capacity.Metrics {
		if m.Failures == "" {
			continue
		}
		t.Head, t.Align = append(t.Head, m.Failures), t.Align+"r"
		for i := range r.Plateaus {
			t.Rows[i] = append(t.Rows[i], cell{Text: ofAll(m.In(&r.Plateaus[i]))})
		}
	}
	return t
}

// ofAll returns a share as "some of all".
func ofAll(share capacity.Figure) string {
	if share.Samples == 0 {
		return unknown
	}
	all := float64(share.Samples)
	return count(math.Round(share.Value*all)) + " of " + count(all)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// judged returns a plateau's figure and its status; in brackets if there were too few samples to judge it.
func judged(p *capacity.Plateau, m capacity.Metric) cell {
	c := cell{figureText(m, m.In(p)), p.StatusOf(m)}
	if c.Text == unknown {
		c.Status = ""
	}
	if c.Status == capacity.NoData {
		c.Text = "(" + c.Text + ")"
	}
	return c
}

// inBrackets reports whether a table shows a figure with too few samples to be judged.
func (t table) inBrackets() bool {
	return slices.ContainsFunc(t.Rows, func(row []cell) bool {
		return slices.ContainsFunc(row, func(c cell) bool { return c.Status == capacity.NoData && strings.HasPrefix(c.Text, "(") })
	})
}

// notes explains what is not obvious in the tables that are shown.
func notes(r *capacity.Report, shown []table) []string {
	var said []string
	plateaus := r.Plateaus
	for _, name := range r.Others() {
		plateaus = slices.Concat(plateaus, r.Scenarios[name].Plateaus)
	}
	has := func(status capacity.Status) bool {
		return slices.ContainsFunc(r.Metrics, func(m capacity.Judged) bool { return m.Samples > 0 && m.Status == status }) ||
			slices.ContainsFunc(plateaus, func(p capacity.Plateau) bool { return p.Status == status })
	}
	if has(capacity.Generator) {
		said = append(said, fmt.Sprintf("%s: taps started late more than %s of the time, or lacked virtual users, so the figures are "+
			"not the system's.", capacity.Generator, units.Percent(capacity.MaxLimited)))
	}
	if has(capacity.NoData) {
		said = append(said, string(capacity.NoData)+": too few samples for a verdict. That is neither a pass nor a failure.")
	}
	if slices.ContainsFunc(shown, table.inBrackets) {
		said = append(said, "In brackets: too few samples in that plateau to be judged.")
	}
	if s := r.Scaling; s.Omitted == "" {
		said = append(said, fmt.Sprintf("The scalability law: λ %s taps/s, σ %.3g, κ %.3g, R² %.3f.", count(s.Lambda), s.Sigma, s.Kappa, s.R2))
	}
	return said
}
