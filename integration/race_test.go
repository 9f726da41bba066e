package integration

import (
	"net/http"
	"os"
	"testing"
)

// TestReportRaces: report() reads the run's counts while the lag probe, which outlasts the last tap by a second, adds to them. The
// script stays until it has. runCommand fails a test whose k6 tells of a data race.
func TestReportRaces(t *testing.T) {
	t.Parallel()
	if os.Getenv("K6") == "" {
		t.Skip("needs a k6 that watches for data races: make test-race")
	}
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	})
	r := runK6(t, map[string]string{"WORKER_URL": target}, "run", "--quiet", script(t, `
		import { plateaus, report, tap } from 'k6/x/sparkmotion';
		export const options = { scenarios: { tappers: {
			executor: 'ramping-arrival-rate', ...plateaus({ rates: [50], hold: '1s' }), preAllocatedVUs: 10,
		} } };
		export default () => tap();
		export const handleSummary = (data) => {
			const files = report(data);
			for (const end = Date.now() + 200; Date.now() < end;);
			return files;
		};`))
	r.wants(0)
	r.has(t, "results/e2e-load-summary.json", "results/e2e-load-report.html")
}
