package sparkmotion

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/lib/executor"
	"go.k6.io/k6/v2/lib/types"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// plateaus returns {startRate, timeUnit, stages} for a ramping-arrival-rate scenario that jumps to each of rates and holds it for
// hold, then falls to 0 in rampDown. In k6 a stage with a duration climbs all through it, so that a plateau takes two:
// a jump of 0s, and a hold. From then on every tap carries the tag plateau, its rate.
func (m *module) plateaus(call sobek.FunctionCall) (any, error) {
	rt := m.vu.Runtime()
	p, err := readPlateaus(rt, call.Argument(0))
	if err != nil {
		return nil, err
	}
	if err := m.plan(p); err != nil {
		return nil, err
	}
	var stages []any
	for _, stage := range p.stages() {
		made, err := object(rt, "duration", stage.duration.String(), "target", stage.target)
		if err != nil {
			return nil, err
		}
		stages = append(stages, made)
	}
	return object(rt, "startRate", p.rates[0], "timeUnit", "1s", "stages", rt.NewArray(stages...))
}

// plan tells the process which plateaus there will be, in all scenarios that have some.
func (m *module) plan(p plateauOptions) error {
	schedule := capacity.Schedule{Hold: p.hold}
	for _, rate := range p.rates {
		schedule.Rates, schedule.Names = append(schedule.Rates, float64(rate)), append(schedule.Names, strconv.FormatInt(rate, 10))
	}
	before := m.process.meter.Schedule.Swap(&schedule)
	switch {
	case before != nil && !before.Same(schedule):
		return fmt.Errorf("an earlier call planned %s, this one %s: scenarios of one script have the same plateaus, "+
			"as their taps are told apart by these. Give both the same rates and hold, or a script each", before, schedule)
	case before == nil && m.process.limits.Load() != nil:
		m.logger().Warn("plateaus: thresholds() was called before, so that no threshold is a plateau's: " +
			"in options, put the scenarios above the thresholds")
	}
	m.process.meter.Recorder.Schedule(schedule)
	return nil
}

// follows reports whether a scenario is one that plateaus has made the stages of.
func follows(ramping *executor.RampingArrivalRateConfig, schedule *capacity.Schedule) bool {
	p := plateauOptions{hold: schedule.Hold}
	for _, rate := range schedule.Rates {
		p.rates = append(p.rates, int64(rate))
	}
	var given []stage
	for _, s := range ramping.Stages {
		given = append(given, stage{s.Duration.TimeDuration(), s.Target.Int64})
	}
	holds := p.stages()
	return ramping.StartRate.Int64 == p.rates[0] && ramping.TimeUnit.TimeDuration() == time.Second &&
		len(given) >= len(holds) && slices.Equal(given[:len(holds)], holds)
}

type stage struct {
	duration time.Duration
	target   int64
}

// stages are those of a ramping-arrival-rate scenario that starts at the first rate.
func (p plateauOptions) stages() []stage {
	var stages []stage
	for i, rate := range p.rates {
		if i > 0 {
			stages = append(stages, stage{0, rate})
		}
		stages = append(stages, stage{p.hold, rate})
	}
	if p.rampDown > 0 {
		stages = append(stages, stage{p.rampDown, 0})
	}
	return stages
}

type plateauOptions struct {
	rates          []int64
	hold, rampDown time.Duration
}

func readPlateaus(rt *sobek.Runtime, given sobek.Value) (plateauOptions, error) {
	var p plateauOptions
	object, ok := given.(*sobek.Object)
	if !ok {
		return p, errors.New("expected {rates, hold, rampDown}")
	}
	for _, key := range object.Keys() {
		var err error
		value := object.Get(key)
		if common.IsNullish(value) {
			continue // as if it were left out
		}
		switch key {
		case "rates":
			p.rates, err = readRates(rt, value)
		case "hold":
			p.hold, err = types.GetDurationValue(value.Export())
		case "rampDown":
			p.rampDown, err = types.GetDurationValue(value.Export())
		default:
			err = errors.New("unknown; it takes rates, hold, rampDown")
		}
		if err != nil {
			return p, fmt.Errorf("option %s: %w", key, err)
		}
	}
	if len(p.rates) == 0 || p.hold <= 0 || p.rampDown < 0 {
		return p, errors.New("expected one rate or more, and a hold above 0")
	}
	return p, nil
}

// readRates reads whole numbers above 0: k6 has no fractions of an iteration in a target.
func readRates(rt *sobek.Runtime, value sobek.Value) ([]int64, error) {
	var given []float64
	if err := rt.ExportTo(value, &given); err != nil {
		return nil, err
	}
	rates := make([]int64, len(given))
	for i, rate := range given {
		rates[i] = int64(rate)
		if rate < 1 || float64(rates[i]) != rate {
			return nil, fmt.Errorf("rates must be whole numbers from 1, got %v", rate)
		}
	}
	return rates, nil
}
