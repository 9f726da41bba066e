package main

// Goal is one thing that the project must reach: ratios within one benchmark, as machines differ.
type Goal struct {
	What    string  `json:"what"`
	Figure  float64 `json:"figure"`
	Bound   string  `json:"bound"` // at least, or at most
	Limit   float64 `json:"limit"`
	Reached bool    `json:"reached"`
}

func atLeast(limit float64, what string, figure float64) Goal {
	return Goal{what, figure, "at least", limit, figure >= limit}
}

func atMost(limit float64, what string, figure float64) Goal {
	return Goal{what, figure, "at most", limit, figure <= limit}
}

// goals are those for which there were runs.
func (r Result) goals() []Goal {
	var goals []Goal
	if m := r.find(closed + "/" + tap); m != nil && m.ToBaseline > 0 {
		goals = append(goals, atLeast(7, "tap(), taps/s to the baseline's", m.ToBaseline))
	}
	if m := r.find(closed + "/" + taps); m != nil && m.ToWrk > 0 {
		goals = append(goals, atLeast(0.75, "taps(10), taps/s to wrk's", m.ToWrk))
	}
	goals = append(goals, r.topRateGoals()...)
	if m := r.find(bandid + "/" + module); m != nil && m.ToBaseline > 0 {
		goals = append(goals, atLeast(3, "bandID(), calls/s to JavaScript's", m.ToBaseline))
	}
	wrong := 0
	for _, run := range r.Runs {
		if len(run.Problems) > 0 {
			wrong++
		}
	}
	return append(goals, atMost(0, "runs with a tap that was miscounted or failed", float64(wrong)))
}

// topRateGoals are those of tap() if it reaches them all, else those of taps(10): one of the two must.
func (r Result) topRateGoals() []Goal {
	name := func(way string) string { return trial{Part: rates, Way: way, Rate: topRate}.name() }
	raw := r.find(name(vegeta))
	if raw == nil {
		return nil
	}
	var goals []Goal
	for _, script := range scripts[1:] {
		m := r.find(name(script.way))
		if m == nil {
			continue
		}
		at := english.Sprintf("%s at %d/s: ", labels[script.way], topRate)
		goals = []Goal{
			atLeast(0.99*topRate, at+"taps served a second", m.PerSecond),
			atMost(0, at+"taps dropped", m.Dropped),
			atMost(raw.P95, at+"p95, ms, and vegeta's", m.P95),
			atMost(200, at+"peak RSS, MB", m.RSS),
		}
		if allReached(goals) {
			break
		}
	}
	return goals
}

func allReached(goals []Goal) bool {
	for _, goal := range goals {
		if !goal.Reached {
			return false
		}
	}
	return true
}
