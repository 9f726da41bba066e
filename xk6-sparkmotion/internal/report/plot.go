package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// plot draws SVG. What is across is in percents of the width, what is down in pixels: a plot stretches to any width, and
// its text stays as large as it is. Lines and areas are in boxes of their own that stretch.
type plot struct {
	strings.Builder
	span float64 // of x, from 0
	y    scale
}

// Pixels down from the top: names of plateaus, the plot, names of times.
const (
	plotTop    = 32.0
	plotHeight = 230.0
	plotBottom = plotTop + plotHeight
)

// scale is what an axis shows. From 0 it is linear, from above it a logarithmic one.
type scale struct {
	low, high float64
	ticks     []float64
}

// at is where a value lies, from 0 to 1.
func (s scale) at(value float64) float64 {
	value = min(max(value, s.low), s.high)
	if s.low > 0 {
		return math.Log(value/s.low) / math.Log(s.high/s.low)
	}
	return value / s.high
}

// linear is a scale from 0 to a round number that is not below top.
func linear(top float64) scale {
	if top <= 0 {
		top = 1
	}
	step := round(top/6, math.Ceil)
	s := scale{ticks: []float64{0}}
	for s.high < top*(1-1e-9) {
		s.high += step
		s.ticks = append(s.ticks, s.high)
	}
	return s
}

// logarithmic is a scale whose ticks are 1, 2, 5, 10, 20, …, or tens alone when those are many.
func logarithmic(low, top float64) scale {
	s := scale{low: round(low, math.Floor), high: round(top, math.Ceil)}
	for tick := s.low; tick < s.high*1.1; tick = round(tick*1.5, math.Ceil) {
		if ten := math.Log10(tick); s.high/s.low <= 1000 || math.Abs(ten-math.Round(ten)) < 1e-9 {
			s.ticks = append(s.ticks, tick)
		}
	}
	return s
}

// round goes to the next of 1, 2, 5, 10, 20, …, in the direction of way.
func round(value float64, way func(float64) float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for i, steps := 0, []float64{1, 2, 5, 10}; ; i++ {
		switch next := steps[i+1]; {
		case value <= steps[i]*power*(1+1e-9):
			return steps[i] * power
		case value < next*power*(1-1e-9):
			if way(0.5) == 0 {
				return steps[i] * power
			}
			return next * power
		}
	}
}

func (p *plot) draw(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *plot) across(x float64) float64 { return 100 * x / p.span }

func (p *plot) down(y float64) float64 { return plotBottom - plotHeight*p.y.at(y) }

// text writes at a place across (percent) and down (pixels), moved by dx pixels.
func (p *plot) text(class string, across, dx, down float64, text string) {
	p.draw(`<text class="%s" x="%.2f%%" dx="%.0f" y="%.1f">%s</text>`, class, across, dx, down, html.EscapeString(text))
}

// grid draws a line and a name for each tick up.
func (p *plot) grid(name func(float64) string) {
	for _, tick := range p.y.ticks {
		y := p.down(tick)
		p.draw(`<line class="grid" x1="0" x2="100%%" y1="%.1f" y2="%[1]f"/>`, y)
		p.text("left", 0, -8, y+4, name(tick))
	}
}

// times names times below the plot, at most seven.
func (p *plot) times() {
	step := 1.0
	for _, next := range []float64{2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400} {
		if p.span/step > 7 {
			step = next
		}
	}
	for t := 0.0; t <= p.span; t += step {
		p.draw(`<line class="axis" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/>`, p.across(t), plotBottom, plotBottom+4)
		p.text("", p.across(t), 0, plotBottom+19, clock(t))
	}
}

// plateaus marks where each lies, hatches those whose figures are not the system's, and names them at a height.
func (p *plot) plateaus(all []capacity.Plateau, down float64, ends func(i int) (from, to float64)) {
	for i := range all {
		from, to := ends(i)
		if !valid(&all[i]) {
			p.draw(`<rect class="void" x="%.2f%%" width="%.2f%%" y="%.1f" height="%.1f"/>`,
				p.across(from), p.across(to-from), plotTop, plotHeight)
			p.draw(`<svg x="%.2f%%" y="%.1f"><text class="upright" transform="translate(14 -8) rotate(-90)">%s</text></svg>`,
				p.across(from), plotBottom, strings.ToLower(string(all[i].Status)))
		}
		p.draw(`<line class="edge" x1="%.2f%%" x2="%[1]f%%" y1="%.1f" y2="%.1f"/>`, p.across(to), plotTop, plotBottom)
		p.text("plateau", p.across((from+to)/2), 0, down, count(all[i].Offered))
	}
	p.text("left", 0, -8, down, "offered")
}

// point is where a line goes: x as the plot has it, y as its scale does.
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

// area fills what is below points.
func (p *plot) area(class string, points []point) {
	if len(points) == 0 {
		return
	}
	first, last := points[0], points[len(points)-1]
	p.line("polygon", class, append(append([]point{{first.x, 0}}, points...), point{last.x, 0}))
}

// steps follow a figure of the plateaus over time.
func (p *plot) steps(class string, all []capacity.Plateau, figure func(*capacity.Plateau) float64) {
	var points []point
	for i := range all {
		y := figure(&all[i])
		points = append(points, point{all[i].Start, y}, point{all[i].Start + all[i].Seconds, y})
	}
	p.line("polyline", class, points)
}

func (p *plot) svg() template.HTML {
	return template.HTML(p.String()) //nolint:gosec // numbers, names of ours, and text that text has escaped
}
