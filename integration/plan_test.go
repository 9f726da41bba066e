package integration

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// planScript has plateaus that more changes, such as their timeUnit, and iterations of a body.
func planScript(t *testing.T, rates, hold, more, body string) string {
	t.Helper()
	return script(t, fmt.Sprintf(`
		import { login, plateaus, query, report, tap, thresholds } from 'k6/x/sparkmotion';
		import { sleep } from 'k6';
		const SCALE = Number(__ENV.SCALE || 1);
		export const options = { scenarios: { taps: {
			executor: 'ramping-arrival-rate', preAllocatedVUs: 300, gracefulStop: '5s',
			...plateaus({ rates: %s.map((rate) => rate * SCALE), hold: '%s' }), ...{ %s },
		} }, thresholds: thresholds(%s) };
		export const setup = () => ({ session: login() });
		export default ({ session }) => { %s };
		export const handleSummary = report;`, rates, hold, more, unhurried, body))
}

// wantPlateaus wants these plateaus of a verdict, each at the rate that it is named for, and as many taps in all as the twin's Worker
// answered.
func (r run) wantPlateaus(hits int64, names ...string) {
	r.t.Helper()
	v := r.verdict()
	var got []string
	for _, p := range v.Plateaus {
		got = append(got, p.Name)
		if off := math.Abs(float64(p.Counts.Taps)/p.Seconds - p.Offered); p.Status != "PASS" || off > 0.05*p.Offered+1 {
			r.t.Errorf("%s/s is %s: %d taps in %.1f s, %v/s offered", p.Name, p.Status, p.Counts.Taps, p.Seconds, p.Offered)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		r.t.Errorf("plateaus %v, want %v", got, names)
	}
	if v.Counts.Taps != hits {
		r.t.Errorf("%d taps, and the Worker answered %d", v.Counts.Taps, hits)
	}
	if r.t.Failed() {
		r.t.Log(r.output)
	}
}

// TestArchiveOfAnotherScale: an archive has the rates that it was made with. The environment that it runs in makes plateaus() plan others,
// which nobody executes.
func TestArchiveOfAnotherScale(t *testing.T) {
	tw := startTwin(t)
	archive := filepath.Join(t.TempDir(), "full.tar")
	runK6(t, tw.env, "archive", "--quiet", "-O", archive, planScript(t, "[50, 100]", "4s", "", "tap()")).wants(0)
	r, hits := judgePlan(t, tw, "-e", "SCALE=0.1", archive)
	r.wantPlateaus(hits, "50", "100")
	if v := r.verdict(); v.SustainedRate != 100 {
		t.Errorf("it holds %v/s", v.SustainedRate)
	}
}

// judgePlan runs until the verdict is on the system, and returns how many taps the twin's Worker answered in the last run.
func judgePlan(t *testing.T, tw *twin, args ...string) (r run, hits int64) {
	t.Helper()
	onTheSystem(func() (blamed bool) {
		before := tw.stats().Worker.Hits
		r = runK6(t, tw.env, append([]string{"run", "--quiet"}, args...)...)
		hits = tw.stats().Worker.Hits - before
		return r.blamesTiming()
	})
	return r, hits
}

// TestPlateausAsExecuted: a script may change what plateaus() returned. What is judged is what k6 executes.
func TestPlateausAsExecuted(t *testing.T) {
	for name, c := range map[string]struct {
		rates, more string
		plateaus    []string
		lasts       float64
		says        string
	}{
		"rates a minute": {rates: "[2400, 3600]", more: "timeUnit: '1m'", plateaus: []string{"40", "60"}, lasts: 4},
		"halved stages": {
			rates: "[60, 90]", plateaus: []string{"60", "90"}, lasts: 2,
			more: "stages: [{ duration: '2s', target: 60 }, { duration: '0s', target: 90 }, { duration: '2s', target: 90 }]",
		},
		"from 0": {
			rates: "[20, 40]", more: "startRate: 0", plateaus: []string{"40"}, lasts: 4,
			says: "A stage of 4s that climbs from 0 to 20 iterations/s is not a plateau",
		},
		"a ramp alone": {
			rates: "[20]", more: "startRate: 0, stages: [{ duration: '3s', target: 40 }]",
			says: "The arrival rate of taps never holds still",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			r, hits := judgePlan(t, tw, planScript(t, c.rates, "4s", c.more, "tap()"))
			r.wantPlateaus(hits, c.plateaus...)
			for _, p := range r.verdict().Plateaus {
				if math.Abs(p.Seconds-c.lasts) > 0.3 {
					t.Errorf("%s/s lasts %.2f s", p.Name, p.Seconds)
				}
			}
			if said := strings.Join(r.verdict().Verdict, "\n"); !strings.Contains(said, c.says) || strings.Contains(said, "preAllocatedVUs") {
				t.Errorf("it says\n%s", said)
			}
		})
	}
}

