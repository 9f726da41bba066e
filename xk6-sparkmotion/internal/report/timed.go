package report

import (
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// timed draws what plots over time have in common: the scales, and the plateaus.
func (p *plot) timed(r *capacity.Report, highest float64) { p.overTime(r, linear(highest), count) }

// overTime does the same with another scale, whose ticks are labelled by name.
func (p *plot) overTime(r *capacity.Report, y scale, name func(float64) string) {
	last := r.Plateaus[len(r.Plateaus)-1]
	p.span = max(last.Start+last.Seconds, float64(len(r.Series.Achieved))*r.Series.Step)
	if n := len(r.Series.Depth); n > 0 {
		p.span = max(p.span, r.Series.Depth[n-1].At)
	}
	if n := len(r.Readings.Course); n > 0 {
		p.span = max(p.span, r.Readings.Course[n-1].Seconds)
	}
	p.y = y
	p.grid(name)
	p.times()
	p.plateaus(r.Plateaus, plotTop-16, func(i int) (float64, float64) {
		return r.Plateaus[i].Start, r.Plateaus[i].Start + r.Plateaus[i].Seconds
	})
}

// course places each rate in the middle of its step.
func course(rates []float64, step float64) []point {
	points := make([]point, len(rates))
	for i, rate := range rates {
		points[i] = point{(float64(i) + 0.5) * step, rate}
	}
	return points
}

// highestOf returns the highest point, or the highest share of an offered rate if that is higher.
func highestOf(r *capacity.Report, points []point, share float64) float64 {
	highest := 0.0
	for _, at := range points {
		highest = max(highest, at.y)
	}
	for _, p := range r.Plateaus {
		highest = max(highest, share*p.Offered)
	}
	return highest
}

// limitOf returns the limit that the run was judged by, or a zero one if the script dropped it.
func limitOf(r *capacity.Report, label string) capacity.Limit {
	i := slices.IndexFunc(r.Metrics, func(m capacity.Judged) bool { return m.Label == label })
	if i < 0 {
		return capacity.Limit{}
	}
	return r.Metrics[i].Limit
}
