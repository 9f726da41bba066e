package capacity

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Recorder records a run of one process: counts and histograms for each plateau of each scenario, and a coarse course over time. Its memory
// does not grow with the number of taps. Its methods may be called concurrently by many VUs.
type Recorder struct {
	mu        sync.Mutex
	schedules map[string]Schedule // by scenario
	whole     Counts
	ramps     []*ramp // of the scenarios that have tapped
	readings  Readings
	restart   Reading // what the system's counters had counted when they restarted at 0
	failures  failures
	flushed   time.Time     // when the last flush ended
	cycle     time.Duration // shortest time from the end of one flush to that of the next

	killSwitch killSwitch
	stopped    atomic.Pointer[string] // why the run has to stop
}

// Schedule sets a scenario's schedule. It must be called before the scenario's first tap; later calls have no effect.
func (r *Recorder) Schedule(scenario string, s Schedule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.schedules == nil {
		r.schedules = make(map[string]Schedule)
	}
	if _, known := r.schedules[scenario]; !known {
		r.schedules[scenario] = s
	}
}

// Extend adds a probe to the schedule of a search: from a time on, its load settles and is then held.
func (r *Recorder) Extend(scenario string, began, from time.Time, rate float64, settle, hold time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ramp := r.ramp(Tap{Scenario: scenario, Start: began})
	ramp.rest(from)
	ramp.extend(Stage{RampUp, 0, rate, seconds(settle)})
	ramp.extend(Stage{NameOf(rate), rate, rate, seconds(hold)})
}

// Cut ends the current probe at a time.
func (r *Recorder) Cut(scenario string, began, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ramp(Tap{Scenario: scenario, Start: began}).cut(at)
}

// Grew records how fast the queue grew in a search's last probe, in taps/s, judging by how long it took to recover.
func (r *Recorder) Grew(scenario string, began time.Time, perSecond float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ramp := r.ramp(Tap{Scenario: scenario, Start: began})
	ramp.grew[len(ramp.schedule)-1] = perSecond
}

// Latest returns what was recorded of a search's last probe, as a run of its own. dropped is how many taps of all probes were not made.
func (r *Recorder) Latest(scenario string, began time.Time, dropped int64) Measured {
	r.mu.Lock()
	defer r.mu.Unlock()
	ramp := r.ramp(Tap{Scenario: scenario, Start: began})
	m := Measured{
		Scenario: scenario, Processes: []Process{{Dropped: &dropped}}, Whole: r.whole.clone(), Readings: r.readings.since(began), Series: ramp.course.series(),
	}
	if plateaus := ramp.measured(1); len(plateaus) > 0 && len(plateaus) == len(ramp.schedule.Plateaus()) {
		last := len(plateaus) - 1
		m.Plateaus, m.Schedule = plateaus[last:], ramp.schedule[len(ramp.schedule)-1:]
	}
	return m
}

// Tap records a tap. Those of other scenarios, setup() and teardown() belong to the run, but to no plateau.
func (r *Recorder) Tap(t Tap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.count(&r.whole, 0)
	if !t.None && r.killSwitch.tap(&t) {
		r.look(0)
	}
	if t.Redirected {
		r.readings.ended(t.Began)
	}
	if t.Start.IsZero() {
		return
	}
	r.ramp(t).tap(t)
}

// ramp returns the ramp of a tap's scenario, which the first tap creates.
func (r *Recorder) ramp(t Tap) *ramp {
	if i := slices.IndexFunc(r.ramps, func(known *ramp) bool { return known.scenario == t.Scenario }); i >= 0 {
		return r.ramps[i]
	}
	first := newRamp(t, r.schedules[t.Scenario])
	r.ramps = append(r.ramps, first)
	return first
}

// Query records a request of an admin.
func (r *Recorder) Query(q Query) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visit(q.Began, q.count)
}

// Flush records a flush of the queue.
func (r *Recorder) Flush(f Flush) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Answered {
		r.depth(f.Ended, f.Remaining, f.Flushed+f.Dropped)
	}
	if gap := f.Ended.Sub(r.flushed); !r.flushed.IsZero() && gap > 0 && (r.cycle == 0 || gap < r.cycle) {
		r.cycle = gap
	}
	r.flushed = f.Ended
	r.visit(f.Ended, f.count)
}

// FlushCycle returns the shortest time from the end of one flush to that of the next, or 0 before the second: what flushes moved is known
// no more precisely.
func (r *Recorder) FlushCycle() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cycle
}

// Redirected returns how many taps have been redirected so far.
func (r *Recorder) Redirected() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.whole.Redirected
}

// DropRate returns what share flushes have dropped of the taps that they took off the queue so far.
func (r *Recorder) DropRate() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ratio(r.whole.FlushDropped, r.whole.drained())
}

// Failed keeps the message of the first failure of a kind, and returns the kind's name in the report, which has room for only so many.
func (r *Recorder) Failed(part, kind string, say func() string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures.keep(part, kind, say)
}

// QueueSample records a sample of the queue's depth.
func (r *Recorder) QueueSample(s QueueSample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.Failed {
		r.depth(s.At, s.Depth, 0)
	}
	if s.Reading != nil {
		r.read(s.At, *s.Reading)
	}
	r.visit(s.At, s.count)
}

