package capacity

import (
	"sync"
	"time"
)

// Recorder collects a run of one process: counts and histograms by plateau, and a coarse course over time. Its memory does
// not grow with the number of taps. Its methods may be called by many VUs at once.
type Recorder struct {
	mu       sync.Mutex
	plan     Plan
	began    time.Time // of the scenario that has the plateaus; zero until its first tap
	last     time.Time // when one of its taps ended last
	whole    Counts
	plateaus []Counts
	course   course
}

// Plan is what plateaus ask for.
type Plan struct {
	Rates []float64     `json:"rates"`   // arrival rates a second, of all processes together
	Names []string      `json:"names"`   // their tags
	Hold  time.Duration `json:"hold_ns"` // each
}

// Plan sets the plateaus, before the run.
func (r *Recorder) Plan(p Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() { // every VU's init context plans the same
		r.plan, r.plateaus = p, make([]Counts, len(p.Rates))
	}
}

// Tap is one tap.
type Tap struct {
	Began, Ended       time.Time
	Latency            time.Duration
	First              bool // of its iteration
	CutOff             bool // the run ended before its answer
	Redirected, FromKV bool
	Scenario           time.Time // when the scenario with the plateaus began; zero outside of it
}

// Tap records a tap. Those of other scenarios, of setup() and teardown() are the run's, and no plateau's.
func (r *Recorder) Tap(t Tap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		r.began = t.Scenario
	}
	if t.Scenario.IsZero() || !t.Scenario.Equal(r.began) {
		t.count(&r.whole, 0)
		return
	}
	if t.Ended.After(r.last) {
		r.last = t.Ended
	}
	if !t.CutOff {
		r.course.tap(r.since(t.Ended), t.Redirected)
	}
	r.each(t.Began, t.count)
}

func (t Tap) count(c *Counts, batch int) {
	c.Iterations += one(t.First)
	if t.CutOff {
		c.CutOff++
		return
	}
	c.Taps++
	c.Redirected += one(t.Redirected)
	c.Hits += one(t.FromKV)
	c.Waited += t.Latency
	c.Redirect[batch].add(t.Latency)
}

// Lag records how late the generator's own clock was, and whether that was too late.
func (r *Recorder) Lag(at time.Time, lag time.Duration, late bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.each(at, func(c *Counts, _ int) {
		c.Lag.add(lag)
		c.Late += one(late)
	})
}

// Request is one request of an admin.
type Request struct {
	Began           time.Time
	Took            time.Duration
	Export          bool
	Queries, Failed int64 // several in a batch
}

// Request records a request of an admin.
func (r *Recorder) Request(q Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.each(q.Began, func(c *Counts, _ int) {
		c.Queries += q.Queries
		c.QueriesFailed += q.Failed
		if q.Export {
			c.Exports.add(q.Took)
		} else {
			c.Analytics.add(q.Took)
		}
	})
}

// Flush records a flush of the queue: how many taps it moved and left, and whether a part of it failed.
func (r *Recorder) Flush(ended time.Time, flushed, remaining int64, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.course.depth(r.since(ended), remaining, flushed)
	r.each(ended, func(c *Counts, _ int) {
		c.Flushes++
		c.FlushesFailed += one(failed)
		c.Flushed += flushed
	})
}

// FlushFailed records a flush that gave no answer to count.
func (r *Recorder) FlushFailed(ended time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.each(ended, func(c *Counts, _ int) {
		c.Flushes++
		c.FlushesFailed++
	})
}

// Sample records a sample of the queue's depth.
func (r *Recorder) Sample(at time.Time, depth int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.course.depth(r.since(at), depth, 0)
	r.each(at, func(c *Counts, _ int) { c.Samples++ })
}

// SampleFailed records that the queue could not be asked for its depth.
func (r *Recorder) SampleFailed(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.each(at, func(c *Counts, _ int) {
		c.Samples++
		c.SamplesFailed++
	})
}

// each visits the counts that a moment belongs to: the run's, and those of the plateau that held, if one did.
func (r *Recorder) each(at time.Time, visit func(c *Counts, batch int)) {
	visit(&r.whole, 0)
	since := r.since(at)
	if since < 0 || r.plan.Hold <= 0 {
		return
	}
	if i := int(since / r.plan.Hold); i < len(r.plateaus) {
		visit(&r.plateaus[i], int(since%r.plan.Hold*batches/r.plan.Hold))
	}
}

// since is the time since the plateaus began; below 0 before their first tap.
func (r *Recorder) since(at time.Time) time.Duration {
	if r.began.IsZero() {
		return -1
	}
	return at.Sub(r.began)
}

// Measured gives what was recorded so far by a process that has a segment of the work, and a share of the arrival rates.
func (r *Recorder) Measured(segment string, share float64) Measured {
	r.mu.Lock()
	defer r.mu.Unlock()
	process := Process{Segment: segment}
	if !r.began.IsZero() {
		began := r.began.UTC() // and without the monotonic clock, which ends with the process
		process.Began = &began
	}
	plan := r.plan
	if plan.Rates == nil {
		plan.Rates, plan.Names = []float64{}, []string{}
	}
	m := Measured{Plan: plan, Processes: []Process{process}, Whole: r.whole, Plateaus: []Plateau{}, Series: r.course.series()}
	for i, rate := range r.plan.Rates {
		starts := time.Duration(i) * r.plan.Hold
		lasted := min(r.plan.Hold, r.since(r.last)-starts)
		if lasted <= 0 {
			break // the run ended before
		}
		m.Plateaus = append(m.Plateaus, Plateau{
			Name: r.plan.Names[i], Rate: rate * share, Start: starts.Seconds(), Seconds: lasted.Seconds(), Counts: r.plateaus[i],
		})
	}
	return m
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
