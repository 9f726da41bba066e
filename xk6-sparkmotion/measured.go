package sparkmotion

import (
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
)

// measured is what the recorder has, of the scenarios that k6 has executed, and what k6 itself says of the process: in its data, which
// there is none of while the run lasts.
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

// droppedIterations is k6's own count; nil where its data has no metrics. Those that counted nothing are left out of these.
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

// shares are this process's of the arrival rates of each scenario with plateaus, in k6's order: by when they start, then by name. Climbing
// are the scenarios whose rate ramps without any.
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

// shareOfRates is this process's of a scenario's arrival rates, by its execution segment. k6 cuts a scenario's iterations as it cuts
// the virtual users that it may have, which are whole: of 20, a third are 7 or 6, and so many twentieths of the iterations.
func shareOfRates(ramping *executor.RampingArrivalRateConfig, options lib.Options) float64 {
	tuple, err := lib.NewExecutionTuple(options.ExecutionSegment, options.ExecutionSegmentSequence)
	if err != nil {
		return options.ExecutionSegment.FloatLength()
	}
	most := max(ramping.MaxVUs.Int64, ramping.PreAllocatedVUs.Int64)
	return float64(tuple.ScaleInt64(most)) / float64(most)
}

// planned is how long the scenarios were to take, without their gracefulStop; 0 when one of them ends with its last iteration.
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
