package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// sayStopped says how far a stopped run got, and what held until then.
func (r *Report) sayStopped(sustained *Plateau) string {
	planned := r.Schedule.Plateaus()
	if len(planned) == 0 {
		return r.sayStoppedAfter()
	}
	n := len(r.Plateaus)
	highest := slices.MaxFunc(planned, func(a, b Stage) int { return cmp.Compare(a.To, b.To) }).To
	if n == 0 {
		return fmt.Sprintf("Stopped before the first plateau, of %s iterations/s planned.", units.Rate(highest))
	}
	last := &r.Plateaus[n-1]
	at := fmt.Sprintf("after %s/s", units.Rate(last.Offered))
	if last.short() {
		at = fmt.Sprintf("%s s into %s/s", units.Rate(units.Significant(last.settled().Seconds+last.Seconds, 2)), units.Rate(last.Offered))
	}
	held := "no rate"
	if sustained != nil {
		held = units.Rate(sustained.Offered) + "/s"
	}
	return fmt.Sprintf("Stopped %s, of %s/s planned; held %s until then.", at, units.Rate(last.Offered*highest/planned[n-1].To), held)
}

// sayReasons says why the module stopped the run, if it did; each of several processes may have its own reason.
func (r *Report) sayReasons() []string {
	var said []string
	for _, p := range r.Processes {
		if p.Stopped != nil && p.Stopped.Reason != "" && !slices.Contains(said, p.Stopped.Reason) {
			said = append(said, p.Stopped.Reason)
		}
	}
	return said
}

// sayStoppedAfter says when a run without plateaus was stopped.
func (r *Report) sayStoppedAfter() string {
	var last Stop
	for _, p := range r.Processes {
		if p.Stopped != nil && p.Stopped.After >= last.After {
			last = *p.Stopped
		}
	}
	after := units.Rate(units.Significant(last.After, 2))
	if last.Planned == 0 {
		return fmt.Sprintf("Stopped after %s s, before its iterations were done.", after)
	}
	return fmt.Sprintf("Stopped after %s s, of %s s planned.", after, units.Rate(last.Planned))
}

// sayOffRate mentions the first plateau that sent another rate than its own although the generator was healthy.
func (r *Report) sayOffRate() []string {
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		if p.Status != NoData || p.Counts.Taps < fewestTaps || p.short() || p.cutOff() > maxDropped || !p.offRate(len(r.Processes)) {
			continue
		}
		why := "Do iterations wait before they tap?"
		if rps := r.capped(p); rps > 0 {
			why = sayCap(rps) + "."
		}
		return []string{fmt.Sprintf("At %s/s %s taps/s were sent, so the plateau says nothing about the system at that rate. %s",
			units.Rate(p.Offered), units.Rate(units.Significant(p.Achieved, 3)), why)}
	}
	return nil
}

// capped returns the sum of the processes' --rps if it is no more than a plateau offers, otherwise 0.
func (r *Report) capped(p *Plateau) int64 {
	sum := int64(0)
	for _, process := range r.Processes {
		if process.RPS == 0 {
			return 0
		}
		sum += process.RPS
	}
	if float64(sum) > p.Offered {
		return 0
	}
	return sum
}

func sayCap(rps int64) string {
	return fmt.Sprintf("--rps lets k6 send no more than %s requests/s", units.Rate(float64(rps)))
}

// sayTapless mentions iterations that started but made no tap.
func (r *Report) sayTapless() []string {
	var tapless, started int64
	for _, p := range r.Plateaus {
		tapless, started = tapless+p.Tapless, started+p.Started
	}
	if ratio(tapless, started) <= maxDropped {
		return nil
	}
	return []string{fmt.Sprintf("%s of the %s iterations made no tap (%s): rates are of those that did.",
		units.Rate(float64(tapless)), units.Rate(float64(started)), units.Percent(ratio(tapless, started)))}
}

// sayArrivals says so if taps were not evenly spaced.
func (r *Report) sayArrivals() []string {
	if !r.Poisson {
		return nil
	}
	return []string{"Taps arrived at random (a Poisson process): queues are longer than with evenly spaced taps."}
}

// sayClimbs mentions what was not a plateau, and so is not judged: a rate that is reached but not held, and scenarios that hold none.
func (r *Report) sayClimbs() []string {
	var said []string
	for _, stage := range r.Schedule.passing() {
		climbs := "climbs from"
		if stage.To < stage.From {
			climbs = "falls from"
		}
		said = append(said, fmt.Sprintf("A stage of %s that %s %s to %s iterations/s is not a plateau and is not judged. To hold a rate, jump "+
			"to it with a stage of 0s, then keep it with a second stage.", time.Duration(stage.Lasts), climbs, units.Rate(stage.From), units.Rate(stage.To)))
	}
	if len(r.Climbing) > 0 {
		said = append(said, fmt.Sprintf("The arrival rate of %s never holds still, so it has no plateau to judge.", listed(r.Climbing)))
	}
	return said
}
