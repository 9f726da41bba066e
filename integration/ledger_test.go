package integration

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// account is the ledger in a run's report.
type account struct {
	Redirected, Received, Flushed, Dropped, Waiting int64
	WaitingBefore                                   int64 `json:"waiting_before"`
	Lost                                            *int64
	AtLeast                                         bool `json:"lost_at_least"`
	Flushing, Unaccounted                           int64
	OtherTraffic                                    int64 `json:"other_traffic"`
}

// account is what the report says became of the taps; lost as well as a number, -1 when it is not known.
func (r run) account() (l account, lost int64) {
	r.t.Helper()
	told := capacityOf[struct{ Ledger *account }](r).Ledger
	if told == nil {
		r.t.Fatalf("no ledger\n%s", r.output)
	}
	l, lost = *told, -1
	if l.Lost != nil {
		lost = *l.Lost
	}
	return l, lost
}

// ledgerScript holds two rates, flushes and reads every second, and waits in the end until all has arrived. The flush is half a second
// after the reading, so that there is one on both sides of each.
func ledgerScript(t *testing.T, low, high int, more string) string {
	t.Helper()
	return script(t, fmt.Sprintf(`
		import { attempt, flushTaps, plateaus, preflight, queueDepth, reconcile, report, tap, thresholds } from 'k6/x/sparkmotion';
		const every = (exec, startTime) => ({ executor: 'constant-arrival-rate', exec, startTime, rate: 1, duration: '8s', preAllocatedVUs: 3 });
		const tappers = {
			executor: 'ramping-arrival-rate', exec: 'tapper', preAllocatedVUs: 50, maxVUs: 400, gracefulStop: '5s',
			...plateaus({ rates: [%d, %d], hold: '4s' }),
		};
		export const options = {
			scenarios: { tappers, cron: every('cron', '0.5s'), sampler: every('sampler', '0s') },
			thresholds: thresholds(%s),
		};
		%s
		export const setup = () => preflight({ parts: ['worker', 'queue'] });
		export const tapper = () => tap();
		export const cron = () => attempt(() => flushTaps());
		export const sampler = () => attempt(() => queueDepth());
		export const teardown = () => void reconcile();
		export const handleSummary = report;`, low, high, unhurried, more))
}

// natively are the settings with which a run reads Redis by its own protocol, and not by Upstash's.
func (tw *twin) natively() map[string]string {
	env := maps.Clone(tw.env)
	env["REDIS_URL"] = tw.env["TWIN_REDIS_URL"]
	delete(env, "UPSTASH_REDIS_REST_URL")
	delete(env, "UPSTASH_REDIS_REST_TOKEN")
	return env
}

// wantsTruth compares a report's ledger with the twin's of all that it has done, to the tap. Before the run's first reading were only
// so many taps of preflight(), which waited.
func (tw *twin) wantsTruth(r run, preflight int64) {
	tw.t.Helper()
	got, lost := r.account()
	truth := tw.ledger()
	before := got.WaitingBefore
	tw.t.Logf("%+v, lost %d; the twin: %+v", got, lost, truth)
	if later := got.Waiting - truth.Pending; later > 0 && tw.stats().Others.Flushes > 0 { // another's flush after the last reading
		flushed, dropped := truth.Flushed-got.Flushed, truth.Dropped-got.Dropped
		if flushed < 0 || dropped < 0 || flushed+dropped != later {
			tw.t.Errorf("%d taps left the queue after the last reading: %d flushed, %d dropped", later, flushed, dropped)
		}
		got.Waiting, got.Flushed, got.Dropped = truth.Pending, truth.Flushed, truth.Dropped
	}
	for name, pair := range map[string][2]int64{
		"redirected":  {got.Redirected, truth.KV + truth.Hub - before},
		"received":    {got.Received, truth.Received - before},
		"flushed":     {got.Flushed, truth.Flushed},
		"dropped":     {got.Dropped, truth.Dropped},
		"waiting":     {got.Waiting, truth.Pending},
		"lost":        {lost, truth.Lost},
		"unaccounted": {got.Unaccounted, truth.Received - truth.Flushed - truth.Dropped - truth.Pending},
		"of others":   {got.OtherTraffic, 0},
		"rows":        {got.Flushed, truth.Rows},
	} {
		if pair[0] != pair[1] {
			tw.t.Errorf("%s: %d, and %d by the twin's count", name, pair[0], pair[1])
		}
	}
	if before != preflight || got.AtLeast || truth.KV == 0 {
		tw.t.Errorf("%d taps waited before, want %d; at least: %v", before, preflight, got.AtLeast)
	}
}

// logVerdict shows the verdict's sentences.
func (r run) logVerdict() {
	r.t.Helper()
	r.t.Logf("k6 exited %d: %s\n\t%s", r.code, r.verdict().Status, strings.Join(r.verdict().Verdict, "\n\t"))
}

