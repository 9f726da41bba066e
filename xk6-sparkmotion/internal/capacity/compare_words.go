package capacity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// say puts a comparison into sentences.
func (c *Comparison) say() []string {
	if len(c.Plateaus) == 0 {
		return []string{"Neither run has plateaus: there is nothing to compare."}
	}
	said := append(c.sayHolds(), c.sayChanges()...)
	if d := c.Drain; d != nil && (d.Outcome == Better || d.Outcome == Worse) {
		said = append(said, fmt.Sprintf("The flush cron drains %s, %s before: %s.", d.Unit.Value(d.After), d.Unit.Value(d.Before), d.Outcome))
	}
	for _, p := range c.Plateaus {
		if p.Why != "" {
			said = append(said, fmt.Sprintf("Not compared at %s/s: %s.", Rate(p.Offered), p.Why))
		}
	}
	if len(c.Limits) > 0 {
		said = append(said, fmt.Sprintf("The limits differ (%s): figures are compared, but not whether they hold.", strings.Join(c.Limits, ", ")))
	}
	return said
}

func (c *Comparison) sayHolds() []string {
	before, after := c.Holds.Before, c.Holds.After
	switch {
	case c.Holds.Why != "":
		return []string{fmt.Sprintf("What it holds is not compared: %s.", c.Holds.Why)}
	case before == nil && after == nil:
		return []string{"Holds none of its rates, as before."}
	case before == nil:
		return []string{fmt.Sprintf("Holds %s taps/s, none of its rates before: %s.", Rate(*after), c.Holds.Outcome)}
	case after == nil:
		return []string{fmt.Sprintf("Holds none of its rates, %s taps/s before: %s.", Rate(*before), c.Holds.Outcome)}
	case Rate(*before) == Rate(*after):
		return []string{fmt.Sprintf("Holds %s taps/s, as before.", Rate(*after))}
	}
	return []string{fmt.Sprintf("Holds %s taps/s, %s before: %s.", Rate(*after), Rate(*before), c.Holds.Outcome)}
}

// sayChanges names what got worse, and what better, at each plateau.
func (c *Comparison) sayChanges() []string {
	var said []string
	compared := false
	for _, outcome := range []Outcome{Worse, Better} {
		for _, p := range c.Plateaus {
			compared = compared || p.Why == ""
			var names []string
			for _, f := range p.Figures {
				if f.Outcome == outcome {
					names = append(names, f.Figure)
				}
			}
			if len(names) > 0 {
				said = append(said, fmt.Sprintf("At %s/s %s: %s.", Rate(p.Offered), outcome, strings.Join(names, ", ")))
			}
		}
	}
	if compared && said == nil {
		return []string{"No figure got better or worse beyond noise."}
	}
	return said
}

// Value is a figure's value with its unit, or a dash.
func (u Unit) Value(value *float64) string {
	switch {
	case value == nil:
		return "-"
	case u == Latencies:
		return Milliseconds(*value)
	case u == Shares:
		return Percent(*value)
	}
	return Rate(*value) + "/s"
}

// Difference is the size of a change, of shares in percentage points.
func (u Unit) Difference(value float64) string {
	size := math.Abs(value)
	if u == Shares {
		return strconv.FormatFloat(significant(100*size, 3), 'f', -1, 64) + " pp"
	}
	return u.Value(&size)
}
