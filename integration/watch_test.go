package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watched is what a summary says of how a run went.
type watched struct {
	Status    string
	Verdict   []string
	Goal      float64
	Processes []struct{ Stopped *struct{ Reason string } }
	Ledger    *struct{ Redirected, Received int64 }
	Plateaus  []plateau
}

func (r run) watched() watched { return capacityOf[watched](r) }

// watchedScript taps at rates, with a ramp-down, samples of the queue, and a clean-up.
func watchedScript(t *testing.T, taps, lasts string) string {
	t.Helper()
	return script(t, fmt.Sprintf(`
		import { attempt, flushTaps, plateaus, preflight, queueDepth, reconcile, report, tap, taps, thresholds } from 'k6/x/sparkmotion';
		export const options = {
			scenarios: {
				tappers: { exec: 'tapper', preAllocatedVUs: 100, maxVUs: 2000, gracefulStop: '1s', %s },
				sampler: { exec: 'sample', ...every(2) },
				cron: { exec: 'flush', ...every(1) },
			},
			thresholds: thresholds(%s),
		};
		function every(s) {
			return { executor: 'constant-arrival-rate', rate: 1, timeUnit: s + 's', duration: '%s', preAllocatedVUs: 2, gracefulStop: '1s' };
		}
		export const setup = () => preflight();
		export const tapper = () => __ENV.TAPS ? taps(Number(__ENV.TAPS)) : tap();
		export const sample = () => attempt(() => queueDepth());
		export const flush = () => attempt(() => flushTaps());
		export const teardown = () => { console.log('cleaned up ' + JSON.stringify(reconcile())) };
		export const handleSummary = report;`, taps, unhurried, lasts))
}

// TestKillSwitch: a run under a system that has died ends by itself, says why, and loses nothing else: report, ledger and clean-up are made.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	const (
		held   = `executor: 'ramping-arrival-rate', ...plateaus({ rates: [40, 50], hold: '20s' })`
		steady = `executor: 'constant-arrival-rate', rate: 50, duration: '40s'`
	)
	const soon = 15 * time.Second
	dies := [][3]string{{"PUT", "/faults", `{"worker":{"errorRate":1}}`}}
	for _, c := range []struct {
		name, taps string
		faults     [][3]string
		env        map[string]string
		within     time.Duration
		reason     string
	}{
		{"dies", held, dies, nil, soon, "of the taps failed"},
		{"dies without plateaus", steady, dies, map[string]string{"TAPS": "2"}, soon, "of the taps failed"},
		{"hangs", held, [][3]string{{"PUT", "/faults", `{"worker":{"hangRate":1}}`}}, nil, soon, "of the taps failed"},
		{"a fifth fails", held, [][3]string{{"PUT", "/faults", `{"worker":{"errorRate":0.4}}`}}, map[string]string{"STOP": "errors:0.2,window:4s"}, soon, "of the taps failed"},
		{"falls back", held, [][3]string{{"DELETE", "/kv", ""}, {"POST", "/hub/stop", ""}}, nil, soon, "of the taps led to a fallback"},
		// It takes readings to tell, and reconcile() waits for what may be under way.
		{"loses", held, [][3]string{{"PUT", "/faults", `{"upstash":{"errorRate":1,"status":429}}`}}, nil, 25 * time.Second, "of those redirected were lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			env := maps.Clone(tw.env)
			env["REDIS_URL"] = env["TWIN_REDIS_URL"] // read beside the REST that fails
			maps.Copy(env, c.env)
			const well = 11 // seconds: longer than a window
			died := tw.after(well*40, c.faults)
			r := runK6(t, env, "run", "--quiet", watchedScript(t, c.taps, "40s"))
			took := time.Since(<-died)
			r.wants(108, "The kill switch ended the run", c.reason, "cleaned up {", "results/e2e-load-report.html")
			v := r.watched()
			t.Logf("%.1f s: %s: %q", took.Seconds(), v.Status, v.Verdict)
			if took > c.within {
				t.Errorf("ended %s after the system had died", took)
			}
			if s := v.Processes[0].Stopped; s == nil || len(v.Verdict) < 2 || v.Verdict[1] != s.Reason || !strings.Contains(s.Reason, c.reason) {
				t.Errorf("stopped for %+v, verdict %q", s, v.Verdict)
			}
			if v.Status != "FAIL" && v.Status != "INCOMPLETE" || v.Ledger == nil || v.Ledger.Redirected == 0 {
				t.Errorf("%s, ledger %+v", v.Status, v.Ledger)
			}
		})
	}
}

