package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Each of scripts/ that reuses the module, on a small scale.

func TestScriptsAreThin(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../scripts/*.js")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n >= 60 && filepath.Base(file) != filepath.Base(mainScript) {
			t.Errorf("%s has %d lines", file, n)
		}
	}
}

// TestSetupOutlastsAFlush: preflight() gives the flush a minute, which is all that k6 gives a setup() by itself.
func TestSetupOutlastsAFlush(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"e2e-load.js", "event-day.js", "smoke.js", "audit.js", "soak.js", "find-capacity.js"} {
		runK6(t, nil, "inspect", absolute(t, "../scripts/"+name)).wants(0, `"setupTimeout": "3m0s"`)
	}
}

// TestScriptsTakeNumbers: a size that is none is refused by its name, before anything else.
func TestScriptsTakeNumbers(t *testing.T) {
	t.Parallel()
	for script, settings := range map[string]map[string]string{
		"e2e-load.js":            {"SCALE": "a number above 0, such as 0.1", "TIME_SCALE": "a number above 0, such as 0.1"},
		"event-day.js":           {"SCALE": "a number above 0, such as 0.1", "TIME_SCALE": "a number above 0, such as 0.1"},
		"find-capacity.js":       {"START": "a number above 0, such as 0.1", "MOST": "a number above 0, such as 0.1", "TIME_SCALE": "a number above 0, such as 0.1"},
		"redirect-breakpoint.js": {"PEAK": "a whole number above 0", "CLIMB": "a duration, such as 10m"},
		"upstash-pipeline.js":    {"RATE": "a whole number above 0", "DURATION": "a duration, such as 1m"},
		"audit.js":               {"RATE": "a whole number above 0", "TAPS": "a whole number above 0", "SETTLE": "a duration, such as 35s"},
		"window-switch.js":       {"RATE": "a whole number above 0", "BEFORE": "a whole number above 0", "LIMIT": "a whole number above 0"},
		"drain.js":               {"N": "a whole number above 0"},
		"soak.js":                {"RATE": "a whole number above 0", "HOURS": "a number above 0, such as 0.1"},
	} {
		for name, wanted := range settings {
			t.Run(script+" "+name, func(t *testing.T) {
				t.Parallel()
				for _, given := range []string{"abc", "0", "-1", "0,1", "Infinity"} {
					if given == "0" && strings.HasPrefix(wanted, "a duration") {
						continue
					}
					r := runK6(t, nil, "inspect", "-e", name+"="+given, absolute(t, "../scripts/"+script))
					r.wants(107, name+" must be "+wanted+`, got \"`+given+`\"`)
				}
			})
		}
	}
}

// TestAuditTakesABandOnce: more taps than bands are refused before the first.
func TestAuditTakesABandOnce(t *testing.T) {
	t.Parallel()
	script := absolute(t, "../scripts/audit.js")
	runK6(t, nil, "inspect", "-e", "TAPS=601", "-e", "LOADTEST_BANDS=200", script).wants(107, "TAPS must not exceed the bands, which are 600 by LOADTEST_BANDS, got 601")
	runK6(t, nil, "inspect", "-e", "TAPS=600", "-e", "LOADTEST_BANDS=200", script).wants(0)
}

// samples are the values of a metric, in the order that the run with --out json=samples.json emitted them.
func (r run) samples(metric string) []float64 {
	r.t.Helper()
	var values []float64
	for _, p := range points(r.t, filepath.Join(r.dir, "samples.json"), metric) {
		values = append(values, p.Value)
	}
	return values
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// runScript runs one of scripts/ and keeps its samples.
func runScript(t *testing.T, tw *twin, name string, args ...string) run {
	t.Helper()
	args = append([]string{"run", "--quiet", "--out", "json=samples.json"}, args...)
	return runK6(t, tw.env, append(args, absolute(t, "../scripts/"+name))...)
}

var crossed = regexp.MustCompile(`thresholds on metrics '([^']*)'`)

// broken are the metrics whose limits k6 says were crossed, but the generator's.
func (r run) broken() []string {
	found := crossed.FindStringSubmatch(r.output)
	if found == nil {
		return nil
	}
	return slices.DeleteFunc(strings.Split(found[1], ", "), func(metric string) bool { return metric == "generator_limited" })
}

// wantsHeld fails the test unless every limit held, but those of latencies: other tests take the processors.
func (r run) wantsHeld(texts ...string) {
	r.t.Helper()
	broken := r.broken()
	late := slices.DeleteFunc(slices.Clone(broken), func(metric string) bool { return !strings.Contains(metric, "_latency") })
	if len(broken) > 0 && len(late) == len(broken) {
		r.wants(99, texts...)
		return
	}
	r.wants(0, texts...)
}

// redis is the twin's, behind all its faces.
func (tw *twin) redis() *redis.Client {
	tw.t.Helper()
	options, err := redis.ParseURL(tw.env["TWIN_REDIS_URL"])
	if err != nil {
		tw.t.Fatal(err)
	}
	client := redis.NewClient(options)
	tw.t.Cleanup(func() { client.Close() })
	return client
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	r := runScript(t, tw, "smoke.js", "--duration", "2s")
	r.wantsHeld("✓ tap() is redirected", "✓ flushTaps() flushes every batch", "✓ Upstash runs a transaction")
	rounds, got := int64(len(r.samples("iterations"))), tw.stats()
	for name, pair := range map[string][2]int64{
		"taps, seven a round":  {7*rounds + preflightTaps, got.Worker.Hits},
		"flushes, one a round": {rounds + 1, got.Hub.Flushes},
		"exports":              {rounds + preflightExports, got.Admin.Queries["analytics.exportTaps"]},
		"dashboards":           {rounds + 1, got.Admin.Queries["analytics.tapsByHour"]},
		"logins":               {1, got.Admin.Logins},
	} {
		if pair[0] != pair[1] || rounds == 0 {
			t.Errorf("%s: %d and %d", name, pair[0], pair[1])
		}
	}
	// Five a round, and readings in setup() and teardown() until all taps have arrived.
	if least, most := 5*rounds+3, 5*rounds+40; got.Upstash.Requests < least || got.Upstash.Requests > most {
		t.Errorf("%d requests to Upstash, want %d to %d", got.Upstash.Requests, least, most)
	}
	checkNothingTold(t, r, tw)
}

// TestSmokeFails: whichever part goes wrong after preflight() has tried it.
func TestSmokeFails(t *testing.T) {
	t.Parallel()
	for part, check := range map[string]string{
		"worker":  "✗ tap() is redirected",
		"admin":   "✗ query() returns data",
		"hub":     "✗ flushTaps() flushes every batch",
		"upstash": "✗ queueDepth() is 0 or more",
	} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			broken := make(chan struct{})
			go func() {
				defer close(broken)
				tw.breaks(`{"` + part + `":{"errorRate":1,"status":500}}`)
			}()
			r := runScript(t, tw, "smoke.js", "--duration", "4s")
			<-broken
			r.wants(99, check)
		})
	}
}

// breaks sets faults once preflight() is through, and load has begun.
func (tw *twin) breaks(faults string) {
	tw.awaits("load", func(s stats) bool { return s.Worker.Requests > preflightTaps+1 }) // and its /health; these come first, and the last are of the queue
	tw.must(http.MethodPut, "/faults", faults)
}

// awaits waits until the twin's counts say that something has happened, from goroutines too.
func (tw *twin) awaits(what string, happened func(stats) bool) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var s stats
		answer, err := tw.ask(http.MethodGet, "/stats", "")
		if err == nil {
			err = json.Unmarshal(answer, &s)
		}
		switch {
		case err == nil && happened(s):
			return
		case time.Now().After(deadline):
			tw.t.Errorf("waited a minute for %s: %v; the twin counts %+v", what, err, s)
			return
		}
	}
}

// TestBreakpoint: a Worker of 200 taps/s breaks the run soon after that rate, not before; one that holds lets it climb to
// the end. Other tests wait: they would take the processors that its taps need.
func TestBreakpoint(t *testing.T) {
	for _, c := range []struct {
		name, faults, peak, climb string
		breaks                    string
		from, to                  float64 // the rate that it ends at
	}{
		{"one of 200 taps/s", `{"worker":{"serviceTimeMs":20,"workers":4}}`, "500", "25s", "redirect_latency", 200, 300},
		{"one that errs above 100", `{"worker":{"errorsAboveRate":100}}`, "300", "30s", "error_rate", 100, 160},
		{"one that holds", `{}`, "300", "6s", "", 250, 300}, // k6 leaves out what is due after the end, when it comes late to it
	} {
		t.Run(c.name, func(t *testing.T) {
			r, got := climb(t, c.faults, c.from, "-e", "PEAK="+c.peak, "-e", "CLIMB="+c.climb)
			if broken := strings.Join(r.broken(), ", "); broken != c.breaks || c.breaks != "" && r.code != 99 {
				t.Errorf("k6 exited %d, broken is %q\n%s", r.code, broken, r.output)
			}
			if ended := slices.Max(r.samples("arrival_rate")); ended < c.from || ended > c.to {
				t.Errorf("ended at %.0f taps/s", ended)
			}
			failed := int64(sum(r.samples("error_rate")))
			if failed != got.Worker.Faults || (failed > 0) != (c.breaks == "error_rate") {
				t.Errorf("%d taps failed, the twin failed %d", failed, got.Worker.Faults)
			}
		})
	}
}

// climb runs the script, each time at a twin of its own, until it is the system that breaks it, if anything does, and at no lower rate than the
// system's: the twin, too, shares its processors.
func climb(t *testing.T, faults string, from float64, args ...string) (r run, got stats) {
	t.Helper()
	onTheSystem(func() (blamed bool) {
		tw := startTwin(t)
		tw.control(http.MethodPut, "/faults", faults)
		r = runScript(t, tw, "redirect-breakpoint.js", args...)
		got = tw.stats()
		early := slices.Max(r.samples("arrival_rate")) < from && slices.Contains(r.broken(), "redirect_latency")
		return early || strings.Contains(crossed.FindString(r.output), "generator_limited")
	})
	return r, got
}

// TestUpstashPipeline: all eight commands of every tap are executed on keys of the test's own, and none of them stays.
func TestUpstashPipeline(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	ctx, client := t.Context(), tw.redis()
	const velocity = "loadtest:analytics:*:velocity:*"

	r := runScript(t, tw, "upstash-pipeline.js", "-e", "RATE=50", "-e", "DURATION=2s")
	r.wantsHeld("upstash_pipeline_latency")
	taps := len(r.samples("iterations"))
	// k6 leaves out what is due after the end, when it comes late to it.
	if measured := len(r.samples("upstash_pipeline_latency")); measured != taps || taps < 50 || taps > 101 {
		t.Errorf("%d of %d pipelines measured, 100 were due", measured, taps)
	}
	if u := tw.stats().Upstash; u.Commands != int64(8*taps+4) || u.Requests != int64(taps+3) {
		t.Errorf("%d pipelines, and 4 commands of setup() and teardown(): the twin saw %+v", taps, u)
	}
	counted, buckets := 0, client.Keys(ctx, velocity).Val()
	for _, key := range buckets {
		n, _ := strconv.Atoi(client.Get(ctx, key).Val())
		counted += n
		if left := client.TTL(ctx, key).Val(); left <= 0 || left > 30*time.Minute {
			t.Errorf("%s expires in %s", key, left)
		}
	}
	if left := client.Keys(ctx, "*").Val(); counted != taps || len(left) != len(buckets) {
		t.Errorf("velocity counts %d of %d taps; left is %v", counted, taps, left)
	}

	r = runScript(t, tw, "upstash-pipeline.js", "-e", "RATE=50", "-e", "DURATION=1s", "-e", "QUEUE=tap-log:pending")
	r.wantsHeld()
	taps = len(r.samples("iterations"))
	if waiting := tw.stats().Queue.Depth; waiting != int64(taps) {
		t.Errorf("%d of %d taps wait in the real queue", waiting, taps)
	}
	runK6(t, tw.env, "run", "--quiet", script(t, `
		import { flushTaps } from 'k6/x/sparkmotion';
		export default () => flushTaps();`)).wants(0)
	if got := tw.stats(); got.Database.Rows-got.Database.History != int64(taps) || got.Hub.Dropped != 0 {
		t.Errorf("%d taps, and the flush: %+v", taps, got)
	}
	client.Del(context.WithoutCancel(ctx), client.Keys(ctx, velocity).Val()...)
}

// TestUpstashPipelineExample: the leaderboard of examples/ has in Redis what the script did, and leaves nothing.
func TestUpstashPipelineExample(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	r := runScript(t, tw, "../examples/upstash-leaderboard.js", "-e", "RATE=20", "-e", "DURATION=2s", "-e", "PLAYERS=1")
	n := len(r.samples("iterations"))
	r.wantsHeld(fmt.Sprintf("the best: player-0,%d", 10*n))
	if u := tw.stats().Upstash; n < 39 || u.Commands != int64(3*n+3) || u.Requests != int64(n+3) {
		t.Errorf("%d pipelines, and 3 commands of setup() and teardown(): the twin saw %+v", n, u)
	}
	if left := tw.redis().Keys(t.Context(), "*").Val(); len(left) > 0 {
		t.Errorf("left in Redis: %v", left)
	}
}

// TestEventDay: the unknown bands are the misses, a few bands get many taps, and everything arrives. It takes less than the
// cron's 15 s, so that the taps are in the queue in the end.
func TestEventDay(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	r := runScript(t, tw, "event-day.js", "-e", "SCALE=0.45", "-e", "TIME_SCALE=0.0006")
	r.wantsHeld("The run against its limits")
	taps, known := r.samples("redirect_latency"), sum(r.samples("kv_hit_rate"))
	got := tw.stats()
	var queries int64
	for _, n := range got.Admin.Queries {
		queries += n
	}
	for name, pair := range map[string][2]int64{
		"taps and 302s":                 {int64(len(taps)) + preflightTaps, got.Worker.Hits + got.Worker.Misses},
		"known bands and KV hits":       {int64(known) + preflightTaps, got.Worker.Hits},
		"unknown bands and misses":      {int64(len(taps)) - int64(known), got.Worker.Misses},
		"misses and the Hub's":          {got.Worker.Misses, got.Hub.SlowPath},
		"redirects and rows or waiting": {got.Worker.Hits + got.Worker.Misses, got.Database.Rows - got.Database.History + got.Queue.Depth},
		"flushes, one by preflight":     {int64(len(r.samples("cron_errors"))) + 1, got.Hub.Flushes},
		"queries":                       {int64(len(r.samples("analytics_latency"))) + preflightQueries + preflightExports, queries},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d and %d", name, pair[0], pair[1])
		}
	}
	if share := float64(got.Worker.Misses) / float64(len(taps)); share == 0 || share > 0.05 || len(taps) < 500 { // 2 % by chance
		t.Errorf("%.1f %% of %d taps miss", 100*share, len(taps))
	}
	byBand := tw.tapsByBand()
	if top, median := byBand[len(byBand)-1], byBand[len(byBand)/2]; top < 20*median {
		t.Errorf("the most tapped of %d bands has %d taps, the median %d", len(byBand), top, median)
	}
}

// TestWindowSwitch: as many taps lead to the old page after the switch, and the last one as late, as the twin has recorded of it. The edge
// keeps a page for 30 s, which is what it takes. The page that was shown before is shown again.
func TestWindowSwitch(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	r := runScript(t, tw, "window-switch.js", "-e", "BEFORE=2", "-e", "LIMIT=35") // beside the 30 s, the switch has to be made
	r.wantsHeld("old_page")
	old := points(t, filepath.Join(r.dir, "samples.json"), "old_page")
	if len(old) == 0 {
		t.Fatal("no tap led to the old page")
	}
	asked := time.Now()
	for _, p := range old { // a tap's latency too late: the least of them
		if at := p.Time.Add(-time.Duration(p.Value) * time.Millisecond); at.Before(asked) {
			asked = at
		}
	}
	crossing, longest := 0, 0.0       // iterations that are under way at the switch, and how long one takes at most
	const fine = 2 * time.Millisecond // as is the script's clock
	for _, p := range points(t, filepath.Join(r.dir, "samples.json"), "iteration_duration") {
		if p.Tags["scenario"] != "taps" {
			continue
		}
		began := p.Time.Add(-time.Duration(p.Value * float64(time.Millisecond)))
		if began.Before(asked.Add(fine)) && p.Time.After(asked.Add(-fine)) {
			crossing++
		}
		longest = max(longest, p.Value)
	}
	pre, live, last := 0, 0, 0.0
	for _, entry := range tw.redis().LRange(t.Context(), "tap-log:pending", 0, -1).Val() {
		var tap struct {
			Mode     string
			TappedAt time.Time
		}
		if err := json.Unmarshal([]byte(entry), &tap); err != nil {
			t.Fatal(err)
		}
		since := float64(tap.TappedAt.Sub(asked).Milliseconds())
		switch {
		case since < 0:
		case tap.Mode == "pre":
			pre, last = pre+1, max(last, since)
		default:
			live++
		}
	}
	slowest, led := slices.Max(r.samples("old_page")), len(r.samples("new_page"))
	t.Logf("%d taps led to the old page, the last after %.0f ms, and %d to the new one; the twin has %d, %.0f ms, %d", len(old), slowest, led, pre, last, live)
	if abs(len(old)-pre) > crossing || abs(led-live) > crossing || math.Abs(slowest-last) > longest+5 || last < 20_000 {
		t.Errorf("%d taps led to the old page, the last after %.0f ms, and %d to the new one; the twin has %d, %.0f ms, %d", len(old), slowest, led, pre, last, live)
	}
	runK6(t, tw.env, "run", "--quiet", script(t, `
		import { login, query } from 'k6/x/sparkmotion';
		export default () => {
			const shown = query(login(), 'windows.list', { eventId: __ENV.LOADTEST_EVENT_ID }).filter(({ isActive }) => isActive);
			console.log('shown ' + shown.map(({ windowType }) => windowType));
		};`)).wants(0, `msg="shown LIVE"`)
	runScript(t, tw, "window-switch.js", "-e", "FROM=BREAK").wants(107, "has the windows [PRE,LIVE,POST]: set FROM and TO to two of them")
}

func abs(n int) int { return max(n, -n) }

// TestDrain: a Hub that drains so many rows a second is measured by batch, by second and by flush.
func TestDrain(t *testing.T) {
	t.Parallel()
	tw, random := startTwin(t, "-flush-time", "30s"), chance(t) // for one flush of a slow database, and one that fails goes on for so long
	drains := 5000 + 5000*random.Float64()
	tw.control(http.MethodPut, "/faults", fmt.Sprintf(`{"hub":{"drainRate":%.0f}}`, drains))
	const rows = 40_000
	r := runScript(t, tw, "drain.js", "-e", fmt.Sprint("N=", rows))
	r.wants(0)
	flush, batch, second := r.samples("drain_flush"), r.samples("drain_batch"), r.samples("drain_second")
	t.Logf("the twin drains %.0f rows/s; by flush %.0f, by batch %.0f, by second %.0f", drains, flush, batch, second)
	if len(flush) != 1 || flush[0] > 1.01*drains { // never faster, and slower where the database is
		t.Fatalf("%.0f rows/s by flush; the twin drains %.0f", flush, drains)
	}
	// All batches are of one size, but the last. Seconds may have one more or less in all, and there is none after the last batch.
	took := 0.0 // s a row
	for _, rate := range batch {
		took += 1 / rate / float64(len(batch))
	}
	if len(batch) < 6 || math.Abs(1/took/flush[0]-1) > 0.2 {
		t.Errorf("%.0f rows/s by batch, %.0f on average; the flush took %.0f", batch, 1/took, flush[0])
	}
	n := float64(len(second))
	if mean := sum(second) / n; n < 3 || math.Abs(mean/flush[0]-1) > 0.2+5000/(n*flush[0]) {
		t.Errorf("%.0f rows/s by second, %.0f on average; the flush took %.0f", second, mean, flush[0])
	}
	if got := tw.ledger(); got.Rows != rows || got.Pending != 0 {
		t.Errorf("%d rows, and %d wait", got.Rows, got.Pending)
	}
	tw.control(http.MethodPost, "/bands/delete?share=0.05", "")
	runScript(t, tw, "drain.js", "-e", "N=5000").wants(99, "cron_drop_rate", "cron_flushed")
	tw.control(http.MethodPut, "/faults", `{"database":{"errorRate":1}}`)
	runScript(t, tw, "drain.js", "-e", "N=5000").wants(108, "a flush or some of its batches failed")
}

// TestSoak: the first tenth and the last are told apart: taps that take longer and are lost from some time on show in the last.
func TestSoak(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	ended := during(func() {
		tw.awaits("half of the taps", func(s stats) bool { return s.Worker.Requests > 500 })
		tw.must(http.MethodPut, "/faults", `{"worker":{"latencyMs":400},"upstash":{"errorRate":0.5,"status":429}}`)
	})
	r := runScript(t, tw, "soak.js", "-e", "RATE=50", "-e", "HOURS=0.0055")
	ended()
	r.wants(99, "first tenth", "redirect p95, ms", "queue, most", "generator memory, MB", "taps_lost")
	if _, lost := r.account(); lost != tw.ledger().Lost {
		t.Errorf("%d lost; by the twin's count %d", lost, tw.ledger().Lost)
	}
	s, plateaus := r.summary(), r.verdict().Plateaus
	if len(plateaus) != 10 {
		t.Fatalf("%d plateaus", len(plateaus))
	}
	for tenth, p := range map[string]plateau{"first": plateaus[0], "last": plateaus[9]} {
		latency, memory := s.Metrics["redirect_latency{tenth:"+tenth+"}"].Values, s.Metrics["generator_memory{tenth:"+tenth+"}"].Values["max"]
		t.Logf("%s: %v, %.1f MB; %d taps in its plateau", tenth, latency, memory/1e6, p.Counts.Taps)
		if math.Abs(latency["count"]-float64(p.Counts.Taps)) > 10 || memory < 5e6 || memory > 2e9 {
			t.Errorf("%s: %v, %.0f bytes; %d taps in its plateau", tenth, latency, memory, p.Counts.Taps)
		}
		if slow := latency["med"] >= 400; slow != (tenth == "last") {
			t.Errorf("%s: the median is %v ms, 400 were added later on", tenth, latency["med"])
		}
	}
}

// TestEveryCall: the calls of index.d.ts, in TypeScript; `make types` reads the same script. Its thresholds want its checks.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	tw := startTwin(t, "-bands", "200000")
	tw.env["DIRECT_URL"] = tw.env["WORKER_URL"]
	r := runScript(t, tw, "../examples/every-call.ts")
	r.wantsHeld("The run against its limits")
	if n := len(r.samples("checks")); n == 0 || len(r.errors()) > 0 {
		t.Errorf("%d checks\n%s", n, r.output)
	}
	if left := tw.redis().Keys(t.Context(), "examples:*").Val(); len(left) > 0 {
		t.Errorf("left in Redis: %v", left)
	}
	checkNothingTold(t, r, tw)
}

// tapsByBand are how many taps each band of the queue has, the fewest first.
func (tw *twin) tapsByBand() []int {
	tw.t.Helper()
	taps := make(map[string]int)
	for _, entry := range tw.redis().LRange(tw.t.Context(), "tap-log:pending", 0, -1).Val() {
		var tap struct{ BandID string }
		if err := json.Unmarshal([]byte(entry), &tap); err != nil {
			tw.t.Fatal(err)
		}
		taps[tap.BandID]++
	}
	if len(taps) == 0 {
		tw.t.Fatal("no taps wait in the queue")
	}
	return slices.Sorted(maps.Values(taps))
}