// Baseline records the reading that a run begins with, and what is neither a sample nor a tap of it: the taps made before it as probes, the
// reading before those, and how many taps of others the system received meanwhile.
func (r *Recorder) Baseline(at time.Time, before, reading Reading, probes, foreign int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before.at = at
	r.readings.Before, r.readings.Probes, r.readings.Foreign = &before, probes, foreign
	r.read(at, reading)
}

// Settle records the reading that a run ends with: settled if no tap was on its way to the queue any more, flushing if a flush may have
// been under way.
func (r *Recorder) Settle(at time.Time, reading Reading, settled, flushing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read(at, reading)
	r.readings.Settled, r.readings.Flushing = settled, flushing
}

// overtaken reports whether a reading was asked for before the last one was answered, and has counted less.
func (r *Recorder) overtaken(reading Reading) bool {
	n := len(r.readings.Course)
	return n > 0 && !reading.Asked.IsZero() && reading.Asked.Before(r.readings.Course[n-1].at) && reading.behind(r.readings.Course[n-1], r.restart)
}

func (r *Recorder) read(at time.Time, reading Reading) {
	if r.overtaken(reading) {
		return
	}
	reading.at, reading.Redirected = at, r.whole.Redirected
	r.readings.add(reading, &r.restart)
	r.readings.Settled, r.readings.Flushing = false, true
	r.look(r.killSwitch.lostOf(r.readings.Course))
}

// Resets returns how often the system's counters went back.
func (r *Recorder) Resets() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readings.Resets
}

// Against returns what became of the redirected taps, by a reading that is not recorded; nil without an earlier one.
func (r *Recorder) Against(reading Reading) *Ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.readings.Course) == 0 {
		return nil
	}
	reading.Redirected = r.whole.Redirected
	reading.Received += r.restart.Received
	reading.Flushed += r.restart.Flushed
	reading.Dropped += r.restart.Dropped
	return between(r.readings.Course[0], reading)
}

// Ledger returns what became of the taps that were redirected between the first reading and the last; nil before there are two. Lost are
// those that were already missing at the reading before the last, so taps under way are not among them.
func (r *Recorder) Ledger() *Ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	course := r.readings.Course
	n := len(course)
	if n < 2 {
		return nil
	}
	l := between(course[0], course[n-1])
	lost := max(0, missing(course[0], course[n-1]))
	if !r.readings.Settled {
		lost = max(0, min(lost, missing(course[0], course[n-2])))
	}
	l.Lost = &lost
	if r.readings.Flushing {
		l.underWay()
	}
	return l
}

// Lag records a beat of the lag probe.
func (r *Recorder) Lag(l Lag) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visit(l.At, l.count)
}

// depth adds the queue's depth to the course of each scenario.
func (r *Recorder) depth(at time.Time, depth, flushed int64) {
	for _, ramp := range r.ramps {
		ramp.course.depth(at.Sub(ramp.began), depth, flushed)
	}
}

// visit counts in everything that a moment belongs to: the run, and the plateau that each scenario held.
func (r *Recorder) visit(moment time.Time, count func(c *Counts, batch int)) {
	count(&r.whole, 0)
	for _, ramp := range r.ramps {
		ramp.visit(moment, count)
	}
}

// Measured returns what was recorded so far by a process with this segment of the work and these shares of scenarios' arrival rates. It is
// a copy: what is recorded later, such as by the lag probe while a report is made, is not in it. Scenarios without a share have no
// plateaus. The run's own scenario is the first of the others whose taps take the bands' link; those that take the direct one are beside
// it.
func (r *Recorder) Measured(segment string, shares []Share) Measured {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := Measured{
		Schedule: Schedule{}, Processes: []Process{{Segment: segment}}, Whole: r.whole.clone(), Failures: maps.Clone(r.failures),
		Plateaus: []Plateau{}, Series: new(course).series(),
	}
	if len(shares) > 0 {
		m.Schedule = append(m.Schedule, r.schedules[shares[0].Scenario]...)
	}
	ramps := r.inOrder(shares)
	for i, ramp := range ramps {
		plateaus := ramp.measured(shareOf(ramp.scenario, shares))
		if i > 0 {
			m.beside(ramp.scenario, Scenario{Schedule: ramp.schedule, Start: ramp.began.Sub(ramps[0].began).Seconds(), Plateaus: plateaus})
			continue
		}
		began := ramp.began.UTC() // without the monotonic clock, which ends with the process
		m.Scenario, m.Processes[0].Began, m.Plateaus, m.Series = ramp.scenario, &began, plateaus, ramp.course.series()
		m.Schedule = append(Schedule{}, ramp.schedule...)
	}
	m.Readings = r.readings.since(r.beginning(ramps))
	return m
}

// beginning returns when the plateaus began; in a run without any, when the counters were first read.
func (r *Recorder) beginning(ramps []*ramp) time.Time {
	switch {
	case len(ramps) > 0:
		return ramps[0].began
	case len(r.readings.Course) > 0:
		return r.readings.Course[0].at
	}
	return time.Time{}
}

// inOrder returns the scenarios that have a share and tapped, the run's own first: which one taps first may be chance.
func (r *Recorder) inOrder(shares []Share) []*ramp {
	var ramps []*ramp
	for _, share := range shares {
		for _, ramp := range r.ramps {
			if ramp.scenario == share.Scenario {
				ramps = append(ramps, ramp)
			}
		}
	}
	slices.SortStableFunc(ramps, func(a, b *ramp) int { return int(oneIf(a.direct) - oneIf(b.direct)) })
	return ramps
}
