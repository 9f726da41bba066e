package capacity

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	busy := func(change func(*seen)) seen {
		s := seen{rate: 100, achieved: 100, p95: 20, queries: 400, query: 90}
		change(&s)
		return s
	}
	same := func(*seen) {}
	idle, few := seen{rate: 50, achieved: 50, p95: 5}, seen{rate: 0.1, achieved: 0.1, p95: 5}
	for _, c := range []struct {
		name          string
		before, after []seen
		verdict       []string
	}{
		{"the same", []seen{idle, busy(same)}, []seen{idle, busy(same)}, []string{
			"Holds 100 taps/s, as before.", "No figure got better or worse beyond noise.",
		}},
		{"slower", []seen{idle, busy(same)}, []seen{idle, busy(func(s *seen) { s.p95 = 60 })}, []string{
			"Holds 50 taps/s, 100 before: worse.", "At 100/s worse: redirect p50, redirect p95, redirect p99.",
		}},
		{"faster", []seen{idle, busy(func(s *seen) { s.p95 = 60 })}, []seen{idle, busy(same)}, []string{
			"Holds 100 taps/s, 50 before: better.", "At 100/s better: redirect p50, redirect p95, redirect p99.",
		}},
		{"slower by less than matters", []seen{busy(same)}, []seen{busy(func(s *seen) { s.p95 = 20.9 })}, []string{
			"Holds 100 taps/s, as before.", "No figure got better or worse beyond noise.",
		}},
		{"from nothing held", []seen{busy(func(s *seen) { s.failed = 0.05 })}, []seen{busy(func(s *seen) { s.missed = 0.005 })}, []string{
			"Holds 100 taps/s, none of its rates before: better.", "At 100/s worse: KV hit rate.", "At 100/s better: redirect error rate.",
		}},
		{"to nothing held", []seen{busy(same)}, []seen{busy(func(s *seen) { s.query = 6000 })}, []string{
			"Holds none of its rates, 100 taps/s before: worse.", "At 100/s worse: analytics p95.",
		}},
		{"past a limit within noise", []seen{busy(func(s *seen) { s.failed = 0.0095 })}, []seen{busy(func(s *seen) { s.failed = 0.0105 })}, []string{
			"Holds none of its rates, 100 taps/s before: within noise.", "No figure got better or worse beyond noise.",
		}},
		{"taps not sent", []seen{busy(func(s *seen) { s.p95 = 60 })}, []seen{busy(func(s *seen) { s.p95 = 60; s.achieved = 80 })}, []string{
			"Holds none of its rates, as before.", "At 100/s worse: achieved, iterations dropped.",
		}},
		{"a queue", []seen{busy(func(s *seen) { s.growth = 40 })}, []seen{busy(func(s *seen) { s.growth = 70 })}, []string{
			"Holds 100 taps/s, as before.", "At 100/s worse: queue growth.", "The flush cron drains 30/s, 60.1/s before: worse.",
		}},
		{"the generator", []seen{idle, busy(func(s *seen) { s.late = 0.4 })}, []seen{idle, busy(same)}, []string{
			"Holds 100 taps/s, 50 before: not to be told.", "No figure got better or worse beyond noise.",
			"Not compared at 100/s: the generator was the limit before.",
		}},
		{"the generator alone", []seen{busy(func(s *seen) { s.late = 0.4 })}, []seen{busy(same)}, []string{
			"What it holds is not compared: unknown before.", "Not compared at 100/s: the generator was the limit before.",
		}},
		{"too few alone", []seen{busy(same)}, []seen{few}, []string{
			"What it holds is not compared: unknown after.", "Not compared at 100/s: only in the run before.", "Not compared at 0.1/s: only in the run after.",
		}},
		{"too few", []seen{few, busy(same)}, []seen{few, busy(same)}, []string{
			"Holds 100 taps/s, as before.", "No figure got better or worse beyond noise.", "Not compared at 0.1/s: too few taps before.",
		}},
		{"other rates", []seen{idle}, []seen{busy(same)}, []string{
			"Holds 100 taps/s, 50 before: not to be told.",
			"Not compared at 50/s: only in the run before.", "Not compared at 100/s: only in the run after.",
		}},
		{"no plateaus", nil, nil, []string{"Neither run has plateaus: there is nothing to compare."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantVerdict(t, Compare(judge(c.before...), judge(c.after...)), c.verdict...)
		})
	}
}

