package integration

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// verdict is what report() says of a run's capacity.
type verdict struct {
	Status        string
	Verdict       []string
	SustainedRate float64 `json:"sustained_rate"`
	FirstBreach   struct {
		Offered      float64
		Metric, Part string
	} `json:"first_breach"`
	Plateaus  []plateau
	Scenario  string
	Scenarios map[string]struct {
		Status        string
		SustainedRate *float64 `json:"sustained_rate"`
		Plateaus      []plateau
	}
	Processes []struct{ Began time.Time }
	Counts    struct {
		Taps, Queries, Flushes int64
		SamplesFailed          int64 `json:"queue_samples_failed"`
	}
	Queue struct {
		GrowsFrom *float64 `json:"grows_from"`
		Drain     *float64
	}
	Readings struct{ Course []reading }
}

// reading is one of the system's counters.
type reading struct {
	Seconds  float64 `json:"at_seconds"`
	Received int64
}

// plateau is what a verdict says of one.
type plateau struct {
	Name, Status     string
	Start            float64 `json:"start_seconds"`
	Seconds, Offered float64
	Dropped          int64 `json:"dropped_iterations"`
	Started          int64 `json:"started_iterations"`
	Tapless          int64 `json:"iterations_without_tap"`
	Settling         struct {
		Dropped int64 `json:"dropped_iterations"`
		Started int64 `json:"started_iterations"`
		Counts  struct{ Iterations int64 }
	}
	Growth, Queued *float64
	Ledger         *account
	Metrics        []struct {
		Label string
		Value float64
	}
	Counts struct {
		Taps   int64
		CutOff int64 `json:"cut_off"`
	}
}

// metric is a metric's value, by its label.
func (p plateau) metric(label string) float64 {
	for _, m := range p.Metrics {
		if m.Label == label {
			return m.Value
		}
	}
	return math.NaN()
}

func (r run) verdict() verdict { return capacityOf[verdict](r) }

// capacityOf is the part of a summary's capacity that T has.
func capacityOf[T any](r run) T {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "results/e2e-load-summary.json"))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.output)
	}
	var summary struct{ Capacity T }
	if err := json.Unmarshal(text, &summary); err != nil {
		r.t.Fatal(err)
	}
	return summary.Capacity
}

// unhurried are limits without latencies, which are the machine's when other work shares it.
const unhurried = `{ redirect_latency: null, analytics_latency: null }`

// plateausScript holds each rate for hold; more is the script's other scenarios and functions.
func plateausScript(t *testing.T, rates, hold, limits, more string) string {
	t.Helper()
	return script(t, fmt.Sprintf(`
		import { batch, flushTaps, login, plateaus, queueDepth, report, tap, thresholds } from 'k6/x/sparkmotion';
		const scenarios = { tappers: {
			executor: 'ramping-arrival-rate', exec: 'tapper', preAllocatedVUs: 100, maxVUs: 800, gracefulStop: '5s',
			...plateaus({ rates: %s, hold: '%s' }),
		} };
		%s
		export const options = { scenarios, thresholds: thresholds(%s) };
		export const tapper = () => tap();
		export const handleSummary = report;`, rates, hold, more, limits))
}

// judge runs a script until the verdict is on the system, whose latency breaks at a rate, 0 for none.
func judge(t *testing.T, tw *twin, file string, breaks float64) (r run, v verdict) {
	t.Helper()
	onTheSystem(func() (blamed bool) {
		r = runK6(t, tw.env, "run", "--quiet", file)
		v = r.verdict()
		return strings.Contains(r.output, "GENERATOR") || r.blamesTiming() || v.tooSlow(breaks)
	})
	return r, v
}

// tooSlow reports whether taps are slow below the rate at which the system's latency breaks: the twin, too, shares its processors.
func (v verdict) tooSlow(breaks float64) bool {
	return v.FirstBreach.Metric == "redirect_latency" && (breaks == 0 || v.FirstBreach.Offered < breaks)
}

