package capacity

import "time"

// ramp is what is recorded of a scenario whose arrival rate ramps.
type ramp struct {
	scenario string
	direct   bool      // its taps take the direct link
	began    time.Time // when the scenario did
	last     time.Time // when one of its taps ended last
	plateaus []Counts
	course   course
}

// Share is this process's of a scenario's arrival rates.
type Share struct {
	Scenario string
	Of       float64
}

func shareOf(scenario string, shares []Share) float64 {
	for _, share := range shares {
		if share.Scenario == scenario {
			return share.Of
		}
	}
	return 0
}

// visit counts in the plateau that held at a moment, if one did.
func (r *ramp) visit(moment time.Time, hold time.Duration, count func(c *Counts, batch int)) {
	since := moment.Sub(r.began)
	if since < 0 || hold <= 0 {
		return
	}
	if i := int(since / hold); i < len(r.plateaus) {
		count(&r.plateaus[i], int(since%hold*batches/hold))
	}
}

// measured are the plateaus that were held, at a share of their rates.
func (r *ramp) measured(schedule Schedule, share float64) []Plateau {
	plateaus := []Plateau{}
	for i, rate := range schedule.Rates {
		starts := time.Duration(i) * schedule.Hold
		lasted := min(schedule.Hold, r.last.Sub(r.began)-starts)
		if lasted <= 0 {
			break // the run ended before
		}
		plateaus = append(plateaus, Plateau{
			Name: schedule.Names[i], Rate: rate * share, Start: starts.Seconds(), Seconds: lasted.Seconds(), Counts: r.plateaus[i].clone(),
		})
	}
	return plateaus
}
