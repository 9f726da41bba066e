package main

import (
	"regexp"
	"testing"
)

func TestJudge(t *testing.T) {
	load := trial{Part: rates, Way: taps, Rate: 1000, anIteration: 10, Connections: 2}
	served := Served{Requests: 101, Seconds: 0.5, CPU: 0.25}
	run := load.judge(claim{taps: 100, dropped: 3, p95: 7}, served, usage{cpu: 0.0101, rss: 50})

	want := Figures{PerSecond: 202, CPU: 100, RSS: 50, TargetBusy: 0.5, P95: 7, Dropped: 30}
	if run.Figures != want {
		t.Errorf("got %+v, want %+v", run.Figures, want)
	}
	if run.Problems != nil {
		t.Errorf("one tap was in flight at the end, and that is a problem: %v", run.Problems)
	}
	raw := trial{Part: rates, Way: vegeta, Rate: 1000, asked: 150}
	if run := raw.judge(claim{taps: 101}, served, usage{}); run.Dropped != 49 {
		t.Errorf("of 150 it started 101: got %g dropped, want 49", run.Dropped)
	}
	for _, claimed := range []int{98, 102} {
		if run := load.judge(claim{taps: claimed}, served, usage{}); len(run.Problems) != 1 {
			t.Errorf("it claims %d taps and served are 101: got problems %v, want one", claimed, run.Problems)
		}
	}
}

func TestPlanAlternates(t *testing.T) {
	p := Parameters{Seconds: 1, Rounds: 3, Rates: []int{1000, topRate}}
	plan, err := planner{p, "http://localhost", &tools{}}.plan(regexp.MustCompile(`rates/.*/(tap|vegeta)$|bandID`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"rates/1000/tap", "rates/1000/vegeta", "rates/1000/tap", "rates/1000/vegeta",
		"rates/10000/tap", "rates/10000/vegeta", "rates/10000/tap", "rates/10000/vegeta",
		"rates/10000/tap", "rates/10000/vegeta", "bandid/bandID", "bandid/bandID", "bandid/bandID",
	}
	if len(plan) != len(want) {
		t.Fatalf("got %d runs, want %d", len(plan), len(want))
	}
	for i, trial := range plan {
		if trial.name() != want[i] {
			t.Errorf("run %d is %s, want %s", i, trial.name(), want[i])
		}
	}
	if _, err := (planner{p, "", &tools{}}).plan(regexp.MustCompile("nothing")); err == nil {
		t.Error("a plan without runs is no error")
	}
}