// TestDropped: what is said to be dropped is what k6 counts so, and iterations without a tap are told as that.
func TestDropped(t *testing.T) {
	const ask = "query(session, 'analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID })"
	for name, c := range map[string]struct {
		more, body     string
		args           []string
		drops, tapless bool
		status         string // of the highest plateau
		says, saysNot  string
	}{
		"some ask": {
			body: "if (Math.random() < 0.8) tap(); else " + ask, tapless: true, status: "PASS", says: "iterations made no tap", saysNot: "preAllocatedVUs",
		},
		"all wait": {body: "sleep(2); tap()", status: "NOT ENOUGH DATA", says: "Do iterations wait before they tap?", saysNot: "preAllocatedVUs"},
		"some throw": {
			body: "if (Math.random() < 0.5) throw new Error('no'); tap()", tapless: true, status: "PASS", says: "iterations made no tap", saysNot: "preAllocatedVUs",
		},
		"a cap": {
			body: "tap()", args: []string{"--rps", "60"}, status: "NOT ENOUGH DATA", says: "--rps lets k6 send no more than 60 requests/s", saysNot: "preAllocatedVUs",
		},
		"a cap, and few users": {
			body: "tap()", more: "preAllocatedVUs: 10", args: []string{"--rps", "60"}, drops: true,
			status: "GENERATOR", says: "--rps lets k6 send no more than 60 requests/s", saysNot: "preAllocatedVUs",
		},
		"few users": {
			body: "tap(); sleep(0.1)", more: "preAllocatedVUs: 6", drops: true, status: "GENERATOR", says: "There were too few virtual users. Raise preAllocatedVUs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			r, hits := judgePlan(t, tw, append(c.args, planScript(t, "[50, 100]", "5s", c.more, c.body))...)
			v := r.verdict()
			k6, started := r.summary().samples("dropped_iterations"), r.summary().samples("iterations")
			dropped, seen, tapless := int64(0), int64(0), int64(0)
			for _, p := range v.Plateaus {
				dropped, seen, tapless = dropped+p.Dropped+p.Settling.Dropped, seen+p.Started+p.Settling.Started, tapless+p.Tapless+p.Settling.Started-p.Settling.Counts.Iterations
			}
			t.Logf("k6 dropped %d iterations and ended %d; %d dropped, %d started, %d without a tap", k6, started, dropped, seen, tapless)
			if k6 > 0 != c.drops || dropped > k6 || float64(k6-dropped) > 0.02*float64(k6)+2 {
				t.Errorf("%d dropped, and k6 counts %d", dropped, k6)
			}
			late := started - seen // those after the last tap, and any that begins as the last plateau ends
			if c.status == "PASS" && (late < 0 || late > 10) {
				t.Errorf("%d started, and k6 counts %d", seen, started)
			}
			if later := hits - (seen - tapless); tapless > 0 != c.tapless || c.tapless && (later < 0 || later > late) {
				t.Errorf("%d of %d made no tap; the Worker answered %d, and %d iterations were no plateau's", tapless, seen, hits, late)
			}
			said := strings.Join(v.Verdict, "\n")
			if p := v.Plateaus[1]; p.Status != c.status || !strings.Contains(said, c.says) || c.saysNot != "" && strings.Contains(said, c.saysNot) {
				t.Errorf("%s is %s\n%s", p.Name, p.Status, said)
			}
			if t.Failed() {
				t.Log(r.output)
			}
		})
	}
}