// after makes the Worker's part of the system fail when it has answered so many requests. The channel has when it did.
func (tw *twin) after(requests int64, faults [][3]string) <-chan time.Time {
	died := make(chan time.Time, 1)
	go func() {
		defer close(died)
		for {
			var s stats
			text, err := tw.ask("GET", "/stats", "")
			if err == nil {
				err = json.Unmarshal(text, &s)
			}
			if err != nil {
				tw.t.Error(err)
				return
			}
			if s.Worker.Requests >= requests {
				break
			}
			select {
			case <-tw.t.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
		died <- time.Now()
		for _, fault := range faults {
			if _, err := tw.ask(fault[0], fault[1], fault[2]); err != nil {
				tw.t.Error(err)
			}
		}
	}()
	return died
}

// TestKillSwitchOff: with STOP=off the same run goes on to its end.
func TestKillSwitchOff(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	env := maps.Clone(tw.env)
	env["STOP"] = "off"
	tw.control("PUT", "/faults", `{"worker":{"errorRate":1}}`)
	r := runK6(t, env, "run", "--quiet", script(t, `
		import { report, tap, thresholds } from 'k6/x/sparkmotion';
		export const options = { scenarios: { taps: { executor: 'constant-arrival-rate', rate: 50, duration: '13s', preAllocatedVUs: 20 } }, thresholds: thresholds() };
		export default () => tap();
		export const handleSummary = report;`))
	r.wants(99)
	if v := r.watched(); v.Processes[0].Stopped != nil || tw.stats().Worker.Faults < 640 {
		t.Errorf("stopped %+v after %d taps", v.Processes[0].Stopped, tw.stats().Worker.Faults)
	}
}

// TestSettingsOfARun: what is wrong with them is said before load.
func TestSettingsOfARun(t *testing.T) {
	t.Parallel()
	for setting, message := range map[string]string{
		"STOP=errors:2":       `STOP: errors is a share of the taps, above 0 and up to 1, such as errors:0.2, got \"2\"`,
		"STOP=window:soon":    `STOP: window is a time of 1s or more, such as window:30s, got \"soon\"`,
		"STOP=never":          `STOP: off is expected, or errors and window, such as errors:0.5,window:10s, got \"never\"`,
		"GOAL=many":           "GOAL: a number is expected, got many",
		"GOAL=0":              "GOAL: must be above 0, got 0",
		"ABORT_ON_FAIL=maybe": "ABORT_ON_FAIL: true or false is expected, got maybe",
	} {
		name, value, _ := strings.Cut(setting, "=")
		r := runK6(t, map[string]string{name: value}, "run", "--quiet", script(t, `
			import { tap } from 'k6/x/sparkmotion';
			export default () => { console.log('load'); tap() };`))
		r.wants(107, message)
		if strings.Contains(r.output, "load\"") {
			t.Errorf("%s: load was made:\n%s", setting, r.output)
		}
	}
}

// toldLine is what is logged of a plateau; of one that no tap was redirected in, no KV.
var toldLine = regexp.MustCompile(`msg="(\d+)/s ([A-Z ]+) · p95 ([\d.]+ m?s) · errors ([\d.]+) % · (?:KV ([\d.]+) % · )?(?:lost (\d+) · )?(?:queue [+-]\d+/s · )?(\d) of (\d)( · above the goal)?"`)

// TestGoal: plateaus up to the goal decide, those above it are headroom. Each has one line in the log when it ends, with the report's figures.
//
// It measures, so that no other test runs beside it.
func TestGoal(t *testing.T) {
	for _, c := range []struct {
		goal, extra string
		code        int
		status      string
		verdict     string
	}{
		{"60", "", 0, "PASS", "Holds the goal of 60/s; headroom to 240/s, where redirect error rate fails."},
		{"240", "", 99, "FAIL", "Misses the goal of 240/s: redirect error rate fails at 240/s."},
		{"1000", "", 99, "FAIL", "Misses the goal of 1,000/s: redirect error rate fails at 240/s."},
		{"240", "1", 108, "FAIL", "ABORT_ON_FAIL ended the run after 240/s, where redirect error rate fails its limit of 3 %"},
		{"60", "1", 0, "PASS", "Holds the goal of 60/s; headroom to 240/s"}, // what is above the goal ends nothing
	} {
		t.Run("of "+c.goal+" "+c.extra, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			tw.control("PUT", "/faults", `{"worker":{"errorsAboveRate":150}}`)
			env := maps.Clone(tw.env)
			env["GOAL"], env["ABORT_ON_FAIL"] = c.goal, c.extra
			file := watchedScript(t, `executor: 'ramping-arrival-rate', ...plateaus({ rates: [30, 60, 240, 300], hold: '5s' })`, "20s")
			var r run
			var v watched
			onTheSystem(func() (blamed bool) {
				r = runK6(t, env, "run", "--quiet", file)
				v = r.watched()
				return strings.Contains(r.output, "GENERATOR") || strings.Contains(r.output, "NOT ENOUGH DATA ·")
			})
			r.wants(c.code)
			if said := strings.Join(v.Verdict, " "); v.Status != c.status || !strings.Contains(said, c.verdict) || fmt.Sprint(v.Goal) != c.goal {
				t.Errorf("goal %v: %s %q\n%s", v.Goal, v.Status, v.Verdict, r.output)
			}
			r.wantLines(v.Plateaus, c.goal)
			if asked := tw.stats().Worker.Requests; c.code == 108 && asked > 2_400 { // the first three take 1,650, the fourth 1,500
				t.Errorf("%d taps were made", asked)
			}
		})
	}
}

// wantLines wants a line of each plateau that is as the report has it: errors to a tap or two under way.
func (r run) wantLines(plateaus []plateau, goal string) {
	r.t.Helper()
	lines := toldLine.FindAllStringSubmatch(r.output, -1)
	if len(lines) != len(plateaus) {
		r.t.Errorf("%d lines of %d plateaus:\n%s", len(lines), len(plateaus), r.output)
		return
	}
	most, _ := strconv.ParseFloat(goal, 64)
	for i, line := range lines {
		p := plateaus[i]
		failed, _ := strconv.ParseFloat(line[4], 64)
		if off := failed/100 - p.metric("redirect error rate"); line[1] != p.Name || line[2] != p.Status || off < -0.01 || off > 0.01 ||
			i == 0 && line[6] != "0" || line[7] != strconv.Itoa(i+1) || line[8] != "4" || (line[9] != "") != (p.Offered > most) {
			r.t.Errorf("%q of %+v", line[0], p)
		}
	}
}

// TestGoalWithoutAnEnd: where no tap and no reconcile() comes after the last plateau, k6 still learns whether the goal is held.
func TestGoalWithoutAnEnd(t *testing.T) {
	t.Parallel()
	for goal, code := range map[string]int{"40": 0, "80": 99} { // 80 is never tried
		tw := startTwin(t)
		env := maps.Clone(tw.env)
		env["GOAL"] = goal
		r := runK6(t, env, "run", "--quiet", plateausScript(t, "[20, 40]", "4s", unhurried, ""))
		r.wants(code)
		t.Logf("GOAL=%s: %q", goal, r.watched().Verdict)
	}
}