// blamesTiming reports whether a verdict says what a busy machine does: it starts taps late, and the last ones not before their plateau is over.
func (r run) blamesTiming() bool {
	said := unwrapped(r.output)
	return strings.Contains(said, "was the limit") || strings.Contains(said, "Do iterations wait before they tap?")
}

// onTheSystem repeats a run that blames this machine, when a clock of our own says too that it was busy with something else.
func onTheSystem(run func() (blamed bool)) {
	for range 5 {
		busy := clock()
		blamed := run()
		if !busy() || !blamed {
			return
		}
	}
}

// clock beats as the generator's own does, until it is asked whether more than one beat in a hundred was late.
func clock() (busy func() bool) {
	const beat = 10 * time.Millisecond
	ask, answer := make(chan struct{}), make(chan bool)
	go func() {
		for beats, late := 1, 0; ; beats++ {
			due := time.Now().Add(beat)
			select {
			case <-ask:
				answer <- 100*late > beats
				return
			case <-time.After(beat):
				if time.Since(due) > beat {
					late++
				}
			}
		}
	}()
	return func() bool {
		close(ask)
		return <-answer
	}
}

// TestVerdict checks the verdict against systems whose capacity is known: the plateau that holds, what breaks above it,
// and in which part. Other tests wait for it: they would take the processors that its taps need.
func TestVerdict(t *testing.T) {
	tw := startTwin(t)
	for _, c := range []struct {
		name, faults string
		rates, more  string
		limits       string
		code         int
		holds        float64
		breaks       float64
		metric, part string
	}{
		{
			name: "a Worker of 200 taps/s", faults: `{"worker":{"serviceTimeMs":10,"workers":2}}`,
			rates: "[40, 80, 400]",
			code:  99, holds: 80, breaks: 400, metric: "redirect_latency", part: "worker",
		},
		{
			name: "a Worker that errs above 300 taps/s", faults: `{"worker":{"errorsAboveRate":300,"status":503}}`,
			rates: "[50, 100, 600]", limits: unhurried,
			code: 99, holds: 100, breaks: 600, metric: "error_rate{part:worker}", part: "worker",
		},
		{
			name: "an Admin that errs above 150 requests/s", faults: `{"admin":{"errorsAboveRate":150}}`,
			rates: "[50, 100]", limits: unhurried,
			more: `
				scenarios.calm = { executor: 'constant-arrival-rate', exec: 'ask', rate: 40, duration: '3s', preAllocatedVUs: 100 };
				scenarios.storm = { ...scenarios.calm, rate: 300, startTime: '3s' };
				export const setup = () => login();
				export const ask = (session) => { try { batch(session, [['analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID }]]) } catch {} };`,
			code: 99, holds: 50, breaks: 100, metric: "error_rate{part:admin}", part: "admin",
		},
		{
			name: "a system that holds it all", faults: `{}`,
			rates: "[50, 100]", limits: unhurried, holds: 100,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tw.control(http.MethodPut, "/faults", c.faults)
			r, v := judge(t, tw, plateausScript(t, c.rates, "3s", c.limits, c.more), c.breaks)
			if r.code != c.code || v.SustainedRate != c.holds || v.FirstBreach.Offered != c.breaks || v.FirstBreach.Metric != c.metric || v.FirstBreach.Part != c.part {
				t.Errorf("k6 exited %d; got %+v\n%s", r.code, v, r.output)
			}
			if !strings.Contains(unwrapped(r.output), v.Verdict[0]) {
				t.Errorf("the terminal does not say %q:\n%s", v.Verdict[0], r.output)
			}
		})
	}
}

// unwrapped is a terminal's text without its line breaks.
func unwrapped(output string) string { return strings.Join(strings.Fields(output), " ") }

