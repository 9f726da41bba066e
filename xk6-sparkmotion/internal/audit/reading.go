package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Event is an event whose bands are tapped.
type Event struct {
	ID     string
	Prefix string // of its bands
}

// Expectation says how taps should be recorded.
type Expectation struct {
	Events []Event
	Mode   string // that every event shows
	Sure   Window // in which no row of the events' bands but the set's can be, by the servers' clock
}

// Reading compares a set with recorded rows. Call All before Under, so that a row recorded between the two doesn't seem to be one of
// another event.
type Reading struct {
	set    *Set
	want   Expectation
	seen   []seen
	events [][]string // the names of each event's rows
	names  labels     // of all events that taps are recorded under
	modes  labels

	unexpected Findings
}

// seen is what is recorded of a tap.
type seen struct {
	rows, own    uint32 // all, and those under its event
	under, modes uint32 // the events' names, and other modes than the one wanted
}

// labels are texts with a bit each; those after the 32nd share the last one's.
type labels []string

func (l *labels) bit(text string) uint32 {
	i := slices.Index(*l, text)
	if i < 0 {
		i = len(*l)
		*l = append(*l, text)
	}
	return 1 << min(i, 31)
}

// of are the texts whose bits are set.
func (l labels) of(bits uint32) (texts []string) {
	for i, text := range l {
		if bits&(1<<min(i, 31)) != 0 {
			texts = append(texts, text)
		}
	}
	return texts
}

// Read begins a reading. No tap may be under way.
func (s *Set) Read(want Expectation) *Reading {
	return &Reading{set: s, want: want, seen: make([]seen, len(s.taps)), events: make([][]string, len(want.Events))}
}

// All adds rows of any event.
func (r *Reading) All(rows []Row) {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	for _, row := range rows {
		i, known := r.set.index[row.Band]
		switch own := row.Agent == r.set.agent; {
		case own && known:
			tap := &r.seen[i]
			tap.rows++
			tap.under |= r.names.bit(row.Event)
			if !strings.EqualFold(row.Mode, r.want.Mode) {
				tap.modes |= r.modes.bit(row.Mode)
			}
		case own, r.eventOf(row.Band) >= 0 && r.want.Sure.Contains(row.At):
			r.unexpected.add(Finding{Band: row.Band, At: row.At, Rows: 1, Event: row.Event, Mode: row.Mode})
		}
	}
}

// Under adds rows of one of the events.
func (r *Reading) Under(event int, rows []Row) {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	for _, row := range rows {
		if !slices.Contains(r.events[event], row.Event) {
			r.events[event] = append(r.events[event], row.Event)
		}
		i, known := r.set.index[row.Band]
		if known && row.Agent == r.set.agent && r.eventOf(row.Band) == event {
			r.seen[i].own++
		}
	}
}

// eventOf is the event that a band is of; -1 for none of them.
func (r *Reading) eventOf(band string) int {
	return slices.IndexFunc(r.want.Events, func(e Event) bool { return strings.HasPrefix(band, e.Prefix) })
}

// others are the names of the events, but its own, that a tap is recorded under.
func (r *Reading) others(i int) string {
	names := r.names.of(r.seen[i].under)
	if event := r.eventOf(r.set.taps[i].band); event >= 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(r.events[event], name) })
	}
	return cmp.Or(strings.Join(names, ", "), "an event of the same name")
}

// Outcome returns what the rows say about each tap.
func (r *Reading) Outcome() *Outcome {
	r.set.mu.Lock()
	defer r.set.mu.Unlock()
	o := newOutcome()
	if r.unexpected.Count > 0 {
		o.Unexpected = r.unexpected
	}
	for i := range r.set.taps {
		if r.set.taps[i].answer != None {
			r.judge(i, o)
			continue
		}
		o.Unanswered++
		if r.seen[i].rows > 0 {
			o.UnansweredRecorded++
		}
	}
	return o
}

// judge adds a tap that was redirected; one may be amiss in several ways.
func (r *Reading) judge(i int, o *Outcome) {
	t, s := r.set.taps[i], r.seen[i]
	found := Finding{Band: t.band, At: time.UnixMilli(t.began).UTC(), Rows: int(s.rows)}
	o.Taps++
	well := true
	amiss := func(kind *Findings, found Finding) {
		kind.add(found)
		well = false
	}
	switch {
	case s.rows == 0:
		amiss(&o.Lost, found)
	case s.rows > 1 && t.answer == Repeated:
		o.Repeated++
	case s.rows > 1:
		amiss(&o.Duplicated, found)
		o.DuplicateRows += int(s.rows) - 1
	}
	if s.own < s.rows {
		found.Event = r.others(i)
		amiss(&o.OtherEvent, found)
	}
	if s.modes != 0 {
		found.Mode = strings.Join(r.modes.of(s.modes), ", ")
		amiss(&o.OtherMode, found)
	}
	if well {
		o.Once++
	}
}
