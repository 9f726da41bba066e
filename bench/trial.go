package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// trial is one way to make taps, under one load.
type trial struct {
	Part string `json:"part"`           // what is measured: closed, rates or bandid
	Way  string `json:"way"`            // who makes the taps
	Rate int    `json:"rate,omitempty"` // taps a second that are asked for; 0: as many as there can be

	Delay      int    `json:"delay_ms,omitempty"`   // that the target takes for an answer
	Connection string `json:"connection,omitempty"` // that a tap takes: kept or new

	// Connections is how many can be open: wrk's, k6's virtual users with one each, vegeta's workers. So many taps may
	// be in flight, served but not counted, when the time is up.
	Connections int `json:"connections,omitempty"`

	command     []string
	read        func(stdout []byte) (claim, error)
	anIteration int // taps in one of k6's iterations
	asked       int // taps in all, of vegeta, which starts fewer without a word
}

// lasts is how long a run takes where a rate is held for so many seconds.
func (t trial) lasts(seconds int) time.Duration {
	if t.Part == climb {
		seconds *= len(climbing)
	}
	return time.Duration(seconds) * time.Second
}

func (t trial) name() string {
	switch t.Part {
	case climb:
		return fmt.Sprintf("%s/%dms/%s", t.Part, t.Delay, t.Way)
	case distance:
		return fmt.Sprintf("%s/%dms/%s/%d/%s", t.Part, t.Delay, t.Connection, t.Rate, t.Way)
	}
	if t.Rate == 0 {
		return t.Part + "/" + t.Way
	}
	return fmt.Sprintf("%s/%d/%s", t.Part, t.Rate, t.Way)
}

// Figures are what one run, or the median of several, comes to.
type Figures struct {
	PerSecond  float64 `json:"per_second"`            // taps served, by the target's clock; for bandid: calls
	CPU        float64 `json:"cpu_us,omitempty"`      // µs a tap of the generator's core, its start included
	RSS        float64 `json:"peak_rss_mb"`           // MB
	TargetBusy float64 `json:"target_busy,omitempty"` // share of its core that the target used
	Others     float64 `json:"others"`                // share of both cores' time that went to neither of the two
	P50        float64 `json:"p50_ms,omitempty"`      // as the generator reports it
	P95        float64 `json:"p95_ms,omitempty"`
	P99        float64 `json:"p99_ms,omitempty"`
	Dropped    float64 `json:"dropped"` // taps that the generator says it did not start

	Seen Seen `json:"seen,omitzero"` // by the distant target
}

// Run is one run of a trial.
type Run struct {
	trial
	Figures
	Claimed  int      `json:"claimed"`            // taps, by the generator
	Served   int      `json:"served"`             // taps, by the target
	NotHeld  []string `json:"not_held,omitempty"` // plateaus that are no PASS, by the generator's report
	Problems []string `json:"problems,omitempty"`
}

// run makes one run. A problem with its figures is noted in it; an error is a run that did not happen.
func (t trial) run(ctx context.Context, target *target, p Parameters) (Run, error) {
	const startAndStop = 60 * time.Second // k6 gives iterations 30 s to end
	ctx, cancel := context.WithTimeout(ctx, t.lasts(p.Seconds)+startAndStop)
	defer cancel()
	if _, err := target.take(); err != nil {
		return Run{}, err
	}
	before := readCores()
	stdout, used, err := generate(ctx, t.command)
	if err != nil {
		return Run{}, err
	}
	after := readCores()
	served, err := target.take()
	if err != nil {
		return Run{}, err
	}
	said, err := t.read(stdout)
	if err != nil {
		return Run{}, err
	}
	r := t.judge(said, served, used)
	r.Others = after.others(before, used.cpu+served.CPU)
	return r, nil
}

// judge puts together what the generator says, what the target saw and what the kernel counted.
func (t trial) judge(said claim, served Served, used usage) Run {
	r := Run{trial: t, Claimed: said.taps, Served: served.Requests, NotHeld: said.notHeld, Problems: said.problems}
	r.Figures = Figures{
		PerSecond: said.calls, RSS: used.rss,
		P50: said.p50, P95: said.p95, P99: said.p99, Dropped: float64(said.dropped * t.anIteration),
	}
	if t.asked > 0 {
		r.Dropped = float64(max(0, t.asked-said.taps))
	}
	if n := float64(served.Requests); n > 1 {
		r.PerSecond = n / served.Seconds
		r.CPU = used.cpu * 1e6 / n
		r.TargetBusy = served.CPU / served.Seconds
		r.Seen = served.Seen
	}
	if unclaimed := r.Served - r.Claimed; unclaimed < 0 || unclaimed > t.Connections {
		r.Problems = append(r.Problems, fmt.Sprintf("it claims %d taps, the target served %d", r.Claimed, r.Served))
	}
	return r
}

// String is a line for who waits.
func (r Run) String() string {
	line := fmt.Sprintf("%-20s %8.0f /s", r.name(), r.PerSecond)
	if r.CPU > 0 {
		line += fmt.Sprintf("  %6.1f µs", r.CPU)
	}
	line += fmt.Sprintf("  %5.0f MB", r.RSS)
	if r.P95 > 0 {
		line += fmt.Sprintf("  p95 %7.2f ms", r.P95)
	}
	if r.Dropped > 0 {
		line += fmt.Sprintf("  %.0f dropped", r.Dropped)
	}
	if len(r.NotHeld) > 0 {
		line += "  " + strings.Join(r.NotHeld, ", ")
	}
	if r.Others > 0.05 {
		line += fmt.Sprintf("  others took %.0f %%", r.Others*100)
	}
	if len(r.Problems) > 0 {
		line += "  WRONG: " + strings.Join(r.Problems, "; ")
	}
	return line
}
