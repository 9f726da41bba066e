package capacity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// split records one run twice: by one process, and by three, of which a random one records each event. Their segments are halves and
// quarters, so that their shares of the rates are exact.
type split struct {
	*rand.Rand
	began time.Time
	whole *Recorder
	parts [3]*Recorder
	next  map[*Recorder]map[string]int64 // iteration, by scenario
}

var (
	segments = [3]string{"0:1/4", "1/4:1/2", "1/2:1"}
	shares   = [3]float64{0.25, 0.25, 0.5}
)

func newSplit(seed uint64, schedule Schedule) *split {
	s := &split{Rand: rand.New(rand.NewPCG(seed, 3)), began: time.Unix(1_800_000_000, 0), whole: &Recorder{}, next: make(map[*Recorder]map[string]int64)}
	for i := range s.parts {
		s.parts[i] = &Recorder{}
	}
	for _, r := range append(s.parts[:], s.whole) {
		s.next[r] = make(map[string]int64)
		for _, scenario := range both {
			r.Schedule(scenario.Scenario, schedule)
			r.ramp(Tap{Scenario: scenario.Scenario, Start: s.began, Direct: scenario.Scenario == beside}) // as by a first tap, which only one of them sees
		}
	}
	return s
}

// both makes the one and a random one of the three record the same.
func (s *split) both(record func(r *Recorder)) {
	record(s.whole)
	record(s.parts[s.IntN(len(s.parts))])
}

// events makes a run's events, evenly over its length, with latencies that differ by a factor of a hundred and more.
func (s *split) events(length time.Duration) {
	for n := range 1500 {
		at := s.began.Add(time.Duration(n) * length / 1500)
		took := time.Duration(1+s.IntN(100)*s.IntN(100)) * time.Millisecond / 10
		ok, hit, export, first := s.IntN(50) > 0, s.IntN(90) > 0, s.IntN(3) == 0, s.IntN(2) == 0
		tap := Tap{Began: at, Ended: at.Add(took), Latency: took, First: first, Scenario: both[s.IntN(2)].Scenario, Start: s.began}
		seen{failed: 0.02, missed: 0.1, fallback: 0.01, other: 0.01, again: 0.02, untold: !hit}.lead(&tap, s.IntN(1000))
		s.both(func(r *Recorder) {
			tap := tap
			tap.Iteration = s.next[r][tap.Scenario]
			s.next[r][tap.Scenario]++
			r.Tap(tap)
		})
		if n%3 == 0 {
			query := Query{Began: at, Took: took, Export: export, Queries: 2, Failed: oneIf(!ok), Empty: first, Procedures: fmt.Sprintf("p%d", at.UnixMilli()%3)}
			if export {
				query.Rows, query.Bytes = s.Int64N(50_000), s.Int64N(5_000_000)
			}
			if !ok && !first {
				query.Failures = []string{"analytics.kpis: BAD_REQUEST"}
			}
			s.both(func(r *Recorder) { r.Query(query) })
		}
		if n%40 == 1 {
			depth, flushed, dropped := s.Int64N(10_000), s.Int64N(5000), s.Int64N(40)
			s.both(func(r *Recorder) { r.QueueSample(QueueSample{At: at, Depth: depth}) })
			s.both(func(r *Recorder) {
				r.Flush(Flush{Ended: at.Add(time.Second), Answered: true, Flushed: flushed, Dropped: dropped, Remaining: depth, Failed: !hit})
			})
			s.both(func(r *Recorder) { r.QueueSample(QueueSample{At: at, Failed: true}) })
			s.both(func(r *Recorder) { r.Flush(Flush{Ended: at, Failure: "flush: 500"}) })
		}
		lag, late := time.Duration(s.IntN(12))*time.Millisecond, s.IntN(30) == 0
		s.whole.Lag(Lag{at, lag, late}) // probes don't add up: the others were healthy
		s.parts[1].Lag(Lag{at, lag, late})
		s.parts[0].Lag(Lag{At: at})
	}
}

