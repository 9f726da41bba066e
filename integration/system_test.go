package integration

import (
	"fmt"
	"net/http"
	"testing"
)

// tapsAndFlush makes so many taps of bands in turn, then flushes, with a report.
func tapsAndFlush(t *testing.T, taps int) string {
	t.Helper()
	return script(t, fmt.Sprintf(`
		import { sleep } from 'k6';
		import { bandID, flushTaps, queueDepth, report, tap, thresholds } from 'k6/x/sparkmotion';
		export const options = {
			scenarios: { taps: { executor: 'shared-iterations', vus: 4, iterations: %d } }, thresholds: thresholds(),
		};
		export default () => tap({ band: bandID({ distribution: 'sequential' }) });
		export function teardown() {
			for (let tries = 0; flushTaps().flushed === 0 && tries < 50; tries++) sleep(0.1); // what is recorded comes after the answer
		}
		export const handleSummary = report;`, taps))
}

// twinLedger is what the twin counts of taps, for itself.
type twinLedger struct{ KV, Hub, Fallback, Received, Lost, Flushed, Dropped, Pending, Rows, Duplicated int64 }

func (tw *twin) ledger() twinLedger {
	tw.t.Helper()
	return tw.stats().Ledger
}

// TestEmptyKV: a Hub that knows the bands redirects every tap to its page, and none of it is a KV hit.
func TestEmptyKV(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	tw.control(http.MethodDelete, "/kv", "")
	runK6(t, tw.env, "run", "--quiet", absolute(t, "../scripts/smoke.js")).wants(107, "was redirected by the Hub, so it is not a KV hit", "Seed the KV")
	before := tw.ledger()
	r := runK6(t, tw.env, "run", "--quiet", tapsAndFlush(t, 300))
	r.wants(99, "KV hit rate")
	after := tw.ledger()
	kv := r.summary().Metrics["kv_hit_rate"].Values
	if kv["passes"] != 0 || kv["fails"] != 300 || after.Hub-before.Hub != 300 || after.KV != 0 {
		t.Errorf("kv_hit_rate %v; the twin counts %+v, and %+v before", kv, after, before)
	}
}

// TestHubDown: without a Hub, taps that the KV lacks lead to the fallback, which is told by its count and never as a KV to be seeded.
func TestHubDown(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	tw.control(http.MethodDelete, "/kv", "")
	tw.control(http.MethodPost, "/hub/stop", "")
	r := runK6(t, tw.env, "run", "--quiet", script(t, `
		import { report, tap, thresholds } from 'k6/x/sparkmotion';
		export const options = { vus: 4, iterations: 200, thresholds: thresholds() };
		export default () => tap();
		export const handleSummary = report;`))
	r.wants(99, "200 taps (100 %) led to the fallback sparkmotion.io", "could not reach the Hub")
	if failed := r.summary().Metrics["error_rate{part:worker}"].Values["passes"]; failed != 200 || tw.ledger().Fallback != 200 {
		t.Errorf("%v taps failed; the twin counts %+v", failed, tw.ledger())
	}
}

// TestDroppedTaps: taps of bands that are not in the database are dropped by the flush, and told with their number.
func TestDroppedTaps(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	tw.control(http.MethodPost, "/bands/delete?share=0.33", "")
	r := runK6(t, tw.env, "run", "--quiet", tapsAndFlush(t, 900))
	ledger := tw.ledger()
	dropped := int64(r.summary().Metrics["cron_dropped"].Values["count"])
	if dropped == 0 || dropped != ledger.Dropped {
		t.Errorf("%d taps dropped; the twin counts %+v", dropped, ledger)
	}
	r.wants(99, fmt.Sprintf("The flush dropped %d taps", dropped), "cron_drop_rate")
}
