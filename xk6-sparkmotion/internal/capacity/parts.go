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

// Measured reports whether anything is known about the part.
func (c *PartCapacity) Measured() bool { return c.Status != NoData && c.Status != Generator }

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
		if part == RecordingPart && r.unrecorded() && c.Status == Pass {
			c.Status = NoData // being able to read the queue is not enough
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

// statusIn returns a part's status in a plateau; "" if none of its limits was judged there, or the figures are not the system's. Without a
// part, it is the plateau's status.
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
	judged := func(m Judged) bool { return m.Of() == part && !slices.Contains(p.NotJudged, m.Metric) }
	if slices.ContainsFunc(r.Metrics, judged) {
		return Pass
	}
	return ""
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