// reports returns the reports of the three, as read from their files.
func (s *split) reports(t *testing.T) []Part {
	t.Helper()
	var parts []Part
	for i, r := range s.parts {
		text, err := json.Marshal(map[string]any{"capacity": Judge(r.Measured(segments[i], []Share{{"tappers", shares[i]}, {beside, shares[i]}}), Limits, nil)})
		if err != nil {
			t.Fatal(err)
		}
		report, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{fmt.Sprintf("%d.json", i+1), report})
	}
	s.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return parts
}

// Whatever three processes saw of a run, their merged report equals that of one which saw everything, to the byte: counts, percentiles,
// course, queue and verdict.
func TestMergeIsTheWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) { // 60 passed as well; the race detector takes a second each
		hold := 60 * time.Second
		if seed%2 == 0 {
			hold = 20 * time.Minute // with steps of two seconds
		}
		s := newSplit(seed, holding(hold, 8, 16))
		length := 2 * hold
		if seed > 1 {
			length = 3 * hold / 2 // all were stopped early
		}
		s.events(length)
		merged, err := Merge(s.reports(t))
		if err != nil {
			t.Fatal(err)
		}
		whole := s.whole.Measured("0:1", both)
		whole.Processes = merged.Processes
		want, _ := json.Marshal(Judge(whole, Limits, &K6{Crossed: whole.crossed(Limits)}))
		got, _ := json.Marshal(merged)
		if string(got) != string(want) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
		wantValid(t, fmt.Appendf(nil, `{"capacity": %s}`, got))
	}
}

// The course of a process whose taps ended early has shorter steps.
func TestMergeSteps(t *testing.T) {
	t.Parallel()
	s := Series{Step: 1, Achieved: []float64{4, 2, 6}, Failed: []float64{0, 1, 0}}
	s.add(Series{Step: 4, Achieved: []float64{10, 10}, Failed: []float64{0, 5}, Depth: []Depth{{9, 1, 0}, {2, 7, 0}}})
	s.add(Series{})
	want := Series{Step: 4, Achieved: []float64{13, 10}, Failed: []float64{0.25, 5}, Depth: []Depth{{2, 7, 0}, {9, 1, 0}}}
	if fmt.Sprint(s) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", s, want)
	}
}

// third returns the report of one of three processes, with 80 taps/s in all at first.
func third(n int, began time.Duration, plateaus ...seen) Part {
	for i := range plateaus {
		plateaus[i].rate *= 3 // of all processes
	}
	m := measured(plateaus...)
	m.Readings = Readings{} // each would be of a system of its own
	at := m.Processes[0].Began.Add(began)
	m.Processes[0] = Process{Segment: []string{"0:1/3", "1/3:2/3", "2/3:1"}[n], Began: &at}
	for i := range m.Plateaus {
		m.Plateaus[i].Rate /= 3
	}
	return Part{string(rune('a' + n)), Judge(m, Limits, nil)}
}

// shortened returns a third of a run that was stopped in its second plateau.
func shortened(n int) Part {
	m := third(n, 0, seen{rate: 20, achieved: 20, p95: 4}, seen{rate: 40, achieved: 40, p95: 4}).Report.Measured
	halfway(&m)
	stopped(&m)
	return Part{string(rune('a' + n)), Judge(m, Limits, nil)}
}

// mergedRun is what several processes saw, and the verdict on all of it.
type mergedRun struct {
	name      string
	parts     []Part
	status    Status
	sustained float64
}

