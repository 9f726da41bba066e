package capacity

import (
	"cmp"
	"time"
)

// An event of a run is a value, which a [Recorder] counts. A failed one has a Failure, its kind in a few words: what it was and what came
// back, such as "tap: 503" or "analytics.kpis: BAD_REQUEST". There are few kinds, whatever a system answers.

// Tap is one tap.
type Tap struct {
	Began, Ended   time.Time
	Latency        time.Duration
	Dialed         bool          // it was sent on a new connection,
	Connect        time.Duration // which took this long, with TLS
	Iteration      int64         // number of its iteration among those that k6 starts for its scenario in this process, from 0
	First          bool          // first tap of its iteration
	Asked          int           // taps that its call asked for; 0 for a single one
	Later          bool          // its call has made another before it
	None           bool          // no tap: stands for an iteration whose call asked for taps, none of which happened to be due
	Paced          bool          // it was due at a time of its own,
	Delay          time.Duration // and started this much later
	CutOff         bool          // the run ended before the answer
	Repeats        int           // how often it was sent again because its connection ended without an answer
	Redirected     bool          // to a page that a band may have, not to a fallback
	Failure        string        // kind of failure, if it was not redirected
	Unanswered     bool          // there was no complete answer, so nobody knows whether it was recorded
	Host           string        // host that its 302 leads to, in lower case, without a default port; empty if there is none
	Page, Fallback bool          // what that host is
	SourceKnown    bool          // the answer tells whether it came from the KV or the Hub
	FromKV         bool
	Direct         bool      // by the link that names the event, not the organisation's subdomain
	Scenario       string    // its scenario, if that has plateaus
	Start          time.Time // when that began; zero without one
}

// Query is one request of an admin.
type Query struct {
	Began           time.Time
	Took            time.Duration
	Export          bool
	Procedures      string   // separated by commas
	Queries, Failed int64    // several in a batch
	Failures        []string // kinds of those that failed
	Empty           bool     // an export without a row
	Rows, Bytes     int64    // of an export
}

// Timed reports whether limits apply to its latency: a refusal is quick, and so is an empty export.
func (q Query) Timed() bool { return q.Failed == 0 && !(q.Export && q.Empty) }

// Flush is one flush of the queue.
type Flush struct {
	Ended              time.Time
	Answered           bool  // with what it did; otherwise only its failure is known
	Flushed, Remaining int64 // taps that it moved, and left
	Dropped            int64 // taps that it took off the queue and threw away because their bands are not in the database
	Failed             bool  // in part
	Failure            string
}

// QueueSample is one look at the queue, together with the system's counters.
type QueueSample struct {
	At      time.Time
	Depth   int64
	Failed  bool // its depth could not be read
	Failure string
	Reading *Reading // nil if taps wait in another queue
}

// Lag is one beat of the lag probe.
type Lag struct {
	At   time.Time
	Lag  time.Duration
	Late bool // too late for figures to be the system's
}

func (t Tap) count(c *Counts, batch int) {
	c.Iterations += oneIf(t.First)
	if !t.Later {
		c.Asked += int64(max(1, t.Asked))
	}
	if t.None {
		return
	}
	if t.Paced {
		c.Delay.add(t.Delay)
	}
	if t.CutOff {
		c.CutOff++
		return
	}
	c.Taps++
	c.Repeated += oneIf(t.Repeats > 0)
	c.Redirects.add(&t)
	if t.Redirected {
		c.Redirected++
		c.Told += oneIf(t.SourceKnown)
		c.Hits += oneIf(t.SourceKnown && t.FromKV)
	} else {
		c.Failures.add(cmp.Or(t.Failure, "tap"), 1)
	}
	c.Unanswered += oneIf(t.Unanswered)
	c.Waited += seconds(t.Latency)
	c.Redirect[batch].add(t.Latency)
	if t.Dialed {
		c.Connect.add(t.Connect)
	}
}

func (q Query) count(c *Counts, _ int) {
	c.Queries += q.Queries
	c.QueriesFailed += q.Failed
	for _, failure := range q.Failures {
		c.Failures.add(failure, 1)
	}
	c.Failures.add("query", q.Failed-int64(len(q.Failures)))
	if q.Timed() && q.Procedures != "" {
		c.Procedures.of(q.Procedures).add(q.Took)
	}
	switch {
	case q.Export && q.Timed():
		c.Exports.add(q.Took)
		c.ExportRows += q.Rows
		c.ExportBytes += q.Bytes
	case q.Timed():
		c.Analytics.add(q.Took)
	default:
		c.ExportsEmpty += oneIf(q.Failed == 0)
	}
}

func (f Flush) count(c *Counts, _ int) {
	c.Flushes++
	c.Flushed += f.Flushed
	c.FlushDropped += f.Dropped
	switch {
	case !f.Answered:
		c.FlushesFailed++
		c.Failures.add(cmp.Or(f.Failure, "flush"), 1)
	case f.Failed:
		c.FlushesFailed++
		c.FlushesPartly++
		c.Failures.add(cmp.Or(f.Failure, "flush: failed batches"), 1)
	}
}

func (s QueueSample) count(c *Counts, _ int) {
	c.Samples++
	if s.Failed {
		c.SamplesFailed++
		c.Failures.add(cmp.Or(s.Failure, "queue sample"), 1)
	}
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
