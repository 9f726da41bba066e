package main

import (
	"fmt"
	"regexp"
)

// Parameters are what all runs have in common.
type Parameters struct {
	Seconds     int   `json:"seconds"`               // of each run
	Rounds      int   `json:"rounds"`                // that the medians are of; half as many at all rates but the highest
	Connections int   `json:"connections,omitempty"` // of the closed loop
	Rates       []int `json:"rates"`                 // taps a second
	Delays      []int `json:"delays_ms,omitempty"`   // that the target takes for an answer
}

// flags make the same runs again.
func (p Parameters) flags() string { return fmt.Sprintf("-seconds %d -rounds %d", p.Seconds, p.Rounds) }

var defaults = Parameters{Seconds: 10, Rounds: 5, Connections: 64, Rates: []int{1000, 2500, 5000, topRate}}

// topRate is the load test's highest rate, in taps a second. The goals are for it.
const topRate = 10000

// The parts of the benchmark.
const (
	closed = "closed"
	rates  = "rates"
	bandid = "bandid"
)

// Who makes the taps; those of k6 are named like their script. Below, who picks bands.
const (
	baseline = "baseline"
	tap      = "tap"
	taps     = "taps"
	wrk      = "wrk"
	wrkPlain = "wrk-plain"
	vegeta   = "vegeta"

	module     = "bandID"
	javaScript = "javascript"
)

// scripts are the ways that k6 runs: the taps that each makes in an iteration, and its virtual users at a rate, all
// there from the start. With a tenth of the iterations, taps(10) needs fewer to sit out a stall.
var scripts = []struct {
	way       string
	taps, vus int
}{{baseline, 1, 300}, {tap, 1, 300}, {taps, 10, 50}}

// vegetaWorkers are the most that vegeta may start; it starts with 10.
const vegetaWorkers = 300

// planner makes the trials for one target.
type planner struct {
	Parameters
	url   string // the target's
	tools *tools
}

// runs are those that only matches, round by round: the machine's noisy minutes hit all ways alike.
type runs struct {
	only *regexp.Regexp
	all  []trial
}

func (r *runs) add(rounds int, trials []trial) {
	for range rounds {
		for _, t := range trials {
			if r.only.MatchString(t.name()) {
				r.all = append(r.all, t)
			}
		}
	}
}

func (r *runs) plan() ([]trial, error) {
	if len(r.all) == 0 {
		return nil, fmt.Errorf("no run is called %q", r.only)
	}
	return r.all, nil
}

// plan is every run of what a core gives.
func (b planner) plan(only *regexp.Regexp) ([]trial, error) {
	r := runs{only: only}
	r.add(b.Rounds, b.closed())
	for _, rate := range b.Rates {
		rounds := b.Rounds
		if rate != topRate {
			rounds = (rounds + 1) / 2
		}
		r.add(rounds, b.atRate(rate))
	}
	r.add(b.Rounds, b.bandID())
	return r.plan()
}

// closed are the ways when each tap follows the last one's answer.
func (b planner) closed() []trial {
	command := []string{wrk, "-t1", fmt.Sprintf("-c%d", b.Connections), fmt.Sprintf("-d%ds", b.Seconds)}
	return append(b.scripts(trial{Part: closed, Connections: b.Connections}),
		trial{
			Part: closed, Way: wrk, Connections: b.Connections, read: readWrk,
			command: append(command[:4:4], "-s", "taps.lua", b.url),
		},
		trial{
			Part: closed, Way: wrkPlain, Connections: b.Connections, read: readWrk,
			command: append(command[:4:4], b.url+"/e?bandId=LOADTEST-E1-000001"),
		})
}

// atRate are the ways when taps come at a constant rate, whatever is answered.
func (b planner) atRate(rate int) []trial {
	return append(b.scripts(trial{Part: rates, Rate: rate}),
		trial{
			Part: rates, Way: vegeta, Rate: rate, Connections: vegetaWorkers, read: b.tools.readAttack, asked: rate * b.Seconds,
			command: b.tools.attackOn(b.url, rate, b.Seconds, vegetaWorkers),
		})
}

// scripts are k6's ways under the load of a trial.
func (b planner) scripts(load trial) []trial {
	var trials []trial
	for _, script := range scripts {
		t := load
		t.Way, t.anIteration, t.read = script.way, script.taps, readK6
		settings := []string{"WORKER_URL=" + b.url, fmt.Sprintf("SECONDS=%d", b.Seconds)}
		if t.Rate > 0 {
			t.Connections = script.vus
			settings = append(settings, fmt.Sprintf("RATE=%d", t.Rate))
		}
		t.command = k6(script.way+".js", append(settings, fmt.Sprintf("VUS=%d", t.Connections))...)
		trials = append(trials, t)
	}
	return trials
}

// bandID are the two ways to pick a band.
func (b planner) bandID() []trial {
	var trials []trial
	for _, way := range []string{module, javaScript} {
		command := k6("bandid.js", "WAY="+way, fmt.Sprintf("SECONDS=%d", min(b.Seconds, 3)))
		trials = append(trials, trial{Part: bandid, Way: way, read: readK6, command: command})
	}
	return trials
}

func k6(script string, settings ...string) []string {
	command := []string{k6Binary, "run", "--quiet", "--no-usage-report", "--address="}
	for _, setting := range settings {
		command = append(command, "-e", setting)
	}
	return append(command, script)
}
