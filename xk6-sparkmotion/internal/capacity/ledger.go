package capacity

import (
	"maps"
	"slices"
)

// Ledger is what became of the redirected taps, by the system's own counters. If all is well, Redirected = Received = Flushed + Dropped +
// Waiting - WaitingBefore + Flushing.
type Ledger struct {
	Redirected    int64  `json:"redirected"`     // by the system, as we saw it
	Received      int64  `json:"received"`       // put on the queue
	Flushed       int64  `json:"flushed"`        // moved to the database, by whoever flushed
	Dropped       int64  `json:"dropped"`        // thrown away by flushes
	Waiting       int64  `json:"waiting"`        // in the queue at the end
	WaitingBefore int64  `json:"waiting_before"` // in the queue at the start
	Lost          *int64 `json:"lost"`           // redirected and never received; null if not known
	AtLeast       bool   `json:"lost_at_least"`  // there may be more: others tapped too, or answers were not seen
	Flushing      int64  `json:"flushing"`       // taken off the queue by a flush that had not ended, so not counted yet
	Unaccounted   int64  `json:"unaccounted"`    // received, but not flushed, dropped, waiting or in such a flush
	OtherTraffic  int64  `json:"other_traffic"`  // received beyond what we saw redirected
	Errors        Tally  `json:"errors"`         // counted by the system meanwhile

	seconds float64 // from the first reading to the last
}

// between returns the ledger from one reading to another. How many taps were lost is not known yet.
func between(from, to Reading) *Ledger {
	l := &Ledger{
		Redirected: to.Redirected - from.Redirected, Received: to.Received - from.Received,
		Flushed: to.Flushed - from.Flushed, Dropped: to.Dropped - from.Dropped,
		Waiting: to.Waiting, WaitingBefore: from.Waiting, seconds: to.Seconds - from.Seconds,
	}
	l.Unaccounted = l.Received - l.Flushed - l.Dropped - (l.Waiting - l.WaitingBefore)
	for kind, n := range to.Errors {
		l.Errors.add(kind, n-from.Errors[kind])
	}
	return l
}

// underWay attributes what is unaccounted for to a flush that is under way.
func (l *Ledger) underWay() {
	if l.Unaccounted > 0 {
		l.Flushing, l.Unaccounted = l.Unaccounted, 0
	}
}

// Loss returns how many taps were redirected and are nowhere, and how many were redirected; 0 and 0 if that is not known.
func (l *Ledger) Loss() (lost, redirected int64) {
	if l == nil || l.Lost == nil || *l.Lost == 0 && l.openEnded() {
		return 0, 0
	}
	return *l.Lost + max(0, l.Unaccounted), l.Redirected
}

// openEnded reports whether a flush had taken more taps than a limit of lost ones allows, and nobody saw what became of them.
func (l *Ledger) openEnded() bool { return 1000*l.Flushing > l.Redirected }

// otherTaps returns how many more taps must be received than redirected to be those of others: fewer may be taps that another process of
// the run had seen by then, which only its own readings show.
func otherTaps(redirected int64) int64 { return max(20, redirected/500) }

// account makes the ledgers of the run and of its plateaus.
//
// A tap missing at a reading is lost or still under way. What is under way arrives later, so no more was lost by then than is missing at
// any later reading, plus the taps that may have been received before anyone had seen their answer. A loss belongs to the plateau in which
// this minimum rises. Taps of others make it fall below 0. The same goes for what flushes have taken and not counted yet.
func (m *Measured) account() *Ledger {
	course := m.Readings.Course
	if len(course) < 2 {
		return nil
	}
	first, last := course[0], course[len(course)-1]
	whole := between(first, last)
	marks := m.marks()
	gone := leastOf(marks, last, func(r Reading) int64 { return missing(first, r) + r.underWay })
	taken := leastOf(marks, last, func(r Reading) int64 { return between(first, r).Unaccounted })
	if m.heldToTheEnd() {
		end := len(marks) - 1
		gone[end], taken[end] = missing(first, last), whole.Unaccounted
	}
	unseen := m.Whole.Unanswered + m.Whole.CutOff + m.Whole.Repeated // may have been received, or received twice
	low := slices.Min(append(gone, missing(first, last)))
	if -low <= max(unseen, otherTaps(whole.Redirected)) {
		low = min(missing(first, last), 0)
	}
	if -low <= unseen {
		low = 0
	}
	whole.OtherTraffic = -low
	alone := low == 0 && m.Readings.Foreign == 0
	if m.Readings.Settled {
		whole.lose(max(0, missing(first, last)-low), alone, unseen)
	}
	if m.Readings.Flushing {
		whole.underWay()
	}
	for i := range m.Plateaus {
		from, to := 2*i, 2*i+1
		if marks[from] == nil || marks[to] == nil {
			continue
		}
		l := between(*marks[from], *marks[to])
		l.Unaccounted = max(0, taken[to]) - max(0, taken[from])
		if m.Readings.Settled {
			l.lose(max(gone[to], low)-max(gone[from], low), alone, unseen)
		}
		if m.Readings.Flushing {
			l.underWay()
		}
		m.Plateaus[i].Ledger = l
	}
	return whole
}

// heldToTheEnd reports whether all taps were made in plateaus, or while they settled, so that losses after their last reading are theirs.
func (m *Measured) heldToTheEnd() bool {
	held := int64(0)
	for i := range m.Plateaus {
		held += m.Plateaus[i].Counts.Redirected + m.Plateaus[i].settled().Counts.Redirected
	}
	return len(m.Plateaus) > 0 && held == m.Whole.Redirected
}

// leastOf returns, for each mark, the least of a figure at that mark, at any later one, and at the last reading.
func leastOf(marks []*Reading, last Reading, figure func(Reading) int64) []int64 {
	least, low := make([]int64, len(marks)), figure(last)
	for i, mark := range slices.Backward(marks) {
		if mark != nil {
			low = min(low, figure(*mark))
		}
		least[i] = low
	}
	return least
}

// lose sets how many taps were lost. If others tapped too, their received taps hide losses of ours: there may be more, and that none was
// lost is not known. Taps of ours whose answer nobody saw may hide losses too.
func (l *Ledger) lose(n int64, alone bool, unseen int64) {
	if n > 0 || alone {
		l.Lost, l.AtLeast = &n, n > 0 && (!alone || unseen > 0)
	}
}

// marks returns the readings at the beginning and the end of each plateau, or nil where there was none. The first may be from any time
// before load; if nothing follows the last plateau, its end is the last reading.
func (m *Measured) marks() []*Reading {
	course := m.Readings.Course
	marks := make([]*Reading, 2*len(m.Plateaus))
	for i := range marks {
		p := &m.Plateaus[i/2]
		at := p.Start + float64(i%2)*p.Seconds
		if mark, ok := m.Readings.near(at, max(1, p.Seconds/batches)); ok {
			marks[i] = &mark
		}
	}
	n := len(marks)
	if n == 0 {
		return marks
	}
	if first := course[0]; marks[0] == nil && first.Seconds <= 0 {
		marks[0] = &first
	}
	if last := course[len(course)-1]; marks[n-1] == nil && last.Redirected == m.Whole.Redirected {
		marks[n-1] = &last
	}
	return marks
}

// clone returns a tally that shares nothing with this one.
func (t Tally) clone() Tally { return maps.Clone(t) }
