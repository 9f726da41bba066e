package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// chart is a plot, also in words: Desc says what it shows, and Table has its figures.
type chart struct {
	ID, Title, Caption, Desc string
	Keys                     []key
	SVG                      template.HTML
	Table                    table
	Height                   int // in pixels; 0 for the usual height
}

// key says what a mark stands for.
type key struct{ Class, Text string }

// charts returns the charts of what was measured.
func charts(r *capacity.Report) []chart {
	if len(r.Plateaus) == 0 {
		return nil
	}
	all := []chart{latencyChart(r), bandsChart(r), histogramChart(r), rateChart(r)}
	if len(r.Readings.Course) > 1 {
		all = append(all, ledgerChart(r))
	}
	if len(r.Series.Depth) > 0 {
		all = append(all, queueChart(r))
	}
	all = append(all, failureChart(r))
	if slices.ContainsFunc(r.Plateaus, func(p capacity.Plateau) bool { return !p.Valid() }) {
		for i := range all {
			all[i].Keys = append(all[i].Keys, key{"void", "no verdict on the system"})
		}
	}
	return all
}

// drawn has the labels of the percentiles that are drawn, from the lowest.
var drawn = []string{"redirect p50", "redirect p95", "redirect p99"}

// figureOf returns a metric in a plateau.
func figureOf(p *capacity.Plateau, label string) capacity.Figure {
	m, _ := capacity.Find(label)
	return m.In(p)
}

func latencyChart(r *capacity.Report) chart {
	limit := limitOf(r, "redirect p95")
	c := chart{
		ID: "latency", Title: "Redirect latency by plateau", Table: tapsTable(r),
		Caption: "p50, p95 and p99 at each rate, in taps/s. The scale is logarithmic.",
		Desc:    "p95 has no limits.",
	}
	if limit.Fail > 0 {
		c.Desc = fmt.Sprintf("p95 warns from %s and fails from %s.", units.Milliseconds(limit.Warn), units.Milliseconds(limit.Fail))
	}
	low, top := 10.0, max(100, limit.Fail) // at least
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		if p95 := figureOf(p, "redirect p95"); p95.Samples > 0 {
			low, top = min(low, figureOf(p, "redirect p50").Value), max(top, figureOf(p, "redirect p99").Value)
			c.Desc += fmt.Sprintf(" At %s/s it is %s%s", count(p.Offered), units.Milliseconds(p95.Value), aside(p))
		}
	}
	p := &plot{span: float64(len(r.Plateaus)), y: logarithmic(low, top)}
	p.grid(units.Milliseconds)
	p.plateaus(r.Plateaus, plotBottom+21, func(i int) (float64, float64) { return float64(i), float64(i + 1) })
	p.percentiles(r.Plateaus)
	if limit.Warn > 0 {
		p.limit("warn", limit.Warn, 14)
		p.limit("fail", limit.Fail, -6)
	}
	c.SVG = p.svg()
	return c
}

// limit draws a tier's limit, and labels it down pixels lower.
func (p *plot) limit(tier string, at, down float64) {
	p.draw(`<line class="limit %s" x1="0" x2="100%%" y1="%.1f" y2="%[2]f"/>`, tier, p.down(at))
	p.text("limit right "+tier, 0, 6, p.down(at)+down, tier+" ≥ "+units.Milliseconds(at))
}

// aside ends a sentence about a plateau, with a reservation if its figures are not the system's.
func aside(p *capacity.Plateau) string {
	if p.Valid() {
		return "."
	}
	return " (" + string(p.Status) + ", not the system's)."
}

// percentiles draws a line for each percentile, labelled where it ends; dots are hollow if they are not the system's. The p95 is written
// below each plateau.
func (p *plot) percentiles(all []capacity.Plateau) {
	lowest := plotBottom + 4 // lowest free place for a label
	for _, label := range drawn {
		name := strings.TrimPrefix(label, "redirect ")
		var points []point
		for i := range all {
			if figure := figureOf(&all[i], label); figure.Samples > 0 {
				points = append(points, point{float64(i) + 0.5, figure.Value})
			}
		}
		if len(points) == 0 {
			continue
		}
		p.line("polyline", "line "+name, points)
		for _, at := range points {
			hollow := ""
			if !all[int(at.x)].Valid() {
				hollow = " hollow"
			}
			p.draw(`<circle class="dot %s%s" cx="%.2f%%" cy="%.1f" r="3.5"/>`, name, hollow, p.across(at.x), p.down(at.y))
			if name == "p95" && named(int(at.x), all) {
				p.text("value", p.across(at.x), 0, plotBottom+38, units.Rate(at.y))
			}
		}
		last := points[len(points)-1]
		lowest = min(lowest-14, p.down(last.y)+4)
		p.text("right name", p.across(last.x), 10, lowest, name)
	}
	p.text("left value", 0, -8, plotBottom+38, "p95, ms")
}

