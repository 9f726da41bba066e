package capacity

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Process is one k6 process that sent taps.
type Process struct {
	Segment string     `json:"segment"`            // share of the work, from:to, as k6 writes it; 0:1 is all
	Began   *time.Time `json:"began"`              // when its plateaus began, by its own clock; null if there were none
	Dropped *int64     `json:"dropped_iterations"` // by k6's own count, of all scenarios; null when k6 doesn't say
	RPS     int64      `json:"rps,omitempty"`      // k6's --rps, which caps its requests a second
	Stopped *Stop      `json:"stopped"`            // null when it ran to its end
	Usage   *Usage     `json:"usage"`              // null if its system does not tell
}

// Stop describes the end of a process that was stopped.
type Stop struct {
	After   float64 `json:"after_seconds"`
	Planned float64 `json:"planned_seconds"`  // 0 for scenarios that end with their last iteration
	Reason  string  `json:"reason,omitempty"` // in a sentence, if the module stopped it
}

// dropped returns how many iterations k6 dropped in these processes, or more than possible if it does not say.
func dropped(processes []Process) int64 {
	sum := int64(0)
	for _, p := range processes {
		if p.Dropped == nil {
			return math.MaxInt64
		}
		sum += *p.Dropped
	}
	return sum
}

// ends returns where a process's segment begins and ends, from 0 to 1.
func (p Process) ends() (from, to *big.Rat, ok bool) {
	first, last, _ := strings.Cut(p.Segment, ":")
	from, fromOK := new(big.Rat).SetString(first)
	to, toOK := new(big.Rat).SetString(last)
	return from, to, fromOK && toOK
}

// share returns a process's share of the work; 1 if its segment says nothing.
func (p Process) share() float64 {
	from, to, ok := p.ends()
	if !ok {
		return 1
	}
	share, _ := new(big.Rat).Sub(to, from).Float64()
	return share
}

// Part is the report of one process, with its name in errors.
type Part struct {
	Name   string
	Report *Report
}

// Merge makes one report from those of all processes of a run, each of which had a segment of the work. Rates and counts add up,
// percentiles are those of all histograms together, depths of the one queue are put in order, and the whole is judged by the limits of the
// processes. Lag probes do not add up: a plateau has that of the process that was late most often, which two healthy ones would hide.
//
// Each process counts time from the beginning of its own plateaus, and these are taken to have begun together. The verdict says how far
// apart they began, by their own clocks.
func Merge(parts []Part) (*Report, error) {
	if err := whole(parts); err != nil {
		return nil, err
	}
	first := parts[0]
	for _, other := range parts[1:] {
		if err := first.alike(other); err != nil {
			return nil, err
		}
	}
	m := Measured{
		Run: first.Report.Run, Schedule: first.Report.Schedule, Poisson: first.Report.Poisson, Goal: first.Report.Goal,
		Scenario: first.Report.Scenario, Climbing: first.Report.Climbing, Plateaus: []Plateau{},
		Series: Series{Achieved: []float64{}, Failed: []float64{}, Depth: []Depth{}},
	}
	for _, part := range parts {
		m.add(part.Report)
	}
	m.Readings = together(parts)
	m.Ledger = m.account()
	limits := first.Report.limits()
	if m.Goal > 0 { // only the status tells whether it is held
		return Judge(m, limits, nil), nil
	}
	return Judge(m, limits, &K6{Crossed: m.crossed(limits)}), nil
}

// add adds what another process measured.
func (m *Measured) add(r *Report) {
	m.Run = m.Run.with(r.Run)
	m.Processes = append(m.Processes, r.Processes...)
	m.Whole.add(r.Whole)
	m.Failures.merge(r.Failures, m.Whole.Failures)
	m.Plateaus = added(m.Plateaus, r.Plateaus)
	for _, name := range r.Others() {
		s, known := m.Scenarios[name]
		if !known {
			s = Scenario{Schedule: r.Scenarios[name].Schedule, Start: r.Scenarios[name].Start, Plateaus: []Plateau{}}
		}
		s.Plateaus = added(s.Plateaus, r.Scenarios[name].Plateaus)
		m.beside(name, s)
	}
	m.Series.add(r.Series)
}

// added returns all, with another process's plateaus added.
func added(all, others []Plateau) []Plateau {
	for i, other := range others {
		if i == len(all) {
			all = append(all, Plateau{Name: other.Name, Start: other.Start, Hold: other.Hold})
		}
		p := &all[i]
		p.Rate += other.Rate
		p.Seconds = max(p.Seconds, other.Seconds)
		p.Started += other.Started
		p.Tapless += other.Tapless
		p.Settling = p.Settling.with(other.Settling)
		p.Counts.add(other.Counts)
	}
	return all
}

// add adds another process's course, at the coarser step of both.
func (s *Series) add(other Series) {
	step := max(s.Step, other.Step)
	s.Achieved = sum(coarse(s.Achieved, s.Step, step), coarse(other.Achieved, other.Step, step))
	s.Failed = sum(coarse(s.Failed, s.Step, step), coarse(other.Failed, other.Step, step))
	s.Step = step
	s.Depth = slices.Concat(s.Depth, other.Depth)
	slices.SortStableFunc(s.Depth, func(a, b Depth) int { return cmp.Compare(a.At, b.At) })
}

