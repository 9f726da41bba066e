package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// distance is the part of the benchmark, and the argument, that measures taps at a distance.
const distance = "distance"

// climb is the part in which one run goes through higher and higher rates, as the load test's script does: each but the first finds
// connections open.
const climb = "climb"

// The connections that taps take.
const (
	kept       = "kept"
	newForEach = "new"
)

var distanceDefaults = Parameters{Seconds: 10, Rounds: 5, Rates: []int{1000, 2500, 5000, topRate}, Delays: []int{0, 20, farthest}}

// farthest is the delay that goals are set for, in ms.
const farthest = 40

const (
	// tapsVUs are the virtual users of taps(n), and mostIterations how many of its iterations there are in a second.
	tapsVUs        = 100
	mostIterations = 500
	// othersVUs are those of k6/http, and vegeta's workers, besides one for each tap in flight.
	othersVUs = 300
)

// delayPath is the path under which the target takes so many ms.
func delayPath(ms int) string { return fmt.Sprintf("/%d", ms) }

func delayPaths() []string {
	var paths []string
	for _, ms := range distanceDefaults.Delays {
		paths = append(paths, delayPath(ms))
	}
	return paths
}

// distancePlan is every run at a distance.
func (b planner) distancePlan(only *regexp.Regexp) ([]trial, error) {
	r := runs{only: only}
	for _, ms := range b.Delays {
		for _, connections := range []string{kept, newForEach} {
			for _, rate := range b.Rates {
				r.add(b.Rounds, b.atDistance(trial{Part: distance, Delay: ms, Connection: connections, Rate: rate}))
			}
		}
	}
	return r.plan()
}

// atDistance are the ways under the load of a trial.
func (b planner) atDistance(load trial) []trial {
	url, many := b.url+delayPath(load.Delay), othersVUs+load.Rate*load.Delay/1000
	isNew := load.Connection == newForEach
	ours := b.ofScripts(load, url, load.Rate)

	http := load
	http.Way, http.read, http.anIteration, http.Connections = baseline, readK6, 1, many
	http.command = k6(baseline+".js", b.settings(url, fmt.Sprintf("RATE=%d", load.Rate), many)...)

	raw := load
	raw.Way, raw.read, raw.Connections, raw.asked = vegeta, b.tools.readAttack, many, load.Rate*b.Seconds
	raw.command = b.tools.attackOn(url, load.Rate, b.Seconds, many, "-insecure", fmt.Sprintf("-keepalive=%t", !isNew))

	http.command = append(http.command, trusting, fmt.Sprintf("--no-connection-reuse=%t", isNew))
	ways := []trial{ours, http, raw}
	if load.Delay == farthest && load.Rate == topRate && !isNew {
		load.Part = climb
		ways = append(ways, b.ofScripts(load, url, climbing...))
	}
	return ways
}

// climbing are the load test's four highest rates.
var climbing = []int{2500, 5000, 7500, topRate}

// ofScripts are taps(n) as the scripts make them, at rates one after another.
func (b planner) ofScripts(load trial, url string, rates ...int) trial {
	load.Way, load.read = taps, readK6
	load.anIteration = (load.Rate + mostIterations - 1) / mostIterations
	load.Connections = tapsVUs * load.anIteration
	settings := []string{fmt.Sprintf("TAPS=%d", load.anIteration), "CONNECTIONS=" + load.Connection}
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(rates), " ", ","), "[]")
	settings = append(settings, b.settings(url, "RATES="+list, tapsVUs)...)
	load.command = append(k6("distance.js", append(settings, "RESULTS="+b.tools.folder)...), trusting)
	return load
}

// trusting is k6's flag for a target whose certificate is its own.
const trusting = "--insecure-skip-tls-verify"

// settings are what k6's scripts are asked for at a distance.
func (b planner) settings(url, rate string, vus int) []string {
	return []string{"WORKER_URL=" + url, fmt.Sprintf("SECONDS=%d", b.Seconds), rate, fmt.Sprintf("VUS=%d", vus)}
}

// distanceGoals are those for which there were runs: at the highest rate and the longest delay on kept connections, which are open when a climb
// gets there, and of how many new ones a core can make.
func (r Result) distanceGoals() []Goal {
	var goals []Goal
	name := func(way string) string {
		return trial{Part: distance, Delay: farthest, Connection: kept, Rate: topRate, Way: way}.name()
	}
	at := english.Sprintf("taps(n) at %d/s and %d ms: ", topRate, farthest)
	if m := r.find(name(taps)); m != nil {
		goals = append(goals, atMost(250, at+"peak RSS, MB", m.RSS))
	}
	if m := r.climb(); m != nil {
		climbing := fmt.Sprintf("taps(n) climbing at %d ms: ", farthest)
		goals = append(goals,
			atMost(0, climbing+"plateaus that are no PASS", float64(m.NotHeld)),
			atMost(0, climbing+"taps dropped", m.Dropped),
			atMost(m.Seen.P95+1, at+"p95, ms, and the target's + 1", m.P95))
		if raw := r.find(name(vegeta)); raw != nil {
			goals = append(goals, atMost(raw.P95, at+"p95, ms, and vegeta's", m.P95))
		}
	}
	if ours, raw := r.handshakes(taps), r.handshakes(vegeta); ours > 0 && raw > 0 {
		goals = append(goals, atLeast(raw, "taps(n), new connections/s, and vegeta's", ours))
	}
	return goals
}

// climb is the median of those runs; nil when there was none.
func (r Result) climb() *Median { return r.find(trial{Part: climb, Delay: farthest, Way: taps}.name()) }

// handshakes is the most new connections a second that a way has made: those that the target answered on.
func (r Result) handshakes(way string) float64 {
	return slices.MaxFunc(append(r.newConnections(way), Median{}), func(a, b Median) int {
		return int(a.PerSecond - b.PerSecond)
	}).PerSecond
}

func (r Result) newConnections(way string) []Median {
	var found []Median
	for _, m := range r.Medians {
		if m.Connection == newForEach && m.Way == way {
			found = append(found, m)
		}
	}
	return found
}
