package sparkmotion

import (
	"errors"
	"fmt"
	"math"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
)

// thresholdTiers are the limits of the system: what warns, and what fails the run. Latencies in ms, at the 95th
// percentile; rates as fractions.
var thresholdTiers = []struct {
	metric, expression string
	warn, fail         float64
}{
	{"redirect_latency", "p(95)<%v", 50, 100},
	{"analytics_latency", "p(95)<%v", 5000, 8000},
	{"csv_export_latency", "p(95)<%v", 10000, 15000},
	{"error_rate", "rate<%v", 0.01, 0.03},
	{"kv_hit_rate", "rate>%v", 0.99, 0.99},
	{"cron_errors", "rate<%v", 0.10, 0.10},
}

// thresholds returns k6's thresholds for the limits' fail tier, the one that may fail a run; a key of the options
// overrides a metric's limit, {redirect_latency: 80}, or drops it, {cron_errors: null}.
func (m *module) thresholds(given sobek.Value) *sobek.Object {
	limits := m.vu.Runtime().NewObject()
	if !common.IsNullish(given) {
		var ok bool
		if limits, ok = given.(*sobek.Object); !ok {
			m.throw(errors.New("thresholds: expected limits by metric, {redirect_latency: 80}"))
		}
	}
	result := m.vu.Runtime().NewObject()
	known := make(map[string]bool)
	for _, tier := range thresholdTiers {
		known[tier.metric] = true
		limit := limits.Get(tier.metric)
		if sobek.IsNull(limit) {
			continue
		}
		fail := tier.fail
		if limit != nil && !sobek.IsUndefined(limit) {
			if fail = numberOf(limit); math.IsNaN(fail) || math.IsInf(fail, 0) {
				m.throw(fmt.Errorf("thresholds: the limit of %s must be a number, got %s", tier.metric, limit))
			}
		}
		if err := result.Set(tier.metric, []string{fmt.Sprintf(tier.expression, fail)}); err != nil {
			m.throw(err)
		}
	}
	for _, key := range limits.Keys() {
		if !known[key] {
			m.throw(fmt.Errorf("thresholds: no limit is known for %q; a metric of the script's own takes k6's syntax beside these", key))
		}
	}
	return result
}
