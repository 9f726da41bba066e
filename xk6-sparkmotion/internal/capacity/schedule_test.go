package capacity

import (
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	s := Schedule{}.Then(0, 10, 30*time.Second).Then(10, 10, time.Minute).Then(10, 1.25, 0).Then(1.25, 1.25, 2*time.Minute).
		Then(1.25, 0.5, time.Second).Then(0.5, 0, time.Second).Then(0, 0, time.Minute)
	for elapsed, want := range map[time.Duration]string{
		0: "ramp-up", 30*time.Second - 1: "ramp-up", 30 * time.Second: "10", 90*time.Second - 1: "10", 90 * time.Second: "1.25",
		210*time.Second - 1: "1.25", 210 * time.Second: "ramp-down", 212 * time.Second: "ramp-down", time.Hour: "ramp-down",
	} {
		if name, _, _ := s.At(elapsed); name != want {
			t.Errorf("after %s: %q, want %q", elapsed, name, want)
		}
	}
	if got := s.String(); got != "plateaus of 10 for 1m0s and 1.25 for 2m0s" {
		t.Errorf("it has %s", got)
	}
	if passing := s.passing(); len(passing) != 1 || passing[0].To != 0.5 {
		t.Errorf("it passes %v: 10 is held, and a fall to 0 asks for nothing", passing)
	}
	if got := (Schedule{}).String(); got != "no plateaus" {
		t.Errorf("an empty one has %s", got)
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]string{500: "500", 10_000: "10000", 123_456: "123456", 100. / 60: "1.667", 0.5: "0.5", 1. / 3600: "0.0002778"} {
		if got := NameOf(rate); got != want {
			t.Errorf("%v: got %s, want %s", rate, got, want)
		}
	}
}

// k6 started the iterations that it numbered, with or without taps; one that taps late counts in another plateau, and is not lost.
func TestStarted(t *testing.T) {
	t.Parallel()
	type iteration struct {
		at     float64 // seconds
		number int64
	}
	for name, c := range map[string]struct {
		taps             []iteration
		started, tapless [2]int64
	}{
		"all tap":                   {[]iteration{{0, 0}, {9, 1}, {10, 2}, {19, 3}}, [2]int64{2, 2}, [2]int64{}},
		"two don't":                 {[]iteration{{0, 0}, {9, 3}, {10, 4}, {19, 5}}, [2]int64{4, 2}, [2]int64{2, 0}},
		"overtaken at the boundary": {[]iteration{{0, 0}, {9, 2}, {10, 1}, {19, 3}}, [2]int64{3, 1}, [2]int64{}},
		"overtaken at the end":      {[]iteration{{0, 0}, {19, 2}, {21, 1}}, [2]int64{1, 2}, [2]int64{}},
		"one that did not tap, and one overtaken": {[]iteration{{0, 0}, {9, 3}, {10, 1}, {19, 4}}, [2]int64{4, 1}, [2]int64{1, 0}},
	} {
		r := &Recorder{}
		r.Schedule("tappers", holding(10*time.Second, 1, 2))
		for _, i := range c.taps {
			at := began.Add(time.Duration(i.at * float64(time.Second)))
			r.Tap(Tap{Began: at, Ended: at, Iteration: i.number, First: true, Scenario: "tappers", Start: began})
		}
		var started, tapless [2]int64
		for i, p := range r.Measured("0:1", all).Plateaus {
			started[i], tapless[i] = p.Started, p.Tapless
		}
		if started != c.started || tapless != c.tapless {
			t.Errorf("%s: %v started and %v without a tap, want %v and %v", name, started, tapless, c.started, c.tapless)
		}
	}
}

