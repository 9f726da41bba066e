package sparkmotion

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/search"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// finder leads a search.
type finder struct {
	*module
	*search.Search
	scenario string
	began    time.Time
	deadline time.Time
	source   queue.Source
	plan     *tapPlan
	calm     time.Duration     // a tap's latency without load
	before   *capacity.Reading // of the system at rest
	quickest time.Duration     // that the system came to rest after a probe's load
	flushing bool              // a flush of the last probe's taps did not end, so that nobody knows whether flushes keep up with its rate
	slowest  time.Duration     // that it took from a probe's load to the next
}

func (m *module) finder(o findOptions) (*finder, error) {
	state, scenario := m.vu.State(), lib.GetScenarioState(m.vu.Context())
	switch {
	case state == nil || scenario == nil:
		return nil, errors.New("call it from a scenario with one virtual user and one iteration")
	case state.Options.ExecutionSegment.FloatLength() < 1:
		return nil, errShared
	case !(o.Start >= 1 && o.Start <= o.Most):
		return nil, fmt.Errorf("option start is the first rate and must be from 1 to most taps/s, got %v", o.Start)
	}
	plan, err := m.tapPlan(nil)
	if err != nil {
		return nil, err
	}
	f := &finder{
		module: m, scenario: scenario.Name, began: time.Now(), deadline: time.Now().Add(o.Time), plan: plan,
		Search: search.New(search.Plan{Start: o.Start, Most: o.Most, Within: within, Settle: o.Settle, Hold: o.Hold, Confirm: o.Confirm}),
	}
	var q queueOptions
	if err := m.settings.Read(nil, &q); err != nil {
		return nil, err
	}
	f.source = queue.Source(q)
	f.source.Timeout = lookTime
	return f, nil
}

// find makes probes until there is an answer, or no time for another probe.
func (f *finder) find() error {
	f.process.meter.Recorder.StopWhen(capacity.StopRule{}) // a probe that breaks ends by itself
	f.report(capacity.SearchStopped)
	if err := f.rest(); err != nil {
		return err
	}
	for {
		p, more := f.Next(time.Until(f.deadline), f.slowest)
		if !more {
			f.report(f.ended())
			return nil
		}
		came, end, err := f.probe(p)
		if err != nil {
			return err
		}
		f.Observe(p, came)
		f.report(capacity.SearchStopped)
		if came != search.Held && !f.recovers() {
			ended := f.ended()
			if came != search.Unknown { // of the system's slowness, and not the generator's
				ended = fmt.Sprintf("after %v/s the system did not recover", p.Rate)
			}
			f.report(ended)
			return nil
		}
		f.slowest = max(f.slowest, time.Since(end))
	}
}

// ended tells why there is no other probe.
func (f *finder) ended() string {
	if f.flushing {
		return "a flush of the last taps did not end, so that nobody knows whether flushes keep up"
	}
	return capacity.SearchNoTime
}

// report stores what is known so far, for the report.
func (f *finder) report(ended string) {
	latest := found{scenario: f.scenario, Search: capacity.Search{Confirmed: f.Confirmed(), Seconds: time.Since(f.began).Seconds()}}
	if low := f.Low(); low > 0 {
		latest.Low = &low
	}
	if high, unknown := f.High(); high > 0 {
		latest.High, latest.Unknown = &high, unknown
	}
	if !latest.Confirmed {
		latest.Ended = ended
	}
	f.process.finding.set(latest)
}

