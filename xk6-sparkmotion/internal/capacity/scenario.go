package capacity

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Scenario is another scenario with plateaus besides the run's own, such as taps by another form of link. It is judged by itself, by the
// Worker's limits.
type Scenario struct {
	Schedule      Schedule     `json:"schedule"`
	Start         float64      `json:"start_seconds"` // when its plateaus began, after those of the run's own
	Status        Status       `json:"status"`
	SustainedRate *float64     `json:"sustained_rate"`
	FirstBreach   *FirstBreach `json:"first_breach"`
	Metrics       []Judged     `json:"metrics"` // of all its plateaus together
	Plateaus      []Plateau    `json:"plateaus"`
}

// Others returns the names of the scenarios besides the run's own, sorted.
func (m *Measured) Others() []string { return slices.Sorted(maps.Keys(m.Scenarios)) }

// beside adds a scenario.
func (m *Measured) beside(name string, s Scenario) {
	if m.Scenarios == nil {
		m.Scenarios = make(map[string]Scenario)
	}
	m.Scenarios[name] = s
}

// alone returns the scenario as a run of the same processes.
func (s Scenario) alone(r *Report) *Report {
	return &Report{Measured: Measured{Schedule: s.Schedule, Goal: r.Goal, Processes: r.Processes, Plateaus: s.Plateaus}}
}

// judgeOthers judges the other scenarios, gives the run the worst status of all, and returns what to say about them.
func (r *Report) judgeOthers(limits []Limit) []string {
	var said []string
	judged := maps.Clone(r.Scenarios)
	for _, name := range r.Others() {
		s := judged[name]
		other := s.alone(r)
		for _, p := range s.Plateaus {
			other.Whole.add(p.Counts)
		}
		other.judge(ofTaps(limits), nil)
		said = append(said, r.sayOther(name, other)...)
		judged[name] = Scenario{s.Schedule, s.Start, other.unlessStopped(), other.SustainedRate, other.FirstBreach, other.Metrics, other.Plateaus}
		switch {
		case r.Status == Pass, other.Status == Fail, r.Status == Warn && other.Status == Generator: // a run passes if each of its scenarios does
			r.Status = other.Status
		}
	}
	r.Scenarios = judged
	return said
}

// besideStatus returns the worst verdict on the other scenarios.
func (r *Report) besideStatus() Status {
	status := Pass
	for _, s := range r.Scenarios {
		status = worse(status, s.Status)
	}
	return status
}

// ofTaps returns the limits of the Worker, which answers taps.
func ofTaps(limits []Limit) []Limit {
	return slices.DeleteFunc(slices.Clone(limits), func(l Limit) bool { return l.Part != Worker })
}

// sayOther says what another scenario holds and what breaks it, and whatever the run's own sentences don't say already.
func (r *Report) sayOther(name string, other *Report) []string {
	sustained, first := other.sustained()
	holds := other.sayHolds()
	if len(other.valid()) == 0 {
		holds = "Has no plateau that could be judged."
	}
	if first != nil {
		holds = fmt.Sprintf("%s; at %s/s %s.", strings.TrimSuffix(holds, "."), units.Rate(first.Offered), first.sayBreaches())
	}
	said := []string{name + ": " + uncapital(holds)}
	known := slices.Concat(r.sayGenerator(), r.sayEnd(nil))
	for _, sentence := range slices.Concat(other.sayLower(sustained), other.saySettling(), other.sayRun(), other.sayGenerator(), other.sayOffRate(), other.sayTapless(), other.sayEnd(sustained), other.sayClimbs()) {
		if !slices.Contains(known, sentence) {
			said = append(said, name+": "+uncapital(sentence))
		}
	}
	return said
}

func uncapital(text string) string { return strings.ToLower(text[:1]) + text[1:] }
