package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVerdictByScenario: two scenarios with the same plateaus at the same time, one of them by direct links to a Worker that is slow. Each
// has the taps that k6 counts by its tag scenario, and a verdict of its own.
func TestVerdictByScenario(t *testing.T) {
	tw := startTwin(t)
	tw.env["DIRECT_URL"] = slowed(t, tw.env["WORKER_URL"], 150*time.Millisecond)
	rates := []string{"20", "40"}
	var counted []string
	for _, scenario := range []string{"tappers", "directTappers"} {
		for _, rate := range rates {
			counted = append(counted, fmt.Sprintf("'http_reqs{scenario:%s,plateau:%s}': ['count>0']", scenario, rate))
		}
	}
	source := script(t, fmt.Sprintf(`
		import { plateaus, report, tap } from 'k6/x/sparkmotion';
		const tappers = {
			executor: 'ramping-arrival-rate', exec: 'tapper', preAllocatedVUs: 40, gracefulStop: '5s', ...plateaus({ rates: [%s], hold: '4s' }),
		};
		export const options = {
			scenarios: { directTappers: { ...tappers, exec: 'direct' }, tappers },
			thresholds: { %s },
		};
		export const tapper = () => tap();
		export const direct = () => tap({ form: 'direct' });
		export const handleSummary = report;`, strings.Join(rates, ", "), strings.Join(counted, ", ")))
	var r run
	var v verdict
	onTheSystem(func() (blamed bool) {
		r = runK6(t, tw.env, "run", "--quiet", source)
		v = r.verdict()
		return strings.Contains(r.output, "GENERATOR") || r.blamesTiming()
	})
	other, known := v.Scenarios["directTappers"]
	if v.Scenario != "tappers" || !known || len(v.Scenarios) != 1 {
		t.Fatalf("%s, and beside it %v\n%s", v.Scenario, v.Scenarios, r.output)
	}
	for scenario, plateaus := range map[string][]plateau{"tappers": v.Plateaus, "directTappers": other.Plateaus} {
		for i, rate := range rates {
			k6 := r.summary().samples(fmt.Sprintf("http_reqs{scenario:%s,plateau:%s}", scenario, rate))
			if off := k6 - plateaus[i].Counts.Taps; k6 < 70 || off < -1 || off > 1 { // one may be due as a plateau ends
				t.Errorf("%s at %s/s: %d taps, and k6 counts %d", scenario, rate, plateaus[i].Counts.Taps, k6)
			}
		}
	}
	for i := range rates { // slow by 150 ms, which nothing else of this machine has to be quick for
		if p := other.Plateaus[i]; p.metric("redirect p95") < 150 || p.Status != "FAIL" {
			t.Errorf("directTappers at %s/s: %s, p95 %v", rates[i], p.Status, p.metric("redirect p95"))
		}
		if own, direct := v.Plateaus[i].metric("redirect p50"), other.Plateaus[i].metric("redirect p50"); own > direct-100 {
			t.Errorf("at %s/s p50 %v, and %v by direct links", rates[i], own, direct)
		}
	}
	says := func(sentence string) bool {
		return strings.HasPrefix(sentence, "directTappers: redirects don't hold 20 taps/s")
	}
	if v.Status != "FAIL" || other.Status != "FAIL" || other.SustainedRate != nil || !slices.ContainsFunc(v.Verdict, says) {
		t.Errorf("%s; directTappers %s\n%s", v.Status, other.Status, strings.Join(v.Verdict, "\n"))
	}
	for _, name := range []string{"Taps by plateau, tappers", "Taps by plateau, directTappers"} {
		if !strings.Contains(r.output, name) {
			t.Errorf("the terminal lacks %q:\n%s", name, r.output)
		}
	}
}
