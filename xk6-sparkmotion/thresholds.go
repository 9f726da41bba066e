package sparkmotion

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
)

// tier is one metric's two limits: what warns, and what fails the run.
type tier struct {
	metric     string
	value      string // of the summary: p(95), or rate
	holds      string // on which side of a limit all is well
	warn, fail float64
}

// tiers are the system's limits. Latencies in ms, rates as fractions.
var tiers = []tier{
	{"redirect_latency", "p(95)", "<", 50, 100},
	{"analytics_latency", "p(95)", "<", 5000, 8000},
	{"csv_export_latency", "p(95)", "<", 10000, 15000},
	{"error_rate", "rate", "<", 0.01, 0.03},
	{"error_rate{part:worker}", "rate", "<", 0.01, 0.03},
	{"error_rate{part:admin}", "rate", "<", 0.01, 0.03}, // a thousand times fewer than taps: lost in the sum of all
	{"error_rate{part:upstash}", "rate", "<", 0.01, 0.03},
	{"kv_hit_rate", "rate", ">", 0.99, 0.99},
	{"cron_errors", "rate", "<", 0.10, 0.10},
}

// threshold is k6's expression for a limit.
func (t tier) threshold(limit float64) string { return fmt.Sprintf("%s%s%v", t.value, t.holds, limit) }

// warns tells whether a run's value is past the warning.
func (t tier) warns(value float64) bool {
	if t.holds == ">" {
		return value <= t.warn
	}
	return value >= t.warn
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
	for _, tier := range tiers {
		metric, _, _ := strings.Cut(tier.metric, "{") // a limit of error_rate holds for its parts too
		known[metric] = true
		limit := limits.Get(metric)
		if sobek.IsNull(limit) {
			continue
		}
		fail := tier.fail
		if limit != nil && !sobek.IsUndefined(limit) {
			if fail = numberOf(limit); math.IsNaN(fail) || math.IsInf(fail, 0) {
				m.throw(fmt.Errorf("thresholds: the limit of %s must be a number, got %s", tier.metric, limit))
			}
		}
		if err := result.Set(tier.metric, []string{tier.threshold(fail)}); err != nil {
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
