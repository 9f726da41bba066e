package test

import (
	"encoding/json"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"go.k6.io/k6/v2/metrics"
)

func TestThresholds(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Init()
	for given, want := range map[string]string{
		"": `{"redirect_latency":["p(95)<100"],"error_rate{part:worker}":["rate<0.03"],"kv_hit_rate":["rate>0.99"],` +
			`"analytics_latency":["p(95)<8000"],"csv_export_latency":["p(95)<15000"],"error_rate{part:admin}":["rate<0.03"],` +
			`"taps_lost":["value<0.01"],"error_rate{part:upstash}":["rate<0.03"],"cron_errors":["rate<0.1"],"cron_drop_rate":["value<0.01"],"error_rate":["rate<0.03"]}`,
		"{redirect_latency: 80.5, error_rate: null, analytics_latency: null, csv_export_latency: null, kv_hit_rate: null, cron_errors: 1, cron_drop_rate: 0.02, taps_lost: 0.05}": `{"redirect_latency":["p(95)<80.5"],"taps_lost":["value<0.05"],"cron_errors":["rate<1"],"cron_drop_rate":["value<0.02"]}`,
	} {
		vutest.Equal(t, given, s.Run("JSON.stringify(sm.thresholds("+given+"))").String(), want)
	}
	vutest.Equal(t, "of plateaus", newProcess(t, nil).Init().Run("sm.plateaus({rates: [5, 10], hold: '1s'}); JSON.stringify(Object.fromEntries("+
		"Object.entries(sm.thresholds({error_rate: 0.2})).filter(([metric]) => metric.includes('plateau'))))").String(),
		`{"redirect_latency{plateau:5}":["p(95)<100"],"error_rate{plateau:5}":["rate<0.2"],`+
			`"redirect_latency{plateau:10}":["p(95)<100"],"error_rate{plateau:10}":["rate<0.2"]}`)
	vutest.Equal(t, "of tiers", newProcess(t, nil).Init().Run("JSON.stringify(sm.thresholds({redirect_latency: {warn: 20, fail: 80}, "+
		"error_rate: {fail: 0.5}, analytics_latency: {warn: 100}, csv_export_latency: {}, kv_hit_rate: null, cron_errors: null}))").String(),
		`{"redirect_latency":["p(95)<80"],"error_rate{part:worker}":["rate<0.5"],"analytics_latency":["p(95)<8000"],"csv_export_latency":["p(95)<15000"],`+
			`"error_rate{part:admin}":["rate<0.5"],"taps_lost":["value<0.01"],"error_rate{part:upstash}":["rate<0.5"],"cron_drop_rate":["value<0.01"],"error_rate":["rate<0.5"]}`)
	vutest.Equal(t, "with a goal", newProcess(t, map[string]string{"GOAL": "5000"}).Init().Run(
		"sm.plateaus({rates: [5, 10], hold: '1s'}); JSON.stringify(sm.thresholds())").String(), `{"goal_held":["value>0"]}`)
	s.Run("const own = sm.thresholds({error_rate: 0.5}); if (own['error_rate{part:admin}'][0] !== 'rate<0.5') throw own")
	for given, want := range map[string]string{
		"{redirect: 5}":                    `thresholds: no limit is known for "redirect"; a metric of the script's own takes k6's syntax beside these`,
		"{redirect_latency: 'fast'}":       `thresholds: the limit of redirect_latency must be a number or {warn, fail}, got fast`,
		"{redirect_latency: ['p(95)<80']}": `thresholds: the limit of redirect_latency must be a number or {warn, fail}, got p(95)<80`,
		"{error_rate: 3}":                  `thresholds: the limit of error_rate is a share, 0 to 1, such as 0.03 for 3 %, got 3; null drops it`,
		"{kv_hit_rate: 99}":                `thresholds: the limit of kv_hit_rate is a share, 0 to 1, such as 0.03 for 3 %, got 99; null drops it`,
		"{redirect_latency: -1}":           `thresholds: the limit of redirect_latency is in milliseconds above 0, got -1; null drops it`,
		"{redirect_latency: {fial: 80}}":   `thresholds: the limit of redirect_latency takes warn and fail, got fial`,
		"{redirect_latency: {warn: 'x'}}":  `thresholds: the limit of redirect_latency must be a number or {warn, fail}, got x`,
		"{redirect_latency: {warn: 200}}":  `thresholds: the warning of redirect_latency, 200, must come before it fails, at 100`,
		"{kv_hit_rate: {warn: 0.9}}":       `thresholds: the warning of kv_hit_rate, 0.9, must come before it fails, at 0.99`,
		"80":                               "thresholds: expected limits by metric, {redirect_latency: 80}",
	} {
		vutest.Equal(t, given, s.Fails("sm.thresholds("+given+")"), want)
	}
}

// k6 must be able to read what thresholds gives, also a limit that prints with an exponent.
func TestThresholdsAreK6s(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Init()
	var got map[string]metrics.Thresholds
	text := s.Run("JSON.stringify(sm.thresholds({redirect_latency: 12345678}))").String()
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for name, thresholds := range got {
		if err := thresholds.Parse(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := thresholds.Validate(name, s.Registry); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Called too early, thresholds have none for the plateaus: the log says so, once for all VUs.
func TestThresholdsBeforePlateaus(t *testing.T) {
	t.Parallel()
	for script, warnings := range map[string]int{
		"sm.thresholds(); sm.plateaus({rates: [1], hold: '1s'})": 1,
		"sm.plateaus({rates: [1], hold: '1s'}); sm.thresholds()": 0,
	} {
		p := newProcess(t, nil)
		for range 2 {
			p.Init().Run(script)
		}
		vutest.Equal(t, script, len(p.Log.AllEntries()), warnings)
	}
}
