package capacity

import "maps"

// batches is how many parts a plateau is cut into: how much they differ tells a change from noise.
const batches = 10

// Counts are what was seen in one plateau, or in a whole run. Those of several processes add up, but for the lag probe's
// and how late taps started: they are those of the process which was late most often.
type Counts struct {
	Iterations int64   `json:"iterations"` // that made taps, or drew none of those that they asked for
	Asked      int64   `json:"asked"`      // taps that these asked for
	Taps       int64   `json:"taps"`
	CutOff     int64   `json:"cut_off"`        // begun, but the run ended before an answer: not among taps
	Repeated   int64   `json:"repeated"`       // sent again, as their connection ended without an answer
	Redirected int64   `json:"redirected"`     // to where a band may lead: not to a fallback
	Unanswered int64   `json:"unanswered"`     // failed without a whole answer: nobody knows whether they were recorded
	Told       int64   `json:"kv_told"`        // of those, the ones whose answer tells whether it came from the KV
	Hits       int64   `json:"kv_hits"`        // of those, the ones that did
	Waited     seconds `json:"waited_seconds"` // the latencies of all taps together

	Redirects Redirects `json:"redirects"`

	Redirect [batches]histogram `json:"redirect_histograms"` // of each tenth of a plateau; of a run, the first is all
	Connect  histogram          `json:"connect_histogram"`   // of new connections, with TLS
	Lag      histogram          `json:"generator_lag_histogram"`
	Late     int64              `json:"generator_late"`        // looks of the lag probe that were too late
	Delay    histogram          `json:"start_delay_histogram"` // how long after they were due taps started that were due at a moment of their own

	Analytics     histogram `json:"analytics_histogram"` // of answers that were accepted
	Exports       histogram `json:"exports_histogram"`   // of those that had rows
	ExportsEmpty  int64     `json:"exports_empty"`       // that were accepted and had none
	ExportRows    int64     `json:"export_rows"`
	ExportBytes   int64     `json:"export_bytes"`
	Queries       int64     `json:"queries"` // analytics and exports
	QueriesFailed int64     `json:"queries_failed"`

	Samples       int64 `json:"queue_samples"`
	SamplesFailed int64 `json:"queue_samples_failed"`
	Flushes       int64 `json:"flushes"`
	FlushesFailed int64 `json:"flushes_failed"` // whole or in part
	FlushesPartly int64 `json:"flushes_failed_in_part"`
	Flushed       int64 `json:"flushed"`       // taps that flushes moved
	FlushDropped  int64 `json:"flush_dropped"` // taps that flushes took off the queue and threw away

	Procedures histograms `json:"procedure_histograms,omitempty"` // of the same answers, by procedure, or by those of a batch together

	Failures Tally `json:"failures"` // all that failed, by what it was and what came back
}

// exports is how many exports were accepted.
func (c *Counts) exports() int64 { return c.Exports.count() + c.ExportsEmpty }

// drained is how many taps flushes took off the queue.
func (c *Counts) drained() int64 { return c.Flushed + c.FlushDropped }

// Empty reports whether the module has sent nothing in a scenario.
func (c *Counts) Empty() bool { return c.Iterations+c.Queries+c.Flushes+c.Samples == 0 }

// add adds what another process saw in the same time.
func (c *Counts) add(other Counts) {
	c.Iterations += other.Iterations
	c.Asked += other.Asked
	c.Taps += other.Taps
	c.CutOff += other.CutOff
	c.Repeated += other.Repeated
	c.Redirected += other.Redirected
	c.Unanswered += other.Unanswered
	c.Told += other.Told
	c.Hits += other.Hits
	c.Waited += other.Waited
	for i := range c.Redirect {
		c.Redirect[i].merge(other.Redirect[i])
	}
	for i, tally := range c.tallies() {
		tally.merge(*other.tallies()[i])
	}
	c.Connect.merge(other.Connect)
	if other.later(c) {
		c.Lag, c.Late = other.Lag.clone(), other.Late
	}
	if other.Delay.at(95) > c.Delay.at(95) || c.Delay.count() == 0 {
		c.Delay = other.Delay.clone()
	}
	c.Analytics.merge(other.Analytics)
	c.Exports.merge(other.Exports)
	c.Procedures.merge(other.Procedures)
	c.ExportsEmpty += other.ExportsEmpty
	c.ExportRows += other.ExportRows
	c.ExportBytes += other.ExportBytes
	c.Queries += other.Queries
	c.QueriesFailed += other.QueriesFailed
	c.Samples += other.Samples
	c.SamplesFailed += other.SamplesFailed
	c.Flushes += other.Flushes
	c.FlushesFailed += other.FlushesFailed
	c.FlushesPartly += other.FlushesPartly
	c.Flushed += other.Flushed
	c.FlushDropped += other.FlushDropped
}

// clone returns counts that share nothing with these.
func (c Counts) clone() Counts {
	for _, h := range c.histograms() {
		*h = h.clone()
	}
	for _, t := range c.tallies() {
		*t = maps.Clone(*t)
	}
	c.Procedures = c.Procedures.clone()
	return c
}

// tallies are all that there are.
func (c *Counts) tallies() []*Tally {
	return []*Tally{&c.Redirects.Page, &c.Redirects.Fallback, &c.Redirects.Other, &c.Failures}
}

// histograms are all that there are.
func (c *Counts) histograms() []*histogram {
	all := []*histogram{&c.Connect, &c.Lag, &c.Delay, &c.Analytics, &c.Exports}
	for i := range c.Redirect {
		all = append(all, &c.Redirect[i])
	}
	return all
}

// redirect is the histogram of all taps.
func (c *Counts) redirect() histogram {
	var all histogram
	for _, batch := range c.Redirect {
		all.merge(batch)
	}
	return all
}

// limited is the share of the lag probe's looks that were too late.
func (c *Counts) limited() float64 { return ratio(c.Late, c.Lag.count()) }

// later reports whether this generator was late more often than another, or when both were as often, later.
func (c *Counts) later(other *Counts) bool {
	if c.limited() != other.limited() {
		return c.limited() > other.limited()
	}
	return c.Lag.at(95) > other.Lag.at(95)
}
