package integration

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// small is the profile at its smallest.
var small = []string{"run", "--quiet", "-e", "SCALE=0.002", "-e", "TIME_SCALE=0.01"}

// TestStopsBeforeLoad: what is wrong with settings stops the run in setup(), with one message, and no tap is sent.
func TestStopsBeforeLoad(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	t.Run("all", func(t *testing.T) { tw.stopsBeforeLoad(t) })
	if got := tw.stats(); got.Worker.Hits > 9*preflightTaps || got.Hub.Assigned > 0 {
		t.Errorf("%d taps reached the Worker, and the Hub assigned %d bands", got.Worker.Hits, got.Hub.Assigned)
	}
}

func (tw *twin) stopsBeforeLoad(t *testing.T) {
	for _, one := range []struct {
		name    string
		change  map[string]string
		message []string
	}{
		{"nothing set", map[string]string{
			"WORKER_URL": "", "HUB_URL": "", "ADMIN_URL": "", "TEST_PASSWORD": "", "LOADTEST_EVENT_ID": "", "CRON_SECRET": "",
		}, []string{"preflight needs WORKER_URL, HUB_URL, ADMIN_URL, TEST_PASSWORD, LOADTEST_EVENT_ID, CRON_SECRET"}},
		{"wrong password", map[string]string{"TEST_PASSWORD": "nope-5up3r"}, []string{"Check TEST_EMAIL and TEST_PASSWORD", "9 of 15 probes failed"}},
		{"wrong cron secret", map[string]string{"CRON_SECRET": "nope-5up3r"}, []string{"answered 401 Unauthorized", "Check CRON_SECRET"}},
		{"wrong Upstash token", map[string]string{"UPSTASH_REDIS_REST_TOKEN": "nope-5up3r"}, []string{"Check UPSTASH_REDIS_REST_TOKEN"}},
		{"nobody at the Worker's", map[string]string{"WORKER_URL": "http://127.0.0.1:1"}, []string{"connection refused", "Is WORKER_URL right", "4 of 15"}},
		{"the Hub instead of admin", map[string]string{"ADMIN_URL": tw.env["HUB_URL"]}, []string{"/api/auth/csrf: answered 404"}},
		{"more bands than were seeded", map[string]string{"LOADTEST_BANDS": "200000"}, []string{"3 of 15 probes failed",
			"has 2000 bands, but LOADTEST_BANDS is 200000", "Set LOADTEST_BANDS=2000, or seed the others (k6 x sparkmotion bands --count 200000)"}},
		{"LOADTEST_BANDS forgotten", map[string]string{"LOADTEST_BANDS": ""}, []string{"has 2000 bands, but LOADTEST_BANDS is 200000"}},
		{"a short password", map[string]string{"TEST_PASSWORD": "5up3r"}, []string{"not tried, because TEST_PASSWORD has 5 characters"}},
		{"a host without an organization, and another page", map[string]string{
			"WORKER_URL": strings.Replace(tw.env["WORKER_URL"], "127.0.0.1", "localhost", 1), "PAGE_HOST": "www.compassion.com",
		}, []string{"was redirected by the Hub", "localhost has fewer than three labels"}},
		{"no URL", map[string]string{"HUB_URL": "hub.example"}, []string{"HUB_URL: an http or https URL with a host is expected"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(tw.env)
			maps.Copy(env, one.change)
			r := runK6(t, env, append(small, absolute(t, mainScript))...)
			r.wants(107, one.message...)
			if strings.Contains(r.output, "nope-5up3r") {
				t.Error("the output shows a secret")
			}
		})
	}
}

// TestStopsWithoutScenarios: k6's options that replace the scenarios would leave a run of nothing, which passes.
func TestStopsWithoutScenarios(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	for _, name := range []string{"e2e-load.js", "event-day.js"} {
		for _, args := range [][]string{{"--vus", "5", "--duration", "30s"}, {"--iterations", "3"}} {
			r := runScript(t, tw, name, args...)
			r.wants(108, "--vus, --duration and --iterations replace the scenarios: use SCALE and TIME_SCALE")
		}
	}
}

