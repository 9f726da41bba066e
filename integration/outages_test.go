package integration

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// outage is what goes away and comes back in turn, and for how long. Flushes come every second, so that
// each outage meets one. A flush waits 5 s for Redis before it fails.
var outage = []struct {
	path string // of the twin's control, and of bin/services'
	then time.Duration
}{
	{"/redis/stop", 6500 * time.Millisecond},
	{"/redis/start", 1500 * time.Millisecond},
	{"/database/stop", 1100 * time.Millisecond},
	{"/redis/stop", 400 * time.Millisecond}, // both are away
	{"/database/start", 700 * time.Millisecond},
	{"/redis/start", 1500 * time.Millisecond},
}

// TestOutages takes Redis and the database away, again and again, under a run of 14 seconds. Phones are redirected all the
// same, and what Redis did not take is lost, as in the real system; a flush that fails is counted and the run goes on; and when all
// is back, the twin's own counts account for every tap that was redirected.
//
// Bands come in turn, so that each tap has its own: the distinct ones in the database are the taps that arrived. Redis's
// own counters say how many taps it executed.
func TestOutages(t *testing.T) {
	if realRedis == "" && realDatabase == "" {
		t.Parallel() // else other tests' servers would go away too
	}
	tw := startTwin(t)
	for _, path := range []string{"/redis/start", "/database/start"} {
		if err := tw.switchService(path); errors.Is(err, errNotOurs) {
			t.Skipf("needs servers that it may kill: %v", err)
		}
	}
	start := time.Now()
	ended, counted := make(chan struct{}), make(chan int)
	go func() { counted <- tw.outages(ended) }()
	env := maps.Clone(tw.env)
	env["STOP"] = "off" // it goes through them all
	r := runK6(t, env, "run", "--quiet", script(t, `
		import { Counter } from 'k6/metrics';
		import { bandID, flushTaps, queueDepth, report, tap, thresholds } from 'k6/x/sparkmotion';
		const every = (rate, exec) => ({ executor: 'constant-arrival-rate', rate, exec, duration: '14s', preAllocatedVUs: 20 });
		export const options = {
			scenarios: { taps: every(400, 'taps'), cron: every(1, 'cron'), sampler: every(2, 'sampler') },
			thresholds: thresholds(), summaryTrendStats: ['p(95)', 'count'],
		};
		const incomplete = new Counter('incomplete_flushes');
		export const taps = () => tap({ band: bandID({ distribution: 'sequential' }) });
		export const cron = () => incomplete.add(flushTaps().failedBatches > 0 ? 1 : 0);
		export const sampler = () => queueDepth({ redisURL: __ENV.TWIN_REDIS_URL });
		export const handleSummary = report;`))
	close(ended)
	stops := <-counted
	executed, rows, bands := tw.count(start)
	r.wants(99, "flushTaps: ", "cron_errors")
	s, got := r.summary(), tw.stats()
	t.Logf("%d taps, %d acknowledged as queued, %d lost; Redis stopped %d times, it executed %d; in the database %d rows, %d distinct",
		got.Worker.Hits, got.Queue.Queued, got.Queue.Lost, stops, executed, rows, bands)

	thrown, unread := int64(strings.Count(r.output, "flushTaps: ")), int64(strings.Count(r.output, "queueDepth: "))
	for name, pair := range map[string][2]int64{
		"taps sent and 302s served":                               {s.samples("redirect_latency"), got.Worker.Hits},
		"taps and samples that failed, and samples by the report": {int64(s.Metrics["error_rate"].Values["passes"]), r.verdict().Counts.SamplesFailed},
		"302s served, and queued or lost":                         {got.Worker.Hits, got.Queue.Queued + got.Queue.Lost},
		"flushes, and requests that no tap is":                    {s.samples("cron_errors"), s.samples("http_reqs") - s.samples("redirect_latency")},
		"flushes counted as failed, and those that threw or had a failed batch": {
			int64(s.Metrics["cron_errors"].Values["passes"]), thrown + int64(s.Metrics["incomplete_flushes"].Values["count"])},
		"new rows by the twin's count and by the Admin's": {got.Database.Rows - got.Database.History, rows},
		"waiting": {0, got.Queue.Depth},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d and %d", name, pair[0], pair[1])
		}
	}
	if failed := r.verdict().Counts.SamplesFailed; unread > failed { // flushes look at the queue as well
		t.Errorf("%d samples threw, and %d failed", unread, failed)
	}
	if got.Queue.Lost == 0 || got.Hub.FailedBatches == 0 || thrown == 0 || unread == 0 {
		t.Errorf("the outages met nobody: %d taps lost, %d batches failed, %d flushes and %d samples threw",
			got.Queue.Lost, got.Hub.FailedBatches, thrown, unread)
	}
	// A Redis that is killed may have executed taps that it never acknowledged. A flush keeps no copy of what it took off the queue, and
	// puts a batch back whose commit it did not see: taps may be missing from the database, and be there twice.
	if realRedis == "" && executed != got.Queue.Queued {
		t.Errorf("Redis executed %d taps and acknowledged %d", executed, got.Queue.Queued)
	}
	if bands == 0 || bands > executed || executed < got.Queue.Queued {
		t.Errorf("%d taps acknowledged, %d executed, %d in the database", got.Queue.Queued, executed, bands)
	}
}

