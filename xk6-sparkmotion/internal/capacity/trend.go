package capacity

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Trend is the results of many runs, in the order in which they began.
type Trend struct {
	Plateaus []string `json:"plateaus"` // names of the plateaus of all runs, from the lowest rate
	Runs     []Past   `json:"runs"`
}

// Past is what a trend keeps of a run.
type Past struct {
	File          string           `json:"file"`
	Run           Run              `json:"run"`
	Status        Status           `json:"status"`
	SustainedRate *float64         `json:"sustained_rate"` // taps/s; null if no plateau holds
	P95           map[string]Rated `json:"redirect_p95"`   // by plateau
	Lost          *float64         `json:"lost"`           // share of redirected taps; null if not known
	Drain         *float64         `json:"drain"`          // taps/s that the flush cron takes off a growing queue; null if none grew
}

// Rated is a figure of a plateau, with its status.
type Rated struct {
	Value  float64 `json:"value"` // ms
	Status Status  `json:"status,omitempty"`
}

// TrendOf returns the trend of runs, which are given by file name. Those without a known beginning are in the order of their names.
func TrendOf(reports map[string]*Report) *Trend {
	t := &Trend{Plateaus: []string{}, Runs: []Past{}}
	rates := make(map[string]float64)
	for _, file := range slices.Sorted(maps.Keys(reports)) {
		r := reports[file]
		t.Runs = append(t.Runs, r.past(file))
		for _, p := range r.Plateaus {
			rates[p.Name] = max(rates[p.Name], p.Rate)
		}
	}
	slices.SortStableFunc(t.Runs, func(a, b Past) int { return a.began().Compare(b.began()) })
	t.Plateaus = slices.SortedFunc(maps.Keys(rates), func(a, b string) int { return cmp.Or(cmp.Compare(rates[a], rates[b]), cmp.Compare(a, b)) })
	return t
}

func (p *Past) began() time.Time {
	if p.Run.Began == nil {
		return time.Time{}
	}
	return *p.Run.Began
}

// past returns what a trend keeps of a run. Older reports don't say when the run began, only when its plateaus did.
func (r *Report) past(file string) Past {
	past := Past{File: file, Run: r.Run, Status: r.Status, SustainedRate: r.SustainedRate, P95: make(map[string]Rated), Drain: r.Queue.Drain}
	if first, _ := r.Began(); past.Run.Began == nil && !first.IsZero() {
		past.Run.Began = &first
	}
	lost, _ := Find("taps lost")
	past.Lost = lost.Over(&r.Measured).optional()
	p95, _ := Find("redirect p95")
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		figure := p95.In(p)
		switch status := p.StatusOf(p95); {
		case figure.Samples == 0:
		case !p.Valid():
			past.P95[p.Name] = Rated{figure.Value, p.Status}
		default:
			past.P95[p.Name] = Rated{figure.Value, status}
		}
	}
	return past
}
