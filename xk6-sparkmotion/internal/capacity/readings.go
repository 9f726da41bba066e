package capacity

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Reading is what the system said about its taps at one time: the counters that it keeps since it was set up, and how many taps wait in the
// queue; and next to these, how many taps this process had seen redirected by then.
type Reading struct {
	Asked      time.Time `json:"-"` // when the system was asked for it
	at         time.Time // when it answered
	Seconds    float64   `json:"at_seconds"` // since the plateaus began
	Redirected int64     `json:"redirected"` // to a page that a band may have, not to a fallback
	Received   int64     `json:"received"`   // put on the queue
	Flushed    int64     `json:"flushed"`    // moved to the database
	Dropped    int64     `json:"dropped"`    // taken off the queue and thrown away
	Waiting    int64     `json:"waiting"`    // in the queue
	Errors     Tally     `json:"errors"`
	underWay   int64     // taps whose answer this process saw later: Received may include them
}

// Readings are the readings of a run, in order.
type Readings struct {
	Course   []Reading `json:"course"`   // the first is from before load, if there was a preflight
	Probes   int64     `json:"probes"`   // taps that the preflight made before it
	Before   *Reading  `json:"before"`   // from before those; null without a preflight
	Foreign  int64     `json:"foreign"`  // taps of others that the system received meanwhile
	Settled  bool      `json:"settled"`  // at the last, no tap was on its way to the queue any more
	Flushing bool      `json:"flushing"` // a flush may have been under way then, which counts what it moves at its end
	Resets   int       `json:"resets"`   // how often the counters went back because Redis lost its data
}

// mostReadings bounds a course. A longer run drops every other reading.
const mostReadings = 1800

// add adds a reading. Counters that went back restarted at 0: what they had counted before is added to what they count now. If the system
// was asked before it answered another reading, answers came in another order, and this one may just be older.
func (r *Readings) add(next Reading, lost *Reading) {
	if next.Asked.Before(lost.at) {
		return
	}
	next.Received += lost.Received
	next.Flushed += lost.Flushed
	next.Dropped += lost.Dropped
	if n := len(r.Course); n > 0 {
		last := r.Course[n-1]
		if next.Received < last.Received || next.Flushed < last.Flushed || next.Dropped < last.Dropped {
			if next.Asked.Before(last.at) {
				return
			}
			r.Resets++
			next.Received += last.Received - lost.Received
			next.Flushed += last.Flushed - lost.Flushed
			next.Dropped += last.Dropped - lost.Dropped
			lost.at, lost.Received, lost.Flushed, lost.Dropped = next.at, last.Received, last.Flushed, last.Dropped
		}
	}
	if len(r.Course) == mostReadings {
		first := true // the one from before load stays
		r.Course = slices.DeleteFunc(r.Course, func(Reading) bool { first = !first; return first })
	}
	r.Course = append(r.Course, next)
}

// behind reports whether a counter is lower than at another reading, which includes lost, what was counted before a restart.
func (r Reading) behind(other, lost Reading) bool {
	return r.Received+lost.Received < other.Received || r.Flushed+lost.Flushed < other.Flushed || r.Dropped+lost.Dropped < other.Dropped
}

// Taken returns how many taps are off the queue but not counted: a flush that is under way has them, or nobody.
func (r Reading) Taken() int64 { return r.Received - r.Flushed - r.Dropped - r.Waiting }

// Same reports whether another reading says the same about the system.
func (r Reading) Same(other Reading) bool {
	return r.Received == other.Received && r.Flushed == other.Flushed && r.Dropped == other.Dropped && r.Waiting == other.Waiting
}

// ended notes the end of a redirected tap that began at this time: it was under way at the readings since.
func (r *Readings) ended(began time.Time) {
	for i := len(r.Course) - 1; i >= 0 && r.Course[i].at.After(began); i-- {
		r.Course[i].underWay++
	}
}

// missing returns how many taps that were redirected between two readings were not received: some may be under way.
func missing(from, to Reading) int64 {
	return (to.Redirected - from.Redirected) - (to.Received - from.Received)
}

