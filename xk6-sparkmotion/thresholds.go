package sparkmotion

import (
	"errors"
	"fmt"
	"math"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// thresholds returns k6 thresholds for the limits' fail tier, which fails a run: for the whole run, and for the taps of each plateau, if
// plateaus() was called before. A key of the options overrides a metric's limit,
// {redirect_latency: 80} or {redirect_latency: {warn: 50, fail: 80}}, or drops it, {cron_errors: null}; report judges by the same. With a
// goal there is one threshold: that the goal holds.
func (m *module) thresholds(call sobek.FunctionCall) (any, error) {
	own, err := ownLimits(call.Argument(0))
	if err != nil {
		return nil, err
	}
	limits, err := capacity.LimitsWith(own)
	if err != nil {
		return nil, err
	}
	m.process.limits.Store(&limits)
	m.process.meter.LimitLag(capacity.MaxLag(limits))
	all := capacity.Thresholds(limits, m.process.plateaus.all())
	if m.process.settings.Goal > 0 {
		all = []capacity.Threshold{capacity.GoalThreshold}
	}
	result := m.vu.Runtime().NewObject()
	for _, t := range all {
		if err := result.Set(t.Metric, []string{t.Expression}); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// ownLimits are the limits that a script sets, by metric; nil drops one.
func ownLimits(given sobek.Value) (map[string]*capacity.Tiers, error) {
	if common.IsNullish(given) {
		return nil, nil
	}
	object, ok := given.(*sobek.Object)
	if !ok {
		return nil, errors.New("expected limits by metric, {redirect_latency: 80}")
	}
	own := make(map[string]*capacity.Tiers)
	for _, metric := range object.Keys() {
		switch value := object.Get(metric); {
		case sobek.IsNull(value):
			own[metric] = nil
		case !sobek.IsUndefined(value):
			tiers, err := readTiers(metric, value)
			if err != nil {
				return nil, err
			}
			own[metric] = tiers
		}
	}
	return own, nil
}

// readTiers reads {warn, fail}, or only the fail tier.
func readTiers(metric string, value sobek.Value) (*capacity.Tiers, error) {
	object, ok := value.(*sobek.Object)
	if !ok {
		fail, err := readTier(metric, value)
		return &capacity.Tiers{Fail: fail}, err
	}
	var tiers capacity.Tiers
	if object.ClassName() != "Object" {
		return nil, fmt.Errorf("the limit of %s must be a number or {warn, fail}, got %s", metric, value)
	}
	for _, key := range object.Keys() {
		into, known := map[string]**float64{"warn": &tiers.Warn, "fail": &tiers.Fail}[key]
		if !known {
			return nil, fmt.Errorf("the limit of %s takes warn and fail, got %s", metric, key)
		}
		if common.IsNullish(object.Get(key)) {
			continue // as if it were left out
		}
		var err error
		if *into, err = readTier(metric, object.Get(key)); err != nil {
			return nil, err
		}
	}
	return &tiers, nil
}

func readTier(metric string, value sobek.Value) (*float64, error) {
	tier := settings.Number(value)
	if math.IsNaN(tier) {
		return nil, fmt.Errorf("the limit of %s must be a number or {warn, fail}, got %s", metric, value)
	}
	return &tier, nil
}
