package capacity

// reading is a figure that runs are compared by, in one of them.
type reading struct {
	name   string
	metric string // whose limit speaks of it, if one does
	unit   Unit
	more   bool     // is better
	part   float64  // of the value before, and
	least  float64  // what a change must come to, to matter
	value  *float64 // nil when it was not measured
	sure   estimate
	enough bool // there is for an estimate
}

// Unit is a figure's.
type Unit string

// The units of figures.
const (
	Latencies Unit = "ms"
	Shares    Unit = "share"
	Rates     Unit = "taps/s"
)

// What a change must come to besides being beyond noise: with enough taps the slightest change is.
const (
	worthPart  = 0.05  // of a latency or of a queue's pace: two runs of one system differ by some per cent, and neither shows it
	worthMs    = 0.1   // of a latency: as late is a generator's own clock when all is well
	worthShare = 0.001 // a tenth of the tightest limit of a share
)

// readings are a plateau's, always the same in the same order.
func (p *Plateau) readings(depths []Depth) []reading {
	c := &p.Counts
	return []reading{
		c.redirected("redirect p50", "", 50),
		c.redirected("redirect p95", "redirect_latency", 95),
		c.redirected("redirect p99", "", 99),
		share("redirect error rate", "error_rate{part:worker}", c.Taps-c.Redirected, c.Taps),
		c.hits(),
		p.achieved(),
		p.notSent(),
		requested("analytics p95", "analytics_latency", c.Analytics),
		requested("export p95", "csv_export_latency", c.Exports),
		share("admin error rate", "error_rate{part:admin}", c.QueriesFailed, c.Queries),
		p.grown(depths),
		share("flush error rate", "cron_errors", c.FlushesFailed, c.Flushes),
		share("queue sample error rate", "error_rate{part:upstash}", c.SamplesFailed, c.Samples),
	}
}

func (c *Counts) redirected(name, metric string, percentile float64) reading {
	value := c.redirect().at(percentile)
	r := reading{name: name, metric: metric, unit: Latencies, part: worthPart, least: worthMs, value: &value}
	r.sure, r.enough = mean(c.batched(percentile))
	return r
}

// requested is the p95 of an admin's requests.
func requested(name, metric string, h histogram) reading {
	r := reading{name: name, metric: metric, unit: Latencies, part: worthPart, least: worthMs}
	if h.count() > 0 {
		value := h.at(95)
		r.value = &value
	}
	r.sure, r.enough = ranked(h, 95)
	return r
}

func share(name, metric string, some, all int64) reading {
	r := reading{name: name, metric: metric, unit: Shares, least: worthShare}
	if all > 0 {
		value := ratio(some, all)
		r.value, r.sure, r.enough = &value, counted(some, all), all >= fewestParts
	}
	return r
}

func (c *Counts) hits() reading {
	r := share("KV hit rate", "kv_hit_rate", c.Hits, c.Redirected)
	r.more = true
	return r
}

// achieved is as sure as the share of iterations that started: an arrival rate asks for them evenly.
func (p *Plateau) achieved() reading {
	started := counted(p.Counts.Iterations, p.Counts.Iterations+p.Dropped)
	sure := estimate{p.Achieved, started.variance * p.Offered * p.Offered, started.freedom}
	return reading{name: "achieved", unit: Rates, more: true, part: maxDropped, value: &p.Achieved, sure: sure, enough: true}
}

func (p *Plateau) notSent() reading {
	r := share("iterations dropped", "", p.Dropped, p.Dropped+p.Counts.Iterations)
	r.least = maxDropped
	return r
}

// grown is the queue's growth; below a tap a second it does not count as growing.
func (p *Plateau) grown(depths []Depth) reading {
	r := reading{name: "queue growth", unit: Rates, part: worthPart, least: 1, value: p.Growth}
	grown, _ := p.flushed(depths)
	r.sure, r.enough = mean(grown)
	return r
}

// drained is what flushes took from the queue where it grew.
func (r *Report) drained() reading {
	var all []float64
	for _, p := range r.valid() {
		if p.grows() {
			_, drained := p.flushed(r.Series.Depth)
			all = append(all, drained...)
		}
	}
	drain := reading{name: "drain", unit: Rates, more: true, part: worthPart, value: r.Queue.Drain}
	drain.sure, drain.enough = mean(all)
	return drain
}
