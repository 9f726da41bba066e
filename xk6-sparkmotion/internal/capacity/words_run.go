package capacity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// sayEnd says that taps ended early, or else how many had no answer when the run ended.
func (r *Report) sayEnd(sustained *Plateau) []string {
	switch n := len(r.Plateaus); {
	case r.Status == Incomplete && r.cutShort(): // the verdict begins with it
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
	var late, delayed, dropped []*Plateau
	for i := range r.Plateaus {
		switch p := &r.Plateaus[i]; {
		case p.Status != Generator:
		case p.Counts.limited() > MaxLimited:
			late = append(late, p)
		case p.LateStarts:
			delayed = append(delayed, p)
		default:
			dropped = append(dropped, p)
		}
	}
	const elsewhere = "more cores, or spread the load over more machines."
	var said []string
	if at, worst := r.sayRates(late), worstOf(late, func(p *Plateau) float64 { return p.Counts.limited() }); worst != nil {
		said = append(said, fmt.Sprintf("%s %s was the limit: it %s%s, so the figures say nothing about the system. Give it "+elsewhere,
			at, r.machine(), worst.Counts.sayLate(), r.sayWorst(worst, late)))
	}
	if at, worst := r.sayRates(delayed), worstOf(delayed, func(p *Plateau) float64 { return *p.StartDelay }); worst != nil {
		said = append(said, fmt.Sprintf("%s taps started late: 5 %% of them %s or more after they were due%s, which their latencies include, so "+
			"the figures say nothing about the system. Give %s "+elsewhere, at, units.Milliseconds(*worst.StartDelay), r.sayWorst(worst, delayed), r.machine()))
	}
	if at, worst := r.sayRates(dropped), worstOf(dropped, (*Plateau).dropped); worst != nil {
		advice := "There were too few virtual users. Raise preAllocatedVUs and maxVUs"
		if rps := r.capped(worst); rps > 0 {
			advice = sayCap(rps)
		}
		said = append(said, fmt.Sprintf("%s %s of the iterations found no free virtual user%s while the system kept its limits, "+
			"so the figures say nothing about the system. %s.", at, units.Percent(worst.dropped()), r.sayWorst(worst, dropped), advice))
	}
	return said
}

// sayRates tells at which rates something was so: "From 500/s on" where it was at each from there.
func (r *Report) sayRates(plateaus []*Plateau) string {
	if len(plateaus) == 0 {
		return ""
	}
	first := slices.IndexFunc(r.Plateaus, func(p Plateau) bool { return p.Name == plateaus[0].Name })
	if r.Search == nil && len(r.Plateaus)-first == len(plateaus) { // a search goes up and down
		return fmt.Sprintf("From %s/s on", units.Rate(plateaus[0].Offered))
	}
	rates := make([]string, len(plateaus))
	for i, p := range plateaus {
		rates[i] = units.Rate(p.Offered)
	}
	return "At " + listed(slices.Compact(rates)) + "/s"
}

// worstOf returns the plateau where a figure is largest; nil when there is none.
func worstOf(plateaus []*Plateau, figure func(*Plateau) float64) *Plateau {
	if len(plateaus) == 0 {
		return nil
	}
	return slices.MaxFunc(plateaus, func(a, b *Plateau) int { return cmp.Compare(figure(a), figure(b)) })
}

// sayWorst tells that figures are those of the worst of several plateaus.
func (r *Report) sayWorst(worst *Plateau, of []*Plateau) string {
	if len(of) < 2 {
		return ""
	}
	return fmt.Sprintf(" (at %s/s, the worst)", units.Rate(worst.Offered))
}

// sayLate says how a machine was the limit.
func (c *Counts) sayLate() string {
	return fmt.Sprintf("started or answered taps late %s of the time, and its own part of their p95 was %s",
		units.Percent(c.limited()), units.Milliseconds(c.Lag.at(95)))
}

// sayOwnPart tells what redirects take at a plateau beside what the generator adds, by the canary. No difference of the two is told: those of
// percentiles mean nothing.
func (p *Plateau) sayOwnPart() []string {
	if p == nil || p.Counts.Lag.count() == 0 || p.Counts.Taps == 0 {
		return nil
	}
	return []string{fmt.Sprintf("At %s/s the redirect p95 was %s; that of taps within this process, without the system, was %s.", units.Rate(p.Offered),
		units.Milliseconds(p.Counts.redirect().at(95)), units.Milliseconds(p.Counts.Lag.at(95)))}
}

// machine names where the generator ran.
func (r *Report) machine() string {
	if len(r.Processes) > 1 {
		return fmt.Sprintf("the machine of one of the %d processes", len(r.Processes))
	}
	return "this machine"
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// sayProcesses says how well the plateaus of several processes line up, or that one process is not the whole run.
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

// shortest returns how many seconds the shortest plateau was to be held.
func (r *Report) shortest() float64 {
	return slices.MinFunc(r.Plateaus, func(a, b Plateau) int { return cmp.Compare(a.Hold, b.Hold) }).Hold
}

// sayQueue says how long a growing queue would be after ten minutes.
func (r *Report) sayQueue(sustained *Plateau) []string {
	q := r.Queue
	switch {
	case q.GrowsFrom == nil && q.Watched && r.Whole.drained() > 0: // between flushes it rises and falls
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

// sayBacklog mentions a queue that no single plateau shows.
func (r *Report) sayBacklog() []string {
	switch {
	case r.stillFlushing():
		return []string{fmt.Sprintf("What the flush cron holds was not measured: a flush had taken %s and had not ended.",
			numbered(r.Ledger.Unended, "tap"))}
	case r.backlog() == 0:
		return nil
	}
	_, taken, _ := r.waits()
	return []string{fmt.Sprintf("At the end %s waited, more than the %s that flushes took during the whole run.",
		numbered(r.backlog(), "tap"), units.Rate(float64(taken)))}
}
