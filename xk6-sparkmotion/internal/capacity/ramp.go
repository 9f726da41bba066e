package capacity

import "time"

// ramp is the record of a scenario whose arrival rate ramps.
type ramp struct {
	scenario string
	schedule Schedule
	direct   bool         // its taps take the direct link
	began    time.Time    // when the scenario began
	last     time.Time    // latest end of one of its taps
	counts   []Counts     // by stage; only plateaus have some, and the stages in which they settle
	starts   []iterations // by stage, and for the time after the last
	course   course
	grew     map[int]float64 // growth of the queue by stage, in taps/s, if a search waited for it to recover
}

// iterations counts those of a stage. k6 numbers the iterations that a scenario starts, so the highest number that taps have seen tells how
// many there were, with or without taps.
type iterations struct{ highest, tapped int64 }

// Share is this process's share of a scenario's arrival rates.
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

func newRamp(t Tap, schedule Schedule) *ramp {
	return &ramp{
		scenario: t.Scenario, direct: t.Direct, began: t.Start, schedule: schedule,
		counts: make([]Counts, len(schedule)), starts: make([]iterations, len(schedule)+1), grew: make(map[int]float64),
	}
}

// extend adds a stage.
func (r *ramp) extend(s Stage) {
	r.schedule = append(r.schedule, s)
	r.counts = append(r.counts, Counts{})
	r.starts = append(r.starts, iterations{})
}

// rest adds a stage without load until a time.
func (r *ramp) rest(until time.Time) {
	lasts := until.Sub(r.began)
	for _, stage := range r.schedule {
		lasts -= time.Duration(stage.Lasts)
	}
	if lasts > 0 {
		r.extend(Stage{Name: rampDown, Lasts: seconds(lasts)})
	}
}

// cut makes the last stage end at a time.
func (r *ramp) cut(at time.Time) {
	last := len(r.schedule) - 1
	lasts := seconds(at.Sub(r.began))
	for _, stage := range r.schedule[:last] {
		lasts -= stage.Lasts
	}
	r.schedule[last].Lasts = lasts
}

// tap counts a tap.
func (r *ramp) tap(t Tap) {
	if t.Ended.After(r.last) {
		r.last = t.Ended
	}
	if !t.CutOff && !t.None {
		r.course.tap(t.Ended.Sub(r.began), t.Redirected)
	}
	i, since := r.schedule.stage(t.Began.Sub(r.began))
	r.starts[i].highest = max(r.starts[i].highest, t.Iteration+1)
	r.starts[i].tapped += oneIf(t.First)
	r.hold(i, since, t.count)
}

// visit counts in the plateau that was held or settling at a time, if there was one.
func (r *ramp) visit(moment time.Time, count func(c *Counts, batch int)) {
	i, since := r.schedule.stage(moment.Sub(r.began))
	r.hold(i, since, count)
}

// hold counts in a stage, this long after its start, if it keeps its rate and the scenario had begun.
func (r *ramp) hold(i int, since time.Duration, count func(c *Counts, batch int)) {
	if since >= 0 && i < len(r.schedule) && r.schedule[i].keeps() {
		count(&r.counts[i], r.schedule[i].tenth(since))
	}
}

// measured returns the plateaus that were held, at a share of their rates.
func (r *ramp) measured(share float64) []Plateau {
	return r.plateaus(share, func(int) bool { return true })
}

// plateaus returns those of the wanted stages.
func (r *ramp) plateaus(share float64, wanted func(stage int) bool) []Plateau {
	plateaus := []Plateau{}
	started, tapless := r.started()
	starts := time.Duration(0)
	for i, stage := range r.schedule {
		lasts := time.Duration(stage.Lasts)
		lasted := min(lasts, r.last.Sub(r.began)-starts)
		if lasted <= 0 {
			break // the run ended before it
		}
		if stage.Holds() && wanted(i) {
			p := Plateau{
				Name: stage.Name, Rate: stage.To * share, Start: starts.Seconds(), Seconds: lasted.Seconds(), Hold: lasts.Seconds(),
				Started: started[i], Tapless: tapless[i], Counts: r.counts[i].clone(),
			}
			if r.schedule.settled(i) {
				p.Settling = &Settling{Seconds: time.Duration(r.schedule[i-1].Lasts).Seconds(), Started: started[i-1], Counts: r.counts[i-1].clone()}
			}
			if grew, known := r.grew[i]; known {
				p.grew = &grew
			}
			plateaus = append(plateaus, p)
		}
		starts += lasts
	}
	return plateaus
}

// started returns how many iterations k6 started in each stage, and how many of these made no tap. An iteration whose tap comes just after
// its stage is missing in that one and extra in the next, so no more can be without a tap than in all stages together.
func (r *ramp) started() (started, tapless []int64) {
	before, tapped := int64(0), int64(0)
	for _, stage := range r.starts {
		highest := max(before, stage.highest)
		started = append(started, highest-before)
		before = highest
		tapped += stage.tapped
	}
	for i, n := range started {
		tapless = append(tapless, min(max(0, n-r.starts[i].tapped), max(0, before-tapped)))
	}
	return started, tapless
}
