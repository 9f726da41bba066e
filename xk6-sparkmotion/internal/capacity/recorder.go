package capacity

import (
	"sync"
	"time"
)

// Recorder collects a run of one process: counts and histograms by plateau, and a coarse course over time. Its memory does
// not grow with the number of taps. Its methods may be called by many VUs at once.
type Recorder struct {
	mu       sync.Mutex
	schedule Schedule
	began    time.Time // of the scenario that has the plateaus; zero until its first tap
	last     time.Time // when one of its taps ended last
	whole    Counts
	plateaus []Counts
	course   course
}

// Schedule sets the plateaus, before the run.
func (r *Recorder) Schedule(s Schedule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() { // every VU's init context sets the same
		r.schedule, r.plateaus = s, make([]Counts, len(s.Rates))
	}
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
	r.visit(t.Began, t.count)
}

// Query records a request of an admin.
func (r *Recorder) Query(q Query) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visit(q.Began, q.count)
}

// Flush records a flush of the queue.
func (r *Recorder) Flush(f Flush) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.Answered {
		r.course.depth(r.since(f.Ended), f.Remaining, f.Flushed)
	}
	r.visit(f.Ended, f.count)
}

// QueueSample records a sample of the queue's depth.
func (r *Recorder) QueueSample(s QueueSample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.Failed {
		r.course.depth(r.since(s.At), s.Depth, 0)
	}
	r.visit(s.At, s.count)
}

// Lag records what the lag probe saw.
func (r *Recorder) Lag(l Lag) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visit(l.At, l.count)
}

// visit counts in all that a moment belongs to: the run, and the plateau that held, if one did.
func (r *Recorder) visit(moment time.Time, count func(c *Counts, batch int)) {
	count(&r.whole, 0)
	since, hold := r.since(moment), r.schedule.Hold
	if since < 0 || hold <= 0 {
		return
	}
	if i := int(since / hold); i < len(r.plateaus) {
		count(&r.plateaus[i], int(since%hold*batches/hold))
	}
}

// since is the time since the plateaus began; below 0 before their first tap.
func (r *Recorder) since(moment time.Time) time.Duration {
	if r.began.IsZero() {
		return -1
	}
	return moment.Sub(r.began)
}

// Measured returns what was recorded so far by a process that has a segment of the work, and a share of the arrival rates. It is
// the caller's: what is recorded later, as by the lag probe while a report is made, is not in it.
func (r *Recorder) Measured(segment string, share float64) Measured {
	r.mu.Lock()
	defer r.mu.Unlock()
	process := Process{Segment: segment}
	if !r.began.IsZero() {
		began := r.began.UTC() // and without the monotonic clock, which ends with the process
		process.Began = &began
	}
	m := Measured{
		Schedule:  Schedule{Rates: append([]float64{}, r.schedule.Rates...), Names: append([]string{}, r.schedule.Names...), Hold: r.schedule.Hold},
		Processes: []Process{process}, Whole: r.whole.clone(), Plateaus: []Plateau{}, Series: r.course.series(),
	}
	for i, rate := range r.schedule.Rates {
		starts := time.Duration(i) * r.schedule.Hold
		lasted := min(r.schedule.Hold, r.since(r.last)-starts)
		if lasted <= 0 {
			break // the run ended before
		}
		m.Plateaus = append(m.Plateaus, Plateau{
			Name: r.schedule.Names[i], Rate: rate * share, Start: starts.Seconds(), Seconds: lasted.Seconds(), Counts: r.plateaus[i].clone(),
		})
	}
	return m
}