func wantVerdict(t *testing.T, c *Comparison, want ...string) {
	t.Helper()
	if got, want := strings.Join(c.Verdict, "\n"), strings.Join(want, "\n"); got != want {
		text, _ := json.MarshalIndent(c, "", "  ")
		t.Errorf("got\n%s\nwant\n%s\n%s", got, want, text)
	}
}

// A run compared with itself has no change at all, whatever its figures are.
func TestCompareWithItself(t *testing.T) {
	t.Parallel()
	r := simulate(1, growing100, system{rate: 250, seconds: 60, median: 30, errors: 0.02})
	c := Compare(r, r)
	for i, p := range c.Plateaus {
		if p.Outcome != Within || len(p.Figures) < 10 {
			t.Errorf("%s: %s, %d figures", p.Name, p.Outcome, len(p.Figures))
		}
		for _, f := range p.Figures {
			if f.Outcome != Within && f.Outcome != Untold || *f.Before != *f.After {
				t.Errorf("%s: %s is %s", p.Name, f.Figure, f.Outcome)
			}
		}
		if achieved := r.Plateaus[i].Achieved; *p.Figures[5].Before != achieved {
			t.Errorf("%s: another plateau's figures", p.Name)
		}
	}
	if c.Drain == nil || c.Drain.Outcome != Within {
		t.Errorf("drain: %v", c.Drain)
	}
}

// With other limits a status means something else; figures do not.
func TestCompareLimits(t *testing.T) {
	t.Parallel()
	strict := append([]Limit{}, Limits...)
	strict[0].Warn = 10
	plateau := seen{rate: 100, achieved: 100, p95: 20}
	wantVerdict(t, Compare(judge(plateau), Judge(measured(plateau), strict, unknown)),
		"Holds none of its rates, 100 taps/s before: not to be told.",
		"No figure got better or worse beyond noise.",
		"The limits differ (redirect p95): figures are compared, but not whether they hold.")
}

// The same rate of iterations is not the same load when each makes ten taps.
func TestCompareLoad(t *testing.T) {
	t.Parallel()
	before, after := judge(seen{rate: 50, achieved: 50, p95: 5}), judge(seen{rate: 50, achieved: 50, p95: 5})
	after.Plateaus[0].Offered *= 10
	wantVerdict(t, Compare(before, after), "Holds 500 taps/s, 50 before: not to be told.", "Not compared at 500/s: 50 taps/s were offered before.")
}

// system is how one behaves in a simulated plateau.
type system struct {
	rate    float64 // taps/s
	seconds float64
	median  float64 // ms
	errors  float64 // share of taps
	drained float64 // taps/s that flushes take at most; 0 for all
}

var growing100 = system{rate: 100, seconds: 120, median: 5, errors: 0.004, drained: 60}

// simulate makes the report of a run. Its latencies are lognormal around a level that wanders for seconds at a time, as a
// busy system's does, with a stall now and then.
func simulate(seed uint64, systems ...system) *Report {
	random := rand.New(rand.NewPCG(seed, 1))
	m := Measured{Processes: []Process{{Segment: "0:1"}}, Series: Series{Achieved: []float64{}, Failed: []float64{}, Depth: []Depth{}}}
	start := 0.0
	for _, s := range systems {
		p := Plateau{Name: Rate(s.rate), Rate: s.rate, Start: start, Seconds: s.seconds, Counts: s.counts(random)}
		m.Series.Depth = append(m.Series.Depth, s.flush(random, &p)...)
		whole := p.Counts
		whole.Redirect = [batches]histogram{whole.redirect()}
		m.Whole.add(whole)
		m.Plateaus = append(m.Plateaus, p)
		m.Plan.Rates, m.Plan.Names = append(m.Plan.Rates, p.Rate), append(m.Plan.Names, p.Name)
		m.Plan.Hold = time.Duration(s.seconds * float64(time.Second))
		start += s.seconds
	}
	return Judge(m, Limits, unknown)
}

