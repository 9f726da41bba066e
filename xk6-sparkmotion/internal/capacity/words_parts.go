package capacity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// sayHolds says what the system holds. If its parts hold different rates, it says what redirects hold, and which other parts hold less.
func (r *Report) sayHolds() string {
	switch {
	case r.Search != nil:
		return r.Search.say(r)
	case r.Goal > 0:
		return r.sayGoal()
	case len(r.Schedule.Plateaus()) > 0 && len(r.Plateaus) == 0:
		return "No verdict on the system: the plateaus saw no tap."
	case len(r.Plateaus) == 0:
		return "The run has no plateaus: only the run as a whole is judged" + r.sayBut() + "."
	case len(r.valid()) == 0 && r.Status == Fail:
		return "No plateau could be judged, but the run as a whole fails."
	case len(r.valid()) == 0:
		return "No verdict on the system: no plateau could be judged."
	}
	sustained, _ := r.sustained()
	less := r.sayLess()
	if sustained != nil && len(less) == 0 {
		highest, within := r.sayHighest(sustained.Rate), " within every limit"
		if highest != "" {
			highest += ","
		}
		if r.unjudged() {
			within += " that could be judged"
		}
		return "Holds " + units.Rate(sustained.Offered) + " taps/s" + highest + within + r.sayBut() + "."
	}
	return strings.Join(append([]string{r.sayRedirectsHold() + r.sayBut()}, less...), "; ") + "."
}

// sayRedirectsHold says what redirects hold, whatever the rest of the system does.
func (r *Report) sayRedirectsHold() string {
	held, first := r.sustainedOf(RedirectsPart)
	switch {
	case held != nil:
		return "Redirects hold " + units.Rate(held.Offered) + " taps/s" + r.sayHighest(held.Rate)
	case first != nil && r.statusIn(RedirectsPart, first) == Warn:
		return "Redirects don't hold " + units.Rate(first.Offered) + " taps/s, the lowest rate that was judged, without a warning"
	case first != nil:
		return "Redirects don't hold " + units.Rate(first.Offered) + " taps/s, the lowest rate that was judged"
	}
	return "Redirects were not judged"
}

func (r *Report) sayHighest(rate float64) string {
	if r.ended() || slices.ContainsFunc(r.Plateaus, func(p Plateau) bool { return p.Rate > rate }) {
		return ""
	}
	return ", the highest rate tried"
}

// plural has the parts whose names take a plural verb.
var plural = []SystemPart{RedirectsPart, DashboardsPart, ExportsPart}

// sayLess names the parts besides redirects whose limits don't hold wherever they were judged, and recording if it was not measured.
func (r *Report) sayLess() []string {
	var said []string
	for i := range r.Parts {
		c := &r.Parts[i]
		name, s, not := c.Part.String(), "s", "doesn't"
		if slices.Contains(plural, c.Part) {
			s, not = "", "don't"
		}
		switch {
		case c.Part == RedirectsPart:
		case c.FirstBreach != nil && c.SustainedRate == nil:
			said = append(said, fmt.Sprintf("%s %s hold %s", name, not, units.Rate(c.FirstBreach.Offered)))
		case c.FirstBreach != nil:
			said = append(said, fmt.Sprintf("%s hold%s %s", name, s, units.Rate(*c.SustainedRate)))
		case len(c.Over) > 0 && c.Status == Fail:
			said = append(said, fmt.Sprintf("%s fail%s over the whole run", name, s))
		case len(c.Over) > 0:
			said = append(said, fmt.Sprintf("%s warn%s over the whole run", name, s))
		}
	}
	if r.unrecorded() {
		said = append(said, "recording not measured")
	}
	return said
}

// String returns the part's name in a sentence.
func (p SystemPart) String() string {
	if p == FlushPart {
		return "the flush cron"
	}
	return string(p)
}

// unjudged reports whether a limit was judged neither at a plateau that holds nor over the whole run.
func (r *Report) unjudged() bool {
	p, _ := r.sustained()
	return slices.ContainsFunc(r.Metrics, func(m Judged) bool {
		return (m.Status == NoData || m.Status == Generator) && (p == nil || slices.Contains(p.NotJudged, m.Metric))
	})
}

// sayBut says what gave the run its status if it was not a part, so that what holds does not contradict it.
func (r *Report) sayBut() string {
	sustained, _ := r.sustained()
	lower := r.lower(sustained)
	switch {
	case len(r.Plateaus) == 0 && r.unrecorded():
		return "; recording not measured"
	case len(r.Plateaus) == 0:
		return ""
	case lower != nil:
		return fmt.Sprintf(", but not %s/s", units.Rate(lower.Offered))
	case r.besideStatus() == Fail:
		return ", but another scenario fails"
	case r.besideStatus() == Warn:
		return ", but another scenario warns"
	case r.backlog() > 0 && r.Queue.GrowsFrom == nil:
		return ", but more taps wait than flushes took"
	case r.elsewhere() > maxElsewhere:
		return ", but redirects lead elsewhere"
	case r.repeats():
		return ", but the Worker closes connections"
	}
	return ""
}

// sayRedirects says where redirects break, if something else broke before them.
func (r *Report) sayRedirects(first *Plateau) []string {
	c := r.Part(RedirectsPart)
	if c.FirstBreach == nil || first == nil || c.FirstBreach.Plateau == first.Name {
		return nil
	}
	return []string{fmt.Sprintf("Redirects break at %s/s: %s.", units.Rate(c.FirstBreach.Offered), c.FirstBreach.Breach)}
}
