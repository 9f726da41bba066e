package capacity

import (
	"slices"
)

// SystemPart is a part of the system that has a capacity of its own.
type SystemPart string

// The parts, in the order in which a tap passes them.
const (
	RedirectsPart  SystemPart = "redirects"
	RecordingPart  SystemPart = "recording"
	FlushPart      SystemPart = "flush cron"
	DashboardsPart SystemPart = "dashboards"
	ExportsPart    SystemPart = "exports"
)

var allParts = []SystemPart{RedirectsPart, RecordingPart, FlushPart, DashboardsPart, ExportsPart}

// PartCapacity is what one part holds, by its own limits.
type PartCapacity struct {
	Part          SystemPart   `json:"part"`
	Status        Status       `json:"status"`
	SustainedRate *float64     `json:"sustained_rate"` // taps/s of the highest plateau at which its limits hold
	FirstBreach   *FirstBreach `json:"first_breach"`   // above that
	Plateaus      []Status     `json:"plateaus"`       // its status in each plateau; empty where it was not judged
	Over          []Breach     `json:"over_the_run"`   // limits that did not hold over the run as a whole
}

// Judged reports whether there is a verdict on the part.
func (c *PartCapacity) Judged() bool { return c.Status != NoData && c.Status != Generator }

// partOf returns the part that a limit belongs to.
func partOf(l Limit) SystemPart {
	m, _ := Find(l.Label)
	return m.Of
}

// judgeParts judges each part by its own limits.
func (r *Report) judgeParts() {
	r.Parts = nil
	for _, part := range allParts {
		c := PartCapacity{Part: part, Status: NoData, Plateaus: make([]Status, len(r.Plateaus)), Over: []Breach{}}
		for i := range r.Plateaus {
			c.Plateaus[i] = r.statusIn(part, &r.Plateaus[i])
		}
		for _, m := range r.Metrics {
			if m.Of() != part {
				continue
			}
			c.Status = worse(c.Status, m.Status)
			if m.Status == Warn || m.Status == Fail {
				c.Over = append(c.Over, m.breach(m.Value, m.Status))
			}
		}
		if c.Status == Pass && !r.Seen(part) {
			c.Status = NoData
		}
		sustained, first := r.sustainedOf(part)
		if sustained != nil {
			c.SustainedRate = &sustained.Offered
		}
		if first != nil {
			c.FirstBreach = &FirstBreach{first.Name, first.Offered, *first.worst(part)}
		}
		for i, status := range c.Plateaus {
			if r.decides(i) {
				c.Status = worse(c.Status, status)
			}
		}
		r.Parts = append(r.Parts, c)
	}
}

// statusIn returns a part's status in a plateau. It is "" if the figures are not the system's, if none of the part's limits was judged there or
// not the one that broke over the whole run, and if the part did not get the plateau's load. Without a part, it is the plateau's status.
func (r *Report) statusIn(part SystemPart, p *Plateau) Status {
	switch {
	case !p.Valid():
		return ""
	case part == "":
		return p.Status
	}
	if worst := p.worst(part); worst != nil {
		return worst.Status
	}
	if part == FlushPart && !p.queuesAll() {
		return ""
	}
	var status Status
	for _, m := range r.Metrics {
		switch {
		case m.Of() != part:
		case !slices.Contains(p.NotJudged, m.Metric):
			status = Pass
		case m.Status == Warn, m.Status == Fail:
			return ""
		}
	}
	return status
}

// queuesAll reports whether about as many taps reached the queue as were offered, or that was not read: flushes can't be judged at a rate that
// they never saw.
func (p *Plateau) queuesAll() bool {
	return p.Ledger == nil || p.Ledger.seconds == 0 || float64(p.Ledger.Received)/p.Ledger.seconds >= (1-farOff)*p.Offered
}

// stillFlushing reports whether the only flush that took taps had not ended: how many taps/s it can take is not known.
func (r *Report) stillFlushing() bool {
	return r.Ledger != nil && r.Ledger.Unended > 0 && r.Ledger.Flushed+r.Ledger.Dropped == 0
}

// Seen reports whether anything of a part was measured: of recording, being able to read the queue is not enough.
func (r *Report) Seen(part SystemPart) bool {
	if part == RecordingPart && r.unrecorded() || part == FlushPart && r.stillFlushing() {
		return false
	}
	return slices.ContainsFunc(r.Metrics, func(m Judged) bool { return m.Of() == part && m.Samples > 0 })
}

// worst returns the worst breach of a part's limits, or nil if they hold.
func (p *Plateau) worst(part SystemPart) *Breach {
	i := slices.IndexFunc(p.Breaches, func(b Breach) bool { return b.of() == part })
	if i < 0 {
		return nil
	}
	return &p.Breaches[i]
}

// of returns the part that the limit belongs to.
func (b Breach) of() SystemPart { return partOf(Limit{Label: b.Label}) }

// Of returns the part that the limit belongs to; empty if it sums up several.
func (m Judged) Of() SystemPart { return partOf(m.Limit) }

// Part returns what is known about a part.
func (r *Report) Part(part SystemPart) *PartCapacity {
	i := slices.IndexFunc(r.Parts, func(c PartCapacity) bool { return c.Part == part })
	if i < 0 {
		return &PartCapacity{Part: part, Status: NoData}
	}
	return &r.Parts[i]
}
