package capacity

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// comparison is two runs, and what became of the rate that they hold; changed has the figures that got worse or better at the last plateau
// that both have.
type comparison struct {
	name          string
	before, after *Report
	outcome       Outcome
	worse, better []string
}

var comparedRuns = sync.OnceValue(func() []comparison {
	withGoal := func(goal float64, r *Report) *Report { r.Goal = goal; return r }
	busy := func(change func(*seen)) seen {
		s := seen{rate: 100, achieved: 100, p95: 20, queries: 400, query: 90}
		change(&s)
		return s
	}
	same, slower := func(*seen) {}, func(s *seen) { s.p95 = 60 }
	few := seen{rate: 0.1, achieved: 0.1, p95: 5}
	strict := slices.Clone(Limits)
	strict[0].Warn = 10
	tenTaps := judge(calm50)
	tenTaps.Plateaus[0].Offered *= 10
	redirects := []string{"redirect p50", "redirect p95", "redirect p99"}
	return []comparison{
		{"the same", judge(calm50, busy(same)), judge(calm50, busy(same)), Within, nil, nil},
		{"with a goal", judge(calm50, busy(same)), withGoal(100, judge(calm50, busy(same))), Within, nil, nil},
		{"slower", judge(calm50, busy(same)), judge(calm50, busy(slower)), Worse, redirects, nil},
		{"faster", judge(calm50, busy(slower)), judge(calm50, busy(same)), Better, nil, redirects},
		{"slower by less than matters", judge(busy(same)), judge(busy(func(s *seen) { s.p95 = 20.9 })), Within, nil, nil},
		{
			"from nothing held", judge(busy(func(s *seen) { s.failed = 0.05 })), judge(busy(func(s *seen) { s.missed = 0.005 })),
			Better, []string{"KV hit rate"}, []string{"redirect error rate"},
		},
		{
			"to nothing held", judge(busy(same)), judge(busy(func(s *seen) { s.query = 6000 })), Worse, []string{"analytics p95"}, nil,
		},
		{
			"past a limit within noise", judge(busy(func(s *seen) { s.failed = 0.0095 })), judge(busy(func(s *seen) { s.failed = 0.0105 })),
			Within, nil, nil,
		},
		{
			"taps not sent", judge(busy(slower)), judge(busy(func(s *seen) { s.p95 = 60; s.achieved = 80 })),
			Within, []string{"achieved", "iterations dropped"}, nil,
		},
		{
			"a queue", judge(busy(func(s *seen) { s.growth = 40 })), judge(busy(func(s *seen) { s.growth = 70 })), Within, []string{"queue growth"}, nil,
		},
		{"the generator", judge(calm50, busy(func(s *seen) { s.late = 0.4 })), judge(calm50, busy(same)), Untold, nil, nil},
		{"the generator alone", judge(busy(func(s *seen) { s.late = 0.4 })), judge(busy(same)), Untold, nil, nil},
		{"too few alone", judge(busy(same)), judge(few), Untold, nil, nil},
		{"too few", judge(few, busy(same)), judge(few, busy(same)), Within, nil, nil},
		{"other rates", judge(calm50), judge(busy(same)), Untold, nil, nil},
		{"no plateaus", judge(), judge(), Untold, nil, nil},
		{ // a status then means something else; a figure does not
			"other limits", judge(busy(same)), Judge(measured(busy(same)), strict, nil), Untold, nil, nil,
		},
		{"other arrivals", judge(calm50), Judge(changed(measured(calm50), func(m *Measured) { m.Poisson = true }), Limits, nil), Within, nil, nil},
		{"one that was stopped before", cutShort(), judge(calm50, calm100), Untold, nil, nil},
		{"one that was stopped after", judge(calm50, calm100), cutShort(), Untold, nil, nil},
		// The same rate of iterations is not the same load when each makes ten taps.
		{"ten taps an iteration", judge(calm50), tenTaps, Untold, nil, nil},
	}
})

