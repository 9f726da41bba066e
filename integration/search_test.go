package integration

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// system is one whose capacity is known: what breaks, and from which rate on a limit does.
type system struct {
	name, faults, limits string
	truth                float64
	more                 string // of the script
}

// unexported leaves exports out: the twin makes them on the cores that its Worker and the generator run on, which takes from what a
// system's faults say that it can do.
const unexported = `
	import { sleep as pause } from 'k6';
	export const runExporter = () => pause(1);`

// eager are admins who don't pause: a probe that is shortened has enough of their requests to judge by.
const eager = `
	import { sleep } from 'k6';
	import { attempt, query } from 'k6/x/sparkmotion';
	export function runAdmin({ session }) {
		attempt(() => query(session, 'analytics.eventSummary', { eventId: __ENV.LOADTEST_EVENT_ID }));
		sleep(0.2);
	}`

// systems are twelve whose capacities, from 50 to 600 taps/s, are drawn at random: ones whose redirects are slow, whose redirects err,
// that lose taps, whose flushes are slow, and whose admin is slow under load. A limit of a share breaks that much above the rate of the
// fault, and a queue grows by more than chance from 5 % of the taps on.
func systems(random *rand.Rand) []system {
	draw := func() float64 { return math.Round(50 * math.Pow(12, random.Float64())) }
	slow := func() system {
		ms, workers := 2+6*random.Float64(), 1+random.IntN(2)
		return system{
			name:   fmt.Sprintf("%d workers of %.2f ms", workers, ms),
			faults: fmt.Sprintf(`{"worker":{"serviceTimeMs":%.2f,"workers":%d}}`, ms, workers),
			truth:  1000 * float64(workers) / ms,
		}
	}
	var all []system
	for range 2 {
		errs, loses, flushes, crowd := draw(), draw(), draw(), draw()
		all = append(all, slow(), system{
			name: fmt.Sprintf("errors above %v/s", errs), faults: fmt.Sprintf(`{"worker":{"errorsAboveRate":%v}}`, errs),
			limits: unhurried, truth: errs / (1 - 0.01),
		}, system{
			name: fmt.Sprintf("flushes of %v/s", flushes), faults: fmt.Sprintf(`{"hub":{"drainRate":%v}}`, flushes),
			limits: unhurried, truth: flushes / (1 - 0.05),
		}, system{
			name: fmt.Sprintf("taps lost above %v/s", loses), faults: fmt.Sprintf(`{"upstash":{"errorsAboveRate":%v,"status":429}}`, loses),
			limits: unhurried, truth: loses / (1 - 0.001),
		}, system{
			name: fmt.Sprintf("an admin that is slow above %v taps/s", crowd), faults: fmt.Sprintf(`{"admin":{"latencyMs":900,"aboveTaps":%v}}`, crowd),
			limits: `{ redirect_latency: null, analytics_latency: 600 }`, truth: crowd, more: eager,
		}, slow())
	}
	return all
}

// searched is what report() says of a search.
type searched struct {
	Confirmed bool
	Low       *float64
	Unknown   bool `json:"high_unknown"`
	Seconds   float64
}

// TestSearchAgainstTruth: the search finds the capacity of systems whose own is known, within 5 % of it, in at least eleven of twelve, and
// never more than 5 % above. TRUTHS=1 tries all twelve at full length, TRUTHS=0.5 in half of it. Without it there are two,
// so short that a probe has time for no more than 10 %: other tests wait for them.
func TestSearchAgainstTruth(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any will do
	if os.Getenv("CI") != "" {
		seed = 14
	}
	if given, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("seed %d", seed)
	all := systems(rand.New(rand.NewPCG(seed, 14))) // #nosec G404 -- a test's
	scale, within, mayMiss := os.Getenv("TRUTHS"), 0.05, 1
	if scale == "" {
		scale, all, within, mayMiss = "0.2", []system{all[0], all[1]}, 0.1, 0
	}
	misses := 0
	t.Run("systems", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				got := s.search(t, scale)
				found := math.NaN()
				if got.Confirmed {
					found = *got.Low
				}
				off := found/s.truth - 1
				t.Logf("| %s | %.1f | %.1f | %+.1f %% | %.0f s |", s.name, s.truth, found, 100*off, got.Seconds)
				if off > within {
					t.Errorf("found %v of %v taps/s", found, s.truth)
				}
				if !(math.Abs(off) <= within) {
					misses++
				}
			})
		}
	})
	if misses > mayMiss {
		t.Errorf("%d of %d were missed", misses, len(all))
	}
}

// search has a twin searched with the faults of a system, until the verdict is on that.
func (s system) search(t *testing.T, scale string) (got searched) {
	tw := startTwin(t)
	tw.control(http.MethodPut, "/faults", s.faults)
	file := script(t, fmt.Sprintf(`
		import { thresholds } from 'k6/x/sparkmotion';
		export * from '%s';
		thresholds(%s);
		%s%s`, absolute(t, "../scripts/find-capacity.js"), s.limits, unexported, s.more))
	onTheSystem(func() (blamed bool) {
		r := runK6(t, tw.env, "run", "--quiet", "-e", "TIME_SCALE="+scale, "-e", "START=50", file)
		got = capacityOf[struct{ Search searched }](r).Search
		if want := map[bool]int{true: 0, false: 99}[got.Confirmed]; r.code != want || testing.Verbose() {
			t.Logf("k6 exited %d\n%s", r.code, r.output)
		}
		return got.Unknown
	})
	return got
}

// TestSearchBelowItsStart: where most taps of the first probes fail, the search comes down, and no kill switch ends it, whichever virtual users
// k6 makes meanwhile.
func TestSearchBelowItsStart(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	tw.control(http.MethodPut, "/faults", `{"worker":{"errorsAboveRate":30,"latencyMs":30}}`)
	r := runK6(t, tw.env, "run", "--quiet", script(t, `
		import exec from 'k6/execution';
		import { findCapacity, preflight, probeTaps, report } from 'k6/x/sparkmotion';
		export const options = { scenarios: {
			search: { executor: 'per-vu-iterations', exec: 'search', vus: 1, iterations: 1, maxDuration: '60s' },
			taps: { executor: 'constant-arrival-rate', exec: 'taps', rate: 50, duration: '60s', preAllocatedVUs: 1, maxVUs: 100 },
		} };
		export const setup = () => { preflight({ parts: ['worker'] }) };
		export function search() {
			findCapacity({ start: 400, settle: '500ms', hold: '4s', confirm: '10s', time: '58s' });
			exec.test.abort('it is found');
		}
		export const taps = () => probeTaps();
		export const handleSummary = report;`))
	r.wants(108, "it is found")
	got := capacityOf[struct{ Search searched }](r).Search
	if got.Low == nil || *got.Low > 32 || strings.Contains(r.output, "kill switch") {
		t.Errorf("%+v\n%s", got, r.output)
	}
}

// TestSearchInSegments: processes that share the load can't search, and say so.
func TestSearchInSegments(t *testing.T) {
	t.Parallel()
	tw := startTwin(t)
	runK6(t, tw.env, "run", "--quiet", "-e", "TIME_SCALE=0.1", "--execution-segment", "0:1/2", absolute(t, "../scripts/find-capacity.js")).
		wants(108, "several processes can't share a search")
}
