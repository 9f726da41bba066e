package capacity

import "github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"

// reading is one run's value of a metric, for comparing runs.
type reading struct {
	metric Metric
	value  *float64 // nil if it was not measured
	sure   stats.Estimate
	enough bool // samples for an estimate
}

// readings returns a plateau's readings, always of the same metrics in the same order.
func (p *Plateau) readings(depths []Depth) []reading {
	var readings []reading
	for _, m := range Metrics {
		if m.sure == nil {
			continue
		}
		r := reading{metric: m, value: m.In(p).optional()}
		if r.value != nil {
			r.sure, r.enough = m.sure(p, depths)
		}
		readings = append(readings, r)
	}
	return readings
}