// cutShort is a run that was stopped in its second plateau.
func cutShort() *Report {
	return Judge(changed(measured(calm50, calm100), func(m *Measured) { halfway(m); stopped(m) }), Limits, nil)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, c := range comparedRuns() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			compared := Compare(c.before, c.after)
			var worse, better []string
			for _, p := range compared.Plateaus {
				for _, f := range p.Figures {
					switch f.Outcome {
					case Worse:
						worse = append(worse, f.Figure)
					case Better:
						better = append(better, f.Figure)
					}
				}
			}
			if got := compared.SustainedRate.Outcome; got != c.outcome || !slices.Equal(worse, c.worse) || !slices.Equal(better, c.better) {
				text, _ := json.MarshalIndent(compared, "", "  ")
				t.Errorf("%s, worse %q, better %q; want %s, %q, %q\n%s", got, worse, better, c.outcome, c.worse, c.better, text)
			}
		})
	}
}

// A run compared with itself shows no change at all, whatever its figures are.
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
		if achieved := r.Plateaus[i].Achieved; *p.Figures[0].Before != achieved {
			t.Errorf("%s: another plateau's figures", p.Name)
		}
	}
	if c.Drain == nil || c.Drain.Outcome != Within {
		t.Errorf("drain: %v", c.Drain)
	}
}

// system is how a system behaves in a simulated plateau.
type system struct {
	rate    float64 // taps/s
	seconds float64
	median  float64 // ms
	errors  float64 // share of taps
	drained float64 // taps/s that flushes take at most; 0 for no bound
}

var growing100 = system{rate: 100, seconds: 120, median: 5, errors: 0.004, drained: 60}

// simulate makes the report of a run. Its latencies are log-normal around a level that wanders for seconds at a time, as in a busy system,
// with a stall now and then.
func simulate(seed uint64, systems ...system) *Report {
	random := rand.New(rand.NewPCG(seed, 1))
	m := Measured{Processes: []Process{{Segment: "0:1"}}, Series: Series{Achieved: []float64{}, Failed: []float64{}, Depth: []Depth{}}}
	start := 0.0
	for _, s := range systems {
		p := Plateau{Name: units.Rate(s.rate), Rate: s.rate, Start: start, Seconds: s.seconds, Hold: s.seconds, Counts: s.counts(random)}
		p.Started = p.Counts.Iterations
		m.Series.Depth = append(m.Series.Depth, s.flush(random, &p)...)
		whole := p.Counts
		whole.Redirect = [batches]histogram{whole.redirect()}
		m.Whole.add(whole)
		m.Plateaus = append(m.Plateaus, p)
		m.Schedule = m.Schedule.Then(p.Rate, p.Rate, time.Duration(s.seconds*float64(time.Second)))
		start += s.seconds
	}
	return Judge(m, Limits, nil)
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
		c.Asked++
		c.Taps++
		if ok {
			c.Redirected++
			c.Redirects.Page.add("compassion.com", 1)
			c.Told++
			c.Hits += oneIf(random.IntN(500) > 0)
		} else {
			c.Failures.add("tap: 503", 1)
		}
		c.Waited += seconds(took)
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

// outcomes counts the outcomes of comparing pairs of simulated runs, by figure.
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

// Two runs of the same system rarely seem different: in one comparison of fifty, or in one of twenty if a plateau is hardly longer than the
// system wanders.
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

// A system that is clearly worse is nearly always recognized; the other way round, it is better.
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

// A stall in one tenth shows in the percentile of all taps, but is not a change of the system.
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
	m, _ := Find("redirect p95")
	read := func(c *Counts) reading {
		p := &Plateau{Counts: *c}
		r := reading{metric: m, value: m.In(p).optional()}
		r.sure, r.enough = m.sure(p, nil)
		return r
	}
	change := read(calm).to(read(stalled))
	if *change.After < 10**change.Before || change.Outcome != Within {
		t.Errorf("from %v to %v: %s", *change.Before, *change.After, change.Outcome)
	}
}
