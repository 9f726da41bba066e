package report

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// heads returns the tables at the top of a report: what each part holds, what became of the taps, and the limits.
func heads(r *capacity.Report) []table {
	var all []table
	if len(r.Plateaus) > 0 {
		all = append(all, partsTable(r))
	}
	if r.Ledger != nil {
		all = append(all, ledgerTable(r))
	}
	return append(all, limitsTable(r))
}

// tables returns all other tables of a page.
func tables(r *capacity.Report) []table {
	var all []table
	if len(r.Plateaus) > 0 {
		all = append(tapsTables(r), systemTable(r), volumeTable(r))
	}
	for _, t := range []table{procedureTable(r), hostsTable(r), failedTable(r)} {
		if len(t.Rows) > 0 {
			all = append(all, t)
		}
	}
	return all
}

// hostsTable shows where redirects led.
func hostsTable(r *capacity.Report) table {
	t := table{Name: "Where redirects led", Align: "ll", Head: []string{"Host", "Is"}}
	t.tally(r, func(c *capacity.Counts) capacity.Tally { return c.Redirects.Page }, "the page")
	t.tally(r, func(c *capacity.Counts) capacity.Tally { return c.Redirects.Fallback }, "a fallback")
	t.tally(r, func(c *capacity.Counts) capacity.Tally { return c.Redirects.Other }, "neither")
	t.byPlateau(r)
	return t
}

const failedName = "What failed"

// failedTable shows what failed, by kind, with the message of the first failure of each.
func failedTable(r *capacity.Report) table {
	t := table{Name: failedName, Align: "l", Head: []string{"Kind"}}
	t.tally(r, func(c *capacity.Counts) capacity.Tally { return c.Failures })
	t.byPlateau(r)
	t.Head, t.Align = append(slices.Insert(t.Head, 1, "Part"), "The first one"), "ll"+t.Align[1:]+"l"
	for i, row := range t.Rows {
		failure := r.Failures[row[0].Text]
		t.Rows[i] = append(slices.Insert(row, 1, cell{Text: failure.Part}), cell{Text: failure.Sample})
	}
	return t
}

// worstTable shows the most frequent kinds of failures, each above the message of its first one.
func worstTable(r *capacity.Report) table {
	const most, indent, lines = 3, 12, 4
	names := r.Whole.Failures.Names()
	t := table{Name: "What failed", Align: "rl", Head: []string{"Times", "Kind"}}
	if len(names) > most {
		t.Name += fmt.Sprintf(", the %d largest kinds of %d", most, len(names))
	}
	for _, name := range names[:min(most, len(names))] {
		t.add(count(float64(r.Whole.Failures[name])), shortened(name, width-20))
		if sample := r.Failures[name].Sample; sample != "" {
			for _, line := range wrap(shortened(sample, lines*(width-2*indent)), width-indent) {
				t.add("", line)
			}
		}
	}
	return t
}

// tally adds a row for each name: the name, what it is, and its counts by plateau and for the run.
func (t *table) tally(r *capacity.Report, of func(c *capacity.Counts) capacity.Tally, is ...string) {
	whole := of(&r.Whole)
	names := whole.Names()
	from := len(t.Rows)
	for _, name := range names {
		t.add(append([]string{name}, is...)...)
	}
	column := func(counts []int64) {
		for i, n := range counts {
			t.Rows[from+i] = append(t.Rows[from+i], cell{Text: count(float64(n))})
		}
	}
	for i := range r.Plateaus {
		column(of(&r.Plateaus[i].Counts).Of(names))
	}
	column(whole.Of(names))
}

// byPlateau adds the headings of the columns that tally adds.
func (t *table) byPlateau(r *capacity.Report) {
	for i := range r.Plateaus {
		t.Head, t.Align = append(t.Head, units.Rate(r.Plateaus[i].Offered)+"/s"), t.Align+"r"
	}
	t.Head, t.Align = append(t.Head, "Run"), t.Align+"r"
}

// folded splits a table that is wider than most into several, one below the other, each with the first column.
func (t table) folded(most int) []table {
	const gap, first = 2, 40
	rows := make([][]cell, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = append([]cell{{shortened(row[0].Text, first), row[0].Status}}, row[1:]...)
	}
	t.Rows = rows
	wide := func(i int) int { return gap + max(t.widest(i), utf8.RuneCountInString(t.Head[i])) }
	var parts []table
	room := 0
	for i := range t.Head[1:] {
		if room < wide(i+1) {
			parts, room = append(parts, t.column(0)), most-wide(0)
		}
		last := &parts[len(parts)-1]
		*last, room = last.beside(t.column(i+1)), room-wide(i+1)
	}
	return parts
}

// column returns the table's i-th column as a table.
func (t table) column(i int) table {
	one := table{Name: t.Name, Align: t.Align[i : i+1], Head: []string{t.Head[i]}}
	for _, row := range t.Rows {
		one.Rows = append(one.Rows, []cell{row[i]})
	}
	return one
}

// beside returns the table with another's columns added on the right.
func (t table) beside(other table) table {
	t.Align, t.Head = t.Align+other.Align, append(t.Head, other.Head...)
	for i := range t.Rows {
		t.Rows[i] = append(t.Rows[i], other.Rows[i]...)
	}
	return t
}

// shortened cuts a text to at most this many characters.
func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
