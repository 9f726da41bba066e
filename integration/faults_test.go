package integration

import (
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// faulty are the primitives that send requests, the part of the twin that each needs, and what counts its failure.
var faulty = []struct{ name, call, part, counts string }{
	{"tap", "sm.tap()", "worker", "error_rate worker"},
	{"taps", "sm.taps(1)", "worker", "error_rate worker"},
	{"login", "sm.login()", "admin", ""}, // k6's http_req_failed alone
	{"query", "sm.query(null, 'analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID })", "admin", "error_rate admin"},
	{"batch", "sm.batch(null, [['analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID }], ['analytics.kpis', {}]])", "admin", "error_rate admin"},
	{"flushTaps", "sm.flushTaps()", "hub", "cron_errors"},
	{"queueDepth", "sm.queueDepth()", "upstash", "error_rate upstash"},
	{"queueDepth by Redis", "sm.queueDepth({redisURL: __ENV.NO_REDIS})", "", "error_rate upstash"},
	{"Upstash.command", "new sm.Upstash().command(['PING'])", "upstash", ""},
	{"Upstash.pipeline", "new sm.Upstash().pipeline([['PING'], ['PING']])", "upstash", ""},
	{"Upstash.transaction", "new sm.Upstash().transaction([['PING']])", "upstash", ""},
}

// faultyScript gives each primitive a scenario of its own, with the executor's settings.
func faultyScript(t *testing.T, executor string) string {
	t.Helper()
	var scenarios, functions strings.Builder
	for i, primitive := range faulty {
		fmt.Fprintf(&scenarios, "call%d: { %s, exec: 'call%d' },\n", i, executor, i)
		fmt.Fprintf(&functions, "export const call%d = () => { %s };\n", i, primitive.call)
	}
	return script(t, `import * as sm from 'k6/x/sparkmotion';
		export const options = { scenarios: {`+scenarios.String()+`}, thresholds: __ENV.LIMITS ? sm.thresholds() : {} };
		`+functions.String())
}

// TestFaultInAScenario: what fails ends its iteration, is logged with what to do, and counts once; the others run on, and
// only thresholds fail the run.
func TestFaultInAScenario(t *testing.T) {
	t.Parallel()
	const iterations = 3
	tw := startTwin(t)
	tw.env["NO_REDIS"] = "redis://127.0.0.1:1"
	const down = `{"errorRate":1,"status":500}`
	tw.control("PUT", "/faults", `{"worker":`+down+`,"hub":`+down+`,"admin":`+down+`,"upstash":`+down+`}`)
	failing := faultyScript(t, fmt.Sprintf("executor: 'per-vu-iterations', vus: 1, iterations: %d", iterations))

	r := runK6(t, tw.env, "run", "--quiet", "--out", "json=samples.json", failing)
	r.wants(0)
	counted := failures(t, r)
	ended := make(map[string]int)
	for _, p := range points(t, filepath.Join(r.dir, "samples.json"), "iterations") {
		ended[p.Tags["scenario"]]++
	}
	for i, primitive := range faulty {
		scenario := fmt.Sprintf("call%d", i)
		if ended[scenario] != iterations {
			t.Errorf("%s: %d of %d iterations", primitive.name, ended[scenario], iterations)
		}
		want := map[string]int{primitive.counts: iterations}
		if primitive.counts == "" {
			want = nil
		}
		if !maps.Equal(counted[scenario], want) {
			t.Errorf("%s counts %v, want %v", primitive.name, counted[scenario], want)
		}
		call, _, _ := strings.Cut(primitive.name, " by ")
		if n := logged(r.output, call+": ", scenario); strings.HasPrefix(call, "tap") {
			continue // both log under one name, once a run
		} else if n != iterations {
			t.Errorf("%s: %d lines in the log", primitive.name, n)
		}
	}
	if n := strings.Count(r.output, "tap: GET "); n != 1 {
		t.Errorf("%d lines about taps", n)
	}
	checkNothingTold(t, r, tw)

	limited := maps.Clone(tw.env)
	limited["LIMITS"] = "yes"
	runK6(t, limited, "run", "--quiet", failing).wants(99, "thresholds on metrics")
}

// logged counts the lines about a scenario's failures.
func logged(output, prefix, scenario string) int {
	n := 0
	for line := range strings.Lines(output) {
		if strings.Contains(line, prefix) && strings.Contains(line, "scenario="+scenario+" ") && strings.Contains(line, "level=error") {
			n++
		}
	}
	return n
}

// failures are, by scenario, how many samples of the module's rates say that something failed.
func failures(t *testing.T, r run) map[string]map[string]int {
	t.Helper()
	seen := make(map[string]map[string]int)
	for _, metric := range []string{"error_rate", "cron_errors"} {
		for _, p := range points(t, filepath.Join(r.dir, "samples.json"), metric) {
			if p.Value == 0 {
				continue
			}
			scenario := p.Tags["scenario"]
			if seen[scenario] == nil {
				seen[scenario] = make(map[string]int)
			}
			seen[scenario][strings.TrimSpace(metric+" "+p.Tags["part"])]++
		}
	}
	return seen
}

func checkNothingTold(t *testing.T, r run, tw *twin) {
	t.Helper()
	for _, secret := range []string{"TEST_PASSWORD", "CRON_SECRET", "UPSTASH_REDIS_REST_TOKEN"} {
		if strings.Contains(r.output, tw.env[secret]) {
			t.Errorf("%s is in the run's output", secret)
		}
	}
}

// TestHangDoesNotOutliveTheRun: what never answers ends with the scenario's gracefulStop, long before its timeout of a
// minute, and counts as nothing: it was cut off, and did not fail.
func TestHangDoesNotOutliveTheRun(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	hung := raw(t, func(conn net.Conn, _ string) { _, _ = io.Copy(io.Discard, conn) })
	tw.env["NO_REDIS"] = strings.Replace(hung, "http:", "redis:", 1)
	const hangs = `{"hangRate":1}`
	tw.control("PUT", "/faults", `{"worker":`+hangs+`,"hub":`+hangs+`,"admin":`+hangs+`,"upstash":`+hangs+`}`)
	defer tw.control("DELETE", "/faults", "")

	start := time.Now()
	r := runK6(t, tw.env, "run", "--quiet", "--out", "json=samples.json",
		faultyScript(t, "executor: 'constant-vus', vus: 1, duration: '1s', gracefulStop: '1s'"))
	r.wants(0)
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("the run took %s", took)
	}
	if counted := failures(t, r); len(counted) > 0 {
		t.Errorf("counted as failures: %v", counted)
	}
}

