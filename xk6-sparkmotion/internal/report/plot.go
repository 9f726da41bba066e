package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// plot draws SVG. Horizontal positions are percentages of the width, vertical ones pixels, so a plot stretches to any width while its text
// keeps its size. Lines and areas are in boxes of their own that stretch.
type plot struct {
	strings.Builder
	span float64 // range of x, from 0
	y    scale
}

// Pixels from the top. Names of plateaus are above the plot, names of times below it.
const (
	plotTop    = 32.0
	plotHeight = 230.0
	plotBottom = plotTop + plotHeight
)

// scale is the scale of an axis: linear if it begins at 0, otherwise logarithmic.
type scale struct {
	low, high float64
	ticks     []float64
}

// at returns where a value lies, from 0 to 1.
func (s scale) at(value float64) float64 {
	value = min(max(value, s.low), s.high)
	if s.low > 0 {
		return math.Log(value/s.low) / math.Log(s.high/s.low)
	}
	return value / s.high
}

// linear returns a scale from 0 to a round number that is at least top.
func linear(top float64) scale {
	if top <= 0 {
		top = 1
	}
	step := roundUp(top / 6)
	s := scale{ticks: []float64{0}}
	for s.high < top*(1-1e-9) {
		s.high += step
		s.ticks = append(s.ticks, s.high)
	}
	return s
}

// logarithmic returns a scale with ticks at 1, 2, 5, 10, 20, …, or only at powers of ten if there would be many.
func logarithmic(low, top float64) scale {
	s := scale{low: 1 / roundUp(1/low), high: roundUp(top)}
	for tick := s.low; tick < s.high*1.1; tick = roundUp(tick * 1.5) {
		if ten := math.Log10(tick); s.high/s.low <= 1000 || math.Abs(ten-math.Round(ten)) < 1e-9 {
			s.ticks = append(s.ticks, tick)
		}
	}
	return s
}

// roundUp rounds up to the next of 1, 2, 5, 10, 20, …
func roundUp(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, step := range []float64{1, 2, 5} {
		if value <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

func (p *plot) draw(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *plot) across(x float64) float64 { return 100 * x / p.span }

func (p *plot) down(y float64) float64 { return plotBottom - plotHeight*p.y.at(y) }

// text writes at a position across (percent) and down (pixels), moved right by dx pixels.
func (p *plot) text(class string, across, dx, down float64, text string) {
	p.draw(`<text class="%s" x="%.2f%%" dx="%.0f" y="%.1f">%s</text>`, class, across, dx, down, html.EscapeString(text))
}

// grid draws and labels a line for each tick of y.
func (p *plot) grid(name func(float64) string) {
	for _, tick := range p.y.ticks {
		y := p.down(tick)
		p.draw(`<line class="grid" x1="0" x2="100%%" y1="%.1f" y2="%[1]f"/>`, y)
		p.text("left", 0, -8, y+4, name(tick))
	}
}

// times labels up to eight times below the plot.
func (p *plot) times() {
	step := interval(p.span / 7)
	for t := 0.0; t <= p.span; t += step {
		p.draw(`<line class="axis" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/>`, p.across(t), plotBottom, plotBottom+4)
		p.text("", p.across(t), 0, plotBottom+19, clock(t))
	}
}

// interval rounds up to a number of seconds that clocks count in.
func interval(seconds float64) float64 {
	for _, step := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800} {
		if seconds <= step*(1+1e-9) {
			return step
		}
	}
	return 3600 * roundUp(seconds/3600)
}

// plateaus marks each plateau, hatches those whose figures are not the system's, and labels them at a height.
func (p *plot) plateaus(all []capacity.Plateau, down float64, ends func(i int) (from, to float64)) {
	for i := range all {
		from, to := ends(i)
		if !all[i].Valid() {
			p.draw(`<rect class="void" x="%.2f%%" width="%.2f%%" y="%.1f" height="%.1f"/>`,
				p.across(from), p.across(to-from), plotTop, plotHeight)
			p.draw(`<svg x="%.2f%%" y="%.1f"><text class="upright" transform="translate(-5 -8) rotate(-90)">%s</text></svg>`,
				p.across(to), plotBottom, strings.ToLower(string(all[i].Status)))
		}
		p.draw(`<line class="edge" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/>`, p.across(to), plotTop, plotBottom)
		if named(i, all) {
			p.text("plateau", p.across((from+to)/2), 0, down, count(all[i].Offered))
		}
	}
	p.text("left", 0, -8, down, "offered")
}

// named reports whether the i-th plateau gets a label: a phone has room for seven.
func named(i int, all []capacity.Plateau) bool { return i%((len(all)+6)/7) == 0 }

// point is a point of a line: x in the plot's span, y in its scale.
type point struct{ x, y float64 }

// line draws a line through points; shape is polyline, or polygon for an area.
func (p *plot) line(shape, class string, points []point) {
	p.draw(`<svg y="%.0f" width="100%%" height="%.0f" viewBox="0 0 1000 %[2]f" preserveAspectRatio="none"><%s class="%s" points="`,
		plotTop, plotHeight, shape, class)
	for _, at := range points {
		p.draw("%.1f,%.1f", 10*p.across(at.x), p.down(at.y)-plotTop)
	}
	p.draw(`"/></svg>`)
}

// area draws a line, and fills the area below it.
func (p *plot) area(class string, points []point) {
	if len(points) == 0 {
		return
	}
	first, last := points[0], points[len(points)-1]
	p.line("polygon", class, slices.Concat([]point{{first.x, 0}}, points, []point{{last.x, 0}}))
	p.line("polyline", "line "+class, points)
}

// steps draws a share of what the plateaus offered, over time.
func (p *plot) steps(class string, all []capacity.Plateau, share float64) {
	var points []point
	for _, at := range all {
		y := share * at.Offered
		from, to := at.Span()
		points = append(points, point{from, y}, point{to, y})
	}
	p.line("polyline", "line "+class, points)
}

func (p *plot) svg() template.HTML {
	return template.HTML(p.String()) // #nosec G203 -- numbers, names of ours, and text escaped by text()
}
