package capacity

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// judgedRun is a run and its verdict: sustained is the rate it holds (0: none), breach the metric that breaks first above it.
type judgedRun struct {
	name      string
	run       Measured
	limits    []Limit // nil for SparkMotion's
	k6        *K6
	status    Status
	sustained float64
	breach    string
}

func (c judgedRun) judge() *Report {
	if c.limits == nil {
		c.limits = Limits
	}
	return Judge(c.run, c.limits, c.k6)
}

// Plateaus: calm ones are within their limits, slow ones warn.
var (
	calm50   = seen{rate: 50, achieved: 50, p95: 5}
	calm100  = seen{rate: 100, achieved: 100, p95: 5}
	slow50   = seen{rate: 50, achieved: 50, p95: 70}
	slow100  = seen{rate: 100, achieved: 100, p95: 70}
	late50   = seen{rate: 50, achieved: 50, p95: 400, late: 0.4}
	grows50  = seen{rate: 50, achieved: 50, p95: 5, growth: 29}
	failed   = "error_rate{part:worker}"
	redirect = "redirect_latency"
	growing  = "queue_depth"
)

// judgedRuns are all kinds of runs; those of a segment or several are in mergedRuns. Making them takes a while.
var judgedRuns = sync.OnceValue(func() []judgedRun {
	return slices.Concat(ladders(), notPassed(), plannedRuns(), lostRuns(), wholeRuns(), scenarioRuns(), goalRuns(), searchRuns(), settlingRuns())
})

// ladders are runs that their plateaus describe completely.
func ladders() []judgedRun {
	return []judgedRun{
		{name: "all holds", run: measured(calm50, seen{rate: 100, achieved: 100, p95: 6}), status: Pass, sustained: 100},
		{
			name: "a warning, then a failure", run: measured(calm50, seen{rate: 100, achieved: 100, p95: 64}, seen{rate: 150, achieved: 150, p95: 130}),
			status: Fail, sustained: 50, breach: redirect,
		},
		{name: "nothing but a queue that grows", run: measured(grows50), status: Warn, breach: growing},
		{
			name: "a queue that grows", run: measured(seen{rate: 25, achieved: 25, p95: 5}, grows50,
				seen{rate: 100, achieved: 100, p95: 5, growth: 79}, seen{rate: 200, achieved: 200, p95: 200, growth: 179}),
			status: Fail, sustained: 25, breach: growing,
		},
		{name: "a queue that grew below", run: measured(grows50, calm100), status: Warn, sustained: 100},
		{name: "a queue that nothing drains", run: measured(seen{rate: 50, achieved: 50, p95: 5, growth: 50}), status: Warn, breach: growing},
		{
			name: "errors", run: measured(calm50, seen{rate: 100, achieved: 100, p95: 60, failed: 0.05}),
			status: Fail, sustained: 50, breach: failed,
		},
		{
			name: "admin first", run: measured(seen{rate: 50, achieved: 50, p95: 5, queries: 100, query: 90},
				seen{rate: 100, achieved: 100, p95: 5, queries: 100, query: 6000}),
			status: Warn, sustained: 50, breach: "analytics_latency",
		},
		{
			name: "two parts at a rate", run: measured(seen{rate: 50, achieved: 50, p95: 70, queries: 100, query: 6000}),
			status: Warn, breach: redirect,
		},
		{name: "no free virtual user", run: measured(calm50, seen{rate: 100, achieved: 70, p95: 40}), status: Generator, sustained: 50},
		{name: "the generator", run: measured(calm50, seen{rate: 100, achieved: 80, p95: 400, late: 0.4}), status: Generator, sustained: 50},
		{name: "the generator, then not", run: measured(late50, calm100), status: Pass, sustained: 100},
		{name: "the generator everywhere", run: measured(late50), status: Generator},
		{name: "too little", run: measured(seen{rate: 0.1, achieved: 0.1, p95: 5}), status: NoData},
		{
			name: "nothing holds", run: measured(slow50, seen{rate: 100, achieved: 100, p95: 120}),
			status: Fail, breach: redirect,
		},
		{name: "a slow start", run: measured(slow50, calm100), status: Warn, sustained: 100},
		{name: "the highest rate comes first", run: measured(slow100, calm50), status: Warn, sustained: 50, breach: redirect},
		{name: "the same rate twice", run: measured(slow50, calm50), status: Warn, breach: redirect},
		{name: "no plateaus", run: measured(), status: NoData},
		{ // by a law with λ 20, σ 0.02 and κ 0.005
			name: "throughput that peaks", run: measured(
				seen{rate: 20, achieved: 20, p95: 91}, seen{rate: 71.4, achieved: 71.4, p95: 102}, seen{rate: 112.7, achieved: 112.7, p95: 129},
				seen{rate: 127.7, achieved: 127.7, p95: 171}, seen{rate: 128, achieved: 128, p95: 227},
			), status: Fail, breach: redirect,
		},
	}
}

