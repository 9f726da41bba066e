package report

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// chart is a plot, in words too: Desc says what it shows, and the tables have its figures.
type chart struct {
	ID, Title, Caption, Desc string
	Keys                     []key
	SVG                      template.HTML
	Table                    table
}

// key says what a mark stands for.
type key struct{ Class, Text string }

// charts are those of what was measured.
func charts(r *capacity.Report) []chart {
	if len(r.Plateaus) == 0 {
		return nil
	}
	all := []chart{latencies(r), rates(r)}
	if len(r.Series.Depth) > 0 {
		all = append(all, queue(r))
	}
	all = append(all, failures(r))
	if slices.ContainsFunc(r.Plateaus, func(p capacity.Plateau) bool { return !valid(&p) }) {
		for i := range all {
			all[i].Keys = append(all[i].Keys, key{"void", "no verdict on the system"})
		}
	}
	return all
}

// percentiles are drawn from the lowest.
var percentiles = []struct {
	name string
	of   func(capacity.Latency) float64
}{
	{"p50", func(l capacity.Latency) float64 { return l.P50 }},
	{"p95", func(l capacity.Latency) float64 { return l.P95 }},
	{"p99", func(l capacity.Latency) float64 { return l.P99 }},
}

func latencies(r *capacity.Report) chart {
	limit := limitOf(r, "redirect_latency")
	c := chart{
		ID: "latency", Title: "Redirect latency by plateau",
		Caption: "How long 50, 95 and 99 % of the taps took at most, at each rate of taps/s. The scale is logarithmic.",
		Desc:    fmt.Sprintf("p95 warns from %s and fails from %s.", latency(limit.Warn), latency(limit.Fail)),
		Table:   table{Name: "Redirect latency", Align: "rlrrrr", Head: []string{"Offered taps/s", "Verdict", "p50", "p95", "p99", "Max"}},
	}
	low, top := limit.Warn, limit.Fail
	for i, plateau := range r.Plateaus {
		l := plateau.Redirect
		if l.P50 > 0 {
			low, top = min(low, l.P50), max(top, l.P99)
			c.Desc += fmt.Sprintf(" At %s/s it is %s%s", count(plateau.Offered), latency(l.P95), aside(&r.Plateaus[i]))
		}
		c.Table.add(count(plateau.Offered), string(plateau.Status), latency(l.P50), latency(l.P95), latency(l.P99), latency(l.Max))
	}
	p := &plot{span: float64(len(r.Plateaus)), y: logarithmic(low, top)}
	p.grid(capacity.Milliseconds)
	p.plateaus(r.Plateaus, plotBottom+21, func(i int) (float64, float64) { return float64(i), float64(i + 1) })
	p.percentiles(r.Plateaus)
	p.limit("warn", limit.Warn, 14)
	p.limit("fail", limit.Fail, -6)
	c.SVG = p.svg()
	return c
}

// limit draws a tier's limit, and names it so many pixels further down.
func (p *plot) limit(tier string, at, down float64) {
	p.draw(`<line class="limit %s" x1="0" x2="100%%" y1="%.1f" y2="%[2]f"/>`, tier, p.down(at))
	p.text("limit right "+tier, 0, 6, p.down(at)+down, tier+" ≥ "+latency(at))
}

// aside ends a sentence about a plateau with what to think of it.
func aside(p *capacity.Plateau) string {
	if valid(p) {
		return "."
	}
	return " (" + string(p.Status) + ", not the system's)."
}

// percentiles draws one line each, named where it ends; dots are hollow where they are not the system's. What p95 comes to
// stands below its plateau.
func (p *plot) percentiles(all []capacity.Plateau) {
	lowest := plotBottom + 4 // of names that are free
	for _, percentile := range percentiles {
		var points []point
		for i := range all {
			if y := percentile.of(all[i].Redirect); y > 0 {
				points = append(points, point{float64(i) + 0.5, y})
			}
		}
		if len(points) == 0 {
			continue
		}
		p.line("polyline", "line "+percentile.name, points)
		for _, at := range points {
			hollow := ""
			if !valid(&all[int(at.x)]) {
				hollow = " hollow"
			}
			p.draw(`<circle class="dot %s%s" cx="%.2f%%" cy="%.1f" r="3.5"/>`, percentile.name, hollow, p.across(at.x), p.down(at.y))
			if percentile.name == "p95" {
				p.text("value", p.across(at.x), 0, plotBottom+38, latency(at.y))
			}
		}
		last := points[len(points)-1]
		lowest = min(lowest-14, p.down(last.y)+4)
		p.text("right name", p.across(last.x), 10, lowest, percentile.name)
	}
	p.text("left value", 0, -8, plotBottom+38, "p95")
}

func rates(r *capacity.Report) chart {
	c := chart{
		ID: "rate", Title: "Offered and achieved rate",
		Caption: "Taps/s over minutes and seconds since the first tap.", Desc: "Taps a second, offered and achieved.",
		Keys:  []key{{"achieved", "achieved taps/s"}, {"offered", "offered taps/s"}},
		Table: table{Name: "Rate over time", Align: "rrrr", Head: []string{"Time", "Offered taps/s", "Achieved taps/s", "Failed taps/s"}},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		c.Desc += fmt.Sprintf(" Of %s/s the system answered %s/s%s", count(p.Offered), count(p.Achieved), aside(p))
	}
	p := timed(r, max(slices.Max(append(r.Series.Achieved, 0)), highest(r.Plateaus)))
	points := course(r.Series.Achieved, r.Series.Step)
	p.area("achieved", points)
	p.line("polyline", "line achieved", points)
	p.steps("line offered", r.Plateaus, func(p *capacity.Plateau) float64 { return p.Offered })
	c.SVG = p.svg()
	c.rows(r)
	return c
}

