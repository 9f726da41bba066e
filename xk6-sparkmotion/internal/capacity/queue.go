package capacity

import (
	"cmp"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Queue is how well the flush cron kept up.
type Queue struct {
	Watched   bool     `json:"watched"`    // at the highest valid plateau
	GrowsFrom *float64 `json:"grows_from"` // taps/s of the lowest plateau at which it grew
	Drain     *float64 `json:"drain"`      // the most taps/s that left it while it grew; null if not known
	DrainAt   *float64 `json:"drain_at"`   // taps/s offered at that plateau: what a cron drains depends on the load beside it
}

// growingShare is the share of the taps above which a queue counts as growing.
const growingShare = 0.05

// growthLimit returns how many taps/s of growth may be chance.
func (p *Plateau) growthLimit() float64 { return max(1, growingShare*p.Achieved) }

func (p *Plateau) grows() bool { return p.Growth != nil && *p.Growth > p.growthLimit() }

// growthLabel is the label of the breach of a growing queue.
const growthLabel = "queue growth"

// growthBreach returns a warning: a growing queue has no limit to cross, but ruins a day as surely as if it had.
func (p *Plateau) growthBreach() Breach {
	return Breach{Metric: "queue_depth", Label: growthLabel, Part: Hub, Unit: units.PerSecond, Value: *p.Growth, Limit: p.growthLimit(), Status: Warn}
}

// left returns how many taps a second left the queue, as far as measured: what went in less what stayed, or what our flushes took.
func (p *Plateau) left() *float64 {
	switch {
	case p.Growth == nil:
		return nil
	case p.Queued != nil:
		left := max(0, *p.Queued-*p.Growth)
		return &left
	case p.Counts.drained() > 0:
		left := float64(p.Counts.drained()) / p.Seconds
		return &left
	}
	return nil
}

// backlog returns how many taps waited at the end of the run, if they were more than flushes took in all of it. It is 0 if the last flush
// left next to nothing, so that what waits came later; and if no flush took any, nor failed: a short run may end before the first flush
// that has some to take.
func (r *Report) backlog() int64 {
	waiting, taken, known := r.waits()
	if flushed := taken > 0 || r.Whole.FlushesFailed > 0; !flushed || !known || waiting <= taken || r.emptied() {
		return 0
	}
	return waiting
}

// waits returns how many more taps waited at the end than at the start, and how many flushes took, including an unfinished one.
func (r *Report) waits() (waiting, taken int64, known bool) {
	if l := r.Ledger; l != nil {
		return l.Waiting - l.WaitingBefore, l.Flushed + l.Dropped + l.Unended, true
	}
	depths := r.Series.Depth
	if len(depths) < 2 {
		return 0, 0, false
	}
	return int64(depths[len(depths)-1].Depth - depths[0].Depth), r.Whole.drained(), true
}

// emptied reports whether the last flush that took taps left next to none.
func (r *Report) emptied() bool {
	for _, d := range slices.Backward(r.Series.Depth) {
		if d.Flushed > 0 {
			return d.Depth <= growingShare*float64(d.Flushed)
		}
	}
	return false
}

// watchQueues sums up the queue over the plateaus. What leaves a growing queue is all that the cron can drain.
func watchQueues(plateaus []*Plateau) Queue {
	var q Queue
	for _, p := range plateaus {
		q.Watched = p.Growth != nil
		if !p.grows() {
			continue
		}
		if q.GrowsFrom == nil {
			q.GrowsFrom = &p.Offered
		}
		if left := p.left(); left != nil && (q.Drain == nil || *left > *q.Drain) {
			q.Drain, q.DrainAt = left, &p.Offered
		}
	}
	return q
}

// watchQueue finds how fast the queue grew, and its first and last depth: after flushes, or at the plateau's ends if there were none.
func (p *Plateau) watchQueue(depths []Depth) {
	var before *Depth
	var within []Depth
	for i, d := range depths {
		switch {
		case d.At <= p.Start:
			before = &depths[i]
		case d.At <= p.Start+p.Seconds:
			within = append(within, d)
		}
	}
	if len(within) == 0 {
		return // an old depth alone says nothing about this plateau
	}
	left := slices.DeleteFunc(slices.Clone(within), func(d Depth) bool { return d.Flushed == 0 })
	p.emptied = len(left) > 0 && left[len(left)-1].Depth <= p.Achieved // a second's worth
	p.flushed = p.slope(left) != nil
	p.Growth = p.growth(before, within, left)
	switch {
	case len(left) > 0:
		within = left
	case before != nil:
		within = append([]Depth{*before}, within...)
	}
	p.DepthStart, p.DepthEnd = &within[0].Depth, &within[len(within)-1].Depth
}

// growth returns how fast the queue grew, in taps a second; nil if too little of it was seen. Between two flushes a queue rises and falls,
// so what flushes leave says most: nothing, or more each time. If a flush takes as long as the plateau, depths that only rise say as much.
func (p *Plateau) growth(before *Depth, within, left []Depth) *float64 {
	if g := p.slope(left); g != nil {
		return g
	}
	if p.emptied {
		return new(float64)
	}
	if before != nil && p.Start-before.At < p.Seconds/3 {
		within = append([]Depth{*before}, within...)
	}
	if !slices.IsSortedFunc(within, func(a, b Depth) int { return cmp.Compare(a.Depth, b.Depth) }) {
		return nil
	}
	return p.slope(within)
}

// slope returns the change per second from the first depth to the last, or nil if they span less than a third of the plateau.
func (p *Plateau) slope(depths []Depth) *float64 {
	if len(depths) < 2 {
		return nil
	}
	first, last := depths[0], depths[len(depths)-1]
	span := last.At - first.At
	if span < p.Seconds/4 {
		return nil
	}
	slope := (last.Depth - first.Depth) / span
	return &slope
}

// betweenFlushes returns how fast the queue grew and was drained from each flush to the next, in taps a second.
func (p *Plateau) betweenFlushes(depths []Depth) (grown, drained []float64) {
	var last *Depth
	for i, d := range depths {
		if d.Flushed == 0 || d.At <= p.Start || d.At > p.Start+p.Seconds {
			continue
		}
		if last != nil && d.At > last.At {
			grown = append(grown, (d.Depth-last.Depth)/(d.At-last.At))
			drained = append(drained, float64(d.Flushed)/(d.At-last.At))
		}
		last = &depths[i]
	}
	return grown, drained
}

func (p *Plateau) growthEstimate(depths []Depth) (stats.Estimate, bool) {
	grown, _ := p.betweenFlushes(depths)
	return stats.BatchMeans(grown)
}

// drained returns what flushes took off the queue while it grew.
func (r *Report) drained() reading {
	var all []float64
	for _, p := range r.valid() {
		if p.grows() {
			_, drained := p.betweenFlushes(r.Series.Depth)
			all = append(all, drained...)
		}
	}
	drain := reading{metric: drainMetric, value: r.Queue.Drain}
	drain.sure, drain.enough = stats.BatchMeans(all)
	return drain
}