var errNotOurs = errors.New("a server of somebody else's")

// outages takes the twin's Redis and database away and brings them back, until ended is closed, and returns how often
// it stopped Redis. In the end both are there.
func (tw *twin) outages(ended <-chan struct{}) (stops int) {
	do := func(path string) {
		if err := tw.switchService(path); err != nil {
			tw.t.Error(err)
		}
	}
	wait := time.After(time.Second) // all is well at first
	for step := 0; ; step++ {
		select {
		case <-ended:
			do("/redis/start")
			do("/database/start")
			return stops
		case <-wait:
		}
		o := outage[step%len(outage)]
		do(o.path)
		if o.path == "/redis/stop" {
			stops++
		}
		wait = time.After(o.then)
	}
}

// switchService stops or starts Redis or the database: what is embedded by the twin's control, what is real by that of
// bin/services, which kills it.
func (tw *twin) switchService(path string) error {
	base := tw.env["TWIN_CONTROL_URL"]
	if strings.HasPrefix(path, "/redis") && realRedis != "" || strings.HasPrefix(path, "/database") && realDatabase != "" {
		base = os.Getenv("SERVICES_URL")
		if base == "" {
			return fmt.Errorf("%w: `make test-services` starts its own", errNotOurs)
		}
	}
	resp, err := tw.client.Post(base+path, "", nil) // it answers, or go test's time is up
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch answer, _ := io.ReadAll(resp.Body); resp.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusForbidden:
		return fmt.Errorf("%w: %s", errNotOurs, answer)
	default:
		return fmt.Errorf("%s: %s %s", path, resp.Status, answer)
	}
}

// count flushes what is left and counts the taps since start: those that Redis executed, their rows in the database, and
// the rows' distinct bands.
func (tw *twin) count(start time.Time) (executed, rows, bands int64) {
	tw.t.Helper()
	env := map[string]string{"START": start.UTC().Format("2006-01-02T15:04:05.000Z")}
	for name, value := range tw.env {
		env[name] = value
	}
	r := runK6(tw.t, env, "run", "--quiet", script(tw.t, `
		import { sleep } from 'k6';
		import { flushTaps, login, query, Upstash } from 'k6/x/sparkmotion';
		const flushed = () => { try { const f = flushTaps(); return !f.failedBatches && !f.remaining } catch (e) { return false } };
		export default () => {
			for (let tries = 0; !flushed(); tries++) {
				if (tries > 100) throw new Error('the queue does not get empty');
				sleep(0.1);
			}
			const { totalTaps, uniqueBands } = query(login(), 'analytics.kpis', { from: __ENV.START, to: new Date().toISOString() });
			const redis = new Upstash();
			const totals = redis.command(['MGET', ...redis.command(['KEYS', 'analytics:*:taps:total'])]);
			console.log(`+"`counted ${totals.reduce((sum, n) => sum + Number(n), 0)} ${totalTaps} ${uniqueBands}`"+`);
		};`))
	r.wants(0, "counted ")
	if _, err := fmt.Sscanf(r.output[strings.Index(r.output, "counted "):], "counted %d %d %d", &executed, &rows, &bands); err != nil {
		tw.t.Fatal(err, r.output)
	}
	return executed, rows, bands
}
