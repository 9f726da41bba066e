package capacity

import "maps"

// batches is the number of parts that a plateau is cut into: how much they differ tells a change from noise.
const batches = 10

// Counts is what was seen in one plateau, or in a whole run. Counts of several processes add up, except for those of the lag probe and of
// late starts: these come from the process that was late most often.
type Counts struct {
	Iterations int64   `json:"iterations"` // that made taps, or asked for some of which none was due
	Asked      int64   `json:"asked"`      // taps that these iterations asked for
	Taps       int64   `json:"taps"`
	CutOff     int64   `json:"cut_off"`        // begun, but the run ended before the answer: not among taps
	Repeated   int64   `json:"repeated"`       // sent again because their connection ended without an answer
	Redirected int64   `json:"redirected"`     // to a page that a band may have, not to a fallback
	Unanswered int64   `json:"unanswered"`     // failed without a complete answer: nobody knows whether they were recorded
	Told       int64   `json:"kv_told"`        // redirected taps whose answer tells whether it came from the KV
	Hits       int64   `json:"kv_hits"`        // those of them that came from it
	Waited     seconds `json:"waited_seconds"` // sum of the latencies of all taps

	Redirects Redirects `json:"redirects"`

	Redirect [batches]histogram `json:"redirect_histograms"` // by tenth of a plateau; a run has all in the first
	Connect  histogram          `json:"connect_histogram"`   // of new connections, with TLS
	Lag      histogram          `json:"generator_lag_histogram"`
	Late     int64              `json:"generator_late"`        // beats of the lag probe that were too late
	Delay    histogram          `json:"start_delay_histogram"` // how late taps started that had due times of their own

	Analytics     histogram `json:"analytics_histogram"` // accepted answers
	Exports       histogram `json:"exports_histogram"`   // accepted answers with rows
	ExportsEmpty  int64     `json:"exports_empty"`       // accepted answers without rows
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

	Procedures histograms `json:"procedure_histograms,omitempty"` // the same answers by procedure, or by all procedures of a batch together

	Failures Tally `json:"failures"` // everything that failed, by what it was and what came back
}

// exports returns how many exports were accepted.
func (c *Counts) exports() int64 { return c.Exports.count() + c.ExportsEmpty }

// drained returns how many taps flushes took off the queue.
func (c *Counts) drained() int64 { return c.Flushed + c.FlushDropped }

// Empty reports whether the module has sent nothing in a scenario.
func (c *Counts) Empty() bool { return c.Iterations+c.Queries+c.Flushes+c.Samples == 0 }

// add adds what another process saw in the same period.
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

// tallies returns all tallies.
func (c *Counts) tallies() []*Tally {
	return []*Tally{&c.Redirects.Page, &c.Redirects.Fallback, &c.Redirects.Other, &c.Failures}
}

// histograms returns all histograms, except those by procedure.
func (c *Counts) histograms() []*histogram {
	all := []*histogram{&c.Connect, &c.Lag, &c.Delay, &c.Analytics, &c.Exports}
	for i := range c.Redirect {
		all = append(all, &c.Redirect[i])
	}
	return all
}

// redirect returns the histogram of all taps.
func (c *Counts) redirect() histogram {
	var all histogram
	for _, batch := range c.Redirect {
		all.merge(batch)
	}
	return all
}

// limited returns the share of the lag probe's beats that were too late.
func (c *Counts) limited() float64 { return ratio(c.Late, c.Lag.count()) }

// later reports whether this generator was late more often than another, or equally often but by more.
func (c *Counts) later(other *Counts) bool {
	if c.limited() != other.limited() {
		return c.limited() > other.limited()
	}
	return c.Lag.at(95) > other.Lag.at(95)
}
