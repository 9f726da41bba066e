// Package meter counts each event of a run once: as k6's samples, and in the [capacity.Recorder] that the verdict is based on. An event is
// a value, such as a tap's result or a flush, which its primitive hands over when it has ended.
package meter

import (
	"strings"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/audit"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
)

// Process is what the meters of one k6 process share.
type Process struct {
	Recorder  capacity.Recorder
	execution atomic.Pointer[lib.ExecutionState]
	probe     lagProbe
}

// Stopped reports whether k6 was stopped before the end of the run: by a signal, a threshold or the script.
func (p *Process) Stopped() bool {
	execution := p.execution.Load()
	return execution != nil && execution.GetCurrentExecutionStatus() == lib.ExecutionStatusInterrupted
}

// Meter counts what one VU does.
type Meter struct {
	vu      modules.VU
	process *Process
	metrics *Metrics

	tags      map[*lane.Target]*tapTags // of each target's last tap: the next one usually has the same
	iteration int64                     // of the last tap, from 1

	scenario *lib.ScenarioState // of the last tap
	carried  int                // taps that its iteration carries
	schedule capacity.Schedule  // of that scenario, if its arrival rate ramps
}

// New returns a VU's meter.
func New(vu modules.VU, process *Process, registered *Metrics) *Meter {
	return &Meter{vu: vu, process: process, metrics: registered, tags: make(map[*lane.Target]*tapTags)}
}

// Query is one request of an admin, with several queries if it is a batch.
type Query struct {
	Procedures string // separated by commas
	Took       time.Duration
	Count      int
	Failures   []string // how queries failed, such as "analytics.kpis: BAD_REQUEST"
	Rows       int      // of an export
	Bytes      int      // of data
}

// export reports whether a procedure of the request is an export.
func (q Query) export() bool {
	for procedure := range strings.SplitSeq(q.Procedures, ",") {
		if name := procedure[strings.LastIndexByte(procedure, '.')+1:]; strings.HasPrefix(name, "export") {
			return true
		}
	}
	return false
}

// Query counts a request of an admin, and reports whether it did: one that was never sent says nothing about the system. Only accepted
// answers have a latency, because a refusal is fast, and an empty export is not an export.
func (m *Meter) Query(q Query) bool {
	if q.Took == 0 || m.over() {
		return false
	}
	counted := capacity.Query{
		Began: time.Now().Add(-q.Took), Took: q.Took, Export: q.export(), Procedures: q.Procedures, Queries: int64(q.Count), Failed: int64(len(q.Failures)),
		Failures: q.Failures, Empty: q.Rows == 0, Rows: int64(q.Rows), Bytes: int64(q.Bytes),
	}
	if counted.Timed() {
		latency := m.metrics.analyticsLatency
		if counted.Export {
			latency = m.metrics.exportLatency
		}
		m.emit(latency, metrics.D(q.Took), "procedure", q.Procedures)
	}
	for i := range q.Count {
		m.emit(m.metrics.errorRate, rate(i < len(q.Failures)), "part", capacity.Admin)
	}
	m.process.Recorder.Query(counted)
	return true
}

// Flush counts a flush that has just ended, and reports whether it was counted.
func (m *Meter) Flush(f capacity.Flush) bool {
	if m.over() {
		return false
	}
	f.Ended = time.Now()
	m.emit(m.metrics.cronErrors, rate(f.Failed || !f.Answered))
	m.process.Recorder.Flush(f)
	if f.Answered {
		m.emit(m.metrics.cronFlushed, float64(f.Flushed))
		m.emit(m.metrics.cronDropped, float64(f.Dropped))
		m.emit(m.metrics.cronDropRate, m.process.Recorder.DropRate())
		m.emit(m.metrics.queueDepth, float64(f.Remaining))
	}
	return true
}

// QueueSample counts a look at the queue that has just ended, and reports whether it was counted.
func (m *Meter) QueueSample(s capacity.QueueSample) bool {
	if m.over() {
		return false
	}
	s.At = time.Now()
	m.emit(m.metrics.errorRate, rate(s.Failed), "part", capacity.Upstash)
	m.process.Recorder.QueueSample(s)
	if !s.Failed {
		m.emit(m.metrics.queueDepth, float64(s.Depth))
	}
	if s.Reading != nil {
		m.lost()
	}
	return true
}

// Settle counts the reading at the end of a run (see [capacity.Recorder.Settle]).
func (m *Meter) Settle(r capacity.Reading, settled, flushing bool) {
	if m.over() {
		return
	}
	m.process.Recorder.Settle(time.Now(), r, settled, flushing)
	m.emit(m.metrics.queueDepth, float64(r.Waiting))
	m.lost()
}

// lost tells k6 which share of the taps has been lost so far.
func (m *Meter) lost() {
	l := m.process.Recorder.Ledger()
	if l == nil || l.Received > l.Redirected { // taps of others hide it
		return
	}
	if lost, redirected := l.Loss(); redirected > 0 {
		m.emit(m.metrics.tapsLost, float64(lost)/float64(redirected))
	}
}

