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

// thresholds returns k6's thresholds for the limits' fail tier, the one that may fail a run: of the whole run, and for
// the taps of each of plateaus(), when that was called before. A key of the options overrides a metric's limit,
// {redirect_latency: 80}, or drops it, {cron_errors: null}; report judges by the same.
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
	result := m.vu.Runtime().NewObject()
	for _, t := range capacity.Thresholds(limits, m.process.plateaus.all()) {
		if err := result.Set(t.Metric, []string{t.Expression}); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// ownLimits are those that a script gives, by metric; nil drops one.
func ownLimits(given sobek.Value) (map[string]*float64, error) {
	if common.IsNullish(given) {
		return nil, nil
	}
	object, ok := given.(*sobek.Object)
	if !ok {
		return nil, errors.New("expected limits by metric, {redirect_latency: 80}")
	}
	own := make(map[string]*float64)
	for _, metric := range object.Keys() {
		switch value := object.Get(metric); {
		case sobek.IsNull(value):
			own[metric] = nil
		case !sobek.IsUndefined(value):
			fail := settings.Number(value)
			if math.IsNaN(fail) {
				return nil, fmt.Errorf("the limit of %s must be a number, got %s", metric, value)
			}
			own[metric] = &fail
		}
	}
	return own, nil
}
