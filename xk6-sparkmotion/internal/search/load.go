package search

import (
	"math"
	"sync"
	"time"
)

// Load schedules the taps of a process. Taps are evenly spaced, whichever iterations make them.
type Load struct {
	mu      sync.Mutex
	probe   Probe
	began   time.Time // when the first tap of the probe is due
	next    int64     // of the probe's taps
	number  int64     // of those of all probes
	open    int       // taps that have no answer yet
	skipped int64     // taps that were due while no iteration came
}

// Batch is the taps of one iteration.
type Batch struct {
	N      int
	First  time.Time     // when the first is due
	Step   time.Duration // between two
	Number int64         // of the first, among those of all probes
}

// Due returns when the i-th tap is due.
func (b Batch) Due(i int) time.Time { return b.First.Add(time.Duration(i) * b.Step) }

// Begin starts a probe's taps at a given time.
func (l *Load) Begin(p Probe, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.probe, l.began, l.next = p, at, 0
}

// mostLate is how many periods late a tap may still be made. After that it is left out: no iteration could start.
const mostLate = 5

// Claim returns the taps for an iteration: those due until the one after the next begins, so that none is late if the next one is.
func (l *Load) Claim(now time.Time, period time.Duration, most int) Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.probe.Rate <= 0 {
		return Batch{}
	}
	step := float64(time.Second) / l.probe.Rate
	until := min(now.Sub(l.began)+period+period/2, l.probe.Lasts())
	end := int64(math.Ceil(float64(until) / step)) // the first that is not due by then
	if first := min(end, int64(math.Ceil(float64(now.Sub(l.began)-mostLate*period)/step))); first > l.next {
		l.skipped += first - l.next
		l.next = first
	}
	n := min(end-l.next, int64(most))
	if n <= 0 {
		return Batch{}
	}
	b := Batch{
		N: int(n), First: l.began.Add(time.Duration(float64(l.next) * step)), Step: time.Duration(step), Number: l.number,
	}
	l.next += n
	l.number += n
	l.open += int(n)
	return b
}

// Done records that this many taps have ended.
func (l *Load) Done(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open -= n
}

// Open returns how many taps are under way.
func (l *Load) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Skipped returns how many taps were never made.
func (l *Load) Skipped() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.skipped
}
