package sparkmotion

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// thresholds returns k6's thresholds for the limits' fail tier, the one that may fail a run: of the whole run, and for
// the taps of each of plateaus(), when that was called before. A key of the options overrides a metric's limit,
// {redirect_latency: 80}, or drops it, {cron_errors: null}; report judges by the same.
func (m *module) thresholds(call sobek.FunctionCall) (any, error) {
	limits, err := readLimits(call.Argument(0))
	if err != nil {
		return nil, err
	}
	m.process.limits.Store(&limits)
	var names []string
	if plan := m.process.meter.Schedule.Load(); plan != nil {
		names = plan.Names
	}
	result := m.vu.Runtime().NewObject()
	for _, l := range limits {
		err = errors.Join(err, result.Set(l.Metric, []string{l.Threshold()}))
	}
	for _, name := range names {
		for _, l := range limits {
			if selector, ok := l.InPlateau(name); ok {
				err = errors.Join(err, result.Set(selector, []string{l.Threshold()}))
			}
		}
	}
	return result, err
}

// readLimits returns the system's limits with those that the script gives.
func readLimits(given sobek.Value) ([]capacity.Limit, error) {
	if common.IsNullish(given) {
		return capacity.Limits, nil
	}
	own, ok := given.(*sobek.Object)
	if !ok {
		return nil, errors.New("expected limits by metric, {redirect_latency: 80}")
	}
	var limits []capacity.Limit
	known := make(map[string]bool)
	for _, l := range capacity.Limits {
		metric, _, _ := strings.Cut(l.Metric, "{") // a limit of error_rate holds for its parts too
		known[metric] = true
		value := own.Get(metric)
		switch {
		case sobek.IsNull(value):
			continue
		case value != nil && !sobek.IsUndefined(value):
			fail := settings.Number(value)
			switch {
			case math.IsNaN(fail) || math.IsInf(fail, 0):
				return nil, fmt.Errorf("the limit of %s must be a number, got %s", metric, value)
			case l.Stat == "rate" && (fail < 0 || fail > 1):
				return nil, fmt.Errorf("the limit of %s is a share, 0 to 1, such as 0.03 for 3 %%, got %s; null drops it", metric, value)
			case fail <= 0:
				return nil, fmt.Errorf("the limit of %s is in milliseconds above 0, got %s; null drops it", metric, value)
			}
			l = l.WithFail(fail)
		}
		limits = append(limits, l)
	}
	for _, key := range own.Keys() {
		if !known[key] {
			return nil, fmt.Errorf("no limit is known for %q; a metric of the script's own takes k6's syntax beside these", key)
		}
	}
	return limits, nil
}
