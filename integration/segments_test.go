package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// thirds runs a script in three processes at once, a third of it in each, which env may change.
func thirds(t *testing.T, script string, env func(n int) map[string]string) []run {
	t.Helper()
	runs := make([]run, 3)
	var all sync.WaitGroup
	for n := range runs {
		all.Go(func() {
			runs[n] = runK6(t, env(n), "run", "--quiet", "--execution-segment", fmt.Sprintf("%d/3:%d/3", n, n+1),
				"--execution-segment-sequence", "0,1/3,2/3,1", script)
		})
	}
	all.Wait()
	return runs
}

// merge merges what they left.
func merge(t *testing.T, runs []run) run {
	t.Helper()
	args := []string{"x", "sparkmotion", "merge"}
	for _, r := range runs {
		args = append(args, filepath.Join(r.dir, "results/e2e-load-summary.json"))
	}
	return runK6(t, map[string]string{"K6_AUTO_EXTENSION_RESOLUTION": "false", "K6_NO_USAGE_REPORT": "true"}, args...)
}

// TestSegments: three processes of a third each send what one sends: as many taps, of the same bands, none of them twice, in
// the same plateaus. The Worker is slow for the third of them; the merged percentile is that of all taps.
func TestSegments(t *testing.T) {
	source := script(t, `
		import { bandID, plateaus, report, tap } from 'k6/x/sparkmotion';
		export const options = { scenarios: { tappers: { // 390 taps, the last 176 ms before the end
			executor: 'ramping-arrival-rate', ...plateaus({ rates: [30, 60], hold: '4s', rampDown: '1.03s' }), preAllocatedVUs: 90,
		} } };
		export default () => tap({ band: bandID({ distribution: 'sequential' }) });
		export const handleSummary = report;`)

	var one, merged run
	var runs []run
	var want, got []string
	onTheSystem(func() (blamed bool) {
		alone, shared := startTwin(t), startTwin(t)
		slow := slowed(t, shared.env["WORKER_URL"], 300*time.Millisecond)
		var all sync.WaitGroup
		all.Go(func() { one = runK6(t, alone.env, "run", "--quiet", source) })
		runs = thirds(t, source, func(n int) map[string]string {
			env := maps.Clone(shared.env)
			if n == 2 {
				env["WORKER_URL"] = slow
			}
			return env
		})
		all.Wait()
		merged = merge(t, runs)
		want, got = bandsOf(t, alone), bandsOf(t, shared)
		return len(want) < 390 || len(got) < 390 || apart(merged.verdict()) > inStep // k6 leaves out what is due after the end
	})
	if distinct := len(slices.Compact(slices.Clone(got))); len(want) != 390 || len(got) != 390 || distinct != 390 || !slices.Equal(got, want) {
		t.Errorf("three processes sent %d taps, of %d bands; one sent %d, of the same bands: %v", len(got), distinct, len(want), slices.Equal(got, want))
	}
	wantLinedUp(t, one.verdict(), merged.verdict())
	average := 0.0
	for _, r := range runs {
		average += r.verdict().Plateaus[1].metric("redirect p95") / 3
	}
	if p95 := merged.verdict().Plateaus[1].metric("redirect p95"); !(p95 > 300 && p95 > average+100) {
		t.Errorf("the merged p95 is %v ms, of the average %v", p95, average)
	}
	if t.Failed() {
		t.Log(merged.output)
	}
}

// wantLinedUp wants the plateaus of one process again in those of three, each of which began at about the same time.
func wantLinedUp(t *testing.T, one, merged verdict) {
	t.Helper()
	for i, p := range merged.Plateaus {
		q := one.Plateaus[i]
		if p.Name != q.Name || p.Offered != q.Offered || p.Start != q.Start || math.Abs(p.Seconds-q.Seconds) > 0.1 {
			t.Errorf("got %+v of three processes, and of one %+v", p, q)
		}
	}
	if len(merged.Processes) != 3 || apart(merged) > inStep {
		t.Errorf("they began at %v", merged.Processes)
	}
}

// inStep is half a plateau of TestSegments, on a machine that has other things to do.
const inStep = 2 * time.Second

// apart is the time between the first process's beginning and the last one's.
func apart(merged verdict) time.Duration {
	var began []time.Time
	for _, p := range merged.Processes {
		began = append(began, p.Began)
	}
	return slices.MaxFunc(began, time.Time.Compare).Sub(slices.MinFunc(began, time.Time.Compare))
}