// TestVerdictOnTheQueue: a cron that drains 400 taps/s lets the queue grow by the rest. It warns, and no threshold is crossed.
func TestVerdictOnTheQueue(t *testing.T) {
	tw := startTwin(t, "-flush-time", "1s")
	tw.control(http.MethodPut, "/faults", `{"hub":{"drainRate":400}}`)
	r, v := judge(t, tw, plateausScript(t, "[200, 1000]", "8s", unhurried, `
		scenarios.cron = { executor: 'constant-vus', exec: 'cron', vus: 1, duration: '16s' };
		scenarios.sampler = { executor: 'constant-arrival-rate', exec: 'sample', rate: 1, duration: '16s', preAllocatedVUs: 1 };
		export const cron = () => flushTaps();
		export const sample = () => queueDepth();`), 0)
	if r.code != 0 || v.Status != "WARN" || v.SustainedRate != 200 || v.FirstBreach.Offered != 1000 || v.FirstBreach.Part != "hub" || v.Queue.GrowsFrom == nil || *v.Queue.GrowsFrom != 1000 || v.Plateaus[1].Growth == nil {
		t.Fatalf("got %+v\n%s", v, r.output)
	}
	// A batch of a thousand takes 2.5 seconds to drain, so that three end in the plateau: the figures are coarse.
	if growth, drain := *v.Plateaus[1].Growth, *v.Queue.Drain; growth < 400 || growth > 800 || growth+drain < 980 || growth+drain > 1020 {
		t.Errorf("grows by %v/s, drains %v/s", growth, drain)
	}
}

// TestVerdictOnTheGenerator: virtual users that burn the one processor that taps need. The verdict is on the machine.
func TestVerdictOnTheGenerator(t *testing.T) {
	tw := startTwin(t)
	tw.env["GOMAXPROCS"] = "1"
	burning := plateausScript(t, "[50, 200]", "3s", unhurried, `
		scenarios.burn = { executor: 'constant-vus', exec: 'burn', vus: 16, startTime: '3s', duration: '3s' };
		export const burn = () => { for (const end = Date.now() + 100; Date.now() < end;); };`)
	var r run
	var v verdict
	onTheSystem(func() (blamed bool) {
		r = runK6(t, tw.env, "run", "--quiet", burning)
		v = r.verdict()
		return v.Plateaus[0].Status == "GENERATOR" // before anything burns
	})
	if v.SustainedRate != 50 || v.Plateaus[1].Status != "GENERATOR" || v.FirstBreach.Metric != "" {
		t.Errorf("got %+v\n%s", v, r.output)
	}
}

// TestProfileOnHangs: in the profile, a tap without an answer fails while the run lasts, however short that is.
func TestProfileOnHangs(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		tw.breaks(`{"worker":{"hangRate":0.3}}`)
	}()
	r := runK6(t, tw.env, append(small, absolute(t, mainScript))...)
	<-broken
	r.wants(99, "error_rate")
	failed, got := int64(r.summary().Metrics["error_rate{part:worker}"].Values["passes"]), tw.stats().Worker
	if hang := got.Requests - got.Hits - 1; failed == 0 || failed != hang { // one is preflight's, of /health
		t.Errorf("%d taps failed, %d hang", failed, hang)
	}
}

// TestVerdictOnHangs: taps that never get an answer are neither a pass nor the generator's fault.
func TestVerdictOnHangs(t *testing.T) {
	tw := startTwin(t)
	tw.control(http.MethodPut, "/faults", `{"worker":{"hangRate":0.05}}`)
	r, v := judge(t, tw, plateausScript(t, "[200]", "3s", unhurried, ""), 0)
	if v.SustainedRate != 0 || v.Plateaus[0].Status != "NOT ENOUGH DATA" || v.Plateaus[0].Counts.CutOff == 0 ||
		v.Plateaus[0].Dropped > 6 { // a hundredth of what was asked for
		t.Errorf("got %+v\n%s", v, r.output)
	}
}
