package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// english writes numbers as people here read them: 10,000.
var english = message.NewPrinter(language.English)

// labels name the ways for people.
var labels = map[string]string{
	baseline: "JavaScript, k6/http", tap: "tap()", taps: "taps(10)",
	wrk: "wrk, the same taps", wrkPlain: "wrk, one URL", vegeta: "vegeta",
	module: "bandID()", javaScript: "the same in JavaScript",
}

// table is Markdown that reads well in a terminal too; its first row is the head.
type table [][]string

func (t table) String() string {
	width := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for n, row := range t {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				text.WriteString("| " + cell + pad + " ")
				continue
			}
			text.WriteString("| " + pad + cell + " ")
		}
		text.WriteString("|\n")
		if n == 0 {
			text.WriteString("|" + strings.Repeat("-", width[0]+2))
			for _, w := range width[1:] {
				text.WriteString("|" + strings.Repeat("-", w+1) + ":")
			}
			text.WriteString("|\n")
		}
	}
	return text.String()
}

func (r Result) closedTable() table {
	t := table{{
		fmt.Sprintf("on %d connections", r.Parameters.Connections), "taps/s", "× JavaScript", "× wrk",
		"CPU µs a tap", "peak RSS, MB", "target's core busy",
	}}
	for _, m := range r.Medians {
		if m.Part == closed {
			t = append(t, []string{
				labels[m.Way], number("%.0f", m.PerSecond), number("%.1f", m.ToBaseline), number("%.2f", m.ToWrk),
				number("%.1f", m.CPU), number("%.0f", m.RSS), number("%.0f %%", m.TargetBusy*100),
			})
		}
	}
	return t
}

func (r Result) ratesTable() table {
	t := table{{
		"at a rate", "asked/s", "connections", "served/s", "p50 ms", "p95 ms", "p99 ms", "dropped",
		"CPU µs a tap", "peak RSS, MB",
	}}
	for _, m := range r.Medians {
		if m.Part == rates {
			t = append(t, []string{
				labels[m.Way], english.Sprint(m.Rate), english.Sprint(m.Connections), number("%.0f", m.PerSecond),
				number("%.2f", m.P50), number("%.2f", m.P95), number("%.2f", m.P99), english.Sprintf("%.0f", m.Dropped),
				number("%.1f", m.CPU), number("%.0f", m.RSS),
			})
		}
	}
	return t
}

func (r Result) bandTable() table {
	t := table{{"a random band, from JavaScript", "calls/s", "× JavaScript"}}
	for _, m := range r.Medians {
		if m.Part == bandid {
			t = append(t, []string{labels[m.Way], number("%.0f", m.PerSecond), number("%.1f", m.ToBaseline)})
		}
	}
	return t
}

// number writes a figure; there is none of 0.
func number(format string, figure float64) string {
	if figure == 0 {
		return "–"
	}
	return english.Sprintf(format, figure)
}

// markdown is what README.md shows.
func (r Result) markdown() string {
	m, p := r.Machine, r.Parameters
	parts := []string{fmt.Sprintf(
		"%s, %d cores: one for the generator, one for a server that answers 302. %s; %s; %s; %s. "+
			"Medians of %d alternated runs of %d s, and of %d at the lower rates (`go run . %s`). "+
			"Latencies are as each tool reports them; dropped is the sum of all runs. Others took %.0f %% of the cores' time.\n",
		m.CPU, m.Cores, m.Go, m.K6, m.Wrk, m.Vegeta, p.Rounds, p.Seconds, (p.Rounds+1)/2, p.flags(),
		r.others()*100)}
	for _, t := range []table{r.closedTable(), r.ratesTable(), r.bandTable()} {
		if len(t) > 1 {
			parts = append(parts, t.String())
		}
	}
	return strings.Join(parts, "\n")
}

// others is the median over all runs of what others took of the cores, 0 to 1.
func (r Result) others() float64 {
	var shares []float64
	for _, run := range r.Runs {
		shares = append(shares, run.Others)
	}
	return median(shares)
}

// text is what the terminal shows: the same, and the goals.
func (r Result) text() string { return r.markdown() + "\n" + r.verdicts() }

func (r Result) verdicts() string {
	var text strings.Builder
	for _, goal := range r.Goals {
		verdict := "reached"
		if !goal.Reached {
			verdict = "MISSED "
		}
		_, _ = english.Fprintf(&text, "%s  %-48s %.2f, %s %.2f\n", verdict, goal.What, goal.Figure, goal.Bound, goal.Limit)
	}
	return text.String()
}
