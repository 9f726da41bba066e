package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// TrendFile is the name of the page of many runs, in the folder that contains them.
const TrendFile = "trend.html"

//go:embed trend.html
var trendSource string

var trendPage = template.Must(template.Must(page.Clone()).New("trend").Parse(trendSource))

// Skipped is a file that is not a run's summary, and why.
type Skipped struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// TrendHTML writes many runs as one self-contained page.
func TrendHTML(w io.Writer, t *capacity.Trend, skipped []Skipped) error {
	charts := []chart{sustainedChart(t)}
	if len(t.Plateaus) > 0 {
		charts = append(charts, p95Chart(t))
	}
	data := struct {
		Title   string
		Charts  []chart
		Table   table
		Skipped []Skipped
	}{Title: fmt.Sprintf("SparkMotion load tests: %s", runs(len(t.Runs))), Charts: charts, Table: trendTable(t), Skipped: skipped}
	return trendPage.Execute(w, data)
}

// TrendTable writes many runs as a table at most 100 columns wide, then what was skipped.
func TrendTable(w io.Writer, t *capacity.Trend, skipped []Skipped, colour bool) error {
	out := terminal{colour: colour}
	for _, part := range trendTable(t).folded(width) {
		out.table(part)
	}
	out.line()
	for _, s := range skipped {
		out.quiet("Skipped " + s.File + ": " + s.Why)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return strconv.Itoa(n) + " runs"
}

// trendTable has a row for each run.
func trendTable(t *capacity.Trend) table {
	all := table{
		Name: "Runs, in the order of their start", Align: "lllrrr",
		Head: []string{"Began", "Label", "Verdict", "Holds taps/s", "Lost", "Drain taps/s"},
	}
	for _, name := range t.Plateaus {
		all.Head, all.Align = append(all.Head, "p95 at "+name+"/s"), all.Align+"r"
	}
	for _, run := range t.Runs {
		lost := unknown
		if run.Lost != nil {
			lost = share(*run.Lost)
		}
		row := []cell{
			{Text: beganText(&run)}, {Text: shortened(called(&run), 40)}, {string(run.Status), run.Status}, {Text: optional(run.SustainedRate)},
			{Text: lost}, {Text: optional(run.Drain)},
		}
		for _, name := range t.Plateaus {
			row = append(row, ratedCell(run.P95, name))
		}
		all.Rows = append(all.Rows, row)
	}
	return all
}

// ratedCell returns a plateau's figure, in brackets if it is not the system's.
func ratedCell(figures map[string]capacity.Rated, plateau string) cell {
	figure, measured := figures[plateau]
	switch {
	case !measured:
		return cell{Text: unknown}
	case figure.Status == capacity.Generator || figure.Status == capacity.NoData:
		return cell{"(" + units.Milliseconds(figure.Value) + ")", figure.Status}
	}
	return cell{units.Milliseconds(figure.Value), figure.Status}
}

func beganText(run *capacity.Past) string {
	if run.Run.Began == nil {
		return unknown
	}
	return run.Run.Began.UTC().Format("2006-01-02 15:04:05")
}

// called returns a run's label, or else its title, name or file.
func called(run *capacity.Past) string {
	for _, name := range []string{run.Run.Label, run.Run.Title, run.Run.Name} {
		if name != "" {
			return name
		}
	}
	return run.File
}

// sustainedChart draws the rate that each run held.
func sustainedChart(t *capacity.Trend) chart {
	c := chart{
		ID: "sustained", Title: "What each run held", Caption: "Taps/s of the highest plateau at which every limit held, run by run.",
		Table: table{Name: "What each run held", Align: "llr", Head: []string{"Began", "Label", "Holds taps/s"}},
	}
	var points []point
	highest := 0.0
	for i, run := range t.Runs {
		c.Table.add(beganText(&run), called(&run), optional(run.SustainedRate))
		if run.SustainedRate != nil {
			points = append(points, point{float64(i) + 0.5, *run.SustainedRate})
			highest = max(highest, *run.SustainedRate)
		}
	}
	c.Desc = fmt.Sprintf("%d of %s held a rate, at most %s taps/s.", len(points), runs(len(t.Runs)), count(highest))
	p := &plot{span: float64(len(t.Runs)), y: linear(highest)}
	p.grid(count)
	p.runs(t)
	p.dotted(points)
	c.SVG = p.svg()
	return c
}

// p95Chart draws the p95 as a line for each rate.
func p95Chart(t *capacity.Trend) chart {
	c := chart{
		ID: "latency", Title: "Redirect p95 by rate", Caption: "A line for each plateau's taps/s, run by run. The scale is logarithmic.",
		Desc: "The table has the figures.", Table: trendTable(t),
	}
	low, top := 10.0, 100.0
	for _, run := range t.Runs {
		for _, figure := range run.P95 {
			low, top = min(low, figure.Value), max(top, figure.Value)
		}
	}
	p := &plot{span: float64(len(t.Runs)), y: logarithmic(max(low, 0.001), top)}
	p.grid(units.Milliseconds)
	p.runs(t)
	lowest := math.Inf(1) // lowest free place for a label
	for _, name := range t.Plateaus {
		var points []point
		for i, run := range t.Runs {
			if figure, measured := run.P95[name]; measured {
				points = append(points, point{float64(i) + 0.5, figure.Value})
			}
		}
		if len(points) == 0 {
			continue
		}
		p.dotted(points)
		last := points[len(points)-1]
		lowest = min(lowest-14, p.down(last.y)+4)
		p.text("right name", p.across(last.x), 10, lowest, name+"/s")
	}
	c.SVG = p.svg()
	return c
}

// dotted draws points, and lines between those of consecutive runs: nothing is known about a run in between that has none.
func (p *plot) dotted(points []point) {
	var line []point
	for i, at := range points {
		line = append(line, at)
		if i == len(points)-1 || points[i+1].x > at.x+1 {
			p.line("polyline", "line", line)
			line = nil
		}
	}
	for _, at := range points {
		p.draw(`<circle class="dot" cx="%.2f%%" cy="%.1f" r="3.5"/>`, p.across(at.x), p.down(at.y))
	}
}

// runs labels the runs below the plot, as far as a phone has room: with the day, and the run's label above it.
func (p *plot) runs(t *capacity.Trend) {
	every := (len(t.Runs) + 3) / 4
	for i, run := range t.Runs {
		if i%every != 0 {
			continue
		}
		at := p.across(float64(i) + 0.5)
		began, _, _ := strings.Cut(beganText(&run), " ")
		p.text("plateau", at, 0, plotBottom+19, shortened(called(&run), 10))
		p.text("", at, 0, plotBottom+36, began)
	}
}
