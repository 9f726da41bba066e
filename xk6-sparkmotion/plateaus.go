package sparkmotion

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/types"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// schedule is the plan of the plateaus, known to every VU once the script has called plateaus.
type schedule struct {
	atomic.Pointer[capacity.Schedule]
}

// rampDown tags the taps after the last plateau.
const rampDown = "ramp-down"

// at names the plateau at a time since the scenario's start; empty when the script has no plateaus.
func (s *schedule) at(elapsed time.Duration) string {
	plan := s.Load()
	if plan == nil {
		return ""
	}
	if i := int(elapsed / plan.Hold); i < len(plan.Names) {
		return plan.Names[i]
	}
	return rampDown
}

// plateaus returns {startRate, timeUnit, stages} for a ramping-arrival-rate scenario that jumps to each of rates and holds it for
// hold, then falls to 0 in rampDown. In k6 a stage with a duration climbs all through it, so that a plateau takes two:
// a jump of 0s, and a hold. From then on every tap carries the tag plateau, its rate.
func (m *module) plateaus(given sobek.Value) *sobek.Object {
	p, err := m.plateauOptions(given)
	if err != nil {
		m.throw(in("plateaus", err))
	}
	plan := capacity.Schedule{Hold: p.hold}
	var stages []any
	for i, rate := range p.rates {
		plan.Rates, plan.Names = append(plan.Rates, float64(rate)), append(plan.Names, strconv.FormatInt(rate, 10))
		if i > 0 {
			stages = append(stages, m.object("duration", "0s", "target", rate))
		}
		stages = append(stages, m.object("duration", p.hold.String(), "target", rate))
	}
	if p.rampDown > 0 {
		stages = append(stages, m.object("duration", p.rampDown.String(), "target", 0))
	}
	if first := m.run.schedule.Swap(&plan) == nil; first && m.run.limits.Load() != nil {
		m.logger().Warn("plateaus: thresholds() was called before, so that no threshold is a plateau's: " +
			"in options, put the scenarios above the thresholds")
	}
	m.run.recorder.Schedule(plan)
	return m.object("startRate", p.rates[0], "timeUnit", "1s", "stages", m.vu.Runtime().NewArray(stages...))
}

type plateauOptions struct {
	rates          []int64
	hold, rampDown time.Duration
}

func (m *module) plateauOptions(given sobek.Value) (plateauOptions, error) {
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
			p.rates, err = m.rates(value)
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

// rates are whole numbers above 0: k6 has no fractions of an iteration in a target.
func (m *module) rates(value sobek.Value) ([]int64, error) {
	var given []float64
	if err := m.vu.Runtime().ExportTo(value, &given); err != nil {
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

// moment is a tap's place in the schedule.
type moment struct {
	name  string    // the plateau's; empty outside of a schedule
	began time.Time // when its scenario did
}

// plateau tells which plateau holds now, by the clock of the VU's scenario. Other scenarios than the one whose rate ramps
// have none, nor have setup() and teardown().
func (m *module) plateau() moment {
	if m.run.schedule.Load() == nil {
		return moment{}
	}
	scenario := lib.GetScenarioState(m.context())
	if scenario == nil || scenario.Executor != "ramping-arrival-rate" {
		return moment{}
	}
	return moment{m.run.schedule.at(time.Since(scenario.StartTime)), scenario.StartTime}
}
