package capacity

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// goalRuns are runs that have a goal, and those that the module stopped.
func goalRuns() []judgedRun {
	goal := func(rate float64, m Measured) Measured { m.Goal = rate; return m }
	slow150, fails150 := seen{rate: 150, achieved: 150, p95: 70}, seen{rate: 150, achieved: 150, p95: 130}
	for150 := func(reason string) func(m *Measured) {
		return func(m *Measured) { halfway(m); stopped(m); m.Processes[0].Stopped.Reason = reason }
	}
	killed := for150("The kill switch ended the run: over the last 10s 100 % of the taps failed (STOP=errors:0.5,window:10s).")
	return []judgedRun{
		{name: "a goal met, with headroom", run: goal(100, measured(calm50, calm100, fails150)), status: Pass, sustained: 100, breach: redirect},
		{name: "a goal met, and headroom that warns", run: goal(100, measured(calm50, calm100, slow150)), status: Pass, sustained: 100, breach: redirect},
		{name: "a goal met, and all above it", run: goal(50, measured(calm50, calm100)), status: Pass, sustained: 100},
		{name: "a goal met, with nothing above it", run: goal(100, measured(calm50, calm100)), status: Pass, sustained: 100},
		{name: "a goal met, with a warning", run: goal(150, measured(calm50, slow150)), status: Warn, sustained: 50, breach: redirect},
		{name: "a goal missed", run: goal(150, measured(calm50, calm100, fails150)), status: Fail, sustained: 100, breach: redirect},
		{name: "a goal between two rates", run: goal(120, measured(calm50, calm100, fails150)), status: NoData, sustained: 100, breach: redirect},
		{name: "a goal that nobody tried", run: goal(1000, measured(calm50, calm100)), status: NoData, sustained: 100},
		{name: "a goal that the generator did not reach", run: goal(50, measured(late50, calm100)), status: Generator, sustained: 100},
		{name: "a goal without plateaus", run: goal(50, measured()), status: NoData},
		{ // 40 % over the whole run, but only above the goal
			name: "a goal met, and losses above it", status: Pass, sustained: 50, breach: "taps_lost",
			run: goal(50, measured(calm50, seen{rate: 100, achieved: 100, p95: 5, lost: 0.6})),
		},
		{name: "a goal, and a flush that drops above it", run: goal(50, measured(calm50, seen{rate: 100, achieved: 100, p95: 5, dropped: 0.1})), status: Pass, sustained: 50, breach: "cron_drop_rate"},
		{
			name: "a goal met, and the kill switch above it", status: Pass, sustained: 50, breach: failed,
			run: goal(50, changed(measured(calm50, seen{rate: 100, achieved: 100, p95: 5, failed: 0.5}), killed)),
		},
		{name: "a goal that the kill switch came before", run: goal(100, changed(measured(calm50, calm100), killed)), status: Incomplete, sustained: 50},
		{name: "ended by the kill switch", run: changed(measured(calm50, seen{rate: 100, achieved: 100, p95: 5, failed: 0.5}), killed), status: Fail, sustained: 50, breach: failed},
		{name: "ended by the kill switch, and nothing had failed", run: changed(measured(calm50, calm100), killed), status: Incomplete, sustained: 50},
	}
}

// A process's part of the rates is judged by its part of the goal, and the processes together get the verdict of a single one.
func TestGoalOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	one := measured(calm50, calm100, seen{rate: 150, achieved: 150, p95: 130})
	for goal, want := range map[float64]Status{100: Pass, 150: Fail, 120: NoData} {
		one.Goal = goal
		whole := Judge(one, Limits, nil)
		var parts []Part
		for _, segment := range []string{"0:1/2", "1/2:1"} {
			half := recorded(seen{rate: 50, achieved: 25, p95: 5}, seen{rate: 100, achieved: 50, p95: 5}, seen{rate: 150, achieved: 75, p95: 130}).
				Measured(segment, []Share{{"tappers", 0.5}})
			half.Goal, half.Readings = goal, Readings{}
			r := Judge(half, Limits, nil)
			if r.Status != want {
				t.Errorf("half of the run with goal %v: got %s, want %s: %q", goal, r.Status, want, r.Verdict)
			}
			text, err := json.Marshal(map[string]any{"capacity": r})
			if err != nil {
				t.Fatal(err)
			}
			read, err := Read(strings.NewReader(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, Part{segment, read})
		}
		merged, err := Merge(parts)
		if err != nil {
			t.Fatal(err)
		}
		if merged.Status != whole.Status || merged.Verdict[0] != whole.Verdict[0] || (len(merged.Crossed()) == 0) != (want == Pass) {
			t.Errorf("goal %v: merged %s %q, crossed %v; in one %s %q", goal, merged.Status, merged.Verdict, merged.Crossed(), whole.Status, whole.Verdict)
		}
		parts[1].Report.Goal++
		if _, err := Merge(parts); err == nil || !strings.Contains(err.Error(), "the same GOAL") {
			t.Errorf("other goals: %v", err)
		}
	}
}