// rows are the course in at most 60 rows.
func (c *chart) rows(r *capacity.Report) {
	s := r.Series
	for each, from := (len(s.Achieved)+59)/60, 0; from < len(s.Achieved); from += each {
		to := min(from+each, len(s.Achieved))
		at, offered := float64(from)*s.Step, none
		for _, p := range r.Plateaus {
			if at >= p.Start && at < p.Start+p.Seconds {
				offered = count(p.Offered)
			}
		}
		c.Table.add(clock(at), offered, count(mean(s.Achieved[from:to])), count(mean(s.Failed[from:to])))
	}
}

func queue(r *capacity.Report) chart {
	depths := r.Series.Depth
	c := chart{
		ID: "queue", Title: "Taps waiting in the queue", Caption: "Taps over the same time.",
		Keys:  []key{{"depth", "taps waiting"}, {"flush", "a flush: the taps that it moved, down to those that it left"}},
		Table: table{Name: "The queue over time", Align: "rrr", Head: []string{"Time", "Taps waiting", "Moved by a flush"}},
	}
	var points []point
	flushes, flushed, deepest, top := 0, 0.0, depths[0], 0.0
	for _, d := range depths {
		points = append(points, point{d.At, d.Depth})
		moved := none
		if d.Flushed > 0 {
			moved = count(float64(d.Flushed))
			flushes, flushed = flushes+1, flushed+float64(d.Flushed)
		}
		if d.Depth > deepest.Depth {
			deepest = d
		}
		top = max(top, d.Depth+float64(d.Flushed))
		c.Table.add(clock(d.At), count(d.Depth), moved)
	}
	last := depths[len(depths)-1]
	c.Desc = fmt.Sprintf("At most %s taps waited, at %s; %s at the end. %d flushes moved %s taps.",
		count(deepest.Depth), clock(deepest.At), count(last.Depth), flushes, count(flushed))
	p := timed(r, top)
	for _, d := range depths {
		if d.Flushed > 0 {
			p.draw(`<line class="flush" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/>`,
				p.across(d.At), p.down(d.Depth+float64(d.Flushed)), p.down(d.Depth))
			p.draw(`<circle class="flush" cx="%.2f%%" cy="%.1f" r="2"/>`, p.across(d.At), p.down(d.Depth))
		}
	}
	p.line("polyline", "line depth", points)
	c.SVG = p.svg()
	return c
}

func failures(r *capacity.Report) chart {
	limit := limitOf(r, "error_rate{part:worker}")
	c := chart{
		ID: "errors", Title: "Taps that failed", Caption: "Taps/s over the same time. The limits are shares of what was offered.",
		Keys: []key{
			{"failed", "failed taps/s"}, {"warn", "warn ≥ " + capacity.Percent(limit.Warn)}, {"fail", "fail ≥ " + capacity.Percent(limit.Fail)},
		},
		Table: table{
			Name: "What failed, of how many", Align: "rrrrr",
			Head: []string{"Offered taps/s", "Taps", "Admin queries", "Queue samples", "Flushes"},
		},
	}
	some := func(failed, all int64) string {
		if all == 0 {
			return none
		}
		return count(float64(failed)) + " of " + count(float64(all))
	}
	var worst []string
	for _, p := range r.Plateaus {
		n := p.Counts
		c.Table.add(count(p.Offered), some(n.Taps-n.Redirected, n.Taps), some(n.QueriesFailed, n.Queries),
			some(n.SamplesFailed, n.Samples), some(n.FlushesFailed, n.Flushes))
		if p.ErrorRate > 0 {
			worst = append(worst, share(p.ErrorRate, n.Taps)+" at "+count(p.Offered)+"/s")
		}
	}
	c.Desc = some(r.Whole.Taps-r.Whole.Redirected, r.Whole.Taps) + " taps failed"
	if len(worst) > 0 {
		c.Desc += ": " + list(worst)
	}
	c.Desc += "."
	p := timed(r, max(slices.Max(append(r.Series.Failed, 0)), limit.Fail*highest(r.Plateaus)))
	points := course(r.Series.Failed, r.Series.Step)
	p.area("failed", points)
	p.line("polyline", "line failed", points)
	p.steps("line warn", r.Plateaus, func(p *capacity.Plateau) float64 { return limit.Warn * p.Offered })
	p.steps("line fail", r.Plateaus, func(p *capacity.Plateau) float64 { return limit.Fail * p.Offered })
	c.SVG = p.svg()
	return c
}

// timed begins a plot over time.
func timed(r *capacity.Report, top float64) *plot {
	last := r.Plateaus[len(r.Plateaus)-1]
	span := max(last.Start+last.Seconds, float64(len(r.Series.Achieved))*r.Series.Step)
	if n := len(r.Series.Depth); n > 0 {
		span = max(span, r.Series.Depth[n-1].At)
	}
	p := &plot{span: span, y: linear(top)}
	p.grid(count)
	p.times()
	p.plateaus(r.Plateaus, plotTop-16, func(i int) (float64, float64) {
		return r.Plateaus[i].Start, r.Plateaus[i].Start + r.Plateaus[i].Seconds
	})
	return p
}

// course gives each rate the middle of its step.
func course(rates []float64, step float64) []point {
	points := make([]point, len(rates))
	for i, rate := range rates {
		points[i] = point{(float64(i) + 0.5) * step, rate}
	}
	return points
}

func highest(all []capacity.Plateau) float64 {
	offered := 0.0
	for _, p := range all {
		offered = max(offered, p.Offered)
	}
	return offered
}

func limitOf(r *capacity.Report, metric string) capacity.Limit {
	for _, m := range r.Metrics {
		if m.Metric == metric {
			return m.Limit
		}
	}
	return capacity.Limit{}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
