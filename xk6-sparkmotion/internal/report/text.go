package report

import (
	"fmt"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// unknown stands for what was not measured.
const unknown = "–"

// figureText returns a figure for a column whose heading has the unit of a rate.
func figureText(m capacity.Metric, f capacity.Figure) string {
	switch {
	case f.Samples == 0:
		return unknown
	case m.Unit == units.Time:
		return units.Milliseconds(f.Value)
	case m.Unit == units.Share:
		return share(f.Value)
	case m.Unit == units.Bytes:
		return units.Size(f.Value)
	case m.Signed && f.Value > 0:
		return "+" + count(f.Value)
	}
	return count(f.Value)
}

// count returns a number in at most 8 characters.
func count(value float64) string {
	if value >= 1e6 || value <= -1e6 {
		return units.Rate(value/1e6) + " M"
	}
	return units.Rate(value)
}

func optional(value *float64) string {
	if value == nil {
		return unknown
	}
	return count(*value)
}

// tier returns where a tier of a limit begins.
func tier(l capacity.Limit, value float64) string {
	switch {
	case l.Above:
		return "≤ " + l.Unit.Value(value)
	case value == 0:
		return "any"
	}
	return "≥ " + l.Unit.Value(value)
}

// share returns a fraction in at most 9 characters.
func share(value float64) string {
	switch {
	case value > 0 && value < 0.0001:
		return "< 0.01 %"
	case value > 0.9999 && value < 1:
		return "> 99.99 %"
	case value > 0.99 && value < 1:
		return fmt.Sprintf("%.2f %%", 100*value)
	}
	return units.Percent(value)
}

// clock returns a time since the plateaus began, such as 2:05.
func clock(seconds float64) string {
	return fmt.Sprintf("%d:%02d", int(seconds)/60, int(seconds)%60)
}