func (s system) counts(random *rand.Rand) Counts {
	var c Counts
	total := int(s.rate * s.seconds)
	level, stalled := 0.0, 0
	for n := range total {
		if n%int(s.rate/10) == 0 { // ten times a second
			level = 0.95*level + 0.03*random.NormFloat64()
			if stalled--; random.IntN(200) == 0 {
				stalled = 2
			}
		}
		latency := s.median * math.Exp(level+0.5*random.NormFloat64())
		if stalled > 0 {
			latency *= 4
		}
		took := time.Duration(latency * float64(time.Millisecond))
		ok := random.Float64() >= s.errors
		c.Iterations++
		c.Taps++
		c.Redirected += one(ok)
		c.Hits += one(ok && random.IntN(500) > 0)
		c.Waited += took
		c.Redirect[n*batches/total].add(took)
	}
	for range int(8 * s.seconds) {
		c.Queries++
		c.Analytics.add(time.Duration(300 * math.Exp(0.6*random.NormFloat64()) * float64(time.Millisecond)))
	}
	return c
}

// flush empties the queue every 15 s, as far as it can.
func (s system) flush(random *rand.Rand, p *Plateau) []Depth {
	var depths []Depth
	depth := 0.0
	for at := 15.0; at <= s.seconds; at += 15 {
		depth += 15*s.rate + math.Sqrt(15*s.rate)*random.NormFloat64()
		flushed := depth
		if s.drained > 0 {
			flushed = min(depth, 15*s.drained*(1+0.02*random.NormFloat64()))
		}
		depth -= flushed
		p.Counts.Flushes++
		p.Counts.Flushed += int64(flushed)
		depths = append(depths, Depth{p.Start + at, math.Round(depth), int64(flushed)})
	}
	return depths
}

// outcomes counts what pairs of simulated runs come to, figure by figure.
func outcomes(pairs uint64, before, after system) map[string]map[Outcome]int {
	count := make(map[string]map[Outcome]int)
	for seed := range pairs {
		c := Compare(simulate(seed, before), simulate(seed+1000, after))
		figures := c.Plateaus[0].Figures
		if c.Drain != nil {
			figures = append(figures, *c.Drain)
		}
		for _, f := range figures {
			if count[f.Figure] == nil {
				count[f.Figure] = make(map[Outcome]int)
			}
			count[f.Figure][f.Outcome]++
		}
	}
	return count
}

// Two runs of the same system are rarely told apart: one comparison in fifty. Where a plateau is hardly longer than the
// system wanders it is one in twenty.
func TestNoFalseAlarm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		system system
		pairs  uint64
		rarely int
	}{
		{"two minutes", growing100, 30, 50},
		{"nine seconds", system{rate: 250, seconds: 9, median: 5, errors: 0.004}, 100, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			alarms, told := 0, 0
			counts := outcomes(c.pairs, c.system, c.system)
			for _, count := range counts {
				alarms += count[Better] + count[Worse]
				told += count[Better] + count[Worse] + count[Within] + count[Slight]
			}
			if told < 300 || alarms > told/c.rarely {
				t.Errorf("%d alarms in %d comparisons: %v", alarms, told, counts)
			}
		})
	}
}

// A system that is clearly worse is nearly always told, and the other way round it is better.
func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	const pairs = 10
	slower, failing, flooded := growing100, growing100, growing100
	slower.median *= 1.3
	failing.errors = 0.02
	flooded.drained = 40
	for _, c := range []struct {
		name    string
		after   system
		figures []string
		spared  string
	}{
		{"30 % slower", slower, []string{"redirect p50", "redirect p95"}, "queue growth"},
		{"2 % errors", failing, []string{"redirect error rate"}, "redirect p95"},
		{"a slower flush", flooded, []string{"queue growth", "drain"}, "redirect error rate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			worse, better := outcomes(pairs, growing100, c.after), outcomes(pairs, c.after, growing100)
			for _, figure := range c.figures {
				if worse[figure][Worse] < pairs-1 || better[figure][Better] < pairs-1 {
					t.Errorf("%s: %v; the other way round %v", figure, worse[figure], better[figure])
				}
			}
			if spared := worse[c.spared]; spared[Worse]+spared[Better] > 1 {
				t.Errorf("%s: %v", c.spared, spared)
			}
		})
	}
}

