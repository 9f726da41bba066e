package sparkmotion

import (
	"errors"
	"sync"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/search"
)

type findOptions struct {
	Start   float64       `js:"start" default:"100"`
	Most    float64       `js:"most" default:"50000"`
	Settle  time.Duration `js:"settle" default:"2s" above:"0"`
	Hold    time.Duration `js:"hold" default:"6s" above:"0"`
	Confirm time.Duration `js:"confirm" default:"2m" above:"0"`
	Time    time.Duration `js:"time" default:"6m" above:"0"`
}

// within is how far the rate that breaks may be above the one that holds: less than the answer's 5 %, because the confirmation may go back by
// one step.
const within = 0.04

// finding is the search of a process: findCapacity() leads it, and probeTaps() makes its taps.
type finding struct {
	load search.Load

	mu     sync.Mutex
	probed probed
	latest *found
}

// probed is the probe for which taps are made.
type probed struct {
	lane.Plateau
	judged time.Time // from when on
}

// found is what a search has found so far.
type found struct {
	capacity.Search
	scenario string
}

func (f *finding) found() *found {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest
}

func (f *finding) set(latest found) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = &latest
}

func (f *finding) begin(p search.Probe, at time.Time, place lane.Plateau) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.probed = probed{place, at.Add(p.Settle)}
	f.load.Begin(p, at)
}

// place returns a tap's place in the schedule, by when it is due.
func (f *finding) place(due time.Time, number int64) lane.Plateau {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.probed.Plateau
	if due.Before(f.probed.judged) {
		p.Name = capacity.RampUp
	}
	p.Number = number + 1
	return p
}

// probeTaps makes the taps that findCapacity() asks for in the time that an iteration of an arrival-rate scenario stands for, and returns
// how many were redirected. Each is sent when it is due, without waiting for earlier ones.
func (m *module) probeTaps(call sobek.FunctionCall) (any, error) {
	p, err := m.tapPlan(call.Argument(0))
	if err != nil {
		return nil, m.refused(1, err)
	}
	period := lane.Period(m.vu.Context(), &m.vu.State().Options)
	switch {
	case m.vu.State().Options.ExecutionSegment.FloatLength() < 1:
		return nil, errShared
	case p.options.Audit:
		return nil, errors.New("an audit taps each band once: use tap({ audit: true, band })")
	case period == 0:
		return nil, errors.New("call it from a scenario with an arrival rate: each iteration makes the taps that are due in its time")
	}
	f := &m.process.finding
	batch := f.load.Claim(time.Now(), period, maxTaps)
	if batch.N == 0 {
		return 0, nil
	}
	defer f.load.Done(batch.N)
	made := 0
	return m.pace(p, batch.N, lane.Pacer{N: batch.N, Period: batch.Step * time.Duration(batch.N), First: batch.First}, func(r *lane.Request) {
		r.Plateau = f.place(batch.Due(made), batch.Number+int64(made))
		made++
	})
}

// findCapacity finds the highest rate at which every limit holds. With probeTaps(), it doubles the rate until a limit breaks, goes back,
// bisects, and holds the answer to confirm it. It returns {rate, low, high} when it is done or time is up; rate is null without an answer. Call
// it once, from a scenario with one virtual user and one iteration.
func (m *module) findCapacity(call sobek.FunctionCall) (any, error) {
	var o findOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	f, err := m.finder(o)
	if err != nil {
		return nil, err
	}
	if err := f.find(); err != nil {
		return nil, err
	}
	latest := m.process.finding.found()
	var rate, low, high any
	if latest.Low != nil {
		low = *latest.Low
	}
	if latest.High != nil {
		high = *latest.High
	}
	if latest.Confirmed {
		rate = low
		m.meter.Capacity(*latest.Low)
	}
	return object(m.vu.Runtime(), "rate", rate, "low", low, "high", high)
}

// errShared ends a run that several processes share.
var errShared = fatal{errors.New("several processes can't share a search, because none of them sees the others' taps. " +
	"Run it without --execution-segment, or share e2e-load.js instead")}
