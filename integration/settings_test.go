package integration

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTapsSettings: what only taps read is refused by its name before the first of them, in every script that taps.
func TestTapsSettings(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	for setting, want := range map[string]string{
		"CONNECTIONS=New":                `CONNECTIONS: must be kept, new or resumed, got \"New\"`,
		"PARTS=duration":                 "option parts, or PARTS: a part is one of http_req_duration,",
		"LOADTEST_BANDS=200k":            "LOADTEST_BANDS: a number is expected, got 200k",
		"FALLBACK_HOST=*.sparkmotion.io": "FALLBACK_HOST: entry 1: a host is expected",
	} {
		for _, script := range []string{"e2e-load.js", "redirect-breakpoint.js"} {
			r := runK6(t, tw.env, "run", "--quiet", "-e", setting, "-e", "SCALE=0.02", "-e", "TIME_SCALE=0.03", "-e", "CLIMB=5s", absolute(t, "../scripts/"+script))
			r.wants(107, want)
		}
	}
	if got := tw.stats().Worker.Requests; got != 0 {
		t.Errorf("%d requests reached the Worker", got)
	}
}

// TestRefusedTaps: a run all of whose taps are refused by their own call fails, whatever it is judged by.
func TestRefusedTaps(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	for name, goal := range map[string]string{"limits": "", "a goal": "10"} {
		for _, call := range []string{"taps(5, { connection: 'New' })", "tap({ timeout: NaN })", "taps(0)"} {
			t.Run(name+" "+call, func(t *testing.T) {
				t.Parallel()
				script := filepath.Join(t.TempDir(), "refused.js")
				text := `import { tap, taps, plateaus, report, thresholds } from 'k6/x/sparkmotion';
export const options = {
  scenarios: { taps: { executor: 'ramping-arrival-rate', preAllocatedVUs: 2, ...plateaus({ rates: [10], hold: '2s' }) } },
  thresholds: thresholds(),
};
export default () => ` + call + `;
export const handleSummary = report;
`
				if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				runK6(t, tw.env, "run", "--quiet", "-e", "GOAL="+goal, script).wants(99)
			})
		}
	}
}
