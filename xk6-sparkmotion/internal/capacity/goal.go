package capacity

import (
	"fmt"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// goalSlack is how far from the goal a plateau at the goal may be: an iteration that fails midway makes fewer taps.
const goalSlack = 0.01

// decides reports whether the run is judged by the i-th plateau: those above the goal are headroom.
func (m *Measured) decides(i int) bool { return !exceeds(m.inAll(i), m.Goal) }

// exceeds reports whether there is a goal and a rate is above it.
func exceeds(rate, goal float64) bool { return goal > 0 && rate > goal*(1+goalSlack) }

// inAll returns what a plateau offers in all processes together, including those whose counts are not in m.
func (m *Measured) inAll(i int) float64 {
	p := &m.Plateaus[i]
	if planned := m.Schedule.Plateaus(); i < len(planned) {
		return planned[i].To * p.perIteration()
	}
	return p.Rate * p.perIteration()
}

// goalTried reports whether every plateau up to the goal was held to its end, so that only headroom is left.
func (r *Report) goalTried() bool {
	if r.Goal == 0 || len(r.Plateaus) == 0 {
		return false
	}
	done, last := len(r.Plateaus), &r.Plateaus[len(r.Plateaus)-1]
	if last.short() {
		done--
	}
	return !slices.ContainsFunc(r.Schedule.Plateaus()[done:], func(s Stage) bool {
		return !exceeds(s.To*last.perIteration(), r.Goal)
	})
}

// judged returns what the run as a whole is judged by: all of it, or its plateaus up to the goal.
func (m *Measured) judged() *Plateau {
	if m.Goal == 0 {
		return m.whole()
	}
	var all Plateau
	for i := range m.Plateaus {
		if p := &m.Plateaus[i]; m.decides(i) {
			all.Counts.add(p.Counts)
			all.Ledger = all.Ledger.with(p.Ledger)
		}
	}
	return &all
}

// with returns the ledger of two plateaus together, as far as losses depend on it. If one loss is not known, neither is the sum.
func (l *Ledger) with(other *Ledger) *Ledger {
	switch {
	case other == nil || other.Lost == nil:
		return &Ledger{}
	case l == nil:
		return other
	case l.Lost == nil:
		return l
	}
	lost := *l.Lost + *other.Lost
	return &Ledger{
		Redirected: l.Redirected + other.Redirected, Lost: &lost, Flushing: l.Flushing + other.Flushing, Unaccounted: l.Unaccounted + other.Unaccounted,
	}
}

// HoldsGoal reports whether the run has shown that it holds its goal, perhaps with a warning.
func (r *Report) HoldsGoal() bool { return r.Status == Pass || r.Status == Warn }

// reachesGoal reports whether some plateau at or above the goal did not fail. Without a goal, it is true.
func (r *Report) reachesGoal() bool {
	for i := range r.Plateaus {
		if p := &r.Plateaus[i]; p.Valid() && p.Status != Fail && r.inAll(i) >= r.Goal*(1-goalSlack) {
			return true
		}
	}
	return r.Goal == 0
}

// split returns the valid plateaus up to the goal and those above it, each in order of rate.
func (r *Report) split() (upTo, above []*Plateau) {
	decisive := make(map[*Plateau]bool)
	for i := range r.Plateaus {
		decisive[&r.Plateaus[i]] = r.decides(i)
	}
	for _, p := range r.valid() {
		if decisive[p] {
			upTo = append(upTo, p)
		} else {
			above = append(above, p)
		}
	}
	return upTo, above
}

// sayGoal says whether the goal is held.
func (r *Report) sayGoal() string {
	goal := fmt.Sprintf("the goal of %s/s", units.Rate(r.Goal))
	upTo, above := r.split()
	switch r.Status {
	case Pass:
		return "Holds " + goal + r.sayHeadroom(above) + "."
	case Warn:
		return "Holds " + goal + ", with a warning" + r.sayHeadroom(above) + "."
	case Fail:
		for _, p := range upTo {
			if p.Status == Fail {
				return fmt.Sprintf("Misses %s: %s fails at %s/s.", goal, p.Breaches[0].Label, units.Rate(p.Offered))
			}
		}
		return "Misses " + goal + r.sayBut() + "."
	}
	switch n := len(upTo); {
	case len(r.Schedule.Plateaus()) == 0:
		return fmt.Sprintf("%s was not tested: the run has no plateaus.", capital(goal))
	case n == 0:
		return fmt.Sprintf("%s was not tested: no plateau up to it could be judged.", capital(goal))
	default:
		return fmt.Sprintf("%s was not tested: the highest judged plateau below it is %s/s.", capital(goal), units.Rate(upTo[n-1].Offered))
	}
}

// sayHeadroom tells how far above the goal the system goes.
func (r *Report) sayHeadroom(above []*Plateau) string {
	if len(above) == 0 {
		return ""
	}
	for _, tier := range []struct {
		Status
		verb string
	}{{Fail, "fails"}, {Warn, "warns"}} {
		for _, p := range above {
			if p.Status == tier.Status {
				return fmt.Sprintf("; headroom to %s/s, where %s %s", units.Rate(p.Offered), p.Breaches[0].Label, tier.verb)
			}
		}
	}
	highest := above[len(above)-1]
	return fmt.Sprintf("; headroom to %s/s%s", units.Rate(highest.Offered), r.sayHighest(highest.Rate))
}
