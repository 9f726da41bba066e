package capacity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// say puts a comparison into sentences.
func (c *Comparison) say() []string {
	if len(c.Plateaus) == 0 {
		return []string{"Neither run has plateaus: there is nothing to compare."}
	}
	said := slices.Concat(c.sayHolds(), c.sayParts(), c.sayChanges())
	if d := c.Drain; d != nil && (d.Outcome == Better || d.Outcome == Worse) {
		said = append(said, fmt.Sprintf("The flush cron drains %s, %s before: %s.", d.Unit.Optional(d.After), d.Unit.Optional(d.Before), d.Outcome))
	}
	for _, p := range c.Plateaus {
		if p.Why != "" {
			said = append(said, fmt.Sprintf("Not compared at %s/s: %s.", units.Rate(p.Offered), p.Why))
		}
	}
	if len(c.Limits) > 0 {
		said = append(said, fmt.Sprintf("The limits differ (%s): figures are compared, but not whether they hold.", strings.Join(c.Limits, ", ")))
	}
	return said
}

// sayNotCompared names the scenarios that are left out.
func sayNotCompared(before, after *Report) []string {
	others := slices.Concat(before.Others(), after.Others())
	slices.Sort(others)
	if others = slices.Compact(others); len(others) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Only %s is compared; for %s see each run's own report.", after.Scenario, listed(others))}
}

// sayArrivals says that arrivals differ, which changes any latency.
func sayArrivals(before, after *Report) []string {
	if before.Poisson == after.Poisson {
		return nil
	}
	now, then := "evenly spaced", "at random"
	if after.Poisson {
		now, then = then, now
	}
	return []string{fmt.Sprintf("Taps arrived %s, and %s before (ARRIVALS): that alone changes latencies.", now, then)}
}

// sayGoals says that the goals differ: the runs' statuses then mean different things.
func sayGoals(before, after *Report) []string {
	if before.Goal == after.Goal {
		return nil
	}
	said := func(r *Report) string {
		if r.Goal == 0 {
			return "none"
		}
		return units.Rate(r.Goal) + "/s"
	}
	return []string{fmt.Sprintf("The goals differ (%s, %s before): each plateau is compared, but the run's own status is not.", said(after), said(before))}
}

func (c *Comparison) sayHolds() []string {
	before, after := c.SustainedRate.Before, c.SustainedRate.After
	switch {
	case c.SustainedRate.Why != "":
		return []string{fmt.Sprintf("What it holds is not compared: %s.", c.SustainedRate.Why)}
	case before == nil && after == nil:
		return []string{"Holds none of its rates, as before."}
	case before == nil:
		return []string{fmt.Sprintf("Holds %s taps/s, none of its rates before: %s.", units.Rate(*after), c.SustainedRate.Outcome)}
	case after == nil:
		return []string{fmt.Sprintf("Holds none of its rates, %s taps/s before: %s.", units.Rate(*before), c.SustainedRate.Outcome)}
	case units.Rate(*before) == units.Rate(*after):
		return []string{fmt.Sprintf("Holds %s taps/s, as before.", units.Rate(*after))}
	}
	return []string{fmt.Sprintf("Holds %s taps/s, %s before: %s.", units.Rate(*after), units.Rate(*before), c.SustainedRate.Outcome)}
}

// sayParts tells which parts hold more or less.
func (c *Comparison) sayParts() []string {
	var said []string
	for _, k := range c.Parts {
		if k.Outcome == Better || k.Outcome == Worse {
			said = append(said, fmt.Sprintf("%s: %s, %s before: %s.", capital(k.Figure), k.Unit.Optional(k.After), k.Unit.Optional(k.Before), k.Outcome))
		}
	}
	return said
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
				said = append(said, fmt.Sprintf("At %s/s %s: %s.", units.Rate(p.Offered), outcome, strings.Join(names, ", ")))
			}
		}
	}
	if compared && said == nil {
		return []string{"No figure got better or worse beyond noise."}
	}
	return said
}
