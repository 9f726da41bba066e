package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"class": class}).Parse(source))

// HTML writes the report as one self-contained page.
func HTML(w io.Writer, r *capacity.Report) error {
	data := struct {
		*capacity.Report
		Title  string
		Facts  []string
		Heads  []section
		Charts []chart
		Tables []section
		Notes  []string
		Foot   []fact
	}{Report: r, Title: title(r), Facts: facts(r), Charts: charts(r), Notes: notes(r, slices.Concat(heads(r), tables(r))), Foot: provenance(r)}
	for _, t := range heads(r) {
		data.Heads = append(data.Heads, sectionOf(t))
	}
	for _, t := range tables(r) {
		if t.Name == failedName { // what many readers look for first
			data.Heads = append(data.Heads, sectionOf(t))
			continue
		}
		data.Tables = append(data.Tables, sectionOf(t))
	}
	return page.Execute(w, data)
}

// section is a table of a page, whose rows without measurements are folded.
type section struct{ Table, Folded table }

func sectionOf(t table) section {
	s := section{Table: t, Folded: t}
	s.Table.Rows, s.Folded.Rows = nil, nil
	for _, row := range t.Rows {
		if measured(row) {
			s.Table.Rows = append(s.Table.Rows, row)
		} else {
			s.Folded.Rows = append(s.Folded.Rows, row)
		}
	}
	return s
}

// measured reports whether a row shows more than that nothing was measured.
func measured(row []cell) bool {
	if len(row) > 1 && row[1].Text == notMeasured {
		return false
	}
	return slices.ContainsFunc(row[1:], func(c cell) bool { return c.Text != unknown })
}

// facts returns what a report's header says about a run.
func facts(r *capacity.Report) []string {
	run := &r.Run
	facts := []string{}
	if run.Label != "" {
		facts = append(facts, run.Label)
	}
	if run.Began != nil {
		facts = append(facts, run.Began.Format("2 January 2006, 15:04 MST"))
	}
	if run.Seconds > 0 {
		facts = append(facts, clock(run.Seconds)+" min")
	}
	if run.Host != "" {
		facts = append(facts, run.Host)
	}
	if run.Scale != 0 && run.Scale != 1 {
		facts = append(facts, fmt.Sprintf("SCALE %v", run.Scale))
	}
	if r.Goal > 0 {
		facts = append(facts, fmt.Sprintf("goal %s/s", count(r.Goal)))
	}
	return append(facts, fmt.Sprintf("%s taps", count(float64(r.Whole.Taps))))
}

// title returns the report's title.
func title(r *capacity.Report) string { return cmp.Or(r.Run.Title, "SparkMotion load test") }

// class returns a status's CSS class.
func class(s capacity.Status) string {
	switch s {
	case capacity.Pass:
		return "pass"
	case capacity.Warn, capacity.Incomplete:
		return "warn"
	case capacity.Fail:
		return "fail"
	case "":
		return ""
	}
	return "none"
}
