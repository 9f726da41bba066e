package capacity

import (
	"fmt"
	"testing"
	"time"
)

// paced records iterations at 10/s in plateaus of 10 s, each with n taps that are spread over the time until the next iteration and start
// late by delay.
func paced(n int, delay time.Duration) *Recorder {
	r := &Recorder{}
	r.Schedule("tappers", holding(10*time.Second, 10, 20))
	iteration := int64(0)
	add := func(from, gap time.Duration, iterations int) {
		for i := range iterations {
			for k := range n { // some are due after the plateau in which their iteration began
				at := began.Add(from + time.Duration(i)*gap + gap/2 + gap*time.Duration(k)/time.Duration(n))
				r.Tap(Tap{
					Began: at, Ended: at.Add(delay), Latency: delay, Iteration: iteration, First: k == 0, Asked: n, Later: k > 0,
					Paced: true, Delay: delay, Redirected: true, Scenario: "tappers", Start: began,
				})
			}
			iteration++
		}
	}
	add(0, 100*time.Millisecond, 100)
	add(10*time.Second, 50*time.Millisecond, 200)
	return r
}

// TestOfferedIsExact: what is offered is what iterations ask for, even if some of it falls into the next plateau or happens not to be due.
func TestOfferedIsExact(t *testing.T) {
	t.Parallel()
	r := Judge(paced(7, time.Millisecond).Measured("0:1", all), Limits, nil)
	if got := fmt.Sprint(r.Plateaus[0].Offered, " ", r.Plateaus[1].Offered, " ", r.Plateaus[0].Counts.Taps); got != "70 140 697" {
		t.Errorf("offered, and taps of the first plateau: %s", got)
	}
	random := &Recorder{}
	random.Schedule("tappers", holding(10*time.Second, 10))
	for i := range 100 { // two taps on average: three or none
		at := began.Add(time.Duration(i) * 99 * time.Millisecond)
		tap := Tap{Began: at, Ended: at, Iteration: int64(i), First: true, Asked: 2, Redirected: true, Scenario: "tappers", Start: began}
		if i%3 == 0 {
			tap.None = true
			random.Tap(tap)
			continue
		}
		for range 3 {
			random.Tap(tap)
			tap.First, tap.Later = false, true
		}
	}
	p := Judge(random.Measured("0:1", all), Limits, nil).Plateaus[0]
	if got := fmt.Sprint(p.Offered, " ", p.Counts.Taps, " ", p.Tapless, " ", p.Counts.Failures); got != "20 198 0 map[]" {
		t.Errorf("offered, taps, without, failed: %s", got)
	}
}

// TestLateStarts: taps that start late by more than a fifth of the redirects' warning limit, 50 ms, invalidate a plateau. Of several
// processes, the one that started later counts.
func TestLateStarts(t *testing.T) {
	t.Parallel()
	delays := Metrics[0]
	for _, m := range Metrics {
		if m.Label == delayLabel {
			delays = m
		}
	}
	for delay, want := range map[time.Duration]Status{9 * time.Millisecond: "", 12 * time.Millisecond: Generator, 0: ""} {
		r := Judge(paced(2, delay).Measured("0:1", all), Limits, nil)
		p := &r.Plateaus[0]
		if p.StatusOf(delays) != want || p.LateStarts != (want == Generator) || (p.Status == Generator) != p.LateStarts {
			t.Errorf("late by %s: %q, a plateau that is %s", delay, p.StatusOf(delays), p.Status)
		}
		if got := *p.StartDelay; got < delay.Seconds()*999 || got > delay.Seconds()*1001 {
			t.Errorf("late by %s: %v ms", delay, got)
		}
	}
	generous, err := LimitsWith(map[string]*Tiers{"redirect_latency": {Fail: new(200.0)}})
	if err != nil {
		t.Fatal(err)
	}
	if p := Judge(paced(2, 12*time.Millisecond).Measured("0:1", all), generous, nil).Plateaus[0]; p.LateStarts {
		t.Error("late by 12 ms is too late by a warning limit of 100 ms")
	}
	if p := judge(calm50).Plateaus[0]; p.StartDelay != nil {
		t.Errorf("a start delay of %v without a tap that was due", *p.StartDelay)
	}
	late, soon := paced(2, 12*time.Millisecond).whole, paced(2, time.Millisecond).whole
	for _, both := range [][2]Counts{{late, soon}, {soon, late}} {
		sum := both[0].clone()
		sum.add(both[1])
		if got := sum.Delay.at(95); got < 11.9 || got > 12.1 || sum.Delay.count() != late.Delay.count() {
			t.Errorf("together %v ms by %d taps", got, sum.Delay.count())
		}
	}
}