// since returns the readings, timed since the plateaus began.
func (r Readings) since(began time.Time) Readings {
	r.Course = append([]Reading{}, r.Course...)
	for i, reading := range r.Course {
		r.Course[i] = reading.since(began)
	}
	if r.Before != nil {
		before := r.Before.since(began)
		r.Before = &before
	}
	return r
}

// since returns the reading, timed since the plateaus began.
func (r Reading) since(began time.Time) Reading {
	r.Seconds, r.Errors = r.at.Sub(began).Seconds(), r.Errors.clone()
	return r
}

// near returns the reading nearest to a time, if one is within reach of it. Both are in seconds.
func (r *Readings) near(seconds, reach float64) (Reading, bool) {
	best, found := Reading{}, false
	for _, reading := range r.Course {
		off := math.Abs(reading.Seconds - seconds)
		if off <= reach && (!found || off < math.Abs(best.Seconds-seconds)) {
			best, found = reading, true
		}
	}
	return best, found
}

// together merges the readings of several processes. The counters are the system's, the same for all, so they are never summed. Redirected
// taps are: a reading of one process is completed by what the others had seen by then, by their clocks.
//
// The first reading is from before all probes. These were made while others read or already tapped, so they count as taps since then.
func together(parts []Part) Readings {
	all := Readings{Course: []Reading{}}
	everywhere, end := true, math.Inf(-1)
	for _, part := range parts {
		r := part.Report.Readings
		everywhere = everywhere && len(r.Course) > 1
		all.Foreign += r.Foreign
		all.Probes += r.Probes
		all.Resets = max(all.Resets, r.Resets)
		if r.Before != nil && (all.Before == nil || r.Before.Received < all.Before.Received) {
			all.Before = r.Before
		}
		for _, reading := range r.Course {
			reading.Seconds += part.behind(parts)
			reading.Redirected = 0
			for _, other := range parts {
				reading.Redirected += other.Report.redirectedBy(reading.Seconds - other.behind(parts))
			}
			if reading.Seconds >= end {
				all.Settled, all.Flushing, end = r.Settled, r.Flushing, reading.Seconds
			}
			all.Course = append(all.Course, reading)
		}
	}
	if len(all.Course) == 0 {
		return all
	}
	all.order()
	if all.Before != nil {
		first := *all.Before
		first.Seconds, first.Redirected = min(first.Seconds, all.Course[0].Seconds), -all.Probes
		all.Course = slices.Insert(all.Course, 0, first)
	}
	if n := len(all.Course); !everywhere && n > 2 { // what one process had seen in between is not known
		all.Course = []Reading{all.Course[0], all.Course[n-1]}
	}
	return all
}

// behind returns how many seconds after the first process this one began its plateaus.
func (p Part) behind(parts []Part) float64 {
	began, _ := p.Report.Began()
	first := began
	for _, other := range parts {
		if t, _ := other.Report.Began(); !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return began.Sub(first).Seconds()
}

// redirectedBy returns how many taps a process had seen redirected by a time; between two of its readings, as its series says.
func (r *Report) redirectedBy(seconds float64) int64 {
	course := r.Readings.Course
	if len(course) == 0 || seconds >= course[len(course)-1].Seconds {
		return r.Whole.Redirected
	}
	i := slices.IndexFunc(course, func(reading Reading) bool { return reading.Seconds > seconds })
	if i == 0 {
		return min(0, course[0].Redirected)
	}
	a, b := course[i-1], course[i]
	from, to := r.Series.redirected(a.Seconds), r.Series.redirected(b.Seconds)
	if from == to {
		return a.Redirected
	}
	part := (r.Series.redirected(seconds) - from) / (to - from)
	return a.Redirected + int64(math.Round(part*float64(b.Redirected-a.Redirected)))
}

// order sorts readings by time. Clocks that differ must not make counters go back.
func (r *Readings) order() {
	slices.SortStableFunc(r.Course, func(a, b Reading) int { return cmp.Compare(a.Seconds, b.Seconds) })
	for i := range r.Course[1:] {
		a, b := &r.Course[i], &r.Course[i+1]
		b.Received, b.Flushed, b.Dropped = max(a.Received, b.Received), max(a.Flushed, b.Flushed), max(a.Dropped, b.Dropped)
	}
}
