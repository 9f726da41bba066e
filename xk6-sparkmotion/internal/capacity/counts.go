package capacity

// batches is how many parts a plateau is cut into: how much they differ tells a change from noise.
const batches = 10

// Counts are what was seen in one plateau, or in a whole run. Those of several processes add up, but for the lag probe's:
// they are those of the process which was late most often.
type Counts struct {
	Iterations int64   `json:"iterations"` // that made taps
	Taps       int64   `json:"taps"`
	CutOff     int64   `json:"cut_off"` // begun, but the run ended before an answer: not among taps
	Redirected int64   `json:"redirected"`
	Hits       int64   `json:"kv_hits"`        // redirects that the Worker took from its KV
	Waited     seconds `json:"waited_seconds"` // the latencies of all taps together

	Redirect [batches]histogram `json:"redirect_histograms"` // of each tenth of a plateau; of a run, the first is all
	Lag      histogram          `json:"generator_lag_histogram"`
	Late     int64              `json:"generator_late"` // looks of the lag probe that were too late

	Analytics     histogram `json:"analytics_histogram"`
	Exports       histogram `json:"exports_histogram"`
	Queries       int64     `json:"queries"` // analytics and exports
	QueriesFailed int64     `json:"queries_failed"`

	Samples       int64 `json:"queue_samples"`
	SamplesFailed int64 `json:"queue_samples_failed"`
	Flushes       int64 `json:"flushes"`
	FlushesFailed int64 `json:"flushes_failed"` // whole or in part
	Flushed       int64 `json:"flushed"`        // taps that flushes moved
}

// Empty reports whether the module has sent nothing in a scenario.
func (c *Counts) Empty() bool { return c.Iterations+c.Queries+c.Flushes+c.Samples == 0 }

// add adds what another process saw in the same time.
func (c *Counts) add(other Counts) {
	c.Iterations += other.Iterations
	c.Taps += other.Taps
	c.CutOff += other.CutOff
	c.Redirected += other.Redirected
	c.Hits += other.Hits
	c.Waited += other.Waited
	for i := range c.Redirect {
		c.Redirect[i].merge(other.Redirect[i])
	}
	if other.later(c) {
		c.Lag, c.Late = other.Lag.clone(), other.Late
	}
	c.Analytics.merge(other.Analytics)
	c.Exports.merge(other.Exports)
	c.Queries += other.Queries
	c.QueriesFailed += other.QueriesFailed
	c.Samples += other.Samples
	c.SamplesFailed += other.SamplesFailed
	c.Flushes += other.Flushes
	c.FlushesFailed += other.FlushesFailed
	c.Flushed += other.Flushed
}

// clone returns counts that share nothing with these.
func (c Counts) clone() Counts {
	for _, h := range c.histograms() {
		*h = h.clone()
	}
	return c
}

// histograms are all that there are.
func (c *Counts) histograms() []*histogram {
	all := []*histogram{&c.Lag, &c.Analytics, &c.Exports}
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
