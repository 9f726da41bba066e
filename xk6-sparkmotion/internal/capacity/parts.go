package capacity

import (
	"slices"
)

// SystemPart is one of the things that a system has a capacity of.
type SystemPart string

// The parts, in the order of a tap's way.
const (
	RedirectsPart  SystemPart = "redirects"
	RecordingPart  SystemPart = "recording"
	FlushPart      SystemPart = "flush cron"
	DashboardsPart SystemPart = "dashboards"
	ExportsPart    SystemPart = "exports"
)

var allParts = []SystemPart{RedirectsPart, RecordingPart, FlushPart, DashboardsPart, ExportsPart}

// PartCapacity is what one part holds, by the limits that are its own.
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

// partOf is the part that a limit is one of.
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
			c.Status = NoData // that the queue can be read is not enough
		}
		if part == FlushPart && r.stillFlushing() && c.Status == Pass {
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

// statusIn is a part's status in a plateau. It is empty when the figures are not the system's, when none of its limits was judged there, or not
// the one that broke over the whole run, and when the part did not get the plateau's load. That of no part is the plateau's.
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

// queuesAll reports whether about as many taps were put on the queue as were offered, as far as that was read: flushes have no more to do
// than that.
func (p *Plateau) queuesAll() bool {
	return p.Ledger == nil || p.Ledger.seconds == 0 || float64(p.Ledger.Received)/p.Ledger.seconds >= (1-farOff)*p.Offered
}

// stillFlushing reports whether all that flushes took is in one that had not ended: how many it can take a second is not known.
func (r *Report) stillFlushing() bool {
	return r.Ledger != nil && r.Ledger.Flushing > 0 && r.Ledger.Flushed+r.Ledger.Dropped == 0
}

// Seen reports whether anything of a part was measured.
func (r *Report) Seen(part SystemPart) bool {
	if part == RecordingPart && r.unrecorded() || part == FlushPart && r.stillFlushing() {
		return false
	}
	return slices.ContainsFunc(r.Metrics, func(m Judged) bool { return m.Of() == part && m.Samples > 0 })
}

// worst is the breach of a part's limits that comes first; nil when they hold.
func (p *Plateau) worst(part SystemPart) *Breach {
	i := slices.IndexFunc(p.Breaches, func(b Breach) bool { return b.of() == part })
	if i < 0 {
		return nil
	}
	return &p.Breaches[i]
}

// of is the part whose limit it is.
func (b Breach) of() SystemPart { return partOf(Limit{Label: b.Label}) }

// Of returns the part whose limit it is; empty when it sums up several.
func (m Judged) Of() SystemPart { return partOf(m.Limit) }

// Part returns what is known of a part.
func (r *Report) Part(part SystemPart) *PartCapacity {
	i := slices.IndexFunc(r.Parts, func(c PartCapacity) bool { return c.Part == part })
	if i < 0 {
		return &PartCapacity{Part: part, Status: NoData}
	}
	return &r.Parts[i]
}