func rateChart(r *capacity.Report) chart {
	c := chart{
		ID: "rate", Title: "Offered and achieved rate", Table: overTime(r),
		Caption: "Taps/s, over minutes and seconds since the first tap. A tap counts when it ends.", Desc: "Taps a second, offered and achieved.",
		Keys: []key{{"achieved", "achieved taps/s"}, {"offered", "offered taps/s"}},
	}
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		c.Desc += fmt.Sprintf(" Of %s/s %s/s were answered%s", count(p.Offered), count(p.Achieved), aside(p))
	}
	p := &plot{}
	achieved := course(r.Series.Achieved, r.Series.Step)
	p.timed(r, highestOf(r, achieved, 1))
	p.area("achieved", achieved)
	p.steps("offered", r.Plateaus, 1)
	c.SVG = p.svg()
	return c
}

func ledgerChart(r *capacity.Report) chart {
	c := chart{
		ID: "ledger", Title: "Taps redirected and recorded", Caption: "Taps since the first reading of the system's own counters, on the same time axis.",
		Keys:  []key{{"redirected", "redirected"}, {"received", "received"}, {"flushed", "flushed"}, {"waiting", "waiting in the queue"}},
		Table: table{Name: "The system's counters over time", Align: "rrrrrr", Head: []string{"Time", "Redirected", "Received", "Flushed", "Dropped", "Waiting"}},
	}
	course := r.Readings.Course
	first, last := course[0], course[len(course)-1]
	c.Desc = fmt.Sprintf("In the end %s taps were redirected, %s received, %s flushed, and %s waited.", count(float64(last.Redirected-first.Redirected)),
		count(float64(last.Received-first.Received)), count(float64(last.Flushed-first.Flushed)), count(float64(last.Waiting)))
	lines := make([][]point, len(c.Keys))
	highest := 0.0
	for _, reading := range course {
		at := max(0, reading.Seconds)
		counts := []int64{reading.Redirected - first.Redirected, reading.Received - first.Received, reading.Flushed - first.Flushed, reading.Waiting}
		for i, n := range counts {
			lines[i] = append(lines[i], point{at, float64(n)})
			highest = max(highest, float64(n))
		}
		c.Table.add(clock(at), count(float64(counts[0])), count(float64(counts[1])), count(float64(counts[2])),
			count(float64(reading.Dropped-first.Dropped)), count(float64(reading.Waiting)))
	}
	p := &plot{}
	p.timed(r, highest)
	for i, points := range lines {
		p.line("polyline", "line "+c.Keys[i].Class, points)
	}
	c.SVG = p.svg()
	return c
}

func queueChart(r *capacity.Report) chart {
	c := chart{
		ID: "queue", Title: "Taps waiting in the queue", Caption: "Taps, on the same time axis.",
		Keys:  []key{{"depth", "taps waiting"}, {"flush", "a flush: the taps that it moved, down to those that it left"}},
		Table: table{Name: "The queue over time", Align: "rrr", Head: []string{"Time", "Taps waiting", "Moved by a flush"}},
	}
	depths := r.Series.Depth
	p, points := &plot{}, []point{}
	flushes, flushed, deepest := 0, 0.0, point{}
	for _, d := range depths {
		moved, top := unknown, point{d.At, d.Depth + float64(d.Flushed)}
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

// flushes draws a line for each flush: as long as the taps that it moved, down to those that it left.
func (p *plot) flushes(depths []capacity.Depth) {
	for _, d := range depths {
		if d.Flushed > 0 {
			p.draw(`<line class="flush" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/><circle class="flush" cx="%[1]f%%" cy="%[3]f" r="2"/>`,
				p.across(d.At), p.down(d.Depth+float64(d.Flushed)), p.down(d.Depth))
		}
	}
}

func failureChart(r *capacity.Report) chart {
	limit := limitOf(r, "redirect error rate")
	redirects, _ := capacity.Find("redirect error rate")
	c := chart{
		ID: "errors", Title: "Taps that failed", Caption: "Taps/s, on the same time axis. The limits are shares of the offered rate.",
		Desc: ofAll(redirects.Over(&r.Measured)) + " taps failed.", Table: failuresTable(r),
		Keys: []key{
			{"failed", "failed taps/s"}, {"warn", "warn ≥ " + units.Percent(limit.Warn)}, {"fail", "fail ≥ " + units.Percent(limit.Fail)},
		},
	}
	for i := range r.Plateaus {
		if p := &r.Plateaus[i]; redirects.In(p).Value > 0 {
			c.Desc += fmt.Sprintf(" At %s/s %s%s", count(p.Offered), share(redirects.In(p).Value), aside(p))
		}
	}
	p := &plot{}
	points := course(r.Series.Failed, r.Series.Step)
	p.timed(r, highestOf(r, points, limit.Fail))
	p.area("failed", points)
	p.steps("warn", r.Plateaus, limit.Warn)
	p.steps("fail", r.Plateaus, limit.Fail)
	c.SVG = p.svg()
	return c
}
