package capacity

import (
	"reflect"
	"testing"
	"time"
)

// searchRuns are searches for the capacity.
func searchRuns() []judgedRun {
	slow150 := seen{rate: 150, achieved: 150, p95: 64}
	ladder := []seen{calm50, calm100, {rate: 200, achieved: 200, p95: 130}, slow150, slow150, calm100}
	searched := func(s Search, plateaus ...seen) Measured {
		return changed(measured(plateaus...), func(m *Measured) { m.Search = &s })
	}
	return []judgedRun{
		{
			name: "a search", run: searched(Search{Confirmed: true, Low: new(100.0), High: new(150.0)}, ladder...),
			status: Pass, sustained: 100, breach: redirect,
		},
		{
			name: "a search that breaks nothing", run: searched(Search{Confirmed: true, Low: new(100.0)}, calm50, calm100, calm100),
			status: Pass, sustained: 100,
		},
		{
			name: "a search that the generator limits", status: Pass, sustained: 100,
			run: searched(Search{Confirmed: true, Low: new(100.0), High: new(150.0), Unknown: true}, calm50, calm100, seen{rate: 150, achieved: 150, p95: 64, late: 0.2}, calm100),
		},
		{
			name: "a search without time to confirm", run: searched(Search{Low: new(100.0), High: new(150.0), Ended: "there was no time for more"}, ladder[:5]...),
			status: NoData, breach: redirect,
		},
		{
			name: "a search that finds nothing that holds", run: searched(Search{High: new(150.0), Ended: "there was no time for more"}, slow150, slow150),
			status: Fail, breach: redirect,
		},
		{name: "a search that was stopped at once", run: searched(Search{Ended: "it was stopped"}), status: NoData},
	}
}

// TestProbes: probes that come one by one, with pauses between them, are counted and judged as plateaus, each on its own.
func TestProbes(t *testing.T) {
	t.Parallel()
	var r Recorder
	number := int64(0)
	probe := func(from time.Duration, rate float64, latency, hold, held time.Duration) {
		at := began.Add(from)
		r.Extend("search", began, at, rate, time.Second, hold)
		for n := range int(rate * (time.Second + held).Seconds()) {
			due := at.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			r.Tap(Tap{
				Scenario: "search", Start: began, Began: due, Ended: due.Add(latency), Latency: latency, Iteration: number, First: true,
				Redirected: true, Page: true, SourceKnown: true, FromKV: true, Host: "compassion.com",
			})
			number++
		}
	}
	latest := func(dropped int64) *Report { return Judge(r.Latest("search", began, dropped), Limits, nil) }
	probe(time.Second, 50, time.Millisecond, 4*time.Second, 4*time.Second)
	if p := latest(0).Plateaus[0]; p.Status != Pass || p.Counts.Taps != 200 || p.Start != 2 || p.Name != "50" || p.Offered != 50 {
		t.Errorf("the first: %+v", p)
	}
	probe(10*time.Second, 100, 200*time.Millisecond, 4*time.Second, 4*time.Second)
	if p := latest(0).Plateaus[0]; p.Status != Fail || p.Counts.Taps != 400 || p.Start != 11 || p.Dropped != 0 {
		t.Errorf("the second: %+v", p)
	}
	r.Extend("search", began, began.Add(20*time.Second), 70.7, time.Second, 4*time.Second)
	if p := latest(0).Plateaus; len(p) != 0 {
		t.Errorf("the third, that has not begun: %+v", p)
	}
	probe(30*time.Second, 80, time.Millisecond, 10*time.Second, 5*time.Second)
	r.Cut("search", began, began.Add(36*time.Second))
	r.Grew("search", began, 7)
	if p := latest(0).Plateaus[0]; p.Seconds < 4.9 || p.Hold != 5 || *p.Growth != 7 || p.Status != Warn || p.Breaches[0].Part != Hub {
		t.Errorf("the last, that was cut: %+v", p)
	}
	whole := r.Measured("0:1", []Share{{"search", 1}})
	if n := len(whole.Plateaus); n != 4 {
		t.Errorf("%d plateaus", n)
	}
}

// TestSuspected: a few requests past a limit are not a verdict, but don't let a probe pass either.
func TestSuspected(t *testing.T) {
	t.Parallel()
	for queries, suspected := range map[int64]bool{4: false, 5: true, 19: true, 20: false} {
		p := judge(seen{rate: 100, achieved: 100, p95: 5, queries: queries, query: 6000}).Plateaus[0]
		if b := p.Suspected(Limits); (b != nil) != suspected || b != nil && b.Metric != "analytics_latency" {
			t.Errorf("%d queries: %+v", queries, b)
		}
	}
}

// TestOvertaken: a reading that another has overtaken does not make the counters go back.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	var r Recorder
	r.Baseline(began, Reading{}, Reading{Asked: began, Received: 10}, 0, 0)
	read := func(asked, came time.Duration, received int64) {
		reading := Reading{Asked: began.Add(asked), Received: received}
		r.QueueSample(QueueSample{At: began.Add(came), Reading: &reading})
	}
	read(2*time.Second, 3*time.Second, 200)
	read(1*time.Second, 4*time.Second, 100)
	if m := r.Measured("0:1", nil); m.Readings.Resets != 0 || len(m.Readings.Course) != 2 {
		t.Errorf("%+v", m.Readings)
	}
	read(5*time.Second, 6*time.Second, 50)
	if m := r.Measured("0:1", nil); m.Readings.Resets != 1 || m.Readings.Course[2].Received != 250 {
		t.Errorf("counters that did go back: %+v", m.Readings)
	}
}

// TestAtBest: a limit that breaks so far may still hold; one that even a perfect rest can't mend is lost.
func TestAtBest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		seen seen
		over float64 // share of the plateau that is over
		want Status
	}{
		"well so far":                          {seen{rate: 100, achieved: 100, p95: 5}, 0.25, Pass},
		"slow, and three quarters are to come": {seen{rate: 100, achieved: 100, p95: 200}, 0.25, Fail},
		"slow now and then, so far":            {seen{rate: 100, achieved: 100, p95: 60}, 0.25, Pass},
		"slow now and then to its end":         {seen{rate: 100, achieved: 100, p95: 60}, 1, Warn},
		"a few errors so far":                  {seen{rate: 100, achieved: 100, p95: 5, failed: 0.02}, 0.25, Pass},
		"errors that the rest can't make good": {seen{rate: 100, achieved: 100, p95: 5, failed: 0.5}, 0.25, Fail},
		"a queue that grows so far":            {seen{rate: 100, achieved: 100, p95: 5, growth: 40}, 0.25, Pass},
	} {
		m := measured(c.seen)
		m.Plateaus[0].Hold = m.Plateaus[0].Seconds / c.over
		counts := m.Plateaus[0].Counts.clone()
		if got := Judge(m.AtBest(), Limits, nil).Plateaus[0]; got.Status != c.want {
			t.Errorf("%s: %s, breaches %+v", name, got.Status, got.Breaches)
		}
		if !reflect.DeepEqual(m.Plateaus[0].Counts.clone(), counts) {
			t.Errorf("%s: what was measured has changed", name)
		}
	}
}
