package capacity

import (
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Measured is what a run has seen.
type Measured struct {
	Run       Run                 `json:"run"`
	Schedule  Schedule            `json:"schedule"`
	Goal      float64             `json:"goal,omitempty"`    // taps/s to be held by all processes together; 0 for none
	Poisson   bool                `json:"poisson,omitempty"` // taps were due as in a Poisson process; otherwise evenly spaced
	Processes []Process           `json:"processes"`
	Whole     Counts              `json:"counts"`             // of the whole run
	Failures  failures            `json:"failures,omitempty"` // of all kinds and plateaus
	Scenario  string              `json:"scenario,omitempty"` // whose plateaus and series these are
	Plateaus  []Plateau           `json:"plateaus"`
	Series    Series              `json:"series"`
	Readings  Readings            `json:"readings"`            // of the system's own counters
	Ledger    *Ledger             `json:"ledger"`              // result of these over the run; null if they were not read
	Scenarios map[string]Scenario `json:"scenarios,omitempty"` // others that have plateaus
	Climbing  []string            `json:"climbing,omitempty"`  // scenarios whose arrival rate ramps but never holds
	Search    *Search             `json:"search,omitempty"`    // whose probes the plateaus are
}

// Plateau is one arrival rate that was held, and what the system did at it. Rates are per second.
type Plateau struct {
	Name    string  `json:"name"`          // value of the tag plateau
	Rate    float64 `json:"rate"`          // iterations asked for
	Start   float64 `json:"start_seconds"` // since the plateaus began
	Seconds float64 `json:"seconds"`       // less than asked for if the run was stopped
	Hold    float64 `json:"hold_seconds"`  // asked for
	Started int64   `json:"started_iterations"`
	Tapless int64   `json:"iterations_without_tap"` // of those
	Counts  Counts  `json:"counts"`

	Settling *Settling `json:"settling,omitempty"` // before it; nil if its rate continues from before

	Ledger *Ledger `json:"ledger"` // null if the system's counters were not read at both ends
	Figures
	Judgement

	grew    *float64 // growth of the queue in taps/s, if a search has measured it
	emptied bool     // its last flush emptied the queue
	flushed bool     // often enough to tell from what flushes left whether the queue grew
}

// Figures follow from a plateau's counts: its load and its queue, and the metrics that k6 has too.
type Figures struct {
	Offered     float64 `json:"offered"`            // taps
	Achieved    float64 `json:"achieved"`           // taps
	Dropped     int64   `json:"dropped_iterations"` // asked for but never started for lack of a virtual user; no more than k6 counts in the run
	Concurrency float64 `json:"concurrency"`        // taps under way, by Little's law

	StartDelay *float64 `json:"start_delay_p95"` // of taps with due times of their own, ms; null without any

	Queued     *float64 `json:"queued"`      // taps that went into the queue, by the system's counter; null if nobody read it
	Flushed    *float64 `json:"flushed"`     // taps that flushes moved, by the system's counter, or else by our flushes' answers
	DepthStart *float64 `json:"depth_start"` // what the first flush left; without one, the depth at the start
	DepthEnd   *float64 `json:"depth_end"`   // what the last flush left
	Growth     *float64 `json:"growth"`      // of the queue, taps/s; null if it was not watched

	Metrics []Measurement `json:"metrics"`
}

// Measurement is the value of a k6 metric in a plateau.
type Measurement struct {
	Metric  string     `json:"metric"` // without the tag plateau
	Label   string     `json:"label"`
	Stat    string     `json:"stat"`
	Unit    units.Unit `json:"unit"`
	Value   float64    `json:"value"`
	Samples int64      `json:"samples"` // behind the value; 0 if it was not measured
}

// perIteration returns how many taps an iteration that started asked for; some of them may end in the next plateau.
func (p *Plateau) perIteration() float64 {
	started := p.Counts.Iterations + p.Tapless
	if started == 0 {
		return 1
	}
	return float64(p.Counts.Asked) / float64(started)
}

// Span returns when the plateau's rate began, before it settled, and when it ended, in seconds since the plateaus began.
func (p *Plateau) Span() (from, to float64) {
	return p.Start - p.settled().Seconds, p.Start + p.Seconds
}

// derive computes a plateau's figures from its counts, which are those of several processes, its ledger, and the queue's depths. No more of
// its iterations were dropped than left, what remains of those that k6 counts.
func (p *Plateau) derive(depths []Depth, processes int, left int64) {
	c := &p.Counts
	p.Settling = p.Settling.derived(p.Rate, processes, left)
	missing := unstarted(p.Rate, p.Seconds, p.Started, processes)
	p.Figures = Figures{
		Offered:     p.Rate * p.perIteration(),
		Achieved:    float64(c.Taps) / p.Seconds,
		Dropped:     max(0, min(missing, left-p.settled().Dropped)),
		Concurrency: float64(c.Waited) / 1e9 / p.Seconds,
		StartDelay:  Figure{c.Delay.at(95), c.Delay.count()}.optional(),
	}
	rate := func(taps int64, seconds float64) *float64 { return new(float64(taps) / seconds) }
	switch l := p.Ledger; {
	case l != nil:
		seconds := min(p.Seconds, max(l.seconds, p.Seconds/batches)) // readings may be some way from the plateau's bounds; nothing is received after the end
		p.Queued, p.Flushed = rate(l.Received, seconds), rate(l.Flushed, seconds)
	case c.Flushes > c.FlushesFailed:
		p.Flushed = rate(c.Flushed, p.Seconds)
	}
	p.watchQueue(depths)
	if p.grew != nil && !p.emptied {
		p.Growth = p.grew
	}
	for _, m := range Metrics {
		if m.Metric != "" {
			figure := m.In(p)
			p.Metrics = append(p.Metrics, Measurement{m.Metric, m.Label, m.Stat, m.Unit, figure.Value, figure.Samples})
		}
	}
}

// achievedEstimate is as certain as the share of iterations that started, because an arrival rate asks for them evenly.
func (p *Plateau) achievedEstimate([]Depth) (stats.Estimate, bool) {
	started := stats.Share(p.Started, p.Started+p.Dropped)
	return stats.Estimate{Value: p.Achieved, Variance: started.Variance * p.Offered * p.Offered, Freedom: started.Freedom}, true
}
