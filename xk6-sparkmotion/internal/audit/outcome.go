package audit

import (
	"fmt"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Outcome says what became of every tap.
type Outcome struct {
	Taps          int      `json:"taps"` // that were redirected to a page
	Once          int      `json:"once"` // of them, those with nothing amiss
	Lost          Findings `json:"lost"`
	Duplicated    Findings `json:"duplicated"`
	DuplicateRows int      `json:"duplicateRows"` // of them, all but one each
	OtherEvent    Findings `json:"otherEvent"`
	OtherMode     Findings `json:"otherMode"`
	Unexpected    Findings `json:"unexpected"` // rows in the run's time that no tap of it stands for

	Repeated           int `json:"repeated"`           // recorded more than once, after this machine had sent them twice
	Unanswered         int `json:"unanswered"`         // not redirected to a page: nothing is expected of them
	UnansweredRecorded int `json:"unansweredRecorded"` // of them, recorded
}

// Findings are taps, or rows, of one kind.
type Findings struct {
	Count int       `json:"count"`
	First []Finding `json:"first"` // not more than [shown]
}

// Finding is one tap, with this machine's time, or a row, with the system's.
type Finding struct {
	Band  string    `json:"band"`
	At    time.Time `json:"at"`
	Rows  int       `json:"rows"`
	Event string    `json:"event,omitzero"` // that it is recorded under
	Mode  string    `json:"mode,omitzero"`
}

// shown is how many findings of a kind are named.
const shown = 10

// newOutcome returns one without findings: its lists are empty, not null.
func newOutcome() *Outcome {
	none := Findings{First: []Finding{}}
	return &Outcome{Lost: none, Duplicated: none, OtherEvent: none, OtherMode: none, Unexpected: none}
}

func (f *Findings) add(found Finding) {
	f.Count++
	if len(f.First) < shown {
		f.First = append(f.First, found)
	}
}

// Well reports whether every tap is recorded as it should be, and nothing else is recorded.
func (o *Outcome) Well() bool { return o.Once == o.Taps && o.Unexpected.Count == 0 }

// Sentences describes the outcome: first the verdict, then each kind of finding with its first examples.
func (o *Outcome) Sentences() []string {
	said := []string{o.verdict()}
	for _, kind := range []struct {
		found Findings
		one   string // the sentence about one of them
		many  string
		row   func(Finding) string
	}{
		{o.Lost, "1 tap was lost: redirected to its page, but recorded nowhere", "taps were lost: redirected to their page, but recorded nowhere", nil},
		{o.Duplicated, fmt.Sprintf("1 tap was recorded more than once: %s too many", rows(o.DuplicateRows)),
			fmt.Sprintf("taps were recorded more than once: %s too many", rows(o.DuplicateRows)),
			func(f Finding) string { return rows(f.Rows) }},
		{o.OtherEvent, "1 tap was recorded under another event than its band's", "taps were recorded under another event than their band's",
			func(f Finding) string { return "under " + f.Event }},
		{o.OtherMode, "1 tap was recorded as another mode than its event shows", "taps were recorded as another mode than their event shows",
			func(f Finding) string { return f.Mode }},
		{o.Unexpected, "1 recorded tap of these events' bands was not made by this audit", "recorded taps of these events' bands were not made by this audit",
			func(f Finding) string { return "under " + f.Event }},
	} {
		if kind.found.Count > 0 {
			said = append(said, kind.found.sentence(kind.one, kind.many, kind.row))
		}
	}
	if o.Lost.Count == o.Taps && o.Unexpected.Count > 0 {
		said = append(said, "No row has the audit's User-Agent. If something in front of the Worker changes it, an audit can't find its taps.")
	}
	if o.Repeated > 0 {
		said = append(said, was(o.Repeated, "was recorded", "were recorded")+" more than once because this machine sent the request twice: "+
			"a kept connection closed before the answer. The system is not at fault.")
	}
	if o.Unanswered > 0 {
		said = append(said, fmt.Sprintf("%s elsewhere or not answered; the audit doesn't judge such taps (%s recorded).",
			was(o.Unanswered, "was redirected", "were redirected"), are(o.UnansweredRecorded)))
	}
	return said
}

func (o *Outcome) verdict() string {
	switch {
	case o.Well():
		return fmt.Sprintf("Every tap was recorded once: %s, under their bands' events.", taps(o.Taps))
	case o.Once == o.Taps:
		return fmt.Sprintf("Every tap was recorded once (%s), but other taps were recorded as well.", taps(o.Taps))
	}
	return fmt.Sprintf("Of %s that were redirected, %s recorded once, as they should be.", taps(o.Taps), are(o.Once))
}

// sentence names the kind and its first findings.
func (f Findings) sentence(one, many string, more func(Finding) string) string {
	text := one
	if f.Count > 1 {
		text = number(f.Count) + " " + many
	}
	named := make([]string, len(f.First))
	for i, found := range f.First {
		named[i] = found.Band + " at " + found.At.UTC().Format(ISO)
		if more != nil {
			named[i] += " (" + more(found) + ")"
		}
	}
	list := strings.Join(named, ", ")
	if f.Count > len(f.First) {
		list += ", …"
	}
	return text + ": " + list
}

func number(n int) string { return units.Rate(float64(n)) }

func taps(n int) string { return was(n, "", "") }

func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return number(n) + " rows"
}

// was is a count of taps and its verb.
func was(n int, one, many string) string {
	if n == 1 {
		return strings.TrimSpace("1 tap " + one)
	}
	return strings.TrimSpace(number(n) + " taps " + many)
}

// are is a count and its verb.
func are(n int) string {
	if n == 1 {
		return "1 is"
	}
	return number(n) + " are"
}
