package capacity

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// seen is a plateau of 100 s in a test: what was asked for, and what came.
type seen struct {
	rate, achieved float64
	p95            float64 // ms; most taps take half of it
	failed, missed float64 // shares
	late           float64 // share of the generator's beats
	growth         float64 // of the queue, taps/s
	queries        int64
	query          float64 // ms
}

// measured makes a run of plateaus.
func measured(plateaus ...seen) Measured {
	r := &Recorder{}
	began := time.Unix(1_800_000_000, 0)
	plan := Plan{Hold: 100 * time.Second}
	for _, s := range plateaus {
		plan.Rates, plan.Names = append(plan.Rates, s.rate), append(plan.Names, Rate(s.rate))
	}
	r.Plan(plan)
	depth := 0.0
	for i, s := range plateaus {
		at := func(share float64) time.Time {
			return began.Add(time.Duration((float64(i) + share*0.999) * 100 * float64(time.Second)))
		}
		taps := int(s.achieved * 100)
		for n := range taps {
			share := float64(n) / float64(taps)
			latency := s.p95 / 2
			if n%10 == 0 {
				latency = s.p95
			}
			took := time.Duration(latency * float64(time.Millisecond))
			ok := !every(s.failed, n)
			r.Tap(Tap{
				Began: at(share), Ended: at(share).Add(took), Latency: took, First: true, Scenario: began,
				Redirected: ok, FromKV: ok && !every(s.missed, n),
			})
		}
		for n := range 100 {
			r.Lag(at(float64(n)/100), time.Millisecond, float64(n) < 100*s.late)
		}
		for n := range s.queries {
			r.Request(Request{
				Began: at(float64(n) / float64(s.queries)), Took: time.Duration(s.query * float64(time.Millisecond)), Queries: 1,
			})
		}
		for n := range 10 {
			depth += s.growth * 10
			r.Flush(at((float64(n)+1)/10), int64((s.achieved-s.growth)*10), int64(depth), false)
		}
	}
	return r.Measured("0:1", 1)
}

// every picks a share of whole numbers, evenly.
func every(share float64, n int) bool { return int(share*float64(n+1)) > int(share*float64(n)) }

func unknown(Limit) (float64, bool) { return 0, false }