// bandsOf are those that a twin's queue has, in order.
func bandsOf(t *testing.T, tw *twin) []string {
	t.Helper()
	tw.stats() // waits until all are queued
	options, err := redis.ParseURL(tw.env["TWIN_REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	entries, err := client.LRange(context.Background(), "tap-log:pending", 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	var bands []string
	for _, entry := range entries {
		var tap struct{ BandID string }
		if err := json.Unmarshal([]byte(entry), &tap); err != nil {
			t.Fatal(err)
		}
		bands = append(bands, tap.BandID)
	}
	slices.Sort(bands)
	return bands
}

// slowed is a server that answers as another one does, but later.
func slowed(t *testing.T, target string, by time.Duration) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = transport(t)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(by)
		proxy.ServeHTTP(w, r)
	})
}

// TestMerge: three processes of a third each, of virtual users that can't be cut in three, find what the whole of their taps does
// to a Worker of 200 taps/s. Other tests wait for it: they would take the processors that its taps need.
func TestMerge(t *testing.T) {
	tw := startTwin(t)
	tw.control(http.MethodPut, "/faults", `{"worker":{"serviceTimeMs":10,"workers":2}}`)
	source := plateausScript(t, "[40, 80, 400]", "3s", "", "")
	var runs []run
	var merged run
	onTheSystem(func() (blamed bool) {
		runs = thirds(t, source, func(int) map[string]string { return tw.env })
		merged = merge(t, runs)
		return strings.Contains(merged.output, "GENERATOR") || merged.blamesTiming() || merged.verdict().tooSlow(400)
	})
	for _, r := range runs {
		r.wants(99)
	}
	merged.wants(99, merged.verdict().Verdict[0], "thresholds on metrics 'redirect_latency, redirect_latency{plateau:400}' have been crossed")
	if v := merged.verdict(); v.SustainedRate != 80 || v.FirstBreach.Offered != 400 || v.FirstBreach.Metric != "redirect_latency" || len(v.Processes) != 3 {
		t.Errorf("got %+v", v)
	}
	merge(t, runs[:2]).wants(255, "nobody ran the segment 2/3:1: it takes the summaries of all processes of one run")
	merge(t, append(runs, runs[1])).wants(255, "(1/3:2/3) overlap: each process takes an --execution-segment of its own")
}

// TestDistributed runs the script that make distributed runs: what its processes counted is what the twin did.
func TestDistributed(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	r := runCommand(t, tw.env, absolute(t, "../scripts/distributed.sh"), "2", "-e", "SCALE=0.02", "-e", "TIME_SCALE=0.02")
	code := 0
	if strings.Contains(r.output, "have been crossed") {
		code = 99 // at a few taps a plateau, by whatever else the machine does
	}
	r.wants(code, "2 processes; their logs: results/distributed/*/k6.log", "tail -f results/distributed/1/k6.log", "2 processes sent this", "The report: results/e2e-load-report.html")
	if log := read(t, filepath.Join(r.dir, "results/distributed/1/k6.log")); !strings.Contains(log, "\nrunning (") {
		t.Errorf("its log does not tell how far it is:\n%s", log)
	}
	c, got := r.verdict().Counts, tw.stats()
	queries := int64(0)
	for _, n := range got.Admin.Queries {
		queries += n
	}
	for name, pair := range map[string][2]int64{
		"taps, and preflight's of each process":  {c.Taps + 2*preflightTaps, got.Worker.Hits},
		"flushes, and preflight's":               {c.Flushes + 2, got.Hub.Flushes},
		"logins, and preflight's":                {2, got.Admin.Logins},
		"queries, and preflight's":               {c.Queries + 2*(preflightQueries+preflightExports), queries},
		"302s served, and rows or queue entries": {got.Worker.Hits, got.Database.Rows - got.Database.History + got.Queue.Depth},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d and %d", name, pair[0], pair[1])
		}
	}
	r = runCommand(t, nil, absolute(t, "../scripts/distributed.sh"), "2")
	r.wants(107, "process 1 exited with code 107; the end of its log:", "preflight needs WORKER_URL")
}

// TestDistributedAsksHowMany: make distributed without N leaves an option in its place.
func TestDistributedAsksHowMany(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {""}, {"-e", "SCALE=0.1"}, {"0"}, {"-1"}, {"2.5"}, {"n"}} {
		r := runCommand(t, nil, absolute(t, "../scripts/distributed.sh"), args...)
		if r.wants(2); r.output != "set N, the number of processes: make distributed N=3\n" {
			t.Errorf("%q: %s", args, r.output)
		}
	}
}
