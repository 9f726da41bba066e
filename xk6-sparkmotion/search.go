package sparkmotion

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/search"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

type findOptions struct {
	Start   float64       `js:"start" default:"100"`
	Most    float64       `js:"most" default:"50000"`
	Settle  time.Duration `js:"settle" default:"2s" above:"0"`
	Hold    time.Duration `js:"hold" default:"6s" above:"0"`
	Confirm time.Duration `js:"confirm" default:"2m" above:"0"`
	Time    time.Duration `js:"time" default:"6m" above:"0"`
}

// within is by how much the rate that breaks may be above the one that holds: less than the 5 % that the answer is good for, as the
// confirmation may come back by one step.
const within = 0.04

// finding is the search of a process: findCapacity() leads it, and probeTaps() makes its taps.
type finding struct {
	load search.Load

	mu     sync.Mutex
	probed probed
	latest *found
}

// probed is the probe that taps are made for.
type probed struct {
	lane.Plateau
	judged time.Time // from when on
}

// found is what a search has come to so far.
type found struct {
	capacity.Search
	scenario string
}

func (f *finding) found() *found {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest
}

func (f *finding) set(latest found) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = &latest
}

func (f *finding) begin(p search.Probe, at time.Time, place lane.Plateau) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.probed = probed{place, at.Add(p.Settle)}
	f.load.Begin(p, at)
}

// place is that of a tap by when it is due.
func (f *finding) place(due time.Time, number int64) lane.Plateau {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.probed.Plateau
	if due.Before(f.probed.judged) {
		p.Name = capacity.RampUp
	}
	p.Number = number + 1
	return p
}

// probeTaps makes the taps that findCapacity() asks for in the time that an iteration of an arrival-rate scenario stands for, and returns
// how many were redirected. Each is due at its own moment, whatever became of those before it.
func (m *module) probeTaps(call sobek.FunctionCall) (any, error) {
	p, err := m.tapPlan(call.Argument(0))
	if err != nil {
		return nil, err
	}
	period := lane.Period(m.vu.Context(), &m.vu.State().Options)
	switch {
	case m.vu.State().Options.ExecutionSegment.FloatLength() < 1:
		return nil, errShared
	case p.options.Audit:
		return nil, errors.New("an audit taps each band once: make its taps by tap({ audit: true, band })")
	case period == 0:
		return nil, errors.New("it takes a scenario with an arrival rate: each iteration makes the taps of the time that it stands for")
	}
	f := &m.process.finding
	batch := f.load.Claim(time.Now(), period, maxTaps)
	if batch.N == 0 {
		return 0, nil
	}
	defer f.load.Done(batch.N)
	made := 0
	return m.pace(p, lane.Pacer{N: batch.N, Period: batch.Step * time.Duration(batch.N), First: batch.First}, func(r *lane.Request) {
		r.Plateau = f.place(batch.Due(made), batch.Number+int64(made))
		made++
	})
}

// findCapacity finds the highest rate at which every limit holds: it has probeTaps() double the rate until one breaks, comes back, bisects,
// and holds the answer to confirm it. It returns {rate, low, high} when it is done, or time is up: rate is null without an answer. Call it once, from a
// scenario of one virtual user and one iteration.
func (m *module) findCapacity(call sobek.FunctionCall) (any, error) {
	var o findOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	f, err := m.finder(o)
	if err != nil {
		return nil, err
	}
	if err := f.find(); err != nil {
		return nil, err
	}
	latest := m.process.finding.found()
	var rate, low, high any
	if latest.Low != nil {
		low = *latest.Low
	}
	if latest.High != nil {
		high = *latest.High
	}
	if latest.Confirmed {
		rate = low
		m.meter.Capacity(*latest.Low)
	}
	return object(m.vu.Runtime(), "rate", rate, "low", low, "high", high)
}

// errShared ends a run of which this process has a part alone.
var errShared = fatal{errors.New("several processes can't share a search: none of them sees what the others' taps come to. " +
	"Run it without --execution-segment; e2e-load.js is what they share")}

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
	slowest  time.Duration     // that it took from a probe's load to the next
	lookTime time.Duration     // between two looks at a confirmation: what breaks sooner may be a stall that the whole outweighs
}

