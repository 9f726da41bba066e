package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// claim is what a generator says of its own run. Latencies are in ms.
type claim struct {
	taps          int
	dropped       int // iterations that did not start
	p50, p95, p99 float64
	calls         float64  // of bandID a second
	notHeld       []string // plateaus that are no PASS, by the report
	problems      []string // why its figures can't be trusted
}

// wrkCount and wrkTrouble find wrk's number of answers, and its lines about those that were none.
var (
	wrkCount   = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkTrouble = regexp.MustCompile(`(?m)^\s*((?:Socket errors|Non-2xx).*)$`)
)

func readWrk(stdout []byte) (claim, error) {
	found := wrkCount.FindSubmatch(stdout)
	if found == nil {
		return claim{}, fmt.Errorf("no number of requests in wrk's output:\n%s", tail(stdout))
	}
	taps, err := strconv.Atoi(string(found[1]))
	c := claim{taps: taps}
	for _, line := range wrkTrouble.FindAllSubmatch(stdout, -1) {
		c.problems = append(c.problems, string(line[1]))
	}
	return c, err
}

// readVegeta reads `vegeta report -type=json`.
func readVegeta(stdout []byte) (claim, error) {
	var report struct {
		Requests  int
		Success   float64  // share of the answers below 400
		Latencies struct { // ns
			P50 float64 `json:"50th"`
			P95 float64 `json:"95th"`
			P99 float64 `json:"99th"`
		}
		Errors []string
	}
	if err := json.Unmarshal(stdout, &report); err != nil {
		return claim{}, fmt.Errorf("vegeta's report: %w", err)
	}
	const ms = 1e6
	l := report.Latencies
	c := claim{taps: report.Requests, p50: l.P50 / ms, p95: l.P95 / ms, p99: l.P99 / ms, problems: report.Errors}
	if report.Success != 1 {
		c.problems = append(c.problems, fmt.Sprintf("%.2f %% succeeded", report.Success*100))
	}
	return c, nil
}

// readK6 reads k6's summary. Each tap has three checks that pass, is no error, and hits the KV; all else is a problem.
func readK6(stdout []byte) (claim, error) {
	var summary struct {
		Metrics  map[string]struct{ Values map[string]float64 }
		Capacity struct{ Plateaus []plateau }
	}
	if err := json.Unmarshal(stdout, &summary); err != nil {
		return claim{}, fmt.Errorf("k6's summary: %w", err)
	}
	value := func(metric, aggregate string) float64 { return summary.Metrics[metric].Values[aggregate] }
	c := claim{
		taps:    int(value("http_reqs", "count")),
		dropped: int(value("dropped_iterations", "count")),
		p50:     value("redirect_latency", "p(50)"),
		p95:     value("redirect_latency", "p(95)"),
		p99:     value("redirect_latency", "p(99)"),
		calls:   value("calls_per_second", "value"),
	}
	c.asReported(summary.Capacity.Plateaus)
	if c.taps == 0 && c.calls == 0 {
		return c, errors.New("k6's summary has no tap")
	}
	for _, of := range []struct {
		metric, aggregate string
		perTap            int
	}{
		{"checks", "passes", 3}, {"checks", "fails", 0},
		{"error_rate", "fails", 1}, {"error_rate", "passes", 0},
		{"kv_hit_rate", "passes", 1}, {"kv_hit_rate", "fails", 0},
	} {
		if got, want := int(value(of.metric, of.aggregate)), of.perTap*c.taps; got != want {
			c.problems = append(c.problems, fmt.Sprintf("%s has %d %s, not %d", of.metric, got, of.aggregate, want))
		}
	}
	return c, nil
}

// plateau is one of a report.
type plateau struct {
	Name, Status string
	Dropped      int `json:"dropped_iterations"`
	Metrics      []struct {
		Label string
		Value float64
	}
}

// asReported takes over what a report says of plateaus, once they have settled: the latencies of the last, and what all of them dropped.
func (c *claim) asReported(plateaus []plateau) {
	if len(plateaus) == 0 {
		return
	}
	c.dropped = 0
	for _, p := range plateaus {
		c.dropped += p.Dropped
		if p.Status != "PASS" {
			c.notHeld = append(c.notHeld, p.Name+"/s "+p.Status)
		}
	}
	for _, metric := range plateaus[len(plateaus)-1].Metrics {
		switch metric.Label {
		case "redirect p50":
			c.p50 = metric.Value
		case "redirect p95":
			c.p95 = metric.Value
		case "redirect p99":
			c.p99 = metric.Value
		}
	}
}
