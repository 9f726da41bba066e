package capacity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// unrecorded reports whether it is unknown what became of the redirected taps.
func (r *Report) unrecorded() bool {
	judged := slices.ContainsFunc(r.Metrics, func(m Judged) bool { return m.Of() == RecordingPart })
	return judged && (r.Ledger == nil || r.Ledger.Lost == nil || r.Ledger.openEnded())
}

// Badge returns what stands beside the status: a pass of redirects is not a pass of what follows them.
func (r *Report) Badge() string {
	if r.unrecorded() {
		return "recording not measured"
	}
	return ""
}

// sayUnrecorded says why recording was not measured.
func (r *Report) sayUnrecorded() []string {
	switch {
	case !r.unrecorded() || r.Whole.Redirected == 0:
		return nil
	case r.Ledger != nil && (r.Ledger.OtherTraffic > 0 || r.Readings.Foreign > 0):
		return []string{"Recording not measured: others tapped too, and their taps hide any of ours that the system lost."}
	case r.Ledger != nil && r.Ledger.openEnded():
		return []string{"Recording not measured to the end: reconcile() waited as long as k6's teardownTimeout let it, and a flush was still under way."}
	case len(r.Readings.Course) == 0:
		return []string{"Recording not measured: nobody read the system's counters. Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL."}
	}
	return []string{"Recording not measured to the end: taps may have been under way at the last reading. reconcile() in teardown() waits for them."}
}

// sayLedger says what became of the redirected taps.
func (r *Report) sayLedger() []string {
	l := r.Ledger
	if l == nil || l.Redirected+l.Received == 0 {
		return nil
	}
	var said []string
	if l.Lost != nil {
		said = append(said, r.sayLoss()...)
		said = append(said, l.say()+l.sayUnaccounted(r.Readings.Resets > 0))
	}
	said = append(said, l.sayOthers()...)
	if r.Readings.Resets > 0 {
		said = append(said, "The system's counters went back during the run: its Redis lost its data, and the waiting taps with it.")
	}
	if len(l.Errors) > 0 {
		var kinds []string
		for _, kind := range l.Errors.Names() {
			kinds = append(kinds, fmt.Sprintf("%s %s", units.Rate(float64(l.Errors[kind])), kind))
		}
		said = append(said, fmt.Sprintf("The system itself counted these errors: %s.", listed(kinds)))
	}
	return said
}

// say puts the ledger into a sentence.
func (l *Ledger) say() string {
	recorded := l.Redirected - *l.Lost - l.Dropped - max(0, l.Unaccounted) - l.Flushing
	parts := []string{units.Rate(float64(l.Flushed)) + " in the database"}
	switch waiting := l.Waiting - l.WaitingBefore; {
	case waiting < 0:
		parts = append(parts, fmt.Sprintf("%s of them had waited before the run", units.Rate(float64(-waiting))))
	default:
		parts = append(parts, units.Rate(float64(waiting))+" waiting")
	}
	parts = append(parts, units.Rate(float64(l.Dropped))+" dropped", l.atLeast()+units.Rate(float64(*l.Lost))+" lost")
	if l.Flushing > 0 {
		parts = append(parts, units.Rate(float64(l.Flushing))+" in a flush that had not ended")
	}
	if l.Unaccounted > 0 {
		parts = append(parts, units.Rate(float64(l.Unaccounted))+" unaccounted for")
	}
	return fmt.Sprintf("Of %s redirected %s were recorded: %s.", numbered(l.Redirected, "tap"), units.Rate(float64(max(0, recorded))), strings.Join(parts, ", "))
}

// sayUnaccounted mentions taps that the system received and no longer has, or has twice.
func (l *Ledger) sayUnaccounted(reset bool) string {
	switch {
	case l.Unaccounted > 0 && !reset:
		return fmt.Sprintf(" %s off the queue and never reached the database: a flush keeps no copy of what it takes.", wereTaken(l.Unaccounted))
	case l.Unaccounted < 0:
		return fmt.Sprintf(" %s more were flushed than received: a batch was written twice, or a flush was under way when the run began.",
			units.Rate(float64(-l.Unaccounted)))
	}
	return ""
}

func wereTaken(n int64) string {
	if n == 1 {
		return "1 was taken"
	}
	return units.Rate(float64(n)) + " were taken"
}

func (l *Ledger) atLeast() string {
	if l.AtLeast {
		return "at least "
	}
	return ""
}

// sayLoss says from which plateau on taps were lost.
func (r *Report) sayLoss() []string {
	if *r.Ledger.Lost == 0 {
		return nil
	}
	limit, _ := Find("taps lost")
	from := -1
	for i := range r.Plateaus {
		p := &r.Plateaus[i]
		loses := p.Ledger != nil && limit.tier(limit.In(p).Value) != Pass
		switch {
		case loses && from < 0:
			from = i
		case !loses && from >= 0 && p.Ledger != nil:
			return []string{r.sayLossAt(r.Plateaus[from:from+1], "At %s/s")}
		}
	}
	if from < 0 {
		return nil
	}
	form := "From %s/s on"
	if from == len(r.Plateaus)-1 {
		form = "At %s/s"
	}
	return []string{r.sayLossAt(r.Plateaus[from:], form)}
}

// sayLossAt says what was lost in several plateaus together.
func (r *Report) sayLossAt(plateaus []Plateau, form string) string {
	var lost, redirected int64
	for i := range plateaus {
		n, of := plateaus[i].Ledger.Loss()
		lost, redirected = lost+n, redirected+of
	}
	return fmt.Sprintf(form+" %s%s of the taps were redirected and never recorded: %s lost.",
		units.Rate(plateaus[0].Offered), r.Ledger.atLeast(), units.Percent(ratio(lost, redirected)), units.Rate(float64(lost)))
}

// sayOthers mentions taps that were received although we did not see them redirected.
func (l *Ledger) sayOthers() []string {
	if l.OtherTraffic <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("The system received %s more than we saw redirected: others tapped meanwhile.", numbered(l.OtherTraffic, "tap"))}
}
