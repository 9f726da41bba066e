package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// bandsChart shows how long taps took over time, by tenths of plateaus.
func bandsChart(r *capacity.Report) chart {
	c := chart{
		ID: "bands", Title: "Redirect latency over time", Caption: "For each tenth of a plateau, on the same time axis. The scale is logarithmic.",
		Keys:  []key{{"p95", "p50"}, {"band50", "from p50 to p95"}, {"band95", "from p95 to p99"}},
		Table: table{Name: "Redirect latency over time", Align: "rrrrr", Head: []string{"Time", "Offered taps/s", "p50", "p95", "p99"}},
	}
	low, top, worst := 10.0, 100.0, capacity.Tenth{}
	for i := range r.Plateaus {
		for _, t := range r.Plateaus[i].Tenths() {
			low, top = min(low, t.P50), max(top, t.P99)
			if t.P95 > worst.P95 {
				worst = t
			}
			c.Table.add(clock(t.From), count(r.Plateaus[i].Offered), units.Milliseconds(t.P50), units.Milliseconds(t.P95), units.Milliseconds(t.P99))
		}
	}
	c.Desc = fmt.Sprintf("The highest p95 of a tenth is %s, at %s.", units.Milliseconds(worst.P95), clock(worst.From))
	p := &plot{}
	p.overTime(r, logarithmic(max(low, 0.001), top), units.Milliseconds)
	for i := range r.Plateaus {
		p.bands(r.Plateaus[i].Tenths())
	}
	c.SVG = p.svg()
	return c
}

// bands draws one plateau's tenths, each as wide as it is long.
func (p *plot) bands(tenths []capacity.Tenth) {
	if len(tenths) == 0 {
		return
	}
	edge := func(of func(capacity.Tenth) float64) []point {
		var points []point
		for _, t := range tenths {
			points = append(points, point{t.From, of(t)}, point{t.To, of(t)})
		}
		return points
	}
	p50, p95, p99 := edge(func(t capacity.Tenth) float64 { return t.P50 }), edge(func(t capacity.Tenth) float64 { return t.P95 }), edge(func(t capacity.Tenth) float64 { return t.P99 })
	p.between("band50", p50, p95)
	p.between("band95", p95, p99)
	p.line("polyline", "line p95", p50)
}

// between fills the area between two lines.
func (p *plot) between(class string, below, above []point) {
	points := append([]point{}, above...)
	for _, p := range slices.Backward(below) {
		points = append(points, p)
	}
	p.line("polygon", class, points)
}

// binsPerDecade is how finely histograms of latencies are drawn: each bin is a third wider than the one before.
const binsPerDecade = 8

// histogramChart shows how the latencies of each plateau are distributed, in a row each.
func histogramChart(r *capacity.Report) chart {
	const row = 40.0
	c := chart{
		ID: "spread", Title: "Latency distribution by plateau", Height: int(row)*len(r.Plateaus) + 36,
		Caption: "A histogram for each rate, in taps/s, scaled to its own highest bar. The time axis is logarithmic.",
		Table:   table{Name: "Taps by latency", Align: "r", Head: []string{"Up to"}},
	}
	var plateaus [][]capacity.Bin
	first, last := math.Inf(1), 0.0
	for i := range r.Plateaus {
		bins := r.Plateaus[i].Counts.Bins(binsPerDecade)
		plateaus = append(plateaus, bins)
		if len(bins) > 0 {
			first, last = min(first, bins[0].From), max(last, bins[len(bins)-1].To)
		}
		c.Table.Head, c.Table.Align = append(c.Table.Head, units.Rate(r.Plateaus[i].Offered)+"/s"), c.Table.Align+"r"
	}
	if last == 0 {
		first, last = 1, 10
	}
	p := &plot{span: 1, y: scale{low: first, high: last}} // here, y is the horizontal axis
	for i, bins := range plateaus {
		p.spread(bins, r.Plateaus[i].Valid(), row*float64(i+1), row-10)
		p.text("left plateau", 0, -8, row*float64(i+1)-4, count(r.Plateaus[i].Offered))
		c.Desc += fmt.Sprintf(" At %s/s most taken is %s%s", count(r.Plateaus[i].Offered), mostTaken(bins), aside(&r.Plateaus[i]))
	}
	c.Desc = strings.TrimSpace(c.Desc)
	bottom := row * float64(len(plateaus))
	for _, tick := range logarithmic(first, last).ticks {
		if at := 100 * p.y.at(tick); tick >= first && tick <= last && math.Abs(math.Log10(tick)-math.Round(math.Log10(tick))) < 1e-9 {
			p.draw(`<line class="grid" x1="%.2f%%" x2="%[1]f%%" y1="0" y2="%.1f"/>`, at, bottom)
			p.text("", at, 0, bottom+19, units.Milliseconds(tick))
		}
	}
	c.binRows(plateaus, first, last)
	c.SVG = p.svg()
	return c
}

