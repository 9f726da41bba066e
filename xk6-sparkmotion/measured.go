package sparkmotion

import (
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
)

// measured returns what the recorder has for the scenarios that k6 executed, and k6's own figures for the process. During a run there is no
// data from k6.
func (m *module) measured(data *sobek.Object) capacity.Measured {
	var options lib.Options
	if state := m.vu.State(); state != nil {
		options = state.Options
	}
	shares, climbing := m.shares(options)
	search := m.process.finding.found()
	if search != nil {
		shares = append([]capacity.Share{{Scenario: search.scenario, Of: 1}}, shares...)
	}
	measured := m.process.meter.Recorder.Measured(options.ExecutionSegment.String(), shares)
	measured.Climbing, measured.Goal, measured.Poisson = climbing, m.process.settings.Goal, m.process.poisson.Load()
	process := &measured.Processes[0]
	process.Dropped, process.RPS = droppedIterations(data), options.RPS.Int64
	if search != nil {
		skipped := m.process.finding.load.Skipped()
		measured.Search, process.Dropped = &search.Search, &skipped
		measured.Goal = 0 // probes are not a run's plateaus
	}
	if m.process.meter.Stopped() {
		process.Stopped = &capacity.Stop{Planned: planned(options.Scenarios).Seconds(), Reason: m.process.meter.Recorder.Stopped()}
		if data == nil {
			return measured
		}
		if ms := k6Data(data, "state", "testRunDurationMs"); ms != nil {
			process.Stopped.After = ms.ToFloat() / 1000
		}
	}
	return measured
}

// droppedIterations returns k6's own count, or nil if its data has no metrics. k6 leaves out metrics that counted nothing.
func droppedIterations(data *sobek.Object) *int64 {
	if data == nil || k6Data(data, "metrics") == nil {
		return nil
	}
	dropped := int64(0)
	if count := k6Data(data, "metrics", "dropped_iterations", "values", "count"); count != nil {
		dropped = count.ToInteger()
	}
	return &dropped
}

// shares returns this process's share of the arrival rates of each scenario with plateaus, in k6's order: by start, then by name. climbing
// are the scenarios whose rate ramps without a plateau.
func (m *module) shares(options lib.Options) (shares []capacity.Share, climbing []string) {
	for _, scenario := range options.Scenarios.GetSortedConfigs() {
		ramping, ok := scenario.(*executor.RampingArrivalRateConfig)
		if !ok {
			continue
		}
		schedule := meter.ScheduleOf(ramping)
		if len(schedule.Plateaus()) == 0 {
			climbing = append(climbing, ramping.GetName())
			continue
		}
		m.process.meter.Recorder.Schedule(ramping.GetName(), schedule)
		shares = append(shares, capacity.Share{Scenario: ramping.GetName(), Of: shareOfRates(ramping, options)})
	}
	return shares, climbing
}

// shareOfRates returns this process's share of a scenario's arrival rates, by its execution segment. k6 splits iterations in the same
// proportion as virtual users, which are whole: a third of 20 is 7 or 6, and that many twentieths of the iterations.
func shareOfRates(ramping *executor.RampingArrivalRateConfig, options lib.Options) float64 {
	tuple, err := lib.NewExecutionTuple(options.ExecutionSegment, options.ExecutionSegmentSequence)
	if err != nil {
		return options.ExecutionSegment.FloatLength()
	}
	most := max(ramping.MaxVUs.Int64, ramping.PreAllocatedVUs.Int64)
	return float64(tuple.ScaleInt64(most)) / float64(most)
}

// planned returns how long the scenarios should take, without gracefulStop, or 0 if one of them ends with its last iteration.
func planned(scenarios lib.ScenarioConfigs) time.Duration {
	longest := time.Duration(0)
	for _, scenario := range scenarios {
		var lasts time.Duration
		switch c := scenario.(type) {
		case *executor.ConstantArrivalRateConfig:
			lasts = c.Duration.TimeDuration()
		case *executor.ConstantVUsConfig:
			lasts = c.Duration.TimeDuration()
		case *executor.RampingArrivalRateConfig:
			lasts = lengthOf(c.Stages)
		case *executor.RampingVUsConfig:
			lasts = lengthOf(c.Stages)
		default:
			return 0
		}
		longest = max(longest, scenario.GetStartTime()+lasts)
	}
	return longest
}

func lengthOf(stages []executor.Stage) time.Duration {
	sum := time.Duration(0)
	for _, stage := range stages {
		sum += stage.Duration.TimeDuration()
	}
	return sum
}