// A stall in one tenth is in the percentile of all taps, and no change of the system.
func TestMoments(t *testing.T) {
	t.Parallel()
	run := func(stalled int) *Counts {
		c := &Counts{Taps: 10 * 1000}
		for n := range 10 * 1000 {
			took := 5 * time.Millisecond
			if n/1000 < stalled && n%3 == 0 {
				took = 100 * time.Millisecond
			}
			c.Redirect[n/1000].add(took + time.Duration(n%17)*10*time.Microsecond)
		}
		return c
	}
	calm, stalled := run(0), run(2)
	change := calm.redirected("p95", "", 95).to(stalled.redirected("p95", "", 95))
	if *change.After < 10**change.Before || change.Outcome != Within {
		t.Errorf("from %v to %v: %s", *change.Before, *change.After, change.Outcome)
	}
}

// Student's quantiles are where a hundredth of its density is outside.
func TestStudent(t *testing.T) {
	t.Parallel()
	for _, freedom := range []float64{fewestParts - 1, 5, 7.5, 9, 12, 18, 40, 1000} {
		quantile := student(freedom)
		scale, _ := math.Lgamma((freedom + 1) / 2)
		less, _ := math.Lgamma(freedom / 2)
		scale = math.Exp(scale-less) / math.Sqrt(freedom*math.Pi)
		const steps = 10_000
		inside := 0.0
		for i := range steps {
			x := quantile * (2*(float64(i)+0.5)/steps - 1)
			inside += scale * math.Pow(1+x*x/freedom, -(freedom+1)/2) * 2 * quantile / steps
		}
		if math.Abs(1-inside-0.01) > 0.0002 {
			t.Errorf("at %v degrees of freedom %v leaves %v outside", freedom, quantile, 1-inside)
		}
	}
	if got := student(math.Inf(1)); math.Abs(got-2.5758) > 0.0001 {
		t.Errorf("normal: %v", got)
	}
}

// Noise is passed as seldom as it promises, by every kind of estimate.
func TestNoise(t *testing.T) {
	t.Parallel()
	// Two samples of 15 of which Welch's test has 25.0 degrees of freedom; the quantile there is 2.787.
	if got := noise(estimate{0, 7.9 / 15, 14}, estimate{0, 3.8 / 15, 14}); math.Abs(got-2.787*math.Sqrt(11.7/15)) > 0.005 {
		t.Errorf("Welch: %v", got)
	}
	random := rand.New(rand.NewPCG(1, 1))
	sample := func(n int) (h histogram) {
		for range n {
			h.add(time.Duration(random.ExpFloat64() * float64(100*time.Millisecond)))
		}
		return h
	}
	for name, draw := range map[string]func() estimate{
		"p95 of 300": func() estimate { e, _ := ranked(sample(300), 95); return e },
		"2 % of 500": func() estimate { return counted(binomial(random, 500, 0.02), 500) },
		"0.5 % of 8": func() estimate { return counted(binomial(random, 8, 0.005), 8) },
		"mean of 10": func() estimate {
			parts := make([]float64, 10)
			for i := range parts {
				parts[i] = random.NormFloat64()
			}
			e, _ := mean(parts)
			return e
		},
	} {
		const pairs = 1000
		passed := 0
		for range pairs {
			a, b := draw(), draw()
			if math.Abs(a.value-b.value) > noise(a, b) {
				passed++
			}
		}
		if passed > pairs*3/100 {
			t.Errorf("%s: %d of %d pass", name, passed, pairs)
		}
	}
}

func binomial(random *rand.Rand, n int, p float64) (some int64) {
	for range n {
		some += one(random.Float64() < p)
	}
	return some
}
