package capacity

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Reading is what the system said of its taps at one moment: the counters that it keeps since it was set up, and how many wait in the
// queue. Beside them is how many taps this process had seen redirected by then.
type Reading struct {
	at         time.Time
	asked      time.Time
	Seconds    float64 `json:"at_seconds"` // since the plateaus began
	Redirected int64   `json:"redirected"` // to where a band may lead: not to a fallback
	Received   int64   `json:"received"`   // put on the queue
	Flushed    int64   `json:"flushed"`    // moved to the database
	Dropped    int64   `json:"dropped"`    // taken off the queue and thrown away
	Waiting    int64   `json:"waiting"`    // in the queue
	Errors     Tally   `json:"errors"`
}

// Readings are those of a run, in their order.
type Readings struct {
	Course  []Reading `json:"course"`  // the first is from before load, where there was a preflight
	Probes  int64     `json:"probes"`  // taps that preflight made before that
	Foreign int64     `json:"foreign"` // taps of others that the system received beside those
	Settled bool      `json:"settled"` // the last was taken when nothing was under way any more
	Resets  int       `json:"resets"`  // how often the counters went back: Redis had lost what it held
}

// mostReadings bounds a course. A longer run keeps every other.
const mostReadings = 1800

// add adds a reading. Counters that went back began again at 0: what they had counted is added to what they count now.
func (r *Readings) add(next Reading, lost *Reading) {
	next.Received += lost.Received
	next.Flushed += lost.Flushed
	next.Dropped += lost.Dropped
	if n := len(r.Course); n > 0 {
		last := r.Course[n-1]
		if next.Received < last.Received || next.Flushed < last.Flushed || next.Dropped < last.Dropped {
			r.Resets++
			next.Received += last.Received - lost.Received
			next.Flushed += last.Flushed - lost.Flushed
			next.Dropped += last.Dropped - lost.Dropped
			lost.Received, lost.Flushed, lost.Dropped = last.Received, last.Flushed, last.Dropped
		}
	}
	if len(r.Course) == mostReadings {
		first := true // the one from before load stays
		r.Course = slices.DeleteFunc(r.Course, func(Reading) bool { first = !first; return first })
	}
	r.Course = append(r.Course, next)
}

// AskedAt returns the reading with when it was asked for, by which one is known that another has overtaken.
func (r Reading) AskedAt(at time.Time) Reading {
	r.asked = at
	return r
}

// behind reports whether a counter is less than at another reading, when these had counted what is lost before they began again.
func (r Reading) behind(other, lost Reading) bool {
	return r.Received+lost.Received < other.Received || r.Flushed+lost.Flushed < other.Flushed || r.Dropped+lost.Dropped < other.Dropped
}

// Same reports whether another reading says the same of the system.
func (r Reading) Same(other Reading) bool {
	return r.Received == other.Received && r.Flushed == other.Flushed && r.Dropped == other.Dropped && r.Waiting == other.Waiting
}

// missing is how many taps that were redirected by the last of two readings were not received by then: some of them may be under way.
func missing(from, to Reading) int64 {
	return (to.Redirected - from.Redirected) - (to.Received - from.Received)
}

// since is what readings have counted since the plateaus began.
func (r Readings) since(began time.Time) Readings {
	r.Course = append([]Reading{}, r.Course...)
	for i := range r.Course {
		r.Course[i].Seconds = r.Course[i].at.Sub(began).Seconds()
		r.Course[i].Errors = r.Course[i].Errors.clone()
	}
	return r
}

// near returns the reading that was taken nearest to a time, if one was within reach of it.
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

// together are the readings of several processes. The counters are the system's, the same for all, so that they are never summed. What
// was redirected is: beside a reading of one process stands what the others had seen by then, as their own readings next to it say.
func together(parts []Part) Readings {
	all := Readings{Course: []Reading{}}
	first, last := (*Report)(nil), (*Report)(nil)
	everywhere := true
	for _, part := range parts {
		r := part.Report
		course := r.Readings.Course
		everywhere = everywhere && len(course) > 1
		all.Foreign += r.Readings.Foreign
		all.Resets = max(all.Resets, r.Readings.Resets)
		if len(course) == 0 {
			continue
		}
		if first == nil || course[0].Seconds < first.Readings.Course[0].Seconds {
			first = r
		}
		if last == nil || course[len(course)-1].Seconds >= last.Readings.Course[len(last.Readings.Course)-1].Seconds {
			last = r
		}
	}
	if first == nil {
		return all
	}
	all.Probes, all.Settled = first.Readings.Probes, last.Readings.Settled
	for _, part := range parts {
		for _, reading := range part.Report.Readings.Course {
			reading.Redirected = 0
			for _, other := range parts {
				reading.Redirected += other.Report.redirectedBy(reading.Seconds, first.Readings.Course[0])
			}
			all.Course = append(all.Course, reading)
		}
	}
	all.order()
	if n := len(all.Course); !everywhere && n > 2 { // what one of them had seen in between is not known
		all.Course = []Reading{all.Course[0], all.Course[n-1]}
	}
	return all
}

// redirectedBy is how many taps a process had seen redirected by a time, with the probes that it made after the first reading of all.
func (r *Report) redirectedBy(seconds float64, first Reading) int64 {
	course := r.Readings.Course
	if len(course) == 0 || seconds >= course[len(course)-1].Seconds {
		return r.Whole.Redirected + r.probesSince(first)
	}
	i := slices.IndexFunc(course, func(reading Reading) bool { return reading.Seconds >= seconds })
	if i == 0 {
		return 0
	}
	a, b := course[i-1], course[i]
	part := (seconds - a.Seconds) / max(b.Seconds-a.Seconds, 1e-9)
	return a.Redirected + int64(math.Round(part*float64(b.Redirected-a.Redirected))) + r.probesSince(first)
}

// probesSince is how many of a process's probes the system had not yet received at the first reading of all, as far as they fit between.
func (r *Report) probesSince(first Reading) int64 {
	if course := r.Readings.Course; len(course) > 0 {
		return min(r.Readings.Probes, max(0, course[0].Received-first.Received))
	}
	return 0
}

// order puts readings in the order of time. Clocks that differ don't make counters go back.
func (r *Readings) order() {
	slices.SortStableFunc(r.Course, func(a, b Reading) int { return cmp.Compare(a.Seconds, b.Seconds) })
	for i := range r.Course[1:] {
		a, b := &r.Course[i], &r.Course[i+1]
		b.Received, b.Flushed, b.Dropped = max(a.Received, b.Received), max(a.Flushed, b.Flushed), max(a.Dropped, b.Dropped)
	}
}
