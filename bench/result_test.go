package main

import (
	"os"
	"path/filepath"
	"testing"
)

func runOf(part, way string, rate int, f Figures) Run {
	return Run{trial: trial{Part: part, Way: way, Rate: rate}, Figures: f}
}

func TestMedians(t *testing.T) {
	r := newResult(Machine{}, defaults, []Run{
		runOf(closed, baseline, 0, Figures{PerSecond: 90}), runOf(closed, tap, 0, Figures{PerSecond: 800, Dropped: 1}),
		runOf(closed, baseline, 0, Figures{PerSecond: 10}), runOf(closed, tap, 0, Figures{PerSecond: 700, Dropped: 2}),
		runOf(closed, baseline, 0, Figures{PerSecond: 100}), runOf(closed, tap, 0, Figures{PerSecond: 1}),
	})
	if len(r.Medians) != 2 {
		t.Fatalf("got %d medians, want 2", len(r.Medians))
	}
	if m := r.find("closed/baseline"); m.PerSecond != 90 || m.ToBaseline != 1 || m.Runs != 3 {
		t.Errorf("baseline: got %+v", m)
	}
	if m := r.find("closed/tap"); m.PerSecond != 700 || m.ToBaseline != 700./90 || m.ToWrk != 0 || m.Dropped != 3 {
		t.Errorf("tap: got %+v", m)
	}
}

func TestMedianOfTwo(t *testing.T) {
	if got := median([]float64{4, 1}); got != 2.5 {
		t.Errorf("got %g, want 2.5", got)
	}
}

func TestGoals(t *testing.T) {
	fine := Figures{PerSecond: topRate, P95: 5, RSS: 100}
	dropped := fine
	dropped.Dropped = 1
	tests := []struct {
		name      string
		tap, taps Figures
		reached   bool
		by        string
	}{
		{"tap() does", fine, dropped, true, "tap() at 10,000/s: taps dropped"},
		{"taps(10) does", dropped, fine, true, "taps(10) at 10,000/s: taps dropped"},
		{"none does", dropped, dropped, false, "taps(10) at 10,000/s: taps dropped"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			goals := newResult(Machine{}, defaults, []Run{
				runOf(rates, tap, topRate, test.tap), runOf(rates, taps, topRate, test.taps),
				runOf(rates, vegeta, topRate, Figures{P95: 5}),
			}).Goals
			if got := allReached(goals); got != test.reached {
				t.Errorf("all reached: got %v, want %v: %+v", got, test.reached, goals)
			}
			if goals[1].What != test.by {
				t.Errorf("got %q, want %q", goals[1].What, test.by)
			}
		})
	}
}

func TestTable(t *testing.T) {
	got := table{{"way", "taps/s", "µs"}, {"tap()", number("%.0f", 12345.6), number("%.1f", 0)}}.String()
	want := "" +
		"| way   | taps/s | µs |\n" +
		"|-------|-------:|---:|\n" +
		"| tap() | 12,346 |  – |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRenewTable(t *testing.T) {
	for name, test := range map[string]struct{ old, want string }{
		"renewed":    {"a <!-- bench -->\nold\n<!-- /bench --> b\n", "a <!-- bench -->\nnew\n<!-- /bench --> b\n"},
		"first":      {"<!-- bench --><!-- /bench -->", "<!-- bench -->\nnew\n<!-- /bench -->"},
		"no markers": {"a <!-- /bench --> b\n", "a <!-- /bench --> b\n"},
		"no end":     {"a <!-- bench --> b\n", "a <!-- bench --> b\n"},
		"wrong way":  {"<!-- /bench --> a <!-- bench -->\n", "<!-- /bench --> a <!-- bench -->\n"},
		"one table only": {
			"<!-- bench -->x<!-- /bench --><!-- /bench -->", "<!-- bench -->\nnew\n<!-- /bench --><!-- /bench -->",
		},
		"another's": {"<!-- bench-distance -->x<!-- /bench-distance -->", "<!-- bench-distance -->x<!-- /bench-distance -->"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "README.md")
			if err := os.WriteFile(path, []byte(test.old), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := renewTable(path, "bench", "new\n"); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(path); string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
