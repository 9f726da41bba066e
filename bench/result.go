package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// Result is a whole benchmark.
type Result struct {
	Machine    Machine    `json:"machine"`
	Parameters Parameters `json:"parameters"`
	Goals      []Goal     `json:"goals"`
	Medians    []Median   `json:"medians"`
	Runs       []Run      `json:"runs"`
}

// Median is a trial's runs in one: the median of each figure, and all that was dropped or not held.
type Median struct {
	trial
	Figures
	Runs       int     `json:"runs"`
	NotHeld    int     `json:"not_held"`              // plateaus that are no PASS, of all runs
	ToBaseline float64 `json:"to_baseline,omitempty"` // times as many a second as the baseline, or as JavaScript
	ToWrk      float64 `json:"to_wrk,omitempty"`      // times as many a second as wrk with the same taps
}

func newResult(machine Machine, p Parameters, runs []Run) Result {
	r := Result{Machine: machine, Parameters: p, Runs: runs}
	byTrial := make(map[string][]Run)
	var order []string
	for _, run := range runs {
		name := run.name()
		if byTrial[name] == nil {
			order = append(order, name)
		}
		byTrial[name] = append(byTrial[name], run)
	}
	for _, name := range order {
		r.Medians = append(r.Medians, newMedian(byTrial[name]))
	}
	r.compare()
	r.Goals = append(r.goals(), r.distanceGoals()...)
	return r
}

func newMedian(runs []Run) Median {
	m := Median{trial: runs[0].trial, Runs: len(runs)}
	for _, figure := range []func(*Figures) *float64{
		func(f *Figures) *float64 { return &f.PerSecond },
		func(f *Figures) *float64 { return &f.CPU },
		func(f *Figures) *float64 { return &f.RSS },
		func(f *Figures) *float64 { return &f.TargetBusy },
		func(f *Figures) *float64 { return &f.Others },
		func(f *Figures) *float64 { return &f.P50 },
		func(f *Figures) *float64 { return &f.P95 },
		func(f *Figures) *float64 { return &f.P99 },
		func(f *Figures) *float64 { return &f.Seen.Connections },
		func(f *Figures) *float64 { return &f.Seen.P50 },
		func(f *Figures) *float64 { return &f.Seen.P95 },
		func(f *Figures) *float64 { return &f.Seen.P99 },
	} {
		var values []float64
		for i := range runs {
			values = append(values, *figure(&runs[i].Figures))
		}
		*figure(&m.Figures) = median(values)
	}
	for _, run := range runs {
		m.Dropped += run.Dropped
		m.NotHeld += len(run.NotHeld)
	}
	return m
}

// median of an even number of values is the mean of the two in the middle.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// compare fills in the ratios of the parts in which speed is what counts.
func (r Result) compare() {
	for i := range r.Medians {
		m := &r.Medians[i]
		switch m.Part {
		case closed:
			m.ToBaseline = r.ratio(m, closed+"/"+baseline)
			m.ToWrk = r.ratio(m, closed+"/"+wrk)
		case bandid:
			m.ToBaseline = r.ratio(m, bandid+"/"+javaScript)
		}
	}
}

func (r Result) ratio(m *Median, to string) float64 {
	if other := r.find(to); other != nil {
		return m.PerSecond / other.PerSecond
	}
	return 0
}

// find gives a trial's by its name; nil when there was no such run.
func (r Result) find(name string) *Median {
	for i := range r.Medians {
		if r.Medians[i].name() == name {
			return &r.Medians[i]
		}
	}
	return nil
}

func (r Result) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644) // #nosec G306 -- for all to read
}
