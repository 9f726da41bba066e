package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestDistantTarget asks for answers after each delay at once, so that those of a shorter one must pass those of a longer one.
func TestDistantTarget(t *testing.T) {
	questions, ask := io.Pipe()
	answer, answers := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveDistant(questions, answers) }()
	read := bufio.NewReader(answer)
	address, err := read.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} // #nosec G402 -- its certificate is its own
	status := func(path string) (code int, took time.Duration) {
		req, _ := http.NewRequest(http.MethodGet, "https://"+strings.TrimSpace(address)+path+"/e?bandId=LOADTEST-E1-000001", nil)
		began := time.Now()
		resp, err := client.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return 0, 0
		}
		_ = resp.Body.Close()
		return resp.StatusCode, time.Since(began)
	}
	var all sync.WaitGroup
	for _, ms := range distanceDefaults.Delays {
		for range 2 {
			all.Go(func() {
				if code, took := status(delayPath(ms)); code != http.StatusFound || took < time.Duration(ms)*time.Millisecond {
					t.Errorf("after %d ms: got %d after %s", ms, code, took)
				}
			})
		}
	}
	all.Wait()
	_, _ = io.WriteString(ask, "\n")
	line, _ := read.ReadBytes('\n')
	var served Served
	if err := json.Unmarshal(line, &served); err != nil {
		t.Fatal(err)
	}
	seen := served.Seen
	if served.Requests != 6 || seen.Connections != 6 || seen.P50 < 20 || seen.P95 < farthest || seen.P99 < seen.P95 {
		t.Errorf("got %s, want 6 requests on 6 connections, half of them after 20 ms, the last after 40", line)
	}
	if code, _ := status("/30"); code != http.StatusNotFound {
		t.Errorf("a delay that there is not: got %d, want 404", code)
	}
	_ = ask.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestLineIsInTime holds a line to the clock of the test: no answer is early, and one that is overdue goes at once.
func TestLineIsInTime(t *testing.T) {
	const delay = 5 * time.Millisecond
	line, err := newLine(delay)
	if err != nil {
		t.Fatal(err)
	}
	defer close(line)
	var early int
	for range 100 {
		a := answer{time.Now(), make(chan struct{})}
		line <- a
		<-a.due
		if time.Since(a.arrived) < delay {
			early++
		}
	}
	if early > 0 {
		t.Errorf("%d of 100 answers were early", early)
	}
	past := answer{time.Now().Add(-time.Second), make(chan struct{})}
	line <- past
	<-past.due // at once
}

func TestDistancePlanAlternates(t *testing.T) {
	p := distanceDefaults
	p.Seconds, p.Rounds, p.Rates = 1, 2, []int{2500}
	tools := &tools{vegeta: "vegeta", folder: "folder"}
	plan, err := planner{p, "https://localhost", tools}.distancePlan(regexp.MustCompile("40ms/new"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, trial := range plan {
		names = append(names, trial.name())
	}
	round := "distance/40ms/new/2500/taps distance/40ms/new/2500/baseline distance/40ms/new/2500/vegeta"
	if got := strings.Join(names, " "); got != round+" "+round {
		t.Errorf("got %s", got)
	}
	for i, want := range []string{
		"TAPS=5 -e CONNECTIONS=new -e WORKER_URL=https://localhost/40 -e SECONDS=1 -e RATES=2500 -e VUS=100 -e RESULTS=folder distance.js --insecure",
		"VUS=400 baseline.js --insecure-skip-tls-verify --no-connection-reuse=true",
		"-max-workers=400 -targets=folder/https:%2F%2Flocalhost%2F40 -output= -insecure -keepalive=false",
	} {
		if got := strings.Join(plan[i].command, " "); !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %s in it", got, want)
		}
	}
	if plan[0].anIteration != 5 || plan[0].Connections != 500 {
		t.Errorf("got %d taps in an iteration and %d in flight, want 5 and 500", plan[0].anIteration, plan[0].Connections)
	}
}

// TestClimb: one run of all rates, after those of the highest.
func TestClimb(t *testing.T) {
	p := distanceDefaults
	p.Rounds = 1
	plan, err := planner{p, "https://localhost", new(tools)}.distancePlan(regexp.MustCompile("40ms/kept/10000|climb"))
	if err != nil {
		t.Fatal(err)
	}
	last := plan[len(plan)-1]
	if len(plan) != 4 || last.name() != "climb/40ms/taps" || !strings.Contains(strings.Join(last.command, " "), "TAPS=20 ") ||
		!strings.Contains(strings.Join(last.command, " "), "RATES=2500,5000,7500,10000 ") {
		t.Errorf("got %d runs, at last %s: %s", len(plan), last.name(), last.command)
	}
}

func TestDistanceGoals(t *testing.T) {
	run := func(way string, rate int, connections string, f Figures) Run {
		return Run{trial: trial{Part: distance, Way: way, Rate: rate, Delay: farthest, Connection: connections}, Figures: f}
	}
	fine := Figures{PerSecond: topRate, P95: 41.9, RSS: 240, Seen: Seen{P95: 41}}
	late, large, dropped := fine, fine, fine
	late.P95, large.RSS, dropped.Dropped = 42.1, 251, 10
	for name, test := range map[string]struct {
		ours, raw  Figures
		ownNew     float64
		notHeld    []string
		wantMissed string
	}{
		"all":            {fine, fine, 2100, nil, ""},
		"late":           {late, Figures{P95: 90}, 2100, nil, "the target's + 1"},
		"above vegeta":   {fine, Figures{P95: 41.8}, 2100, nil, "p95, ms, and vegeta's"},
		"large":          {large, fine, 2100, nil, "RSS"},
		"dropped":        {dropped, fine, 2100, nil, "dropped"},
		"warned":         {fine, fine, 2100, []string{"5000/s WARN"}, "no PASS"},
		"few handshakes": {fine, fine, 1900, nil, "new connections/s"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResult(Machine{}, distanceDefaults, []Run{
				{trial: trial{Part: climb, Way: taps, Delay: farthest, Rate: topRate, Connection: kept}, Figures: test.ours, NotHeld: test.notHeld},
				run(taps, topRate, kept, test.ours), run(vegeta, topRate, kept, test.raw),
				run(taps, 2500, newForEach, Figures{PerSecond: test.ownNew}), run(taps, topRate, newForEach, Figures{PerSecond: 900}),
				run(vegeta, 2500, newForEach, Figures{PerSecond: 2000}), run(vegeta, topRate, newForEach, Figures{PerSecond: 1800}),
			})
			for _, goal := range r.Goals {
				if missed := test.wantMissed != "" && strings.Contains(goal.What, test.wantMissed); goal.Reached == missed {
					t.Errorf("%s: reached is %v, by %g and %g", goal.What, goal.Reached, goal.Figure, goal.Limit)
				}
			}
			want := fmt.Sprintf("one core for the generator and one for the target: %s by taps(n), 2,000 by vegeta.", english.Sprintf("%.0f", test.ownNew))
			if line := r.handshakeLine(); !strings.Contains(line, want) {
				t.Errorf("got %q, want %q in it", line, want)
			}
		})
	}
}