// probe holds a rate, waits until the outcome of all its taps is known, and judges it. end is when its load ended.
func (f *finder) probe(p search.Probe) (came search.Outcome, end time.Time, err error) {
	recorder := &f.process.meter.Recorder
	const ahead = 50 * time.Millisecond // of the iteration that is to make its first tap
	from := time.Now().Add(ahead)
	recorder.Extend(f.scenario, f.began, from, p.Rate, p.Settle, p.Hold)
	f.process.finding.begin(p, from, lane.Plateau{Name: capacity.NameOf(p.Rate), Scenario: f.scenario, Began: f.began})
	if err := f.until(from.Add(p.Settle)); err != nil {
		return 0, end, err
	}
	f.glance()
	if end, err = f.hold(p, from.Add(p.Lasts())); err != nil {
		return 0, end, err
	}
	f.glance()
	if err := f.answered(); err != nil {
		return 0, end, err
	}
	if err := f.cleared(p, from, end); err != nil {
		return 0, end, err
	}
	judged := f.judge(f.latest())
	f.tell(judged)
	came = outcome(judged)
	if came == search.Held && f.flushing {
		came = search.Unknown
	}
	return came, end, nil
}

// lookAfter is the interval of checks during a confirmation.
const lookAfter = time.Second

// hold waits for the end of a probe's load. A confirmation ends early when a limit can no longer hold.
func (f *finder) hold(p search.Probe, end time.Time) (time.Time, error) {
	for p.Confirms && time.Until(end) > lookAfter {
		if err := f.until(time.Now().Add(lookAfter)); err != nil {
			return end, err
		}
		if outcome(f.judge(f.latest().AtBest())) > search.Held {
			end = time.Now()
			f.process.finding.begin(search.Probe{}, end, lane.Plateau{})
			f.process.meter.Recorder.Cut(f.scenario, f.began, end)
			return end, nil
		}
	}
	return end, f.until(end)
}

// latest returns what has been measured of the latest probe so far.
func (f *finder) latest() capacity.Measured {
	return f.process.meter.Recorder.Latest(f.scenario, f.began, f.process.finding.load.Skipped())
}

// judge judges a probe by the limits of the run.
func (f *finder) judge(measured capacity.Measured) *capacity.Plateau {
	report := capacity.Judge(measured, f.limits(), nil)
	if len(report.Plateaus) == 0 {
		return &capacity.Plateau{Judgement: capacity.Judgement{Status: capacity.NoData}}
	}
	p := &report.Plateaus[0]
	if suspected := p.Suspected(f.limits()); suspected != nil && p.Status == capacity.Pass {
		p.Status, p.Breaches = suspected.Status, append(p.Breaches, *suspected)
	}
	return p
}

// outcome returns what a judgement means for the search.
func outcome(p *capacity.Plateau) search.Outcome {
	switch p.Status {
	case capacity.Pass:
		return search.Held
	case capacity.Warn, capacity.Fail:
		if slices.ContainsFunc(p.Breaches, farPast) {
			return search.Collapsed
		}
		return search.Broke
	}
	return search.Unknown
}

// farPast reports whether a limit is broken by more than a stalled machine explains.
func farPast(b capacity.Breach) bool {
	return b.Status == capacity.Fail && b.Value >= 3*b.Limit || b.Part == capacity.Hub && b.Status == capacity.Warn && b.Value >= 2*b.Limit
}

// tell logs the result of a probe.
func (f *finder) tell(judged *capacity.Plateau) {
	said := fmt.Sprintf("%s · for %s s", capacity.Progress{Plateau: judged}, units.Rate(units.Significant(judged.Seconds, 3)))
	if len(judged.Breaches) > 0 {
		said += " · " + judged.Breaches[0].String()
	}
	f.logger().Info("findCapacity: " + said)
}

// answered waits for the answers to all taps under way.
func (f *finder) answered() error {
	for f.process.finding.load.Open() > 0 {
		if err := f.until(time.Now().Add(lookEvery)); err != nil {
			return err
		}
	}
	return nil
}

// lookEvery is the interval of checks while the system recovers.
const lookEvery = 50 * time.Millisecond

// cleared waits until the system has received and recorded all taps. How much longer that takes than after other probes shows how much the
// queue has grown. Flushes report only when they end, so a difference shorter than a flush means nothing.
func (f *finder) cleared(p search.Probe, from, end time.Time) error {
	took, err := f.settled(end)
	if err != nil || took == 0 {
		return err
	}
	if f.quickest == 0 || took < f.quickest {
		f.quickest = took
	}
	over, loaded := max(0, took-f.quickest-f.process.meter.Recorder.FlushCycle()).Seconds(), end.Sub(from).Seconds()
	f.process.meter.Recorder.Grew(f.scenario, f.began, p.Rate*over/(loaded+over))
	return nil
}