// notPassed are runs that could be mistaken for a pass.
func notPassed() []judgedRun {
	cut := func(change func(m *Measured)) Measured { return changed(measured(calm50, calm100), change) }
	return []judgedRun{
		{name: "stopped in mid-plateau", run: cut(func(m *Measured) { halfway(m); stopped(m) }), status: Incomplete, sustained: 50},
		{name: "stopped between two", run: cut(func(m *Measured) { m.Plateaus = m.Plateaus[:1]; stopped(m) }), status: Incomplete, sustained: 50},
		{name: "before any tap", run: cut(func(m *Measured) { m.Plateaus = nil }), status: NoData},
		{
			name: "taps that started late, of a system that is slow without that", sustained: 50, status: Fail, breach: redirect,
			run: changed(measured(calm50, seen{rate: 100, achieved: 100, p95: 3000}), func(m *Measured) { delayed(m, 45*time.Millisecond) }),
		},
		{
			name: "the counters were read below alone", sustained: 100, status: Fail, breach: redirect,
			run: changed(measured(calm50, calm100, seen{rate: 150, achieved: 150, p95: 120}), func(m *Measured) { m.Readings.Course = m.Readings.Course[:2] }),
		},
		{
			name: "admin errors, too few a plateau, and slow redirects", sustained: 50, status: Fail, breach: redirect,
			run: changed(measured(calm50, seen{rate: 100, achieved: 100, p95: 120}), func(m *Measured) { m.Whole.Queries, m.Whole.QueriesFailed = 5000, 1000 }),
		},
		{
			name: "taps that started late, which is all of it", sustained: 50, status: Generator,
			run: changed(measured(calm50, seen{rate: 100, achieved: 100, p95: 120}), func(m *Measured) { delayed(m, 100*time.Millisecond) }),
		},
		{
			name: "no plateau with enough taps, and all of them failed", status: Fail,
			run: measured(seen{rate: 0.5, achieved: 0.5, p95: 5, failed: 0.95}, seen{rate: 0.6, achieved: 0.6, p95: 5, failed: 0.95}),
		},
		{name: "taps without answer", run: cut(func(m *Measured) { m.Plateaus[1].Counts.CutOff = 500 }), status: NoData, sustained: 50},
		{
			name: "taps without answer, and slow ones", run: changed(measured(slow50), func(m *Measured) { m.Plateaus[0].Counts.CutOff = 500 }),
			status: Warn, breach: redirect,
		},
	}
}

// delayed makes the taps of the last plateau start late.
func delayed(m *Measured, by time.Duration) {
	p := &m.Plateaus[len(m.Plateaus)-1]
	for range p.Counts.Taps {
		p.Counts.Delay.add(by)
	}
}