func (c mergedRun) judge(t *testing.T) *Report {
	t.Helper()
	merged, err := Merge(c.parts)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

var mergedRuns = sync.OnceValue(func() []mergedRun {
	calm, fast := seen{rate: 20, achieved: 20, p95: 4}, seen{rate: 40, achieved: 40, p95: 4}
	late, fails := seen{rate: 20, achieved: 20, p95: 4, late: 0.12}, seen{rate: 20, achieved: 20, p95: 120}
	half := func(segment string) Part {
		return Part{segment, Judge(changed(measured(calm50), func(m *Measured) { m.Processes[0].Segment, m.Readings = segment, Readings{} }), Limits, nil)}
	}
	lateRuns := func() []Part {
		var parts []Part
		for n := range 3 {
			m := Measured{Processes: []Process{{Segment: []string{"0:1/3", "1/3:2/3", "2/3:1"}[n]}}}
			m.Whole.Lag.add(time.Second)
			m.Whole.Late = 1
			parts = append(parts, Part{string(rune('a' + n)), Judge(m, Limits, nil)})
		}
		return parts
	}
	return []mergedRun{
		{ // a third of the taps are slow, and the p95 is theirs, 60 ms; an average would be 43
			"a slow third", []Part{
				third(0, 0, calm, fast), third(1, 0, calm, fast), third(2, 2*time.Second, calm, seen{rate: 40, achieved: 40, p95: 120}),
			}, Warn, 60,
		},
		{"one that is late", []Part{third(0, 0, calm, calm), third(1, 0, calm, late), third(2, 0, calm, calm)}, Pass, 60},
		{"late without plateaus", lateRuns(), Generator, 0},
		{"far apart", []Part{third(0, 11*time.Second, calm), third(1, 4*time.Second, calm), third(2, 0, calm)}, Pass, 60},
		{"a failure", []Part{third(0, 0, fails), third(1, 0, fails), third(2, 0, fails)}, Fail, 0},
		{"stopped", []Part{shortened(0), shortened(1), shortened(2)}, Incomplete, 60},
		{"two halves", []Part{half("0:1/2"), half("1/2:1")}, Pass, 100},
	}
})

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range mergedRuns() {
		if r := c.judge(t); r.Status != c.status || orZero(r.SustainedRate) != c.sustained {
			t.Errorf("%s: got %s, %v; want %s, %v", c.name, r.Status, orZero(r.SustainedRate), c.status, c.sustained)
		}
	}
}

