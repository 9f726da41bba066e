package capacity

import "time"

// batches is how many parts a plateau is cut into: how much they differ tells a change from noise.
const batches = 10

// Counts are what was seen in one plateau, or in a whole run. Those of several processes add up, but for the generator's
// clock: it is that of the process which was late most often.
type Counts struct {
	Iterations int64         `json:"iterations"` // that made taps
	Taps       int64         `json:"taps"`
	CutOff     int64         `json:"cut_off"` // begun, but the run ended before an answer: not among taps
	Redirected int64         `json:"redirected"`
	Hits       int64         `json:"kv_hits"`   // redirects that the Worker took from its KV
	Waited     time.Duration `json:"waited_ns"` // the latencies of all taps together

	Redirect [batches]histogram `json:"redirect_us"` // of each tenth of a plateau, in µs; of a run, the first is all
	Lag      histogram          `json:"generator_lag_us"`
	Late     int64              `json:"generator_late"` // beats of the generator's own clock that were too late

	Analytics     histogram `json:"analytics_us"`
	Exports       histogram `json:"exports_us"`
	Queries       int64     `json:"queries"` // analytics and exports
	QueriesFailed int64     `json:"queries_failed"`

	Samples       int64 `json:"queue_samples"`
	SamplesFailed int64 `json:"queue_samples_failed"`
	Flushes       int64 `json:"flushes"`
	FlushesFailed int64 `json:"flushes_failed"` // whole or in part
	Flushed       int64 `json:"flushed"`        // taps that flushes moved
}

// Empty tells whether the module has sent nothing in a scenario.
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
	if other.late(c) {
		c.Lag, c.Late = other.Lag, other.Late
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

// redirect is the histogram of all taps.
func (c *Counts) redirect() histogram {
	var all histogram
	for _, batch := range c.Redirect {
		all.merge(batch)
	}
	return all
}

// limited is the share of beats that the generator was too late for.
func (c *Counts) limited() float64 { return ratio(c.Late, c.Lag.count()) }

// late tells whether this generator was late more often than another, or when both were as often, later.
func (c *Counts) late(other *Counts) bool {
	if c.limited() != other.limited() {
		return c.limited() > other.limited()
	}
	return c.Lag.at(95) > other.Lag.at(95)
}

// figure is a metric's value, and the number of samples that it rests on.
func (c *Counts) figure(metric string) (value float64, samples int64) {
	taps, queries, depths := c.Taps-c.Redirected, c.QueriesFailed, c.SamplesFailed
	all := c.Taps + c.Queries + c.Samples
	switch metric {
	case "redirect_latency":
		return c.redirect().at(95), c.Taps
	case "analytics_latency":
		return c.Analytics.at(95), c.Analytics.count()
	case "csv_export_latency":
		return c.Exports.at(95), c.Exports.count()
	case "error_rate":
		return ratio(taps+queries+depths, all), all
	case "error_rate{part:worker}":
		return ratio(taps, c.Taps), c.Taps
	case "error_rate{part:admin}":
		return ratio(queries, c.Queries), c.Queries
	case "error_rate{part:upstash}":
		return ratio(depths, c.Samples), c.Samples
	case "kv_hit_rate":
		return ratio(c.Hits, c.Redirected), c.Redirected
	case "cron_errors":
		return ratio(c.FlushesFailed, c.Flushes), c.Flushes
	}
	return 0, 0 // a limit of something that is not recorded is not judged
}

func ratio(some, all int64) float64 {
	if all == 0 {
		return 0
	}
	return float64(some) / float64(all)
}