// TestStopped: a run that is stopped before its plan is done is incomplete, whoever stops it, and k6's exit code stays its own.
func TestStopped(t *testing.T) {
	const constant = `
		import { report, tap } from 'k6/x/sparkmotion';
		import exec from 'k6/execution';
		export const options = {
			scenarios: { taps: { executor: 'constant-arrival-rate', rate: 100, duration: '80s', preAllocatedVUs: 20 } }, %s
		};
		export default () => { tap(); %s };
		export const handleSummary = report;`
	for name, c := range map[string]struct {
		source   string
		after    int64 // taps, a signal; 0 for none
		code     int
		status   string
		begins   string
		earliest float64 // s, that it stops of itself
		holds    float64
	}{
		"by a signal, in the second plateau": {
			source: planScript(t, "[50, 100, 200]", "5s", "", "tap()"), after: 400, code: 105, status: "INCOMPLETE", begins: "Stopped ", holds: 50,
		},
		"by the script": {source: script(t, fmt.Sprintf(constant, "", "if (exec.scenario.iterationInTest > 200) exec.test.abort()")), code: 108, status: "INCOMPLETE", begins: "Stopped after ", earliest: 2},
		"by a threshold": {
			source: script(t, fmt.Sprintf(constant, "thresholds: { iterations: [{ threshold: 'count<200', abortOnFail: true }] }", "")),
			code:   99, status: "INCOMPLETE", begins: "Stopped after ", earliest: 2,
		},
		"by nobody": {source: planScript(t, "[50]", "3s", "", "tap()"), code: 0, status: "PASS", begins: "Redirects hold 50 taps/s", holds: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tw := startTwin(t)
			var r run
			onTheSystem(func() (blamed bool) {
				r = runUntil(t, tw, c.after, "run", "--quiet", c.source)
				return r.blamesTiming()
			})
			v := r.verdict()
			if r.code != c.code || v.Status != c.status || !strings.HasPrefix(v.Verdict[0], c.begins) || v.SustainedRate != c.holds {
				t.Errorf("k6 exited %d; %s, holds %v: %s\n%s", r.code, v.Status, v.SustainedRate, v.Verdict, r.output)
			}
			var after float64
			if _, err := fmt.Sscanf(v.Verdict[0], "Stopped after %f s", &after); c.earliest > 0 && (err != nil || after < c.earliest) {
				t.Errorf("%v: the 200th iteration is due after %v s: %v", v.Verdict[0], c.earliest, err)
			}
			if c.after > 0 && !strings.HasSuffix(v.Verdict[0], " s into 100/s, of 200/s planned; held 50/s until then.") {
				t.Error(v.Verdict[0])
			}
			if !strings.Contains(unwrapped(r.output), c.status+" (recording not measured) "+v.Verdict[0]) {
				t.Errorf("the terminal does not begin so:\n%s", r.output)
			}
		})
	}
}

// runUntil runs k6, and interrupts it after so many taps, by the twin's count.
func runUntil(t *testing.T, tw *twin, taps int64, args ...string) run {
	t.Helper()
	if taps == 0 {
		return runK6(t, tw.env, args...)
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(t.Context(), absolute(t, k6Binary), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &output, &output
	cmd.Env = []string{"HOME=" + cmd.Dir, "NO_COLOR=1", "K6_NO_USAGE_REPORT=true"}
	for name, value := range tw.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := tw.stats().Worker.Hits
	for deadline := time.Now().Add(time.Minute); tw.stats().Worker.Hits-before < taps && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its exit code is the test's
	return run{t, cmd.ProcessState.ExitCode(), output.String(), cmd.Dir}
}
