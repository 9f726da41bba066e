package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Progress is a plateau during the run, or when it has ended.
type Progress struct {
	*Plateau
	Scenario string // that the plateau belongs to
	Among    bool   // other scenarios have plateaus too
	Stage    int    // index in the scenario's schedule
	Nth, Of  int    // of its plateaus; 0 of 0 for a search's probe
	Above    bool   // above the run's goal: it is headroom
}

// Ask selects a plateau of a [Recorder], by its stage in a scenario's schedule.
type Ask struct {
	Segment  string
	Shares   []Share
	Scenario string
	Stage    int
	Limits   []Limit
	Goal     float64
}

// Progress returns a plateau so far, judged as in a report; false if it has seen no tap.
func (r *Recorder) Progress(ask Ask) (Progress, bool) {
	m, own := r.measuredAt(ask)
	if len(m.Plateaus) == 0 {
		return Progress{}, false
	}
	p := &m.Plateaus[0]
	limits := ofTaps(ask.Limits)
	if own {
		limits, p.Ledger = ask.Limits, m.soFar()
	}
	p.derive(m.Series.Depth, len(m.Processes), dropped(m.Processes))
	p.judge(limits, len(m.Processes))
	return p.progress(ask.Scenario, len(ask.Shares) > 1, m.Schedule, ask.Stage, ask.Goal), true
}

// Progress returns the plateaus of all scenarios.
func (r *Report) Progress() []Progress {
	var all []Progress
	add := func(scenario string, schedule Schedule, plateaus []Plateau) {
		for stage, s := range schedule {
			if s.Holds() && len(plateaus) > 0 {
				all = append(all, plateaus[0].progress(scenario, len(r.Scenarios) > 0, schedule, stage, r.Goal))
				plateaus = plateaus[1:]
			}
		}
	}
	add(r.Scenario, r.Schedule, r.Plateaus)
	for _, name := range r.Others() {
		add(name, r.Scenarios[name].Schedule, r.Scenarios[name].Plateaus)
	}
	return all
}

func (p *Plateau) progress(scenario string, among bool, schedule Schedule, stage int, goal float64) Progress {
	return Progress{
		Plateau: p, Scenario: scenario, Among: among, Stage: stage,
		Nth: len(schedule[:stage].Plateaus()) + 1, Of: len(schedule.Plateaus()),
		Above: exceeds(schedule[stage].To*p.perIteration(), goal),
	}
}

// measuredAt returns what was measured of one plateau alone, and whether it belongs to the run's own scenario. Of the whole run it has only
// the number of redirected taps.
func (r *Recorder) measuredAt(ask Ask) (m Measured, own bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ramps := r.inOrder(ask.Shares)
	i := slices.IndexFunc(ramps, func(ramp *ramp) bool { return ramp.scenario == ask.Scenario })
	if i < 0 {
		return m, false
	}
	ramp := ramps[i]
	m = Measured{
		Schedule: ramp.schedule, Processes: []Process{{Segment: ask.Segment}}, Readings: r.readings.since(ramp.began),
		Plateaus: ramp.plateaus(shareOf(ask.Scenario, ask.Shares), func(stage int) bool { return stage == ask.Stage }),
	}
	m.Whole.Redirected = r.whole.Redirected
	if i == 0 {
		m.Series.Depth = slices.Clone(ramp.course.depths)
	}
	return m, i == 0
}

// soFar returns the ledger of a single plateau before everything has settled, or nil if it was not read at both ends.
//
// What is missing may be under way: no more was lost by a reading than is missing at any later one, and up to a second's worth of taps is
// not called lost yet. Nor is what a flush may hold.
func (m *Measured) soFar() *Ledger {
	course := m.Readings.Course
	if len(course) < 2 {
		return nil
	}
	marks, last := m.marks(), course[len(course)-1]
	if marks[0] == nil || marks[1] == nil || marks[0].Seconds == marks[1].Seconds {
		return nil
	}
	readings := m.Readings
	readings.Flushing = true
	l := readings.row(*marks[0], *marks[1])
	lostBy := func(reading Reading) int64 { return missing(course[0], reading) }
	before, gone := readings.least(*marks[0], lostBy), readings.least(*marks[1], lostBy)
	if m.Readings.Foreign > 0 || -before > otherTaps(last.Redirected-course[0].Redirected) {
		return l // others tap too, which hides losses of ours
	}
	lost := max(0, gone) - max(0, before)
	if p := &m.Plateaus[0]; float64(lost) <= float64(p.Counts.Taps)/p.Seconds {
		lost = 0
	}
	l.Lost = &lost
	return l
}

// String returns the plateau as a line of the log.
func (p Progress) String() string {
	parts := []string{p.name() + " " + string(p.Status)}
	for _, label := range []struct{ label, short string }{
		{"redirect p95", "p95"}, {"redirect error rate", "errors"}, {"KV hit rate", "KV"},
	} {
		if m, _ := Find(label.label); m.In(p.Plateau).Samples > 0 {
			parts = append(parts, label.short+" "+m.Unit.Value(m.In(p.Plateau).Value))
		}
	}
	if p.Ledger != nil && p.Ledger.Lost != nil {
		lost, _ := p.Ledger.Loss()
		parts = append(parts, "lost "+units.Rate(float64(lost)))
	}
	if p.Growth != nil {
		growth := math.Round(*p.Growth)
		sign := "+"
		if growth < 0 {
			sign = ""
		}
		parts = append(parts, "queue "+sign+units.Rate(growth+0)+"/s") // never -0
	}
	if p.Of > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d", p.Nth, p.Of))
	}
	if p.Above {
		parts = append(parts, "above the goal")
	}
	return strings.Join(parts, " · ")
}

// Alert is something that got worse during a plateau.
type Alert struct{ Kind, Text string }

// Alerts returns what is wrong with the plateau so far.
func (p Progress) Alerts() []Alert {
	if p.Counts.limited() > MaxLimited {
		return []Alert{{"generator", fmt.Sprintf("%s: the generator is late %s of the time: figures are its own, not the system's",
			p.name(), units.Percent(p.Counts.limited()))}}
	}
	var alerts []Alert
	for _, b := range p.Breaches {
		if b.Label == growthLabel && !p.flushed {
			continue // between two flushes every queue grows
		}
		alerts = append(alerts, Alert{b.Label + " " + string(b.Status), p.name() + ": " + b.String()})
	}
	return alerts
}

// Failure returns why a run may end with the plateau; "" if it did not fail, or is above the goal.
func (p Progress) Failure() string {
	if p.Status != Fail || p.Above {
		return ""
	}
	return fmt.Sprintf("ABORT_ON_FAIL ended the run after %s, where %s.", p.name(), p.sayBreaches())
}

// name names the plateau by the rate asked for: while taps are under way, it is not known how many of the iterations make any.
func (p Progress) name() string {
	name := units.Rate(p.Rate*max(1, ratio(p.Counts.Asked, p.Counts.Iterations))) + "/s"
	if p.Among {
		name = p.Scenario + " " + name
	}
	return name
}