func (m *module) finder(o findOptions) (*finder, error) {
	state, scenario := m.vu.State(), lib.GetScenarioState(m.vu.Context())
	switch {
	case state == nil || scenario == nil:
		return nil, errors.New("call it from a scenario of one virtual user and one iteration")
	case state.Options.ExecutionSegment.FloatLength() < 1:
		return nil, errShared
	case !(o.Start >= 1 && o.Start <= o.Most):
		return nil, fmt.Errorf("option start is the first rate, from 1 to most taps/s, got %v", o.Start)
	}
	plan, err := m.tapPlan(nil)
	if err != nil {
		return nil, err
	}
	f := &finder{
		module: m, scenario: scenario.Name, began: time.Now(), deadline: time.Now().Add(o.Time), plan: plan, lookTime: o.Confirm / 4,
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

// find makes probes until there is an answer, or no time for another.
func (f *finder) find() error {
	f.report("it was stopped")
	if err := f.rest(); err != nil {
		return err
	}
	for {
		p, more := f.Next(time.Until(f.deadline), f.slowest)
		if !more {
			f.report("there was no time for more")
			return nil
		}
		came, end, err := f.probe(p)
		if err != nil {
			return err
		}
		f.Observe(p, came)
		f.report("it was stopped")
		if came != search.Held && !f.recovers() {
			f.report(fmt.Sprintf("after %v/s the system did not come back to what it was", p.Rate))
			return nil
		}
		f.slowest = max(f.slowest, time.Since(end))
	}
}

// report leaves what is known for the report.
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

// probe has a rate held, waits until all that came of it is known, and judges it; end is when its load did.
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
	judged := f.judge()
	f.tell(p, judged)
	return outcome(judged), end, nil
}

// hold waits for the end of a probe's load. That of a confirmation comes when a limit has broken.
func (f *finder) hold(p search.Probe, end time.Time) (time.Time, error) {
	for p.Confirms && time.Until(end) > f.lookTime {
		if err := f.until(time.Now().Add(f.lookTime)); err != nil {
			return end, err
		}
		if outcome(f.judge()) == search.Broke {
			end = time.Now()
			f.process.finding.begin(search.Probe{}, end, lane.Plateau{})
			f.process.meter.Recorder.Cut(f.scenario, f.began, end)
			return end, nil
		}
	}
	return end, f.until(end)
}

// judge judges the latest probe by the limits of the run, so far.
func (f *finder) judge() *capacity.Plateau {
	measured := f.process.meter.Recorder.Latest(f.scenario, f.began, f.process.finding.load.Skipped())
	report := capacity.Judge(measured, f.limits(), nil)
	if len(report.Plateaus) == 0 {
		return &capacity.Plateau{Judgement: capacity.Judgement{Status: capacity.NoData}}
	}
	return &report.Plateaus[0]
}

// outcome is what a judgement means to the search.
func outcome(p *capacity.Plateau) search.Outcome {
	switch p.Status {
	case capacity.Pass:
		return search.Held
	case capacity.Warn, capacity.Fail:
		return search.Broke
	}
	return search.Unknown
}

// tell logs what came of a probe.
func (f *finder) tell(p search.Probe, judged *capacity.Plateau) {
	why := ""
	if outcome(judged) == search.Broke {
		why = ": " + judged.Breaches[0].String()
	}
	f.logger().Infof("findCapacity: %s taps/s for %s s, %s%s", capacity.NameOf(p.Rate), units.Rate(units.Significant(judged.Seconds, 3)), judged.Status, why)
}

// answered waits for the taps that are under way.
func (f *finder) answered() error {
	for f.process.finding.load.Open() > 0 {
		if err := f.until(time.Now().Add(lookEvery)); err != nil {
			return err
		}
	}
	return nil
}

// lookEvery is between two looks at what must come back.
const lookEvery = 50 * time.Millisecond

// cleared waits until the system has received all taps and recorded them. How much longer that takes than after other probes is what the
// queue has grown by: flushes tell what they did only when they end.
func (f *finder) cleared(p search.Probe, from, end time.Time) error {
	took, err := f.settled(end)
	if err != nil || took == 0 {
		return err
	}
	if f.quickest == 0 || took < f.quickest {
		f.quickest = took
	}
	over, loaded := (took - f.quickest).Seconds(), end.Sub(from).Seconds()
	f.process.meter.Recorder.Grew(f.scenario, f.began, p.Rate*over/(loaded+over))
	return nil
}

// settled waits for the system to be at rest as it was, and returns how long after a time that was; 0 when nothing moves any more
// before it is, as taps are lost or nobody flushes, and when no queue is configured.
func (f *finder) settled(end time.Time) (time.Duration, error) {
	if !f.source.Configured() {
		return 0, nil
	}
	recorder := &f.process.meter.Recorder
	last, moved := capacity.Reading{}, time.Now()
	for {
		reading, _, err := f.read(f.source)
		now := time.Now()
		switch back := f.back(reading); {
		case err != nil:
			moved = now
		case back, reading.Same(last) && now.Sub(moved) >= quietTime, now.After(f.deadline):
			recorder.Settle(now, reading, true)
			reading.Redirected = recorder.Redirected()
			f.before = &reading
			if !back {
				return 0, nil
			}
			return now.Sub(end), nil
		case !reading.Same(last):
			last, moved = reading, now
		}
		if err := f.until(time.Now().Add(lookEvery)); err != nil {
			return 0, err
		}
	}
}

// back reports whether no tap is under way that was not before, and no more wait.
func (f *finder) back(r capacity.Reading) bool {
	if f.before == nil {
		return false
	}
	r.Redirected = f.process.meter.Recorder.Redirected()
	b := f.before
	return r.Received-b.Received >= r.Redirected-b.Redirected && r.Waiting <= b.Waiting &&
		r.Received-r.Flushed-r.Dropped-r.Waiting <= b.Received-b.Flushed-b.Dropped-b.Waiting
}

// rest learns what the system is like without load.
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

// recovers waits until taps are answered as fast as before load, and reports whether they were in time.
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

// latency is the median of a few taps, one after another.
func (f *finder) latency() (time.Duration, error) {
	const few = 5
	var latencies []time.Duration
	for range few {
		r, err := f.tapRequest(f.plan)
		if err != nil {
			return 0, err
		}
		result := f.plan.target.Do(f.vu.Context(), f.vu.State(), r)
		counted := f.meter.Taps(1)
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

// until waits for a time, or the run's end.
func (f *finder) until(at time.Time) error {
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-f.vu.Context().Done():
		return f.vu.Context().Err()
	}
}
