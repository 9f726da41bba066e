package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// sayEnd tells of taps that ended early, or else of those that had no answer when the run ended.
func (r *Report) sayEnd(sustained *Plateau) []string {
	switch n := len(r.Plateaus); {
	case r.Status == Incomplete && r.cutShort(): // is how the verdict begins
		return nil
	case r.cutShort():
		return []string{r.sayStopped(sustained)}
	case n > 0 && r.ended():
		last := &r.Plateaus[n-1]
		return []string{fmt.Sprintf("No tap was made after %s seconds of %s/s; nothing is known about the rest.",
			units.Rate(units.Significant(last.settled().Seconds+last.Seconds, 2)), units.Rate(last.Offered))}
	}
	var said []string
	for i := range r.Plateaus {
		if p := &r.Plateaus[i]; p.cutOff() > maxDropped {
			said = append(said, fmt.Sprintf("At %s/s %s of the taps had no answer when the run ended. Set gracefulStop longer than their "+
				"timeout to have them judged.", units.Rate(p.Offered), units.Percent(p.cutOff())))
		}
	}
	return said
}

func (r *Report) sayGenerator() []string {
	if len(r.Plateaus) == 0 && r.limited() {
		return []string{fmt.Sprintf("%s was the limit: it %s, so latencies and rates are "+
			"its own, not the system's. Give it more cores or less load.", capital(r.machine()), r.Whole.sayLate())}
	}
	for i, p := range r.Plateaus {
		from, on := "From", " on"
		if r.Search != nil || slices.ContainsFunc(r.Plateaus[i:], func(p Plateau) bool { return p.Status != Generator }) {
			from, on = "At", ""
		}
		switch {
		case p.Status != Generator:
			continue
		case p.Counts.limited() > MaxLimited:
			return []string{fmt.Sprintf("%s %s/s%s %s was the limit: it %s, so the figures say nothing "+
				"about the system. Give it more cores, or spread the load over more machines.", from, units.Rate(p.Offered), on, r.machine(), p.Counts.sayLate())}
		case p.LateStarts:
			return []string{fmt.Sprintf("%s %s/s%s taps started late: 5 %% of them %s or more after they were due, which their latencies include, so "+
				"the figures say nothing about the system. Give %s more cores, or spread the load over more machines.",
				from, units.Rate(p.Offered), on, units.Milliseconds(*p.StartDelay), r.machine())}
		default:
			advice := "There were too few virtual users. Raise preAllocatedVUs and maxVUs"
			if rps := r.capped(&p); rps > 0 {
				advice = sayCap(rps)
			}
			return []string{fmt.Sprintf("At %s/s %s of the iterations found no free virtual user while the system kept its limits, "+
				"so the plateau says nothing about the system. %s.", units.Rate(p.Offered), units.Percent(p.dropped()), advice)}
		}
	}
	return nil
}

// sayLate tells how a machine was the limit.
func (c *Counts) sayLate() string {
	return fmt.Sprintf("started or answered taps late %s of the time, and its own part of their p95 was %s",
		units.Percent(c.limited()), units.Milliseconds(c.Lag.at(95)))
}

// sayOwnPart tells how much of what redirects take at a plateau is the generator's own, by the canary.
func (p *Plateau) sayOwnPart() []string {
	if p == nil || p.Counts.Lag.count() == 0 || p.Counts.Taps == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Of the redirect p95 at %s/s, %s, %s are the generator's own.", units.Rate(p.Offered),
		units.Milliseconds(p.Counts.redirect().at(95)), units.Milliseconds(p.Counts.Lag.at(95)))}
}

// machine is where the generator ran.
func (r *Report) machine() string {
	if len(r.Processes) > 1 {
		return fmt.Sprintf("the machine of one of the %d processes", len(r.Processes))
	}
	return "this machine"
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// sayProcesses tells how well the plateaus of several processes line up, or that one is not all of a run.
func (r *Report) sayProcesses() []string {
	switch {
	case len(r.Processes) == 1 && r.Processes[0].share() < 1:
		p := r.Processes[0]
		return []string{fmt.Sprintf("This process sent %s of the run (segment %s), and its figures cover only that. "+
			"k6 x sparkmotion merge judges the whole run.", units.Percent(p.share()), p.Segment)}
	case len(r.Processes) < 2:
		return nil
	}
	said := fmt.Sprintf("%d processes sent this", len(r.Processes))
	if len(r.Plateaus) == 0 {
		return []string{said + "."}
	}
	said += fmt.Sprintf(", whose plateaus began within %s of each other by their clocks", units.Milliseconds(1000*r.apart()))
	if hold := r.shortest(); r.apart() > hold/batches {
		return []string{said + fmt.Sprintf(": too far apart for plateaus of %s s, so each figure includes part of a neighbouring rate.", units.Rate(hold))}
	}
	return []string{said + "."}
}

// shortest is how long the shortest plateau was to be held.
func (r *Report) shortest() float64 {
	return slices.MinFunc(r.Plateaus, func(a, b Plateau) int { return cmp.Compare(a.Hold, b.Hold) }).Hold
}

// sayQueue tells what a queue that grows comes to after ten minutes.
func (r *Report) sayQueue(sustained *Plateau) []string {
	q := r.Queue
	switch {
	case q.GrowsFrom == nil && q.Watched && r.Whole.drained() > 0: // between two it rises and falls
		return []string{"Flushes kept up: what they left in the queue did not grow."}
	case q.GrowsFrom == nil && q.Watched:
		return []string{"The queue did not grow."}
	case q.GrowsFrom == nil:
		return nil
	}
	at := sustained
	if at == nil || !at.grows() {
		valid := r.valid()
		at = valid[slices.IndexFunc(valid, (*Plateau).grows)]
	}
	waiting := *at.Growth * (10 * time.Minute).Seconds()
	said := fmt.Sprintf("After 10 minutes at %s/s, %s taps would wait", units.Rate(at.Offered), units.About(waiting))
	left := at.left()
	switch {
	case left == nil:
		return []string{said + "; what drains the queue was not measured."}
	case *left < 1:
		return []string{said + ": nothing drains them."}
	}
	return []string{said + fmt.Sprintf(": under this load the flush cron drained %s/s, so they take another %s.",
		units.About(*left), units.Minutes(waiting / *left))}
}

// sayBacklog tells of a queue that no single plateau tells of.
func (r *Report) sayBacklog() []string {
	if r.backlog() == 0 {
		return nil
	}
	_, taken, _ := r.waits()
	return []string{fmt.Sprintf("At the end %s waited, more than the %s that flushes took during the whole run.",
		numbered(r.backlog(), "tap"), units.Rate(float64(taken)))}
}
