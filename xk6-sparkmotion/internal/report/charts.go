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
	if slices.ContainsFunc(r.Plateaus, func(p capacity.Plateau) bool { return !p.Valid() }) {
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
		ID: "latency", Title: "Redirect latency by plateau", Table: taps(r),
		Caption: "How long 50, 95 and 99 % of the taps took at most, at each rate of taps/s. The scale is logarithmic.",
		Desc:    fmt.Sprintf("p95 warns from %s and fails from %s.", latency(limit.Warn), latency(limit.Fail)),
	}
	low, top := 10.0, max(100, limit.Fail) // at least
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		if p.Redirect.P50 > 0 {
			low, top = min(low, p.Redirect.P50), max(top, p.Redirect.P99)
			c.Desc += fmt.Sprintf(" At %s/s it is %s%s", count(p.Offered), latency(p.Redirect.P95), aside(p))
		}
	}
	p := &plot{span: float64(len(r.Plateaus)), y: logarithmic(low, top)}
	p.grid(capacity.Milliseconds)
	p.plateaus(r.Plateaus, plotBottom+21, func(i int) (float64, float64) { return float64(i), float64(i + 1) })
	p.percentiles(r.Plateaus)
	if limit.Warn > 0 {
		p.limit("warn", limit.Warn, 14)
		p.limit("fail", limit.Fail, -6)
	}
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
	if p.Valid() {
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
			if !all[int(at.x)].Valid() {
				hollow = " hollow"
			}
			p.draw(`<circle class="dot %s%s" cx="%.2f%%" cy="%.1f" r="3.5"/>`, percentile.name, hollow, p.across(at.x), p.down(at.y))
			if percentile.name == "p95" && named(int(at.x), all) {
				p.text("value", p.across(at.x), 0, plotBottom+38, capacity.Rate(at.y))
			}
		}
		last := points[len(points)-1]
		lowest = min(lowest-14, p.down(last.y)+4)
		p.text("right name", p.across(last.x), 10, lowest, percentile.name)
	}
	p.text("left value", 0, -8, plotBottom+38, "p95, ms")
}

func rates(r *capacity.Report) chart {
	c := chart{
		ID: "rate", Title: "Offered and achieved rate", Table: overTime(r),
		Caption: "Taps/s over minutes and seconds since the first tap. A tap counts when it ends.", Desc: "Taps a second, offered and achieved.",
		Keys: []key{{"achieved", "achieved taps/s"}, {"offered", "offered taps/s"}},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		c.Desc += fmt.Sprintf(" Of %s/s %s/s were answered%s", count(p.Offered), count(p.Achieved), aside(p))
	}
	p := &plot{}
	achieved := course(r.Series.Achieved, r.Series.Step)
	p.timed(r, top(r, achieved, 1))
	p.area("achieved", achieved)
	p.steps("offered", r.Plateaus, 1)
	c.SVG = p.svg()
	return c
}

func queue(r *capacity.Report) chart {
	c := chart{
		ID: "queue", Title: "Taps waiting in the queue", Caption: "Taps over the same time.",
		Keys:  []key{{"depth", "taps waiting"}, {"flush", "a flush: the taps that it moved, down to those that it left"}},
		Table: table{Name: "The queue over time", Align: "rrr", Head: []string{"Time", "Taps waiting", "Moved by a flush"}},
	}
	depths := r.Series.Depth
	p, points := &plot{}, []point{}
	flushes, flushed, deepest := 0, 0.0, point{}
	for _, d := range depths {
		moved, top := none, point{d.At, d.Depth + float64(d.Flushed)}
		if d.Flushed > 0 {
			moved = count(float64(d.Flushed))
			flushes, flushed = flushes+1, flushed+float64(d.Flushed)
			points = append(points, top)
		}
		if top.y > deepest.y {
			deepest = top
		}
		points = append(points, point{d.At, d.Depth})
		c.Table.add(clock(d.At), count(d.Depth), moved)
	}
	c.Desc = fmt.Sprintf("At most %s taps waited, at %s; %s when last seen. %d flushes moved %s taps.",
		count(deepest.y), clock(deepest.x), count(depths[len(depths)-1].Depth), flushes, count(flushed))
	p.timed(r, deepest.y)
	p.line("polyline", "line depth", points)
	p.flushes(depths)
	c.SVG = p.svg()
	return c
}

// flushes draws each as long as the taps that it moved, down to those that it left.
func (p *plot) flushes(depths []capacity.Depth) {
	for _, d := range depths {
		if d.Flushed > 0 {
			p.draw(`<line class="flush" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/><circle class="flush" cx="%[1]f%%" cy="%[3]f" r="2"/>`,
				p.across(d.At), p.down(d.Depth+float64(d.Flushed)), p.down(d.Depth))
		}
	}
}

func failures(r *capacity.Report) chart {
	limit := limitOf(r, "error_rate{part:worker}")
	c := chart{
		ID: "errors", Title: "Taps that failed", Caption: "Taps/s over the same time. The limits are shares of what was offered.",
		Desc: some(r.Whole.Taps-r.Whole.Redirected, r.Whole.Taps) + " taps failed.", Table: failed(r),
		Keys: []key{
			{"failed", "failed taps/s"}, {"warn", "warn ≥ " + capacity.Percent(limit.Warn)}, {"fail", "fail ≥ " + capacity.Percent(limit.Fail)},
		},
	}
	for i := range r.Plateaus {
		if p := &r.Plateaus[i]; p.ErrorRate > 0 {
			c.Desc += fmt.Sprintf(" At %s/s %s%s", count(p.Offered), share(p.ErrorRate, p.Counts.Taps), aside(p))
		}
	}
	p := &plot{}
	points := course(r.Series.Failed, r.Series.Step)
	p.timed(r, top(r, points, limit.Fail))
	p.area("failed", points)
	p.steps("warn", r.Plateaus, limit.Warn)
	p.steps("fail", r.Plateaus, limit.Fail)
	c.SVG = p.svg()
	return c
}

// timed draws what plots over time share: their scales, and the plateaus.
func (p *plot) timed(r *capacity.Report, highest float64) {
	last := r.Plateaus[len(r.Plateaus)-1]
	p.span = max(last.Start+last.Seconds, float64(len(r.Series.Achieved))*r.Series.Step)
	if n := len(r.Series.Depth); n > 0 {
		p.span = max(p.span, r.Series.Depth[n-1].At)
	}
	p.y = linear(highest)
	p.grid(count)
	p.times()
	p.plateaus(r.Plateaus, plotTop-16, func(i int) (float64, float64) {
		return r.Plateaus[i].Start, r.Plateaus[i].Start + r.Plateaus[i].Seconds
	})
}

// course gives each rate the middle of its step.
func course(rates []float64, step float64) []point {
	points := make([]point, len(rates))
	for i, rate := range rates {
		points[i] = point{(float64(i) + 0.5) * step, rate}
	}
	return points
}

// top is the highest point, or share of what was offered.
func top(r *capacity.Report, points []point, share float64) float64 {
	highest := 0.0
	for _, at := range points {
		highest = max(highest, at.y)
	}
	for _, p := range r.Plateaus {
		highest = max(highest, share*p.Offered)
	}
	return highest
}

func limitOf(r *capacity.Report, metric string) capacity.Limit {
	i := slices.IndexFunc(r.Metrics, func(m capacity.Judged) bool { return m.Metric == metric })
	if i < 0 {
		return capacity.Limit{}
	}
	return r.Metrics[i].Limit
}
