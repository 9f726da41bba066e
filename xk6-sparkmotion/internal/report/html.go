package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// Run is what a report's head tells of a run; what is zero is left out.
type Run struct {
	Began time.Time
	Took  time.Duration
	Host  string  // that taps went to
	Scale float64 // of the script's rates
}

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"class": class}).Parse(source))

// HTML writes the report as one page that needs nothing else.
func HTML(w io.Writer, r *capacity.Report, run Run) error {
	data := struct {
		*capacity.Report
		Facts  []string
		Heads  []table
		Charts []chart
		Tables []table
		Notes  []string
	}{Report: r, Facts: run.facts(r), Heads: heads(r), Charts: charts(r), Tables: tables(r), Notes: notes(r)}
	return page.Execute(w, data)
}

func (run Run) facts(r *capacity.Report) []string {
	var facts []string
	if !run.Began.IsZero() {
		facts = append(facts, run.Began.Format("2 January 2006, 15:04 MST"))
	}
	if run.Took > 0 {
		facts = append(facts, clock(run.Took.Seconds())+" min")
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
