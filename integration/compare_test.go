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
	for _, c := range []struct{ before, after, outcome string }{
		{before, after, "worse"}, {after, before, "better"}, {before, before, "within noise"},
	} {
		var comparison struct {
			Verdict       []string
			SustainedRate struct{ Outcome string } `json:"sustained_rate"`
		}
		asJSON := compare("--json", c.before, c.after)
		if err := json.Unmarshal([]byte(asJSON.output), &comparison); err != nil || comparison.SustainedRate.Outcome != c.outcome {
			t.Fatalf("%v, want %s\n%s", err, c.outcome, asJSON.output)
		}
		compare(c.before, c.after).wants(0, comparison.Verdict...)
	}
	compare(before, after).wants(0, "redirect p95               12.1 ms     16 ms", "WORSE")
	compare("--fail-on-worse", before, after).wants(99, "WORSE", "worse: sustained rate")
	compare("--fail-on-worse", after, before).wants(0, "BETTER")
	compare(before, "gone.json").wants(255, "gone.json can't be read: no such file or directory. Runs leave")
	compare(before, absolute(t, "../results/e2e-load-summary.schema.json")).wants(255, "it has no capacity: it takes report(data)")
	compare(before).wants(255, "compare takes the summaries that runs leave in results/e2e-load-summary.json: got 1. Usage: k6 x sparkmotion compare BEFORE AFTER")
	runK6(t, env, "x", "sparkmotion").wants(0, "Seed a system for SparkMotion load tests", "compare ")
}