// Refused tells k6 of taps that were asked for and can't be made: each is an error. The recorder counts taps that were made.
func (m *Meter) Refused(taps int) {
	for range taps {
		m.emit(m.metrics.errorRate, rate(true), "part", capacity.Worker)
	}
}

// Capacity tells k6 the rate that a search has confirmed.
func (m *Meter) Capacity(rate float64) { m.emit(m.metrics.capacity, rate) }

// UpstashRequest counts a request to Upstash, unless it was never sent.
func (m *Meter) UpstashRequest(took time.Duration) {
	if took > 0 && !m.over() {
		m.emit(m.metrics.upstashLatency, metrics.D(took))
	}
}

// Audit counts what an audit found.
func (m *Meter) Audit(o *audit.Outcome) {
	own := m.metrics.audit
	m.emit(own.recorded, float64(o.Once))
	m.emit(own.lost, float64(o.Lost.Count))
	m.emit(own.duplicated, float64(o.DuplicateRows))
	m.emit(own.otherEvent, float64(o.OtherEvent.Count))
	m.emit(own.otherMode, float64(o.OtherMode.Count))
	m.emit(own.unexpected, float64(o.Unexpected.Count))
}

// GoalHeld tells k6 whether the run holds its goal, as far as is known now.
func (m *Meter) GoalHeld(held bool) { m.emit(m.metrics.goalHeld, rate(held)) }

// over reports whether the VU was cut off: k6 counts nothing from then on, and neither do we. It is called for every event, so it also
// notes the execution.
func (m *Meter) over() bool {
	if m.process.execution.Load() == nil {
		m.process.execution.Store(lib.GetExecutionState(m.vu.Context()))
	}
	return m.vu.Context().Err() != nil
}

// emit pushes one sample with the VU's tags and the given name, value pairs.
func (m *Meter) emit(metric *metrics.Metric, value float64, tags ...string) {
	state := m.vu.State()
	current := state.Tags.GetCurrentValues()
	for i := 0; i < len(tags); i += 2 {
		current.SetTag(tags[i], tags[i+1]) // #nosec G602 -- in pairs
	}
	metrics.PushIfNotDone(m.vu.Context(), state.Samples, metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: metric, Tags: current.Tags},
		Time:       time.Now(),
		Metadata:   current.Metadata,
		Value:      value,
	})
}

// TapBegins makes the probe measure the generator's lag from the first tap on, even before that is answered.
func (m *Meter) TapBegins() { m.process.probe.want(&m.process.Recorder) }

// Plateau returns a tap's current place in its scenario's schedule, if an iteration carries this many taps. Scenarios whose arrival rate
// does not ramp have none, nor do setup() and teardown().
func (m *Meter) Plateau(taps int) lane.Plateau {
	scenario := lib.GetScenarioState(m.vu.Context())
	if scenario == nil {
		return lane.Plateau{}
	}
	if m.scenario != scenario || m.carried != taps {
		m.enter(scenario, taps)
	}
	if m.schedule == nil {
		return lane.Plateau{}
	}
	name, stage, tenth := m.schedule.At(time.Since(scenario.StartTime))
	return lane.Plateau{Name: name, Stage: stage, Tenth: tenth, Scenario: scenario.Name, Began: scenario.StartTime}
}

// Jump returns the rate, in taps a second of this process, that the schedule jumps to after the stage of the VU's last tap, and when; ok is
// false if it does not jump to a higher one.
func (m *Meter) Jump(p lane.Plateau) (rate float64, begins time.Time, ok bool) {
	rate, at, ok := m.schedule.Jump(p.Stage)
	return rate * float64(m.carried) * m.vu.State().Options.ExecutionSegment.FloatLength(), p.Began.Add(at), ok
}

// enter reads the schedule of the scenario that the VU has begun to run, as k6 executes it: an archive, a configuration file or an option
// may differ from what the script's init context had.
func (m *Meter) enter(scenario *lib.ScenarioState, taps int) {
	m.scenario, m.carried, m.schedule = scenario, taps, nil
	if ramping, ok := m.vu.State().Options.Scenarios[scenario.Name].(*executor.RampingArrivalRateConfig); ok {
		m.schedule = ScheduleOf(ramping).Carrying(taps)
		m.process.Recorder.Schedule(scenario.Name, m.schedule)
	}
}

// ScheduleOf returns the schedule of a scenario, in which each rate that is held settles first.
func ScheduleOf(ramping *executor.RampingArrivalRateConfig) capacity.Schedule {
	schedule, unit := capacity.Schedule{}, ramping.TimeUnit.TimeDuration().Seconds()
	rate := float64(ramping.StartRate.Int64) / unit
	for _, stage := range ramping.Stages {
		target := float64(stage.Target.Int64) / unit
		schedule, rate = schedule.Then(rate, target, stage.Duration.TimeDuration()), target
	}
	return schedule.Settling()
}
