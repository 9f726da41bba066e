package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"class": class}).Parse(source))

// HTML writes the report as one page that needs nothing else.
func HTML(w io.Writer, r *capacity.Report) error {
	data := struct {
		*capacity.Report
		Title  string
		Facts  []string
		Heads  []table
		Charts []chart
		Tables []table
		Notes  []string
	}{Report: r, Title: title(r), Facts: facts(r), Heads: heads(r), Charts: charts(r), Tables: tables(r), Notes: notes(r)}
	return page.Execute(w, data)
}

// facts are what a report's head tells of a run.
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
	return append(facts, fmt.Sprintf("%s taps", count(float64(r.Whole.Taps))))
}

// title is what a report is called.
func title(r *capacity.Report) string { return cmp.Or(r.Run.Title, "SparkMotion load test") }

// class is a status's CSS class.
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
