// Package report shows a [capacity.Report]: in a terminal, as Markdown for a pull request, and as a page of its own; and a
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

// table is figures in rows, which each form lays out its own way.
type table struct {
	Name  string
	Class string // on the page
	Align string // l or r for each column
	Head  []string
	Rows  [][]cell
}

// cell is a text, and what is known of it if it was judged.
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

// limitsTable are the metrics of the whole run, with both tiers.
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
		value, samples := m.Unit.Value(m.Value), count(float64(m.Samples))
		verdict := string(m.Status)
		switch {
		case m.Samples == 0:
			verdict, value = notMeasured, unknown
		case m.Status == capacity.NoData:
			samples += " of " + count(float64(m.Enough))
		}
		weight := m.Status
		if weight == capacity.Pass {
			weight = "" // what is well does not call for the eye twice
		}
		t.Rows = append(t.Rows, []cell{
			{Text: m.Label}, {verdict, m.Status}, {value, weight}, {Text: tier(m.Limit, m.Warn)},
			{Text: tier(m.Limit, m.Fail)}, {Text: samples},
		})
	}
	return t
}

// tapsTable are the taps of the plateaus that the verdict begins with.
func tapsTable(r *capacity.Report) table {
	if len(r.Scenarios) == 0 {
		return tapsIn("", r.Plateaus)
	}
	return tapsIn(r.Scenario, r.Plateaus)
}

// tapsTables are those of each scenario.
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

// systemTable is the rest of the system at the same time, and the generator.
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

// ledgerTable is what became of the taps that were redirected, by the system's own counters. What waited or was in a flush is shown from its
// start to its end, so that each row adds up.
func ledgerTable(r *capacity.Report) table {
	t := table{
		Name: "Every tap accounted for", Align: "lrrrrrrrr",
		Head: []string{"Offered taps/s", "Redirected", "Received", "Flushed", "Dropped", "Waiting", "In a flush", "Lost", "Unaccounted"},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		t.ledger(count(p.Offered), p.Ledger, p.StatusOf(lostMetric))
	}
	t.ledger("The run", r.Ledger, r.Part(capacity.RecordingPart).Status)
	return t
}

var lostMetric, _ = capacity.Find("taps lost")

// ledger adds a row. What a plateau has received, or flushed, may be of the one before it.
func (t *table) ledger(name string, l *capacity.Ledger, status capacity.Status) {
	if l == nil {
		t.add(name, unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown)
		return
	}
	t.add(name, exact(l.Redirected), exact(l.Received), exact(l.Flushed), exact(l.Dropped), change(l.WaitingBefore, l.Waiting),
		inFlushes(l), lostText(l), unaccountedText(l))
	if status == capacity.Warn || status == capacity.Fail {
		t.Rows[len(t.Rows)-1][7].Status = status
	}
}

// exact is a number in full: sums of shortened ones don't add up.
func exact(n int64) string { return units.Rate(float64(n)) }

// change is a number at a row's start and at its end.
func change(from, to int64) string {
	if from == 0 && to == 0 {
		return exact(0)
	}
	return exact(from) + " → " + exact(to)
}

func inFlushes(l *capacity.Ledger) string {
	if l.Flushing == nil || l.FlushingBefore == nil {
		return notMeasured
	}
	return change(*l.FlushingBefore, *l.Flushing)
}

func lostText(l *capacity.Ledger) string {
	switch {
	case l.Lost == nil:
		return unknown
	case l.AtLeast:
		return "≥ " + exact(*l.Lost)
	}
	return exact(*l.Lost)
}

// unaccountedText has beside a row's own taps those of its queue that a later flush took.
func unaccountedText(l *capacity.Ledger) string {
	switch {
	case l.Flushing == nil && l.Unaccounted == 0:
		return notMeasured
	case l.Flushing == nil:
		return "≥ " + exact(l.Unaccounted)
	case l.UnaccountedLater > 0:
		return exact(l.Unaccounted) + ", later " + exact(l.UnaccountedLater)
	}
	return exact(l.Unaccounted)
}

// partsTable is what each part holds by itself: a ladder whose rungs are the plateaus.
func partsTable(r *capacity.Report) table {
	t := table{Name: "What each part holds", Class: "parts", Align: "llr", Head: []string{"Part", "Verdict", "Holds taps/s"}}
	for i := range r.Plateaus {
		t.Head, t.Align = append(t.Head, "at "+count(r.Plateaus[i].Offered)), t.Align+"r"
	}
	for _, c := range r.Parts {
		verdict := cell{string(c.Status), c.Status}
		if !c.Measured() {
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

// rungs are what a part does in a plateau.
var rungs = map[capacity.Status]string{"": unknown, capacity.Pass: "holds", capacity.Warn: "warns", capacity.Fail: "fails"}

func capitalized(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// volumeTable is how much exports and flushes came to.
func volumeTable(r *capacity.Report) table {
	t := table{Name: "Exports and flushes by plateau", Align: "r", Head: []string{"Offered taps/s"}}
	t.plateaus(r)
	t.columns(r.Plateaus, capacity.VolumeTable)
	return t
}

// plateaus adds a row for each, by what it offered.
func (t *table) plateaus(r *capacity.Report) {
	for i := range r.Plateaus {
		t.add(count(r.Plateaus[i].Offered))
	}
}

// columns adds a column for each metric that stands in a table, to a row for each plateau.
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

// overTime is the course of taps in at most 60 rows, a round number of steps each.
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

// failuresTable is what failed in each part of the system.
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

// ofAll is a share as how many of how many.
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

// judged is a plateau's figure in the light of its metric's limits; in brackets when there were too few samples to tell.
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

// inBrackets reports whether a plateau has a figure that too few samples were there to judge.
func inBrackets(p capacity.Plateau) bool {
	return slices.ContainsFunc(capacity.Metrics, func(m capacity.Metric) bool { return m.Column.Table != 0 && judged(&p, m).Status == capacity.NoData })
}

// notes explain what in the tables does not explain itself.
func notes(r *capacity.Report) []string {
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
	if slices.ContainsFunc(plateaus, inBrackets) {
		said = append(said, "In brackets: too few samples in that plateau to be judged.")
	}
	if s := r.Scaling; s.Omitted == "" {
		said = append(said, fmt.Sprintf("The scalability law: λ %s taps/s, σ %.3g, κ %.3g, R² %.3f.", count(s.Lambda), s.Sigma, s.Kappa, s.R2))
	}
	return said
}