// TestGuard: no script sends anything to hosts that nobody has named.
func TestGuard(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("../scripts/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%v, %v", scripts, err)
	}
	var asked atomic.Int64
	server := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	config := filepath.Join(t.TempDir(), "config.json") // k6 takes the server for the host
	if err := os.WriteFile(config, []byte(`{"hosts":{"sparkmotion.invalid":"`+strings.TrimPrefix(server, "http://")+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TEST_PASSWORD": "p", "LOADTEST_EVENT_ID": "e", "CRON_SECRET": "s", "UPSTASH_REDIS_REST_TOKEN": "t"}
	for _, url := range []string{"WORKER_URL", "HUB_URL", "ADMIN_URL", "UPSTASH_REDIS_REST_URL"} {
		env[url] = "http://sparkmotion.invalid"
	}
	t.Run("not named", func(t *testing.T) {
		for _, name := range scripts {
			t.Run(filepath.Base(name), func(t *testing.T) {
				t.Parallel()
				runK6(t, env, "run", "--quiet", "--config", config, absolute(t, name)).
					wants(107, "no load is sent to sparkmotion.invalid", "set ALLOWED_HOSTS=sparkmotion.invalid")
			})
		}
	})
	if n := asked.Load(); n > 0 {
		t.Errorf("%d requests were sent to the host", n)
	}
	env["ALLOWED_HOSTS"] = "sparkmotion.invalid"
	runK6(t, env, "run", "--quiet", "--config", config, absolute(t, mainScript)).wants(107, "13 of 13 probes failed")
	if asked.Load() == 0 {
		t.Error("a host that is named is not asked either")
	}
}

// TestFails: a system that is worse than the fail tier fails the run with k6's own exit code.
func TestFails(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	faulty := script(t, `
		import { tap, thresholds, preflight, report } from 'k6/x/sparkmotion';
		export const options = { iterations: 200, vus: 4, thresholds: thresholds() };
		export default () => { tap() };
		export const handleSummary = report;`)
	tw.control("PUT", "/faults", `{"worker":{"errorRate":0.2,"status":500}}`)
	r := runK6(t, tw.env, "run", "--quiet", faulty)
	r.wants(99, "error_rate")
	s, got := r.summary(), tw.stats()
	if failed := int64(s.Metrics["error_rate"].Values["passes"]); failed != got.Worker.Faults || failed == 0 {
		t.Errorf("%d taps failed, the twin failed %d", failed, got.Worker.Faults)
	}
	if n := s.samples("kv_hit_rate"); n != got.Worker.Hits {
		t.Errorf("%d KV judgements of %d redirects", n, got.Worker.Hits)
	}
}

// TestQueueDepth reads the queue over REST, over native Redis, and not at all. A tap is queued after its redirect, so that
// the script reads until it is there.
func TestQueueDepth(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	sample := script(t, `
		import { queueDepth, tap, Upstash } from 'k6/x/sparkmotion';
		export const options = { iterations: 3, vus: 1 };
		export const setup = () => queueDepth();
		export default (before) => {
			tap();
			let depth = queueDepth();
			for (const end = Date.now() + 5000; depth !== null && depth < before + __ITER + 1 && Date.now() < end;) depth = queueDepth();
			console.log('depth=' + JSON.stringify(depth));
		};`)
	rest := maps.Clone(tw.env)
	native := map[string]string{"WORKER_URL": tw.env["WORKER_URL"], "REDIS_URL": tw.env["TWIN_REDIS_URL"]}
	none := map[string]string{"WORKER_URL": tw.env["WORKER_URL"]}

	runK6(t, rest, "run", "--quiet", sample).wants(0, "depth=1", "depth=3")
	runK6(t, native, "run", "--quiet", sample).wants(0, "depth=4", "depth=6")
	r := runK6(t, none, "run", "--quiet", sample)
	r.wants(0, "depth=null", "queueDepth is skipped")
	if n := strings.Count(r.output, "queueDepth is skipped"); n != 1 {
		t.Errorf("%d lines say that it skips", n)
	}
}

// TestGeneratorLimited chokes the generator: virtual users that burn the one processor that taps need. The run says that
// it measured the generator.
func TestGeneratorLimited(t *testing.T) {
	t.Parallel()
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	})
	choked := script(t, `
		import { report, tap } from 'k6/x/sparkmotion';
		export const options = { scenarios: {
			taps: { executor: 'constant-arrival-rate', rate: 200, duration: '3s', preAllocatedVUs: 20, exec: 'taps' },
			burn: { executor: 'constant-vus', vus: 16, duration: '3s', exec: 'burn' },
		} };
		export const taps = () => tap();
		export const burn = () => { for (const end = Date.now() + 100; Date.now() < end;); };
		export const handleSummary = report;`)
	r := runK6(t, map[string]string{"WORKER_URL": target, "GOMAXPROCS": "1"}, "run", "--quiet", choked)
	r.wants(0, "This machine was the limit")
	s := r.summary()
	if s.Metrics["generator_lag"].Values["max"] == 0 || s.Metrics["generator_limited"].Values["rate"] < 0.05 {
		t.Errorf("generator_lag %v, generator_limited %v", s.Metrics["generator_lag"], s.Metrics["generator_limited"])
	}
}
