package capacity

// Queue is how the flush cron kept up.
type Queue struct {
	Watched   bool     `json:"watched"`    // at the highest valid plateau
	GrowsFrom *float64 `json:"grows_from"` // taps/s of the lowest plateau at which it grew
	Drain     *float64 `json:"drain"`      // the most taps/s that left it while it grew; null when that is not known
}

// growing is the share of what goes into a queue from which on it counts as growing.
const growing = 0.05

// others is from how many times what goes into a queue on its growth is not these taps' alone.
const others = 1.2

func (p *Plateau) grows() bool { return p.Growth != nil && *p.Growth > max(1, growing*p.Queued) }

// watch sums up the queue over the plateaus. While a queue grows, what left it is all that the cron can drain.
func watch(plateaus []*Plateau) Queue {
	var q Queue
	for _, p := range plateaus {
		q.Watched = p.Growth != nil
		if !p.grows() {
			continue
		}
		if q.GrowsFrom == nil {
			q.GrowsFrom = &p.Offered
		}
		if *p.Growth > others*p.Queued {
			continue // others fill it too: what left it is not known
		}
		if drained := max(0, p.Queued-*p.Growth); q.Drain == nil || drained > *q.Drain {
			q.Drain = &drained
		}
	}
	return q
}