// settled waits until the system is at rest again, and returns how long after end its queue was. It returns 0 when it didn't see that, because
// time is up or nobody flushes, and when no queue is configured.
func (f *finder) settled(end time.Time) (time.Duration, error) {
	if !f.source.Configured() {
		return 0, nil
	}
	last, moved, emptied := capacity.Reading{}, time.Now(), time.Time{}
	for time.Now().Before(f.deadline) {
		reading, _, err := f.read(f.source)
		now := time.Now()
		if err != nil || !reading.Same(last) {
			moved = now
		}
		switch {
		case err != nil:
		case !f.emptied(reading):
			emptied = time.Time{}
		case emptied.IsZero():
			emptied = now
		}
		if err == nil {
			last = reading
			if !emptied.IsZero() && f.arrived(reading) || now.Sub(moved) >= f.quiet(reading) {
				break
			}
		}
		if err := f.until(now.Add(lookEvery)); err != nil {
			return 0, err
		}
	}
	if last.Asked.IsZero() {
		return 0, nil
	}
	recorder := &f.process.meter.Recorder
	recorder.Settle(time.Now(), last, true, emptied.IsZero())
	f.flushing = f.inFlush(last)
	last.Redirected = recorder.Redirected()
	f.before = &last
	if emptied.IsZero() {
		return 0, nil
	}
	return emptied.Sub(end), nil
}

// quiet is how long nothing must change before nothing will: a flush counts what it has taken only when it ends.
func (f *finder) quiet(r capacity.Reading) time.Duration {
	if f.inFlush(r) {
		return longestFlush
	}
	return quietTime
}

// inFlush reports whether a flush has taken taps that it has not counted yet. What Redis held when it lost everything is in no flush.
func (f *finder) inFlush(r capacity.Reading) bool {
	return r.Taken() > f.before.Taken() && f.process.meter.Recorder.Resets() == 0
}

// emptied reports whether no more taps are waiting or in a flush than before.
func (f *finder) emptied(r capacity.Reading) bool {
	return r.Waiting <= f.before.Waiting && r.Taken() <= f.before.Taken()
}

// arrived reports whether no more redirected taps are missing in the system's counters than before.
func (f *finder) arrived(r capacity.Reading) bool {
	return r.Received-f.before.Received >= f.process.meter.Recorder.Redirected()-f.before.Redirected
}

// rest measures the system without load.
func (f *finder) rest() error {
	latency, err := f.latency()
	if err != nil {
		return err
	}
	f.calm = latency
	if !f.source.Configured() {
		return nil
	}
	reading, _, err := f.read(f.source)
	reading.Redirected = f.process.meter.Recorder.Redirected()
	f.before = &reading
	return err
}

// recovers waits until taps are answered as fast as before the load, and reports whether that happened in time.
func (f *finder) recovers() bool {
	for time.Now().Before(f.deadline) {
		latency, err := f.latency()
		if err != nil {
			return false
		}
		if latency <= 2*f.calm+lookEvery/5 {
			return true
		}
	}
	return false
}

// latency returns the median latency of a few successive taps.
func (f *finder) latency() (time.Duration, error) {
	const few = 5
	var latencies []time.Duration
	for range few {
		r, err := f.tapRequest(f.plan, 1)
		if err != nil {
			return 0, err
		}
		result := f.plan.target.Do(f.vu.Context(), f.vu.State(), r)
		counted := f.meter.Taps(1, 1, f.plan.parts)
		f.tapped(&counted, result)
		counted.Push()
		latencies = append(latencies, result.Latency())
		if err := f.until(time.Now().Add(lookEvery)); err != nil {
			return 0, err
		}
	}
	slices.Sort(latencies)
	return latencies[few/2], nil
}