// wholeRuns are runs that their plateaus don't describe completely.
func wholeRuns() []judgedRun {
	cut := func(change func(m *Measured)) Measured { return changed(measured(calm50, calm100), change) }
	admin := func(m *Measured) { m.Whole.Queries, m.Whole.QueriesFailed = 50, 20 }
	onlyRedirects, strict, lenient := Limits[:1], errorsOf(0.001), slices.Clone(Limits[2:3])
	lenient[0].Fail = 0.9
	return []judgedRun{
		{name: "taps at random", run: cut(func(m *Measured) { m.Poisson = true }), status: Pass, sustained: 100},
		{name: "one limit", run: measured(calm50, calm100), limits: onlyRedirects, status: Pass, sustained: 100},
		{
			name: "too seldom for a plateau", status: Fail, sustained: 100,
			run: cut(func(m *Measured) { m.Whole.Exports, m.Plateaus[0].Counts.Exports = slow(30), slow(8) }),
		},
		{
			name: "admin errors, too few a plateau", status: Fail, sustained: 100,
			run: cut(func(m *Measured) { m.Whole.Queries, m.Whole.QueriesFailed = 5000, 1000 }),
		},
		{
			name: "too few virtual users for taps, and slow exports", status: Fail, sustained: 50,
			run: cut(func(m *Measured) { m.Whole.Exports, m.Plateaus[1].Started = slow(30), 9000 }),
		},
		{name: "admin errors", run: cut(admin), status: Fail, sustained: 100},
		{name: "a slow start, and admin errors", run: changed(measured(slow50, calm100), admin), status: Fail, sustained: 100},
		{name: "other scenarios' taps", run: cut(func(m *Measured) { m.Whole.Taps *= 2 }), status: Fail, sustained: 100},
		{name: "a strict error rate", run: changed(measured(calm100), admin), limits: strict, status: Warn, sustained: 100},
		{
			name: "KV misses that warn", run: measured(seen{rate: 50, achieved: 50, p95: 5, missed: 0.03}), limits: lenient,
			status: Warn, breach: "kv_hit_rate",
		},
		{name: "no plateaus, and admin errors", run: changed(Measured{}, admin), status: Fail},
		{
			name: "no plateaus, and the generator", status: Generator,
			run: changed(Measured{}, func(m *Measured) { m.Whole.Lag.add(time.Second); m.Whole.Late = 1 }),
		},
		{
			name: "half of a run", status: Pass, sustained: 50,
			run: changed(measured(calm50), func(m *Measured) { m.Processes[0].Segment = "0:1/2" }),
		},
		{name: "a threshold of the script's own", run: measured(calm50), k6: &K6{Crossed: []string{"checks", "mine"}}, status: Pass, sustained: 50},
		{name: "a failure without a threshold", run: measured(seen{rate: 50, achieved: 50, p95: 120}), k6: &K6{}, status: Fail, breach: redirect},
	}
}

// errorsOf limits redirects, and the errors of all parts together.
func errorsOf(warn float64) []Limit {
	m, _ := Find("error rate")
	m.Warn = warn
	return []Limit{Limits[0], m.Limit}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range judgedRuns() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, breach := c.judge(), ""
			if r.FirstBreach != nil {
				breach = r.FirstBreach.Metric
			}
			if r.Status != c.status || orZero(r.SustainedRate) != c.sustained || breach != c.breach {
				t.Errorf("got %s, sustained %v, first breach %q; want %s, %v, %q", r.Status, orZero(r.SustainedRate), breach, c.status, c.sustained, c.breach)
			}
		})
	}
}

// Judging leaves what was measured unchanged.
func TestJudgeChangesNothing(t *testing.T) {
	t.Parallel()
	m := measured(calm50, slow100)
	Judge(m, Limits, nil)
	for _, p := range m.Plateaus {
		if p.Status != "" || p.Metrics != nil {
			t.Errorf("%+v", p.Judgement)
		}
	}
}

// k6's own value of a metric is more exact than a histogram's, and decides.
func TestValuesOfK6(t *testing.T) {
	t.Parallel()
	r := Judge(measured(calm50), Limits, &K6{Value: func(l Limit) (float64, bool) { return 99.9, l.Metric == redirect }})
	i := slices.IndexFunc(r.Metrics, func(m Judged) bool { return m.Metric == redirect })
	if m := r.Metrics[i]; m.Value != 99.9 || m.Status != Warn || r.Status != Warn || *r.SustainedRate != 50 {
		t.Errorf("%+v in a run that is %s", m, r.Status)
	}
}

// The order of breaches in a plateau, and the status that a table shows for each metric.
func TestBreaches(t *testing.T) {
	t.Parallel()
	r := judge(seen{rate: 100, achieved: 100, p95: 60, failed: 0.05, queries: 10, query: 9000, late: 0.02})
	p := &r.Plateaus[0]
	if len(p.Breaches) != 2 || p.Breaches[0].Metric != failed || p.Breaches[0].Status != Fail || p.Breaches[1].Metric != redirect || p.Breaches[1].Limit != 50 {
		t.Errorf("got %+v", p.Breaches)
	}
	for label, want := range map[string]Status{
		"redirect error rate": Fail, "redirect p95": Warn, "redirect p50": "", "analytics p95": NoData, "KV hit rate": "", "generator lag p95": "",
	} {
		if m, _ := Find(label); p.StatusOf(m) != want {
			t.Errorf("%s: got %q, want %q", label, p.StatusOf(m), want)
		}
	}
	late := judge(late50).Plateaus[0]
	for label, want := range map[string]Status{"redirect p95": "", "generator lag p95": Generator} {
		if m, _ := Find(label); late.StatusOf(m) != want {
			t.Errorf("late, %s: got %q, want %q", label, late.StatusOf(m), want)
		}
	}
}