// spread draws a plateau's bins upwards from bottom, hatched if they are not the system's.
func (p *plot) spread(bins []capacity.Bin, valid bool, bottom, high float64) {
	class := "bin"
	if !valid {
		class += " void"
	}
	most := int64(1)
	for _, bin := range bins {
		most = max(most, bin.Taps)
	}
	p.draw(`<line class="axis" x1="0" x2="100%%" y1="%.1f" y2="%[1]f"/>`, bottom)
	for _, bin := range bins {
		if bin.Taps > 0 {
			tall := max(1, high*float64(bin.Taps)/float64(most))
			from, to := 100*p.y.at(bin.From), 100*p.y.at(bin.To)
			p.draw(`<rect class="%s" x="%.2f%%" width="%.2f%%" y="%.1f" height="%.1f"><title>%s</title></rect>`,
				class, from, to-from, bottom-tall, tall, html.EscapeString(fmt.Sprintf("%s to %s: %s taps", units.Milliseconds(bin.From), units.Milliseconds(bin.To), count(float64(bin.Taps)))))
		}
	}
}

// mostTaken returns the range of the bin with the most taps.
func mostTaken(bins []capacity.Bin) string {
	var most capacity.Bin
	for _, bin := range bins {
		if bin.Taps > most.Taps {
			most = bin
		}
	}
	return units.Milliseconds(most.From) + " to " + units.Milliseconds(most.To)
}

// binRows adds a row for each bin in which any plateau has taps.
func (c *chart) binRows(plateaus [][]capacity.Bin, first, last float64) {
	for edge := first; edge < last*0.99; edge *= math.Pow(10, 1.0/binsPerDecade) {
		to := edge * math.Pow(10, 1.0/binsPerDecade)
		row, some := []string{units.Milliseconds(to)}, false
		for _, bins := range plateaus {
			taps := int64(0)
			for _, bin := range bins {
				if math.Abs(bin.From-edge) < 0.01*edge {
					taps = bin.Taps
				}
			}
			row, some = append(row, count(float64(taps))), some || taps > 0
		}
		if some {
			c.Table.add(row...)
		}
	}
}

// procedureTable shows how long the queries of each procedure took, over the run and by plateau.
func procedureTable(r *capacity.Report) table {
	t := table{Name: "Latency by procedure", Align: "lrrrr", Head: []string{"Procedure", "Answers", "p50", "p95", "Max"}}
	for _, l := range r.Whole.ByProcedure() {
		t.add(l.Name, count(float64(l.Samples)), units.Milliseconds(l.P50), units.Milliseconds(l.P95), units.Milliseconds(l.Max))
	}
	if len(t.Rows) == 0 {
		return t
	}
	for i := range r.Plateaus {
		t.Head, t.Align = append(t.Head, "p95 at "+count(r.Plateaus[i].Offered)), t.Align+"r"
		known := make(map[string]string)
		for _, l := range r.Plateaus[i].Counts.ByProcedure() {
			known[l.Name] = units.Milliseconds(l.P95)
		}
		for j, row := range t.Rows {
			text, ok := known[row[0].Text]
			if !ok {
				text = unknown
			}
			t.Rows[j] = append(row, cell{Text: text})
		}
	}
	return t
}
