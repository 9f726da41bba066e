package sparkmotion

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// plateaus returns {startRate, timeUnit, stages} for a ramping-arrival-rate scenario that jumps to each of rates and holds it for
// hold, then ramps down to 0 in rampDown. In k6, a stage with a duration ramps all the time, so a plateau needs two stages:
// a jump of 0s, and a hold. Rates are taps per second; an iteration makes one tap, or as many as the option taps says, by taps(n).
func (m *module) plateaus(call sobek.FunctionCall) (any, error) {
	rt := m.vu.Runtime()
	p, err := readPlateaus(rt, call.Argument(0))
	if err != nil {
		return nil, err
	}
	m.plan(p)
	var stages []any
	for _, stage := range p.stages() {
		made, err := object(rt, "duration", stage.duration.String(), "target", stage.target)
		if err != nil {
			return nil, err
		}
		stages = append(stages, made)
	}
	return object(rt, "startRate", p.rates[0], "timeUnit", fmt.Sprintf("%ds", p.taps), "stages", rt.NewArray(stages...))
}

// plan remembers the plateaus' names, for thresholds. The verdict judges the stages that k6 executes.
func (m *module) plan(p plateauOptions) {
	var names []string
	for _, rate := range p.rates {
		names = append(names, capacity.NameOf(float64(rate)))
	}
	if m.process.plateaus.add(names) && m.process.limits.Load() != nil {
		m.logger().Warn("plateaus: thresholds() was called first, so the plateaus have no thresholds of their own: " +
			"in options, put scenarios above thresholds")
	}
}

// plateauNames are the names of all plateaus that the script has made, in order. Every VU's init context makes the same ones.
type plateauNames struct {
	mu    sync.Mutex
	names []string
}

// add adds names, and reports whether some of them are new.
func (n *plateauNames) add(names []string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := len(n.names)
	for _, name := range names {
		if !slices.Contains(n.names, name) {
			n.names = append(n.names, name)
		}
	}
	return len(n.names) > before
}

func (n *plateauNames) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.names)
}

type stage struct {
	duration time.Duration
	target   int64
}

// stages returns the stages of a ramping-arrival-rate scenario that starts at the first rate.
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
	taps           int64 // of an iteration
	hold, rampDown time.Duration
}

func readPlateaus(rt *sobek.Runtime, given sobek.Value) (plateauOptions, error) {
	p := plateauOptions{taps: 1}
	object, ok := given.(*sobek.Object)
	if !ok {
		return p, errors.New("expected {rates, hold, rampDown, taps}")
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
			p.hold, err = settings.Duration(value)
		case "rampDown":
			p.rampDown, err = settings.Duration(value)
		case "taps":
			p.taps, err = readCount(value)
		default:
			return p, fmt.Errorf("unknown option %q; it takes hold, rampDown, rates, taps", key)
		}
		if err != nil {
			return p, fmt.Errorf("option %s: %w", key, err)
		}
	}
	if len(p.rates) == 0 || p.hold <= 0 || p.rampDown < 0 {
		return p, errors.New("expected at least one rate, and a hold above 0")
	}
	return p, nil
}

// readRates reads whole numbers above 0, because a target of k6's can't be a fraction.
func readRates(rt *sobek.Runtime, value sobek.Value) ([]int64, error) {
	var given []sobek.Value
	if err := rt.ExportTo(value, &given); err != nil || value.ToObject(rt).ClassName() != "Array" {
		return nil, fmt.Errorf("an array of rates is expected, such as [100, 200], got %s", value)
	}
	rates := make([]int64, len(given))
	for i, rate := range given {
		n := settings.Number(rate)
		if !(n >= 1 && n <= settings.MaxSafe) || n != math.Trunc(n) {
			return nil, fmt.Errorf("rates must be whole numbers of 1 or more, got %v", rate)
		}
		rates[i] = int64(n)
	}
	return rates, nil
}