// coarse returns rates for longer steps, which are a multiple of the given ones.
func coarse(rates []float64, step, longer float64) []float64 {
	if step == longer || len(rates) == 0 {
		return rates
	}
	var means []float64
	for group := range slices.Chunk(rates, int(longer/step)) {
		taps := 0.0
		for _, rate := range group {
			taps += rate * step
		}
		means = append(means, taps/longer) // the last group's missing steps had no taps
	}
	return means
}

// sum adds element by element; the longer slice continues alone.
func sum(a, b []float64) []float64 {
	if len(a) < len(b) {
		a, b = b, a
	}
	sum := append([]float64{}, a...)
	for i := range b {
		sum[i] += b[i]
	}
	return sum
}

// whole returns an error if some of the work is missing from the parts' segments, or in two of them.
func whole(parts []Part) error {
	type segment struct {
		from, to *big.Rat
		of       string
	}
	var segments []segment
	for _, part := range parts {
		for _, process := range part.Report.Processes {
			from, to, ok := process.ends()
			if !ok {
				return fmt.Errorf("%s: its segment %q is none", part.Name, process.Segment)
			}
			segments = append(segments, segment{from, to, part.Name + " (" + process.Segment + ")"})
		}
	}
	slices.SortStableFunc(segments, func(a, b segment) int { return a.from.Cmp(b.from) })
	done, last := new(big.Rat), ""
	for _, s := range append(segments, segment{big.NewRat(1, 1), big.NewRat(1, 1), ""}) {
		switch done.Cmp(s.from) {
		case -1:
			return fmt.Errorf("nobody ran the segment %s:%s: it takes the summaries of all processes of one run",
				done.RatString(), s.from.RatString())
		case 1:
			return fmt.Errorf("%s and %s overlap: each process takes an --execution-segment of its own", last, s.of)
		}
		done, last = s.to, s.of
	}
	return nil
}

// alike returns an error that says why two processes can't belong to one run.
func (p Part) alike(other Part) error {
	a, b := p.Report, other.Report
	if labels := otherLimits(a.Metrics, b.Metrics); len(labels) > 0 {
		return fmt.Errorf("%s and %s have other limits of %s: all processes take the same script", p.Name, other.Name, strings.Join(labels, ", "))
	}
	if a.Goal != b.Goal {
		return fmt.Errorf("%s has a goal of %v taps/s, and %s of %v: all processes take the same GOAL", p.Name, a.Goal, other.Name, b.Goal)
	}
	if a.Poisson != b.Poisson {
		return fmt.Errorf("%s and %s have other arrivals: all processes take the same ARRIVALS", p.Name, other.Name)
	}
	if !a.Schedule.Same(b.Schedule) {
		return fmt.Errorf("%s has %s, and %s %s: all processes take the same script", p.Name, a.Schedule, other.Name, b.Schedule)
	}
	if len(a.Plateaus) > 0 && len(b.Plateaus) > 0 && (a.Scenario != b.Scenario || !slices.Equal(a.Others(), b.Others())) {
		return fmt.Errorf("%s has plateaus of %s, and %s of %s: all processes take the same script, and each scenario at least as many "+
			"virtual users as there are processes", p.Name, a.ramped(), other.Name, b.ramped())
	}
	if err := p.heldAlike(other, "", a.Schedule, a.Plateaus, b.Plateaus); err != nil {
		return err
	}
	for _, name := range a.Others() {
		mine, others := a.Scenarios[name], b.Scenarios[name]
		if !mine.Schedule.Same(others.Schedule) {
			return fmt.Errorf("%s has %s of %s, and %s %s: all processes take the same script", p.Name, mine.Schedule, name, other.Name, others.Schedule)
		}
		if err := p.heldAlike(other, " of "+name, mine.Schedule, mine.Plateaus, others.Plateaus); err != nil {
			return err
		}
	}
	return nil
}

// heldAlike returns an error if one of two processes held a plateau of a scenario longer than the other.
func (p Part) heldAlike(other Part, of string, schedule Schedule, a, b []Plateau) error {
	for i, stage := range schedule.Plateaus() {
		if mine, others := held(a, i), held(b, i); math.Abs(mine-others) > time.Duration(stage.Lasts).Seconds()/batches+interval(a)+interval(b) {
			return fmt.Errorf("%s held plateau %s%s for %.3g s, and %s for %.3g s: all processes take a run from its start to its end",
				p.Name, stage.Name, of, mine, other.Name, others)
		}
	}
	return nil
}

// ramped names the scenarios with plateaus.
func (r *Report) ramped() string { return listed(append([]string{r.Scenario}, r.Others()...)) }

// held returns for how many seconds a plateau was held.
func held(plateaus []Plateau, i int) float64 {
	if i >= len(plateaus) {
		return 0
	}
	return plateaus[i].Seconds
}

// interval returns how many seconds may pass without a tap.
func interval(plateaus []Plateau) float64 {
	longest := 0.0
	for _, p := range plateaus {
		longest = max(longest, 1/p.Rate)
	}
	return longest
}

// apart returns how many seconds before the last process the first one began its plateaus.
func (r *Report) apart() float64 {
	first, last := r.Began()
	return last.Sub(first).Seconds()
}

// Began returns when the first process began its plateaus, and the last, by their own clocks; zero if none did.
func (r *Report) Began() (first, last time.Time) {
	for _, p := range r.Processes {
		if p.Began == nil {
			continue
		}
		if first.IsZero() || p.Began.Before(first) {
			first = *p.Began
		}
		if p.Began.After(last) {
			last = *p.Began
		}
	}
	return first, last
}