// plannedRuns are runs that did not do what was planned.
func plannedRuns() []judgedRun {
	none := int64(0)
	run := func(change func(m *Measured), plateaus ...seen) Measured {
		return changed(measured(plateaus...), change)
	}
	dropsNone := func(m *Measured) { m.Processes[0].Dropped = &none }
	capped := func(m *Measured) { dropsNone(m); m.Processes[0].RPS = 70 }
	slower := seen{rate: 100, achieved: 70, p95: 40}
	open := []seen{{rate: 50, achieved: 50, p95: 5, queries: 100, query: 6000}, calm100}
	return []judgedRun{
		{name: "stopped, and a failure", status: Fail, breach: redirect, sustained: 50, run: run(func(m *Measured) {
			stopped(m)
			m.Plateaus = m.Plateaus[:2]
		}, calm50, seen{rate: 100, achieved: 100, p95: 120}, seen{rate: 200, achieved: 1, p95: 5})},
		{name: "stopped in the first plateau", status: Incomplete, run: run(func(m *Measured) {
			stopped(m)
			m.Plateaus = m.Plateaus[:1]
			m.Plateaus[0].Seconds = 30
		}, calm50, calm100)},
		{name: "stopped before any tap", run: run(func(m *Measured) { m.Plateaus = nil; stopped(m) }, calm50), status: Incomplete},
		{name: "stopped after the last plateau", run: run(stopped, calm50, calm100), status: Pass, sustained: 100},
		{name: "stopped while another scenario's plateaus went on", status: Incomplete, sustained: 100, run: changed(
			sideBySide([]seen{calm50, calm100}, []seen{calm50, calm100}), func(m *Measured) { stopped(m); halfwayOf(m.Scenarios[beside].Plateaus) })},
		{name: "stopped without plateaus", run: changed(Measured{Processes: []Process{{Segment: "0:1"}}}, stopped), status: Incomplete},
		{name: "stopped without plateaus or a planned end", run: changed(Measured{Processes: []Process{{Segment: "0:1"}}}, func(m *Measured) {
			stopped(m)
			m.Processes[0].Stopped.Planned = 0
		}), status: Incomplete},
		{name: "no tap any more, and not stopped", run: run(halfway, calm50, calm100), status: NoData, sustained: 50},
		{name: "ten times the rate", run: run(dropsNone, seen{rate: 10, achieved: 100, p95: 5}), status: NoData},
		{name: "a tenth of the rate", run: run(dropsNone, seen{rate: 100, achieved: 10, p95: 5}), status: NoData},
		{name: "a tenth of the rate, and slow", run: run(dropsNone, seen{rate: 100, achieved: 10, p95: 70}), status: Warn, breach: redirect},
		{name: "four in a hundred less", run: run(dropsNone, seen{rate: 100, achieved: 96, p95: 5}), status: Pass, sustained: 100},
		{name: "a cap of k6's", run: run(capped, calm50, slower), status: NoData, sustained: 50},
		{name: "a cap of k6's, and drops", run: run(func(m *Measured) { m.Processes[0].RPS = 70 }, calm50, slower), status: Generator, sustained: 50},
		{name: "a cap of k6's that is no limit", run: run(func(m *Measured) { m.Processes[0].RPS = 300 }, calm50, slower), status: Generator, sustained: 50},
		{name: "iterations without a tap", run: run(func(m *Measured) {
			dropsNone(m)
			m.Plateaus[0].Started, m.Plateaus[0].Tapless = 10_000, 5000
		}, seen{rate: 100, achieved: 50, p95: 5}), status: Pass, sustained: 50},
		{name: "a rate that is climbed to", run: run(func(m *Measured) {
			m.Schedule = append(Schedule{}.Then(0, 20, 100*time.Second), m.Schedule...)
			m.Climbing = []string{"warmers"}
		}, calm50), status: Pass, sustained: 50},
		{name: "a limit that broke, and was not judged above", run: measured(open...), status: Warn, breach: "analytics_latency"},
		{name: "a limit that broke, and did not above", run: measured(open[0], seen{rate: 100, achieved: 100, p95: 5, queries: 100, query: 60}),
			status: Warn, sustained: 100},
	}
}

// stopped marks a run of two minutes as stopped after one.
func stopped(m *Measured) { m.Processes[0].Stopped = &Stop{After: 60.04, Planned: 120} }

// halfway ends a run in its last plateau.
func halfway(m *Measured) { halfwayOf(m.Plateaus) }

func halfwayOf(plateaus []Plateau) {
	last := &plateaus[len(plateaus)-1]
	last.Seconds = 40
}

// A plateau's dropped iterations are no more than k6 counts in all processes.
func TestDroppedIsOfK6(t *testing.T) {
	t.Parallel()
	const missing = 2988 // in the 99.89 s until the last tap, except for one due at the end
	for _, c := range []struct {
		k6   []int64 // by process
		want int64
	}{{[]int64{0}, 0}, {[]int64{40}, 40}, {[]int64{5000}, missing}, {[]int64{30, 12}, 42}, {nil, missing}} {
		m := measured(seen{rate: 100, achieved: 70, p95: 5})
		if c.k6 != nil {
			m.Processes = nil
		}
		for i := range c.k6 {
			m.Processes = append(m.Processes, Process{Dropped: &c.k6[i]})
		}
		if got := Judge(m, Limits, nil).Plateaus[0].Dropped; got != c.want {
			t.Errorf("k6 dropped %v: got %d, want %d", c.k6, got, c.want)
		}
	}
	k6 := int64(missing + 10) // the second plateau gets what the first leaves: others are late, not dropped
	m := measured(seen{rate: 100, achieved: 70, p95: 5}, seen{rate: 200, achieved: 140, p95: 5})
	m.Processes = []Process{{Dropped: &k6}}
	if p := Judge(m, Limits, nil).Plateaus; p[0].Dropped+p[1].Dropped != k6 {
		t.Errorf("k6 dropped %d: got %d and %d", k6, p[0].Dropped, p[1].Dropped)
	}
}