func judge(plateaus ...seen) *Report { return Judge(measured(plateaus...), Limits, unknown) }

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		plateaus []seen
		status   Status
		holds    float64
		verdict  []string
	}{
		{"all holds", []seen{{rate: 50, achieved: 50, p95: 5}, {rate: 100, achieved: 100, p95: 6}}, Pass, 100, []string{
			"Holds 100 taps/s within every limit that could be judged, the highest rate tried.", "Flushes kept up: what they left in the queue did not grow.",
		}},
		{"a warning, then a failure", []seen{
			{rate: 50, achieved: 50, p95: 5}, {rate: 100, achieved: 100, p95: 64}, {rate: 150, achieved: 150, p95: 130},
		}, Fail, 50, []string{
			"Holds 50 taps/s within every limit that could be judged.",
			"At 100/s redirect p95 is over the warning of 50 ms (64 ms): the Worker breaks first.",
			"At 150/s redirect p95 fails its limit of 100 ms (130 ms).",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"nothing but a queue that grows", []seen{{rate: 50, achieved: 50, p95: 5, growth: 29}}, Warn, 50, []string{
			"Holds 50 taps/s within every limit that could be judged, the highest rate tried, but the queue grows.",
			"The queue grows by 29 a second at 50/s: the flush cron drains at most 21/s, so that 10 minutes at 50/s leave 17,000 taps " +
				"waiting, 14 minutes to drain.",
		}},
		{"a queue that grows", []seen{
			{rate: 25, achieved: 25, p95: 5}, {rate: 50, achieved: 50, p95: 5, growth: 29}, {rate: 100, achieved: 100, p95: 5, growth: 79},
			{rate: 200, achieved: 200, p95: 200, growth: 179},
		}, Fail, 100, []string{
			"Holds 100 taps/s within every limit that could be judged, but the queue grows.",
			"At 200/s redirect p95 fails its limit of 100 ms (200 ms): the Worker breaks first.",
			"The queue grows by 79 a second at 100/s, and from 50/s on: the flush cron drains at most 21/s, so that 10 minutes " +
				"at 100/s leave 47,000 taps waiting, 38 minutes to drain.",
		}},
		{"errors", []seen{{rate: 50, achieved: 50, p95: 5}, {rate: 100, achieved: 100, p95: 60, failed: 0.05}}, Fail, 50, []string{
			"Holds 50 taps/s within every limit that could be judged.",
			"At 100/s redirect error rate fails its limit of 3 % (5 %) and redirect p95 is over the warning of 50 ms (60 ms): the Worker breaks first.",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"admin first", []seen{
			{rate: 50, achieved: 50, p95: 5, queries: 100, query: 90}, {rate: 100, achieved: 100, p95: 5, queries: 100, query: 6000},
		}, Warn, 50, []string{
			"Holds 50 taps/s within every limit that could be judged.",
			"At 100/s analytics p95 is over the warning of 5 s (6 s): the admin application breaks first.",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"no free virtual user", []seen{{rate: 50, achieved: 50, p95: 5}, {rate: 100, achieved: 70, p95: 40}}, Pass, 50, []string{
			"Holds 50 taps/s within every limit that could be judged.",
			"At 100/s 29.9 % of the iterations found no free virtual user while the system kept its limits, so that nothing is " +
				"known of it there. Raise preAllocatedVUs and maxVUs.",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"the generator", []seen{{rate: 50, achieved: 50, p95: 5}, {rate: 100, achieved: 80, p95: 400, late: 0.4}}, Pass, 50, []string{
			"Holds 50 taps/s within every limit that could be judged.",
			"From 100/s on this machine was the limit: it started taps late 40 % of the time, so that nothing is known of the system there. " +
				"Give it more cores, or share the load.",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"the generator everywhere", []seen{{rate: 50, achieved: 50, p95: 400, late: 0.4}}, Generator, 0, []string{
			"No verdict on the system: no plateau has figures that are its own.",
			"From 50/s on this machine was the limit: it started taps late 40 % of the time, so that nothing is known of the system there. " +
				"Give it more cores, or share the load.",
		}},
		{"too little", []seen{{rate: 0.1, achieved: 0.1, p95: 5}}, NoData, 0, []string{
			"No verdict on the system: no plateau has figures that are its own.",
		}},
		{"nothing holds", []seen{{rate: 50, achieved: 50, p95: 70}, {rate: 100, achieved: 100, p95: 120}}, Fail, 0, []string{
			"Does not hold 50 taps/s, the lowest rate that was judged.",
			"At 50/s redirect p95 is over the warning of 50 ms (70 ms): the Worker breaks first.",
			"At 100/s redirect p95 fails its limit of 100 ms (120 ms).",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"a slow start", []seen{{rate: 50, achieved: 50, p95: 70}, {rate: 100, achieved: 100, p95: 5}}, Warn, 100, []string{
			"Holds 100 taps/s within every limit that could be judged, the highest rate tried, but not 50/s.",
			"Below that, at 50/s, redirect p95 is over the warning of 50 ms (70 ms), which 100/s did not repeat.",
			"Flushes kept up: what they left in the queue did not grow.",
		}},
		{"no plateaus", nil, NoData, 0, []string{"The script has no plateaus: only the run as a whole is judged."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := judge(c.plateaus...)
			holds := 0.0
			if r.Holds != nil {
				holds = *r.Holds
			}
			if r.Status != c.status || holds != c.holds {
				t.Errorf("got %s, holds %v; want %s, %v", r.Status, holds, c.status, c.holds)
			}
			if got, want := strings.Join(r.Verdict, "\n"), strings.Join(c.verdict, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What was written can be read again, histograms and all, and judged to the same.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := judge(seen{rate: 50, achieved: 50, p95: 5, queries: 30, query: 20}, seen{rate: 100, achieved: 100, p95: 70, growth: 20})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again := Judge(Measured{Plan: back.Plan, Processes: back.Processes, Whole: back.Whole, Plateaus: back.Plateaus, Series: back.Series}, Limits, unknown)
	textAgain, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(textAgain) {
		t.Errorf("got\n%s\nwant\n%s", textAgain, text)
	}
	if len(text) > 100_000 {
		t.Errorf("%d bytes", len(text))
	}
}

// The law is found again in what it has made, and trusted only where it deserves to be.
func TestScaling(t *testing.T) {
	t.Parallel()
	law := Scaling{Lambda: 1000, Sigma: 0.02, Kappa: 0.0005}
	made := func(concurrencies ...float64) []*Plateau {
		var plateaus []*Plateau
		for i, n := range concurrencies {
			noise := 1 + 0.005*math.Sin(float64(i)) // half a percent
			plateaus = append(plateaus, &Plateau{Figures: Figures{Concurrency: n, Achieved: noise * law.at(n)}})
		}
		return plateaus
	}
	for _, law.Lambda = range []float64{0.05, 1000} { // of a system however slow
		s := scale(made(1, 5, 10, 20, 40, 60))
		if s.Omitted != "" || math.Abs(s.Peak/law.peak()-1) > 0.03 || s.R2 < 0.99 || s.PeakLow > s.Peak || s.PeakTop < s.Peak {
			t.Errorf("got %+v, a peak of %v is right", s, law.peak())
		}
	}
	eight := []*Plateau{at(0.4968, 50), at(0.9733, 100), at(2.5013, 250), at(5.0338, 500), at(7.7644, 750), at(188.1333, 895.2)}
	for want, plateaus := range map[string][]*Plateau{
		"it takes 4 valid plateaus, not 3": made(1, 10, 40),
		"throughput shows no peak yet":     {at(1, 100), at(2, 200), at(4, 400), at(8, 800)},
		// Eight servers of 9 ms, as they were measured: 889 taps/s are all that they can.
		"its peak hangs on a single plateau":                          eight[:5],
		"its peak lies in a gap between two plateaus, far above both": eight,
		"throughput grows with concurrency as yet":                    {at(1, law.at(1)), at(2, law.at(2)), at(4, law.at(4)), at(6, law.at(6))},
		"it misses a plateau by 427 %":                                {at(1, 100), at(2, 40), at(4, 400), at(8, 100)},
	} {
		if got := scale(plateaus).Omitted; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func at(n, x float64) *Plateau { return &Plateau{Figures: Figures{Concurrency: n, Achieved: x}} }

// The queue's growth in a plateau of 90 s that starts at 90 s and queues 500 taps/s; -1 when nothing can be said of it.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		depths []Depth
		want   float64
	}{
		"nothing":                      {nil, -1},
		"seen before alone":            {[]Depth{{80, 100, 0}}, -1},
		"one sample":                   {[]Depth{{120, 100, 0}}, -1},
		"emptied by each flush":        {[]Depth{{100, 0, 5000}, {110, 4000, 0}, {115, 0, 7500}, {130, 0, 7500}, {140, 6000, 0}}, 0},
		"emptied by the one flush":     {[]Depth{{110, 4000, 0}, {140, 12, 7500}, {170, 14000, 0}}, 0},
		"more left by each flush":      {[]Depth{{100, 1000, 5000}, {110, 9000, 0}, {130, 4000, 5000}, {160, 7000, 5000}, {175, 15000, 0}}, 100},
		"a flush as long as this":      {[]Depth{{85, 1000, 0}, {115, 4000, 0}, {145, 7000, 0}, {150, 7500, 9000}}, 100},
		"no flush, rising all the way": {[]Depth{{95, 1000, 0}, {125, 4000, 0}, {155, 7000, 0}}, 100},
		"no flush, up and down":        {[]Depth{{95, 1000, 0}, {125, 4000, 0}, {155, 700, 0}}, -1},
		"two samples at once":          {[]Depth{{95, 1000, 0}, {96, 1500, 0}}, -1},
	} {
		p := Plateau{Start: 90, Seconds: 90, Figures: Figures{Queued: 500}}
		p.watchQueue(c.depths)
		got := -1.0
		if p.Growth != nil {
			got = *p.Growth
		}
		if got != c.want {
			t.Errorf("%s: grows by %v, want %v", name, got, c.want)
		}
	}
}

// Whatever a run comes to, its report can be written, and says something that is no NaN.
func TestAlwaysSaysSomething(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	some := func(most float64) float64 { return most * max(0, random.Float64()*1.5-0.5) } // a third of the time nothing
	for range 100 {
		var plateaus []seen
		for range random.IntN(7) {
			rate := 0.01 + some(5)
			plateaus = append(plateaus, seen{
				rate: rate, achieved: some(rate), p95: some(200), failed: some(1), missed: some(1), late: some(0.2),
				growth: some(rate) - some(rate), queries: int64(some(40)), query: some(9000),
			})
		}
		r := judge(plateaus...)
		if said := r.Verdict[0]; r.Holds != nil && r.First == nil && (r.Status == Pass) == strings.Contains(said, ", but ") {
			t.Errorf("%s: %s", r.Status, said)
		}
		text, err := json.Marshal(r)
		if err != nil || strings.Contains(string(text), "NaN") || !strings.Contains(string(text), `"verdict":["`) {
			t.Fatalf("%v\n%+v\n%s", err, plateaus, text)
		}
	}
	falling := scale([]*Plateau{at(1, 100), at(2, 90), at(4, 80), at(8, 70)})
	if falling.Peak != 0 && math.Abs(falling.Peak-100) > 10 {
		t.Errorf("throughput that falls from the first plateau on: %+v", falling)
	}
}

// Histograms add up: the percentiles of two processes are those of all their taps.
func TestMerge(t *testing.T) {
	t.Parallel()
	var fast, slow, all Counts
	for i := range 1000 {
		took := time.Duration(i) * time.Millisecond
		for _, c := range []*Counts{&all, map[bool]*Counts{true: &fast, false: &slow}[i < 900]} {
			c.Taps++
			c.Redirect[i%batches].add(took)
		}
	}
	fast.add(slow)
	merged, whole := fast.redirect(), all.redirect()
	if merged.at(95) != whole.at(95) || fast.Taps != all.Taps || merged.at(95) < 940 || merged.at(95) > 960 {
		t.Errorf("p95 %v of %d, want %v of %d", merged.at(95), fast.Taps, whole.at(95), all.Taps)
	}
}

// No field is forgotten when counts are added.
func TestAddIsComplete(t *testing.T) {
	t.Parallel()
	var c, other Counts
	fields := reflect.ValueOf(&other).Elem()
	for i := range fields.NumField() {
		switch f := fields.Field(i).Addr().Interface().(type) {
		case *int64:
			*f = 1
		case *time.Duration:
			*f = 1
		case *histogram:
			f.add(time.Second)
		case *[batches]histogram:
			for i := range f {
				f[i].add(time.Second)
			}
		}
	}
	c.add(other)
	got, _ := json.Marshal(c)
	want, _ := json.Marshal(other)
	if string(got) != string(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A long course gets longer steps, and loses no tap.
func TestCourse(t *testing.T) {
	t.Parallel()
	var c course
	for second := range 3*maxSteps + 1 {
		c.tap(time.Duration(second)*time.Second, second%2 == 0)
	}
	s := c.series()
	sum := 0.0
	for _, rate := range s.Achieved {
		sum += rate * s.Step
	}
	for second := range 5 * maxSteps {
		c.depth(time.Duration(second)*time.Second, int64(second), 1)
	}
	flushed := int64(0)
	for _, d := range c.depths {
		flushed += d.Flushed
	}
	if last := c.depths[len(c.depths)-1]; len(c.depths) > maxSteps || flushed != 5*maxSteps || last.Depth != 5*maxSteps-1 {
		t.Errorf("%d depths, %d flushed, the last %+v", len(c.depths), flushed, last)
	}
	if s.Step != 4 || len(s.Achieved) > maxSteps || sum != 3*maxSteps+1 {
		t.Errorf("%d steps of %v s, %v taps", len(s.Achieved), s.Step, sum)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Rate(0): "0", Rate(0.25): "0.25", Rate(999): "999", Rate(999.8): "1,000", Rate(1000): "1,000", Rate(1234567): "1,234,567", Rate(-2900): "-2,900",
		about(1_740_000): "1.7 M", about(47_400): "47,000", Milliseconds(0.3141): "0.314 ms", Milliseconds(64.2): "64.2 ms",
		Milliseconds(999.7): "1 s", Milliseconds(8200): "8.2 s", Percent(0.05): "5 %", Percent(0.00021): "0.021 %", Percent(0.99987): "99.987 %", Percent(1): "100 %",
		Percent(0): "0 %", Value("kv_hit_rate", 0.98): "98 %", Value("redirect_latency", 5): "5 ms",
		minutes(30): "30 seconds", minutes(830): "14 minutes", minutes(7200): "2.0 hours",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// What is not a plateau's own: taps that the run's end cut off did start, so that they were not dropped; taps of other
// scenarios and of teardown() are the run's.
func TestTapsOfAPlateau(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_800_000_000, 0)
	r := &Recorder{}
	r.Plan(Plan{Rates: []float64{100}, Names: []string{"100"}, Hold: 10 * time.Second})
	for n := range 1000 {
		at := began.Add(time.Duration(n) * 10 * time.Millisecond)
		r.Tap(Tap{Began: at, Ended: at, First: true, Redirected: true, FromKV: true, Scenario: began, CutOff: n%20 == 0})
		r.Tap(Tap{Began: at, Ended: at, First: true})
	}
	r.Tap(Tap{Began: began.Add(time.Minute), Ended: began.Add(time.Minute), First: true})
	report := Judge(r.Measured("0:1", 1), Limits, unknown)
	p := report.Plateaus[0]
	if p.Counts.Taps != 950 || p.Counts.CutOff != 50 || p.Dropped != 0 || p.Seconds != 9.99 || report.Whole.Taps != 1951 {
		t.Errorf("%d taps, %d cut off, %d dropped in %v s; %d in the run", p.Counts.Taps, p.Counts.CutOff, p.Dropped, p.Seconds, report.Whole.Taps)
	}
}

// What could be taken for a pass, and is none.
func TestNoPass(t *testing.T) {
	t.Parallel()
	cut := func(change func(m *Measured)) Measured {
		m := measured(seen{rate: 50, achieved: 50, p95: 5}, seen{rate: 100, achieved: 100, p95: 5})
		change(&m)
		return m
	}
	for name, c := range map[string]struct {
		run    Measured
		limits []Limit
		holds  float64
		says   string
	}{
		"stopped in mid-plateau": {
			cut(func(m *Measured) { m.Plateaus[1].Seconds = 40 }), Limits, 50,
			"The run ended early, 40 seconds into 100/s; of what was to follow nothing is known.",
		},
		"stopped between two": {cut(func(m *Measured) { m.Plateaus = m.Plateaus[:1] }), Limits, 50, "The run ended early, 100 seconds into 50/s;"},
		"before any tap":      {cut(func(m *Measured) { m.Plateaus = nil }), Limits, 0, "No verdict on the system: the plateaus saw no tap."},
		"taps without answer": {
			cut(func(m *Measured) { m.Plateaus[1].Counts.CutOff = 500 }), Limits, 50,
			"At 105/s 4.76 % of the taps had no answer when the run ended:",
		},
		"no answers, no virtual users": {
			cut(func(m *Measured) { m.Plateaus[1].Counts = Counts{CutOff: 300, Iterations: 300} }), Limits, 50,
			"At 100/s 100 % of the taps had no answer when the run ended:",
		},
		"too few for the errors": {measured(seen{rate: 0.5, achieved: 0.5, p95: 5}), Limits, 0, "No verdict on the system:"},
		"too few, by no limit":   {measured(seen{rate: 0.1, achieved: 0.1, p95: 5}), Limits[1:2], 0, "No verdict on the system:"},
		"one of two of a rate": {
			measured(seen{rate: 50, achieved: 50, p95: 5}, seen{rate: 50, achieved: 50, p95: 70}), Limits, 0,
			"Does not hold 50 taps/s, the lowest rate that was judged.",
		},
		"the highest rate comes first": {
			measured(seen{rate: 100, achieved: 100, p95: 70}, seen{rate: 50, achieved: 50, p95: 5}), Limits, 50,
			"At 100/s redirect p95 is over the warning of 50 ms (70 ms): the Worker breaks first.",
		},
		"two parts at a rate": {
			measured(seen{rate: 50, achieved: 50, p95: 70, queries: 100, query: 6000}), Limits, 0,
			"(6 s): the Worker and the admin application break at the same rate.",
		},
		"too seldom for a plateau": {
			cut(func(m *Measured) { m.Whole.Exports, m.Plateaus[0].Counts.Exports = slow(30), slow(8) }), Limits, 100,
			"Over the whole run export p95 fails its limit of 15 s (20 s), which no single plateau had enough samples to show.",
		},
		"admin errors, too few a plateau": {
			cut(func(m *Measured) { m.Whole.Queries, m.Whole.QueriesFailed = 5000, 1000 }), Limits, 100,
			"Over the whole run admin error rate fails its limit of 3 % (20 %), which no single plateau had enough samples to show.",
		},
		"too few virtual users for taps, and slow exports": {
			cut(func(m *Measured) { m.Whole.Exports, m.Plateaus[1].Counts.Iterations = slow(30), 9000 }), Limits, 50,
			"Over the whole run export p95 fails its limit of 15 s (20 s), which no single plateau had enough samples to show.",
		},
		"the generator, then not": {
			measured(seen{rate: 50, achieved: 50, p95: 70, late: 0.5}, seen{rate: 100, achieved: 100, p95: 5}), Limits, 100,
			"At 50/s this machine was the limit:",
		},
		"a queue that others fill": {
			measured(seen{rate: 50, achieved: 50, p95: 5, growth: 80}), Limits, 50,
			"The queue grows by 80 a second at 50/s, more than these taps come to: others fill it too.",
		},
	} {
		r := Judge(c.run, c.limits, unknown)
		if said := strings.Join(r.Verdict, "\n"); orZero(r.Holds) != c.holds || !strings.Contains(said, c.says) {
			t.Errorf("%s: holds %v, want %v; %q is not in\n%s", name, orZero(r.Holds), c.holds, c.says, said)
		}
	}
}

// The first sentence stands beside the status: what else than a higher rate gave it, it says itself.
func TestFirstSentence(t *testing.T) {
	t.Parallel()
	calm, slow := seen{rate: 50, achieved: 50, p95: 5}, seen{rate: 50, achieved: 50, p95: 70}
	high := seen{rate: 100, achieved: 100, p95: 5}
	errs := func(m Measured) Measured {
		m.Whole.Queries, m.Whole.QueriesFailed = 50, 20
		return m
	}
	for _, c := range []struct {
		run    Measured
		limits []Limit
		status Status
		says   []string
	}{
		{measured(calm, high), Limits[:1], Pass, []string{"Holds 100 taps/s within every limit, the highest rate tried."}},
		{errs(measured(calm, high)), Limits, Fail, []string{
			"Redirects hold 100 taps/s, the highest rate tried, but the run as a whole fails.",
			"Over the whole run admin error rate fails its limit of 3 % (40 %), which no single plateau had enough samples to show.",
		}},
		{errs(measured(slow, high)), Limits, Fail, []string{
			"Redirects hold 100 taps/s, the highest rate tried, but the run as a whole fails.",
			"Below that, at 50/s, redirect p95 is over the warning of 50 ms (70 ms), which 100/s did not repeat.",
		}},
		{func() Measured { // other scenarios' taps
			m := measured(calm, high)
			m.Whole.Taps *= 2
			return m
		}(), Limits, Fail, []string{
			"Holds 100 taps/s, the highest rate tried, but the run as a whole fails.",
			"Over the whole run redirect error rate fails its limit of 3 % (50 %), which no plateau that was judged shows.",
		}},
		{errs(measured(high)), []Limit{Limits[0], {"error_rate", "error rate", "", "rate", false, 0.001, 0.03, 100}}, Warn, []string{
			"Redirects hold 100 taps/s, the highest rate tried, but the run as a whole warns.",
			"Over the whole run error rate is over the warning of 0.1 % (0.199 %), which no plateau that was judged shows.",
		}},
		{measured(seen{rate: 50, achieved: 50, p95: 5, missed: 0.03}), []Limit{{"kv_hit_rate", "KV hit rate", Worker, "rate", true, 0.99, 0.9, 100}},
			Warn, []string{
				"Does not hold 50 taps/s, the lowest rate that was judged.",
				"At 50/s KV hit rate is under the warning of 99 % (97 %): the Worker breaks first.",
			}},
		{measured(seen{rate: 50, achieved: 50, p95: 5, growth: 29}, high), Limits, Warn, []string{
			"Holds 100 taps/s within every limit that could be judged, the highest rate tried, but the queue grows.",
			"The queue grows by 29 a second at 50/s: ",
		}},
		{errs(Measured{}), Limits, Fail, []string{
			"The script has no plateaus: only the run as a whole is judged.",
			"Over the whole run admin error rate fails its limit of 3 % (40 %).",
		}},
	} {
		r := Judge(c.run, c.limits, unknown)
		for i, want := range c.says {
			if r.Status != c.status || i >= len(r.Verdict) || !strings.HasPrefix(r.Verdict[i], want) {
				t.Errorf("%s, want %s; %q is not sentence %d of\n%s", r.Status, c.status, want, i+1, strings.Join(r.Verdict, "\n"))
			}
		}
	}
}

// A process that had a part of the run says so, whatever it holds.
func TestOneSegment(t *testing.T) {
	t.Parallel()
	for segment, want := range map[string]string{
		"0:1": "Flushes kept up: what they left in the queue did not grow.",
		"0:1/2": "This process sent 50 % of the run (segment 0:1/2), and its figures are of that alone: only k6 x sparkmotion merge judges " +
			"the whole.",
	} {
		m := measured(seen{rate: 50, achieved: 50, p95: 5})
		m.Processes[0].Segment = segment
		r := Judge(m, Limits, unknown)
		if said := r.Verdict[len(r.Verdict)-1]; said != want {
			t.Errorf("%s: got %s", segment, said)
		}
	}
}

// slow are exports of 20 s.
func slow(n int) (h histogram) {
	for range n {
		h.add(20 * time.Second)
	}
	return h
}

// A script's own limit has the warning that the limit had, no later than it fails; one without a warning gets none.
func TestWithFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit      Limit
		fail, warn float64
	}{
		{Limit{Warn: 50, Fail: 100}, 200, 50},
		{Limit{Warn: 50, Fail: 100}, 40, 40},
		{Limit{Warn: 0.1, Fail: 0.1}, 0.5, 0.5},
		{Limit{Above: true, Warn: 0.99, Fail: 0.95}, 0.9, 0.99},
		{Limit{Above: true, Warn: 0.99, Fail: 0.95}, 0.995, 0.995},
		{Limit{Above: true, Warn: 0.99, Fail: 0.99}, 0.96, 0.96},
	} {
		if got := c.limit.WithFail(c.fail); got.Fail != c.fail || got.Warn != c.warn || got.Above != c.limit.Above {
			t.Errorf("%+v: got %+v, want a warning at %v", c.limit, got, c.warn)
		}
	}
}
