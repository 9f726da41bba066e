package capacity

import (
	"testing"
	"time"
)

// beside is a scenario by the direct link, first in k6's order; both has the shares of a process that runs both scenarios alone.
const beside = "directTappers"

var both = []Share{{beside, 1}, {"tappers", 1}}

// sideBySide makes a run of two scenarios with the same plateaus. The other one's taps come first, but are not the run's own.
func sideBySide(own, other []seen) Measured {
	r := &Recorder{}
	for scenario, plateaus := range map[string][]seen{"tappers": own, beside: other} {
		r.Schedule(scenario, recorded(plateaus...).schedules["tappers"])
	}
	for i := range other {
		at := func(share float64) time.Time { return inPlateau(i, share) }
		other[i].tap(r, Tap{Scenario: beside, Start: began, Direct: true}, at)
		own[i].tap(r, Tap{Scenario: "tappers", Start: began}, at)
		for n := range 10 {
			r.Lag(Lag{At: at(float64(n) / 10), Lag: time.Millisecond, Late: float64(n) < 10*own[i].late})
			r.Query(Query{Began: at(float64(n) / 10), Took: time.Second, Queries: 1})
		}
	}
	return r.Measured("0:1", both)
}

// scenarioRuns are runs of two scenarios, with the status wanted for the run, and the figures of its own scenario.
func scenarioRuns() []judgedRun {
	calm, fails := []seen{calm50, calm100}, seen{rate: 100, achieved: 100, p95: 140}
	return []judgedRun{
		{name: "both scenarios hold", run: sideBySide(calm, calm), status: Pass, sustained: 100},
		{
			name: "another scenario with rates of its own", status: Pass, sustained: 100,
			run: sideBySide(calm, []seen{{rate: 20, achieved: 20, p95: 5}, {rate: 40, achieved: 40, p95: 5}}),
		},
		{name: "another scenario fails", run: sideBySide(calm, []seen{calm50, fails}), status: Fail, sustained: 100},
		{name: "another scenario warns everywhere", run: sideBySide(calm, []seen{slow50, slow100}), status: Warn, sustained: 100},
		{name: "another scenario holds", run: sideBySide([]seen{calm50, fails}, calm), status: Fail, sustained: 50, breach: redirect},
		{
			name: "another scenario's errors", status: Fail, sustained: 100,
			run: sideBySide(calm, []seen{{rate: 50, achieved: 50, p95: 5, failed: 0.05}, calm100}),
		},
		{
			name: "another scenario without free virtual users", status: Generator, sustained: 100,
			run: sideBySide(calm, []seen{calm50, {rate: 100, achieved: 70, p95: 40}}),
		},
		{
			name: "another scenario of which nothing is known", status: Generator, sustained: 50,
			run: sideBySide(calm[:1], []seen{{rate: 50, achieved: 30, p95: 40}}),
		},
		{name: "the generator in both scenarios", status: Generator, run: sideBySide([]seen{late50}, []seen{calm50})},
	}
}

// Each scenario has its own taps, and everything that happened at the time; the run has both.
func TestScenarios(t *testing.T) {
	t.Parallel()
	r := Judge(sideBySide([]seen{calm50, calm100}, []seen{calm50, {rate: 100, achieved: 100, p95: 140}}), Limits, nil)
	other := r.Scenarios[beside]
	if r.Scenario != "tappers" || other.Status != Fail || orZero(other.SustainedRate) != 50 || other.FirstBreach.Plateau != "100" {
		t.Errorf("%s, and beside it %+v", r.Scenario, other)
	}
	for _, plateaus := range [][]Plateau{r.Plateaus, other.Plateaus} {
		for i, taps := range []int64{5000, 10_000} {
			if c := &plateaus[i].Counts; c.Taps != taps || c.Queries != 10 || c.Lag.count() != 10 {
				t.Errorf("%d taps, %d queries, %d looks of the lag probe", c.Taps, c.Queries, c.Lag.count())
			}
		}
	}
	if p95 := r.Plateaus[1].Counts.redirect().at(95); p95 > 6 || r.Plateaus[1].Status != Pass || other.Plateaus[1].Status != Fail || r.Whole.Taps != 30_000 {
		t.Errorf("p95 %v, %s; %s beside it; %d taps", p95, r.Plateaus[1].Status, other.Plateaus[1].Status, r.Whole.Taps)
	}
	said, want := Compare(judge(calm50), r).Verdict, "Only tappers is compared; for directTappers see each run's own report."
	if said[len(said)-1] != want {
		t.Errorf("got %q, want %q", said, want)
	}
	for _, m := range other.Metrics {
		if m.Part != Worker {
			t.Errorf("judged by %s", m.Label)
		}
	}
}

// A scenario without a share of the rates has no plateaus; its taps belong to the run.
func TestScenarioWithoutShare(t *testing.T) {
	t.Parallel()
	r := recorded(calm50)
	calm50.tap(r, Tap{Scenario: "warm-up", Start: began.Add(-time.Minute)}, func(share float64) time.Time { return inPlateau(0, share) })
	m := r.Measured("0:1", all)
	if m.Scenario != "tappers" || len(m.Scenarios) != 0 || m.Plateaus[0].Counts.Taps != 5000 || m.Whole.Taps != 10_000 {
		t.Errorf("%s with %d taps of %d; beside it %v", m.Scenario, m.Plateaus[0].Counts.Taps, m.Whole.Taps, m.Others())
	}
}