// TestFaultInSetup: a login that fails in setup() stops the run before any load, with k6's exit code for a script's error.
func TestFaultInSetup(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	defer tw.control("DELETE", "/faults", "")
	loading := script(t, `
		import { login, tap } from 'k6/x/sparkmotion';
		export const setup = () => login({ timeout: __ENV.TIMEOUT });
		export default () => tap();`)
	for _, one := range []struct{ fault, timeout, says string }{
		{`{"errorRate":1,"status":500}`, "1m", "answered 500 Internal Server Error. The server failed"},
		{`{"errorRate":1,"status":429}`, "1m", "answered 429 Too Many Requests. The server limits the rate"},
		{`{"resetRate":1}`, "1m", "connection reset by peer. Is ADMIN_URL right"},
		{`{"hangRate":1}`, "300ms", "no answer: request timeout after 300ms"},
	} {
		tw.control("PUT", "/faults", `{"admin":`+one.fault+`}`)
		tw.env["TIMEOUT"] = one.timeout
		runK6(t, tw.env, "run", "--quiet", loading).wants(107, "login: GET ", one.says)
	}
	if n := tw.stats().Worker.Requests; n > 0 {
		t.Errorf("%d taps were sent", n)
	}
}

// TestSessionExpires: ten VUs whose session is refused in mid-run log in once between them, and no query fails.
func TestSessionExpires(t *testing.T) {
	t.Parallel()
	const vus, iterations = 10, 3
	tw := startTwin(t)
	r := runK6(t, tw.env, "run", "--quiet", "--out", "json=samples.json", script(t, fmt.Sprintf(`
		import { login, query } from 'k6/x/sparkmotion';
		export const options = { scenarios: { admins: { executor: 'per-vu-iterations', vus: %d, iterations: %d } } };
		export const setup = () => ({ ...login({ renew: true }), cookie: 'admin-auth.session-token=expired' });
		export default (session) => query(session, 'analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID });`, vus, iterations)))
	r.wants(0, "The session has expired: logged in again as ")
	if n := strings.Count(r.output, "The session has expired"); n != 1 {
		t.Errorf("%d lines about it", n)
	}
	admin := tw.stats().Admin
	if admin.Logins != 2 || admin.Unauthorized < 1 || admin.Unauthorized > vus {
		t.Errorf("%d logins, setup's among them, and %d queries refused", admin.Logins, admin.Unauthorized)
	}
	judged := len(points(t, filepath.Join(r.dir, "samples.json"), "error_rate"))
	if counted := failures(t, r); judged != vus*iterations || len(counted) > 0 {
		t.Errorf("%d queries judged, as failed: %v", judged, counted)
	}
	checkNothingTold(t, r, tw)
}
