package capacity

import "github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"

// reading is a metric by which runs are compared, in one of them.
type reading struct {
	metric Metric
	value  *float64 // nil when it was not measured
	sure   stats.Estimate
	enough bool // there is for an estimate
}

// readings are a plateau's, always the same in the same order.
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
