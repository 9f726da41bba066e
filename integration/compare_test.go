package integration

import (
	"encoding/json"
	"testing"
)

// TestCompare compares two runs through ./k6: what it could compare exits 0, whatever got worse; what it couldn't says why.
func TestCompare(t *testing.T) {
	t.Parallel()
	before, after := absolute(t, "testdata/before.json"), absolute(t, "testdata/after.json")
	// k6 x asks for k6's catalog of extensions, and reports which one was used.
	env := map[string]string{"K6_AUTO_EXTENSION_RESOLUTION": "false", "K6_NO_USAGE_REPORT": "true"}
	compare := func(args ...string) run {
		return runK6(t, env, append([]string{"x", "sparkmotion", "compare"}, args...)...)
	}
	compare(before, after).wants(0, "Holds 50 taps/s, 100 before: worse.", "redirect p95               12.5 ms     16 ms", "WORSE")
	compare(after, before).wants(0, "Holds 100 taps/s, 50 before: better.", "BETTER")
	compare(before, before).wants(0, "Holds 100 taps/s, as before.", "No figure got better or worse beyond noise.")
	compare(before, "gone.json").wants(255, "open gone.json: no such file or directory")
	compare(before, absolute(t, "../results/e2e-load-summary.schema.json")).wants(255, "it has no capacity: it takes report(data)")
	compare(before).wants(255, "compare takes summaries, as runs leave them in results/e2e-load-summary.json: got 1. Usage: k6 x sparkmotion compare BEFORE AFTER")

	var comparison struct{ Verdict []string }
	asJSON := compare("--json", before, after)
	if err := json.Unmarshal([]byte(asJSON.output), &comparison); err != nil || len(comparison.Verdict) == 0 {
		t.Errorf("%v\n%s", err, asJSON.output)
	}
	runK6(t, env, "x", "sparkmotion").wants(0, "Seed a system for SparkMotion load tests", "compare ")
}
