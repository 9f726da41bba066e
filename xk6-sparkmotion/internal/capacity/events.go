package capacity

import "time"

// What happens in a run is a value, which a [Recorder] counts.

// Tap is one tap.
type Tap struct {
	Began, Ended       time.Time
	Latency            time.Duration
	First              bool // of its iteration
	CutOff             bool // the run ended before its answer
	Redirected, FromKV bool
	Scenario           time.Time // when the scenario with the plateaus began; zero outside of it
}

// Query is one request of an admin.
type Query struct {
	Began           time.Time
	Took            time.Duration
	Export          bool
	Queries, Failed int64 // several in a batch
}

// Flush is one flush of the queue.
type Flush struct {
	Ended              time.Time
	Answered           bool  // with what it did; else nothing is known but that it failed
	Flushed, Remaining int64 // taps that it moved, and left
	Failed             bool  // in part
}

// QueueSample is one look at the queue.
type QueueSample struct {
	At     time.Time
	Depth  int64
	Failed bool // it could not be asked for its depth
}

// Lag is one look of the lag probe.
type Lag struct {
	At   time.Time
	Lag  time.Duration
	Late bool // too late for figures to be the system's
}

func (t Tap) count(c *Counts, batch int) {
	c.Iterations += oneIf(t.First)
	if t.CutOff {
		c.CutOff++
		return
	}
	c.Taps++
	c.Redirected += oneIf(t.Redirected)
	c.Hits += oneIf(t.FromKV)
	c.Waited += seconds(t.Latency)
	c.Redirect[batch].add(t.Latency)
}

func (q Query) count(c *Counts, _ int) {
	c.Queries += q.Queries
	c.QueriesFailed += q.Failed
	if q.Export {
		c.Exports.add(q.Took)
	} else {
		c.Analytics.add(q.Took)
	}
}

func (f Flush) count(c *Counts, _ int) {
	c.Flushes++
	c.FlushesFailed += oneIf(f.Failed || !f.Answered)
	c.Flushed += f.Flushed
}

func (s QueueSample) count(c *Counts, _ int) {
	c.Samples++
	c.SamplesFailed += oneIf(s.Failed)
}

func (l Lag) count(c *Counts, _ int) {
	c.Lag.add(l.Lag)
	c.Late += oneIf(l.Late)
}

func oneIf(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