// A generator that is late a twentieth of the time or more invalidates a plateau, however healthy the others are.
func TestMergeGenerator(t *testing.T) {
	t.Parallel()
	well, late := seen{rate: 20, achieved: 20, p95: 4, late: 0.01}, seen{rate: 20, achieved: 20, p95: 4, late: 0.12}
	for _, order := range [][]seen{{well, late, well}, {late, well, well}, {well, well, late}} {
		var parts []Part
		for n, s := range order {
			parts = append(parts, third(n, 0, well, s))
		}
		merged, err := Merge(parts)
		if err != nil {
			t.Fatal(err)
		}
		p := merged.Plateaus[1]
		if merged.Plateaus[0].Status != Pass || p.Status != Generator || p.Counts.limited() != 0.12 || p.Counts.Taps != 6000 {
			t.Errorf("got %v, %v with %v late and %v taps", merged.Plateaus[0].Status, p.Status, p.Counts.limited(), p.Counts.Taps)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	calm := seen{rate: 20, achieved: 20, p95: 4}
	a, b, c := third(0, 0, calm, calm), third(1, 0, calm, calm), third(2, 0, calm, calm)
	changed := func(change func(r *Report)) Part {
		r := *b.Report
		r.Plateaus, r.Metrics, r.Processes = slices.Clone(r.Plateaus), slices.Clone(r.Metrics), slices.Clone(r.Processes)
		change(&r)
		return Part{"other.json", &r}
	}
	const script = ": all processes take the same script"
	for want, parts := range map[string][]Part{
		"nobody ran the segment 0:1: it takes the summaries of all processes of one run":        {},
		"nobody ran the segment 1/3:2/3: it takes the summaries of all processes of one run":    {a, c},
		"nobody ran the segment 2/3:1: it takes the summaries of all processes of one run":      {b, a},
		"a (0:1/3) and a (0:1/3) overlap: each process takes an --execution-segment of its own": {a, b, a, c},
		"other.json (1/3:1) and b (1/3:2/3) overlap: each process takes an --execution-segment of its own": {
			a, changed(func(r *Report) { r.Processes[0].Segment = "1/3:1" }), b,
		},
		"a has plateaus of tappers, and other.json of tappers and directTappers: all processes take the same script, and each scenario at " +
			"least as many virtual users as there are processes": {
			a, changed(func(r *Report) { r.Scenarios = map[string]Scenario{beside: {}} }), c,
		},
		`other.json: its segment "all" is none`: {a, changed(func(r *Report) { r.Processes[0].Segment = "all" })},
		"a and other.json have other limits of redirect p95" + script: {
			a, changed(func(r *Report) { r.Metrics[0].Limit = r.Metrics[0].WithFail(80) }), c,
		},
		"a has plateaus of 60 for 1m40s and 60 for 1m40s, and other.json no plateaus" + script: {
			a, changed(func(r *Report) { r.Schedule = nil }), c,
		},
		"a has plateaus of 60 for 1m40s and 60 for 1m40s, and other.json plateaus of 60 for 1m40s and 60 for 1m30s" + script: {
			a, changed(func(r *Report) {
				r.Schedule = slices.Clone(r.Schedule)
				r.Schedule[1].Lasts = seconds(90 * time.Second)
			}), c,
		},
		"a held plateau 60 for 99.9 s, and other.json for 80 s: all processes take a run from its start to its end": {
			a, changed(func(r *Report) { r.Plateaus[1].Seconds = 80 }), c,
		},
		"a held plateau 60 for 100 s, and other.json for 0 s: all processes take a run from its start to its end": {
			a, changed(func(r *Report) { r.Plateaus = nil }), c,
		},
	} {
		if _, err := Merge(parts); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := Merge([]Part{c, a, b}); err != nil {
		t.Errorf("in any order: %v", err)
	}
}

// The thresholds of thresholds() for which k6 would fail a run.
func TestCrossed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plateaus []seen
		want     string
	}{
		{[]seen{{rate: 50, achieved: 50, p95: 5}}, "[]"},
		{[]seen{{rate: 50, achieved: 50, p95: 60}}, "[]"},
		{[]seen{{rate: 50, achieved: 50, p95: 5}, {rate: 10, achieved: 10, p95: 120}}, "[redirect_latency{plateau:10}]"},
		{[]seen{{rate: 50, achieved: 50, p95: 120}}, "[redirect_latency redirect_latency{plateau:50}]"},
		{[]seen{{rate: 90, achieved: 90, p95: 5}, {rate: 10, achieved: 10, p95: 5, failed: 0.06}}, "[error_rate{plateau:10}]"},
		{[]seen{{rate: 20, achieved: 20, p95: 5, queries: 10, query: 9000}}, "[analytics_latency]"}, // too few for us to judge, but not for k6
		{[]seen{{rate: 20, achieved: 20, p95: 5, missed: 0.02}}, "[kv_hit_rate]"},
		{nil, "[]"},
	} {
		if got := fmt.Sprint(judge(c.plateaus...).Crossed()); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.plateaus, got, c.want)
		}
	}
	for _, c := range []struct { // the tag plateau selects the taps of both
		own, other seen
		want       string
	}{
		{calm50, calm50, "[]"},
		{calm50, seen{rate: 50, achieved: 50, p95: 240}, "[redirect_latency redirect_latency{plateau:50}]"},
		{seen{rate: 50, achieved: 50, p95: 5, failed: 0.05}, calm50, "[]"}, // 2.5 % of both, which k6 lets pass
	} {
		if got := fmt.Sprint(Judge(sideBySide([]seen{c.own}, []seen{c.other}), Limits, nil).Crossed()); got != c.want {
			t.Errorf("%+v: got %s, want %s", c, got, c.want)
		}
	}
}