// What is logged about a plateau that has ended agrees with the report, in each scenario.
func TestProgressIsTheReports(t *testing.T) {
	t.Parallel()
	seens := []seen{calm50, {rate: 100, achieved: 100, p95: 64, failed: 0.02}, {rate: 150, achieved: 150, p95: 130, growth: 40}, {rate: 60, achieved: 60, p95: 400, late: 0.4}}
	r := recorded(seens...)
	m := r.Measured("0:1", all)
	m.Goal = 100
	report := Judge(m, Limits, nil)
	ends := report.Progress()
	if len(ends) != len(seens) {
		t.Fatalf("%d plateaus", len(ends))
	}
	for i, want := range ends {
		got, ok := r.Progress(Ask{Segment: "0:1", Shares: all, Scenario: "tappers", Stage: i, Limits: Limits, Goal: 100})
		if !ok || got.String() != want.String() {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for i, want := range []string{
		"50/s PASS · p95 5 ms · errors 0 % · KV 100 % · lost 0 · queue +0/s · 1 of 4",
		"100/s WARN · p95 64 ms · errors 2 % · KV 100 % · lost 0 · queue +0/s · 2 of 4",
		"150/s FAIL · p95 130 ms · errors 0 % · KV 100 % · lost 0 · queue +40/s · 3 of 4 · above the goal",
		"60/s GENERATOR · p95 400 ms · errors 0 % · KV 100 % · lost 0 · queue +0/s · 4 of 4",
	} {
		if got := ends[i].String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if _, ok := r.Progress(Ask{Shares: all, Scenario: "others"}); ok {
		t.Error("a scenario that has not tapped has progress")
	}
	var kinds []string
	for _, end := range ends {
		for _, alert := range end.Alerts() {
			kinds = append(kinds, alert.Text)
		}
	}
	if want := []string{
		"100/s: redirect error rate is over the warning of 1 % (2 %)", "100/s: redirect p95 is over the warning of 50 ms (64 ms)",
		"150/s: redirect p95 fails its limit of 100 ms (130 ms)", "150/s: the queue grows by 40 taps a second",
		"60/s: the generator is late 40 % of the time: figures are its own, not the system's",
	}; !slices.Equal(kinds, want) {
		t.Errorf("got  %q\nwant %q", kinds, want)
	}
	if ends[1].Failure() != "" || ends[2].Failure() != "" { // above the goal
		t.Errorf("%q, %q", ends[1].Failure(), ends[2].Failure())
	}
}

// Before everything has settled, what may be under way is not called lost.
func TestLostSoFar(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		missing [3]int64 // at the plateau's ends, and at a reading after that
		foreign int64
		want    int64 // -1 if nobody knows
	}{
		"nothing":                {[3]int64{0, 0, 0}, 0, 0},
		"what is under way":      {[3]int64{3, 40, 0}, 0, 0},
		"a second of taps":       {[3]int64{0, 50, 50}, 0, 0},
		"lost":                   {[3]int64{0, 900, 900}, 0, 900},
		"lost, and some arrived": {[3]int64{0, 900, 700}, 0, 700},
		"lost before":            {[3]int64{900, 900, 900}, 0, 0},
		"others tap":             {[3]int64{0, -900, -900}, 0, -1},
		"others tapped before":   {[3]int64{0, 900, 900}, 5, -1},
		"others tap all along":   {[3]int64{-900, -900, -900}, 0, -1},
	} {
		r := recorded(calm50)
		first := r.readings.Course[0]
		r.readings = Readings{Foreign: c.foreign, Course: []Reading{first}}
		for i, missing := range c.missing {
			taps := []int64{0, 5000, 5500}[i]
			r.readings.Course = append(r.readings.Course, Reading{
				at: began.Add([]time.Duration{0, 100 * time.Second, 103 * time.Second}[i]), Redirected: taps, Received: first.Received + taps - missing,
			})
		}
		now, _ := r.Progress(Ask{Segment: "0:1", Shares: all, Scenario: "tappers", Limits: Limits})
		got := int64(-1)
		if now.Ledger != nil && now.Ledger.Lost != nil {
			got = *now.Ledger.Lost
		}
		if got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}
