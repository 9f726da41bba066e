package capacity

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Each held rate settles in its first twentieth, unless it goes on from the stage before; one that was climbed to is held as well.
func TestSettlingSchedule(t *testing.T) {
	t.Parallel()
	s := Schedule{}.Then(0, 10, 20*time.Second).Then(10, 10, time.Minute).Then(10, 10, time.Minute).Then(20, 20, 100*time.Second).Then(20, 0, time.Second).Settling()
	for elapsed, want := range map[time.Duration]string{
		20*time.Second - 1: "ramp-up", 20 * time.Second: "settling", 23*time.Second - 1: "settling", 23 * time.Second: "10",
		80 * time.Second: "10", 140*time.Second - 1: "10", 140 * time.Second: "settling", 145*time.Second - 1: "settling", 145 * time.Second: "20",
		240*time.Second - 1: "20", 240 * time.Second: "ramp-down",
	} {
		if name, _, _ := s.At(elapsed); name != want {
			t.Errorf("after %s: %q, want %q", elapsed, name, want)
		}
	}
	if _, _, tenth := s.At(23*time.Second + 57*time.Second/2); tenth != 5 {
		t.Errorf("half of a plateau is over at its tenth %d", tenth)
	}
	if got := s.String(); got != "plateaus of 10 for 1m0s, 10 for 1m0s and 20 for 1m40s" {
		t.Errorf("it has %s", got)
	}
	if passing := s.passing(); passing != nil {
		t.Errorf("it passes %v", passing)
	}
	if got := s.Carrying(5).Plateaus()[2].Name; got != "100" {
		t.Errorf("five taps an iteration make the plateau %s", got)
	}
}

// settlingRun is a run of 100 s at 20/s, whose first 5 s are slow, fail, and lack a fifth of the iterations.
func settlingRun() *Recorder {
	r := &Recorder{}
	r.Schedule("tappers", holding(100*time.Second, 20).Settling())
	for n := range int64(1980) {
		tap := Tap{Scenario: "tappers", Start: began, Iteration: n, First: true, Redirected: true, Latency: 5 * time.Millisecond, SourceKnown: true, FromKV: true}
		if n < 80 {
			tap.Began, tap.Latency, tap.Redirected = began.Add(time.Duration(n)*62*time.Millisecond), 215*time.Millisecond, n%2 == 0
		} else {
			tap.Began = began.Add(5*time.Second + time.Duration(n-80)*50*time.Millisecond)
		}
		tap.Ended = tap.Began.Add(tap.Latency)
		r.Tap(tap)
	}
	return r
}

// What was seen while a rate settled is in the run, and beside the plateau, which is judged without it.
func TestSettlingIsNotJudged(t *testing.T) {
	t.Parallel()
	r := Judge(settlingRun().Measured("0:1", all), Limits, nil)
	p := r.Plateaus[0]
	if p.Status != Pass || p.Counts.Taps != 1900 || p.Dropped != 0 || p.Start != 5 || p.Hold != 95 {
		t.Errorf("the plateau is %s, with %d taps, %d dropped, %v s from %v on", p.Status, p.Counts.Taps, p.Dropped, p.Hold, p.Start)
	}
	if s := p.Settling; s.Taps != 80 || s.Started != 80 || s.Dropped != 19 || s.Seconds != 5 || s.Errors != 0.5 || s.P95 < 214 || s.P95 > 216 {
		t.Errorf("while it settled: %+v", s)
	}
	if r.Whole.Taps != 1980 || r.Whole.Redirected != 1940 {
		t.Errorf("the run has %d taps, %d redirected", r.Whole.Taps, r.Whole.Redirected)
	}
	if said := strings.Join(r.Verdict, "\n"); !strings.Contains(said, "While 20/s settled, in its first 5 s, redirect p95 was 215 ms: not judged.") {
		t.Errorf("it says\n%s", said)
	}
}

// The same with several processes, after writing and reading their reports.
func TestSettlingOfProcesses(t *testing.T) {
	t.Parallel()
	part := func(name, segment string) Part {
		written, err := json.Marshal(map[string]any{"capacity": Judge(settlingRun().Measured(segment, all), Limits, nil)})
		if err != nil {
			t.Fatal(err)
		}
		read, err := Read(bytes.NewReader(written))
		if err != nil {
			t.Fatal(err)
		}
		return Part{name, read}
	}
	merged, err := Merge([]Part{part("a", "0:1/2"), part("b", "1/2:1")})
	if err != nil {
		t.Fatal(err)
	}
	if s := merged.Plateaus[0].Settling; s.Taps != 160 || s.Started != 160 || s.Dropped != 38 || s.Seconds != 5 || s.Errors != 0.5 {
		t.Errorf("while both settled: %+v", s)
	}
}

// settlingRuns are runs whose rates took a while to settle.
func settlingRuns() []judgedRun {
	none := int64(0)
	stoppedAt := func(m *Measured) {
		stopped(m)
		m.Processes[0].Dropped = &none
		m.Plateaus[0].Seconds = 35
	}
	return []judgedRun{
		{name: "a rate that took a while to settle", run: settlingRun().Measured("0:1", all), status: Warn, sustained: 20},
		{name: "stopped after it had settled", run: changed(settlingRun().Measured("0:1", all), stoppedAt), status: Incomplete},
	}
}

// Connections are opened ahead of a rate that is jumped to, and of no other.
func TestJump(t *testing.T) {
	t.Parallel()
	s := Schedule{}.Then(10, 10, time.Minute).Then(20, 20, time.Minute).Then(20, 40, time.Minute).Then(40, 40, time.Minute).Then(30, 30, time.Minute).Settling()
	for stage := range s {
		rate, at, ok := s.Jump(stage)
		if want := s[stage].Name == "10"; ok != want || ok && (rate != 20 || at != time.Minute) {
			t.Errorf("after %s: a jump to %v at %s: %v", s[stage].Name, rate, at, ok)
		}
	}
}
