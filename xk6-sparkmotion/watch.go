package sparkmotion

import (
	"errors"
	"fmt"
	"sync"

	"go.k6.io/k6/v2/lib"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/ports"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// runOptions are the settings of a whole run.
type runOptions struct {
	Stop        capacity.StopRule `js:"stop" env:"STOP" default:"errors:0.5,window:10s"`
	AbortOnFail bool              `js:"abortOnFail" env:"ABORT_ON_FAIL"`
	Goal        float64           `js:"goal" env:"GOAL" above:"0"`
}

// runSettings are read by the first VU, in the init context, so that errors in them appear before any load.
type runSettings struct {
	once sync.Once
	runOptions
	err error
}

func (r *runSettings) read(reader *settings.Reader) error {
	r.once.Do(func() { r.err = reader.Read(nil, &r.runOptions) })
	return r.err
}

// mark gets the place of each tap in its scenario's schedule, and where it went. The first tap of each stage, and of each tenth of a plateau,
// starts a check of what is known so far, once per process.
func (m *module) mark(p lane.Plateau, target *lane.Target) {
	if p == m.marked {
		return
	}
	m.marked = p
	if p.Name != "" && m.vu.Context().Err() == nil {
		m.process.marks.once(fmt.Sprint(p.Scenario, " ", p.Stage, " ", p.Tenth), func() {
			m.watch(p)
			m.warm(p, target)
		})
	}
}

// warm has connections opened ahead of the jump that follows a plateau.
func (m *module) warm(p lane.Plateau, target *lane.Target) {
	if p.Tenth != warmTenth {
		return
	}
	if rate, begins, ok := m.meter.Jump(p); ok {
		target.Warm(m.vu.Context(), m.vu.State(), rate, begins)
	}
}

// watch logs what has changed. A stage begins with a reading of the system's counters, so that losses are reported for the plateau that had
// them.
func (m *module) watch(p lane.Plateau) {
	if p.Tenth > 0 {
		m.alert(p.Scenario, p.Stage)
	} else {
		m.glance()
		for stage := range p.Stage {
			m.process.plateausTold.once(stageKey(p.Scenario, stage), func() { m.tellPlateau(p.Scenario, stage) })
		}
	}
	if p.Tenth == 0 || p.Tenth == lastTenth { // by which a plateau counts as held: no tap may come after it
		m.holdsGoal()
	}
}

// watchPorts warns when connections leave this machine few ports, and ends the run before there is none: taps that can't be sent would pass
// for taps that failed.
func (m *module) watchPorts(r *lane.Result) {
	if ports.RanOut(r.Err) {
		m.process.meter.Recorder.Stop("This machine had no port left for a connection, and ended the run: " + r.Failure().Advice + ".")
		return
	}
	if !r.Dialed {
		return
	}
	use, ok := m.process.ports.Opened(r.Opened, r.Ended)
	switch {
	case !ok || !use.Short():
	case use.Out():
		m.process.meter.Recorder.Stop("This machine ended the run before it had no port left: " + use.String() + ".")
	default:
		m.process.notices.once("ports", func() { m.logger().Warn("Ports run short: " + use.String() + ". At 90 % the run ends.") })
	}
}

const (
	warmTenth = 5 // early enough in a plateau of seconds
	lastTenth = 9
)

func stageKey(scenario string, stage int) string { return fmt.Sprint(scenario, " ", stage) }

// alert logs what is wrong with a plateau so far, each kind once per process.
func (m *module) alert(scenario string, stage int) {
	if now, ok := m.progress(scenario, stage); ok {
		m.tellAlerts(now)
	}
}

func (m *module) tellAlerts(now capacity.Progress) {
	for _, alert := range now.Alerts() {
		m.process.notices.once("alert "+now.Scenario+" "+alert.Kind, func() { m.logger().Warn(alert.Text) })
	}
}

// tellPlateau logs a plateau that has ended. With ABORT_ON_FAIL, a failed plateau is the last.
func (m *module) tellPlateau(scenario string, stage int) {
	now, ok := m.progress(scenario, stage)
	if !ok {
		return
	}
	m.tellAlerts(now)
	m.tellEnded(now)
	if reason := now.Failure(); reason != "" && m.process.settings.AbortOnFail {
		m.process.meter.Recorder.Stop(reason)
	}
}

func (m *module) tellEnded(now capacity.Progress) {
	log := m.logger().Info
	if now.Status != capacity.Pass {
		log = m.logger().Warn
	}
	log(now.String())
}

// tellRest logs the plateaus after which there was no tap, as in the report.
func (m *module) tellRest(r *capacity.Report) {
	for _, now := range r.Progress() {
		m.process.plateausTold.once(stageKey(now.Scenario, now.Stage), func() { m.tellEnded(now) })
	}
}

func (m *module) progress(scenario string, stage int) (capacity.Progress, bool) {
	options := m.vu.State().Options
	shares, _ := m.shares(options)
	return m.process.meter.Recorder.Progress(capacity.Ask{
		Segment: options.ExecutionSegment.String(), Shares: shares, Scenario: scenario, Stage: stage, Limits: m.limits(),
		Goal: m.process.settings.Goal,
	})
}

// holdsGoal tells k6 whether the goal holds, by what is known now.
func (m *module) holdsGoal() {
	if m.process.settings.Goal > 0 && m.vu.State() != nil {
		m.meter.GoalHeld(capacity.Judge(m.measured(nil), m.limits(), nil).HoldsGoal())
	}
}

// ending returns the error that ends the run, if there is a reason to, once per process.
func (m *module) ending() error {
	reason := m.process.meter.Recorder.Stopped()
	if reason == "" || m.vu.Context().Err() != nil || lib.GetScenarioState(m.vu.Context()) == nil || m.process.ending.Swap(true) {
		return nil //nolint:nilerr // k6 has ended the VU already
	}
	return fatal{errors.New(reason)}
}