// during starts what happens to a twin in a run, and returns what waits for its end.
func during(what func()) (ended func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		what()
	}()
	return func() { <-done }
}

// TestLedger: whatever becomes of taps, the report tells it to the tap, by the twin's own count, read by Upstash's REST or by Redis's own
// protocol.
func TestLedger(t *testing.T) {
	t.Parallel()
	stopped := func(tw *twin, r *rand.Rand) {
		tw.awaits("a second of load", func(s stats) bool { return s.Worker.Requests > 100 })
		tw.must(http.MethodPost, "/redis/stop", "")
		time.Sleep(time.Second + time.Duration(2*r.Float64()*float64(time.Second))) // an outage of so long
		tw.must(http.MethodPost, "/redis/start", "")
	}
	for _, c := range []struct {
		name          string
		native, loses bool
		before        func(*twin, *rand.Rand, int, int)
		during        func(*twin, *rand.Rand)
	}{
		{name: "all is well"},
		{name: "all is well, natively", native: true},
		{name: "Upstash's plan is too small", loses: true, before: func(tw *twin, r *rand.Rand, low, high int) {
			above := float64(low) + (0.3+0.4*r.Float64())*float64(high-low)
			tw.must(http.MethodPut, "/faults", fmt.Sprintf(`{"upstash":{"errorsAboveRate":%.1f,"status":429}}`, above))
		}},
		{name: "Upstash errs for a share, natively", native: true, loses: true, during: func(tw *twin, r *rand.Rand) {
			tw.breaks(fmt.Sprintf(`{"upstash":{"errorRate":%.4f,"status":500}}`, 0.01+0.5*r.Float64()))
		}},
		{name: "Redis is away for some seconds", loses: true, during: stopped},
		{name: "Redis is away for some seconds, natively", native: true, loses: true, during: stopped},
		{name: "bands are deleted", before: func(tw *twin, r *rand.Rand, _, _ int) {
			tw.env["LOADTEST_BANDS"] = "1600" // as many as are left
			tw.must(http.MethodPost, fmt.Sprintf("/bands/delete?share=%.4f", 0.02+0.15*r.Float64()), "")
		}},
		{name: "a second cron flushes, natively", native: true, before: func(tw *twin, r *rand.Rand, _, _ int) {
			tw.must(http.MethodPut, "/others", fmt.Sprintf(`{"flushEveryMs":%d}`, 100+r.IntN(900)))
		}},
		{name: "misses go by the Hub", during: func(tw *twin, _ *rand.Rand) {
			tw.breaks(`{}`)
			tw.must(http.MethodDelete, "/kv", "")
		}},
		{name: "much at once", loses: true, before: func(tw *twin, r *rand.Rand, _, _ int) {
			tw.env["LOADTEST_BANDS"] = "1600"
			tw.must(http.MethodPost, fmt.Sprintf("/bands/delete?share=%.4f", 0.15*r.Float64()), "")
		}, during: func(tw *twin, r *rand.Rand) {
			tw.breaks(fmt.Sprintf(`{"upstash":{"errorRate":%.4f,"status":429}}`, 0.05+0.2*r.Float64()))
			tw.must(http.MethodPut, "/others", `{"flushEveryMs":300}`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tw, random := startTwin(t), chance(t)
			low, high := 60+random.IntN(60), 200+random.IntN(200)
			if c.before != nil {
				c.before(tw, random, low, high)
			}
			ended := during(func() {
				if c.during != nil {
					c.during(tw, random)
				}
			})
			env := tw.env
			if c.native {
				env = tw.natively()
			}
			r := runK6(t, env, "run", "--quiet", ledgerScript(t, low, high, ""))
			ended()
			tw.control(http.MethodDelete, "/others", "")
			r.logVerdict()
			tw.wantsTruth(r, preflightTaps)
			if loses := tw.ledger().Lost > 0; loses != c.loses || loses != (r.summary().Metrics["taps_lost"].Values["value"] > 0) {
				t.Errorf("the twin has lost %d; taps_lost is %v", tw.ledger().Lost, r.summary().Metrics["taps_lost"])
			}
		})
	}
}

// TestLedgerAcrossACrash: a Redis that loses what it held takes taps that it had received, and its counters. How many of them are lost and how many
// unaccounted for rests on the last reading before; that they are gone does not, when the last flush before has been read.
func TestLedgerAcrossACrash(t *testing.T) {
	t.Parallel()
	tw, random := startTwin(t), chance(t)
	r := runK6(t, tw.env, "run", "--quiet", ledgerScript(t, 60+random.IntN(60), 200+random.IntN(200), fmt.Sprintf(`
		import http from 'k6/http';
		import { sleep } from 'k6';
		import exec from 'k6/execution';
		import { Upstash } from 'k6/x/sparkmotion';
		options.scenarios.cron = { executor: 'constant-vus', exec: 'crash', vus: 1, startTime: '0.5s', duration: '7s' }; // one flush at a time
		const upstash = new Upstash();
		const counted = () => Number(upstash.command(['GET', 'monitoring:taps:flushed']));
		export const crash = () => {
			const before = counted(), { flushed } = flushTaps();
			while (counted() < before + flushed) sleep(0.01); // which the Hub counts after its answer
			queueDepth(); // and is read
			sleep(0.5); // some taps wait again
			if (exec.scenario.iterationInTest === %d) http.post(__ENV.TWIN_CONTROL_URL + '/redis/crash');
			sleep(0.5);
		};`, 1+random.IntN(3))))
	r.logVerdict()
	got, lost := r.account()
	truth := tw.ledger()
	t.Logf("%+v, lost %d; the twin: %+v", got, lost, truth)
	gone := truth.KV + truth.Hub - truth.Rows - truth.Dropped - truth.Pending
	// Whether a flush holds what is nowhere, nobody can tell before one would have ended.
	code := 0
	if 100*(lost+got.Unaccounted) >= got.Redirected {
		code = 99
	}
	r.wants(code, "counters went back during the run")
	if lost < 0 || lost+got.Unaccounted+got.Flushing != gone || gone == 0 {
		t.Errorf("%d lost, %d unaccounted for and %d in a flush; by the twin's count %d are gone", lost, got.Unaccounted, got.Flushing, gone)
	}
	if redirected := truth.KV + truth.Hub - preflightTaps; got.Redirected != redirected || got.OtherTraffic != 0 {
		t.Errorf("%d redirected and %d of others; by the twin's count %d", got.Redirected, got.OtherTraffic, redirected)
	}
}

// TestLedgerAmongOthers: taps of others are told with their number, and what they may hide is never called none.
func TestLedgerAmongOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault string // once the others have gone
	}{
		{name: "nothing is lost"},
		{name: "some are lost later", fault: `{"upstash":{"errorRate":%.3f,"status":429}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tw, random := startTwin(t), chance(t)
			most := int64(40 + random.IntN(80))
			ended := during(func() {
				tw.breaks(`{}`)
				tw.must(http.MethodPut, "/others", `{"tapsPerSecond":80}`)
				tw.awaits("others", func(s stats) bool { return s.Others.Taps >= most })
				tw.must(http.MethodDelete, "/others", "")
				if c.fault != "" {
					tw.awaits("the second rate", func(s stats) bool { return s.Worker.Requests > 700 })
					tw.must(http.MethodPut, "/faults", fmt.Sprintf(c.fault, 0.05+0.3*random.Float64()))
				}
			})
			r := runK6(t, tw.natively(), "run", "--quiet", ledgerScript(t, 100, 200+random.IntN(200), ""))
			ended()
			r.logVerdict()
			got, lost := r.account()
			s := tw.stats()
			t.Logf("%+v, lost %d; the twin: %+v, %+v", got, lost, s.Ledger, s.Others)
			if redirected := s.Ledger.KV - s.Others.Taps - preflightTaps; got.Redirected != redirected {
				t.Errorf("%d redirected; by the twin's count %d", got.Redirected, redirected)
			}
			if c.fault == "" {
				if got.Lost != nil || got.OtherTraffic != s.Others.Taps || s.Ledger.Lost != 0 {
					t.Errorf("%d taps of others, %d lost; by the twin's count %d, %d", got.OtherTraffic, lost, s.Others.Taps, s.Ledger.Lost)
				}
				return
			}
			if lost <= 0 || !got.AtLeast || lost > s.Ledger.Lost || lost-got.OtherTraffic != s.Ledger.Lost-s.Others.Taps {
				t.Errorf("at least (%v) %d lost, %d taps of others; by the twin's count %d, %d", got.AtLeast, lost, got.OtherTraffic, s.Ledger.Lost, s.Others.Taps)
			}
		})
	}
}

// TestLedgerOfSegments: three processes read the same counters, which are read once; what each saw redirected is summed. The first
// reading is from before anybody's preflight().
func TestLedgerOfSegments(t *testing.T) {
	t.Parallel()
	tw, random := startTwin(t), chance(t)
	ended := during(func() {
		tw.awaits("load", func(s stats) bool { return s.Worker.Requests > 100 })
		tw.must(http.MethodPut, "/faults", fmt.Sprintf(`{"upstash":{"errorRate":%.3f,"status":429}}`, 0.02+0.3*random.Float64()))
	})
	source := ledgerScript(t, 60+random.IntN(60), 200+random.IntN(200), "")
	merged := merge(t, thirds(t, source, func(n int) map[string]string {
		if n == 1 {
			return tw.env
		}
		return tw.natively()
	}))
	ended()
	merged.logVerdict()
	tw.wantsTruth(merged, 0)
}

// TestNoneRecorded: taps that are all redirected and all lost are no pass. When Upstash refuses everything from the start, no load is sent.
func TestNoneRecorded(t *testing.T) {
	t.Parallel()
	const refuses = `{"upstash":{"errorRate":1,"status":500}}`
	t.Run("from the moment that load begins", func(t *testing.T) {
		t.Parallel()
		tw := startTwin(t)
		ended := during(func() {
			tw.awaits("preflight()", func(s stats) bool { return s.Ledger.Received == preflightTaps })
			tw.must(http.MethodPut, "/faults", refuses)
		})
		env := tw.natively()
		env["STOP"] = "off" // to its end: TestKillSwitch has the run that ends by itself
		r := runK6(t, env, "run", "--quiet", ledgerScript(t, 100, 300, `tappers.startTime = '2s';`))
		ended()
		r.logVerdict()
		tw.wantsTruth(r, preflightTaps)
		got, lost := r.account()
		if lost != got.Redirected || tw.ledger().Lost != lost || lost == 0 {
			t.Errorf("%d of %d are lost; by the twin's count %d", lost, got.Redirected, tw.ledger().Lost)
		}
		said := strings.Join(r.verdict().Verdict, " ")
		for _, want := range []string{"100 % of the taps were redirected and never recorded", " redirected 0 were recorded: "} {
			if !strings.Contains(said, want) {
				t.Errorf("the verdict lacks %q", want)
			}
		}
		if r.verdict().Status != "FAIL" || !strings.Contains(strings.Join(r.broken(), " "), "taps_lost") {
			t.Errorf("%s; crossed are %v", r.verdict().Status, r.broken())
		}
		r.wants(99)
	})
	t.Run("from the beginning", func(t *testing.T) {
		t.Parallel()
		for name, env := range map[string]func(*twin) map[string]string{
			"natively":  (*twin).natively,
			"over REST": func(tw *twin) map[string]string { return tw.env },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tw := startTwin(t)
				tw.control(http.MethodPut, "/faults", refuses)
				r := runK6(t, env(tw), "run", "--quiet", ledgerScript(t, 100, 300, ""))
				r.wants(107, map[string]string{
					"natively":  "3 taps were redirected to their page, but 0 of them were received within 10s",
					"over REST": "answered 500",
				}[name], "no load was sent")
				if taps := tw.ledger().KV; taps != preflightTaps {
					t.Errorf("%d taps were made", taps)
				}
				t.Log(r.output)
			})
		}
	})
}

// TestQueuedIsMeasured: what a plateau queued is what the system received in it, not what was redirected.
func TestQueuedIsMeasured(t *testing.T) {
	t.Parallel()
	tw, random := startTwin(t), chance(t)
	ended := during(func() {
		tw.awaits("the second rate", func(s stats) bool { return s.Worker.Requests > 500 })
		tw.must(http.MethodPost, "/redis/stop", "")
		time.Sleep(time.Second + time.Duration(random.Float64()*float64(time.Second))) // an outage of so long
		tw.must(http.MethodPost, "/redis/start", "")
	})
	r := runK6(t, tw.env, "run", "--quiet", ledgerScript(t, 100, 300, ""))
	ended()
	r.logVerdict()
	tw.wantsTruth(r, preflightTaps)
	v, queued, tapped := r.verdict(), int64(0), int64(0)
	for _, p := range v.Plateaus {
		if p.Queued == nil || p.Ledger == nil {
			t.Fatalf("%s: nobody read what was queued", p.Name)
		}
		queued += p.Ledger.Received
		tapped += p.Counts.Taps
		from, to := v.reading(p.Start), v.reading(p.Start+p.Seconds)
		received, seconds := to.Received-from.Received, min(p.Seconds, to.Seconds-from.Seconds) // nothing is received after the end
		if p.Ledger.Received != received || math.Abs(*p.Queued*seconds-float64(received)) > 1 {
			t.Errorf("%s: %v taps/s queued, %d received; its readings say %d in %v s", p.Name, *p.Queued, p.Ledger.Received, received, seconds)
		}
	}
	t.Logf("queued %d, by the twin's count %d, of %d taps", queued, tw.ledger().Received-preflightTaps, tapped)
	if queued > tapped*95/100 {
		t.Errorf("queued %d of %d taps: the outage took none of them", queued, tapped)
	}
	r.wants(99)
}

// reading is the one of the system's counters that was taken nearest to so many seconds.
func (v verdict) reading(seconds float64) reading {
	return slices.MinFunc(v.Readings.Course, func(a, b reading) int {
		return cmp.Compare(math.Abs(a.Seconds-seconds), math.Abs(b.Seconds-seconds))
	})
}
