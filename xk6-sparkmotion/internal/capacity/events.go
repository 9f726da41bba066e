package capacity

import (
	"cmp"
	"time"
)

// What happens in a run is a value, which a [Recorder] counts. What failed has a Failure, its kind in a few words: what it was and
// what came back, as "tap: 503" or "analytics.kpis: BAD_REQUEST". Kinds are few, whatever a system answers.

// Tap is one tap.
type Tap struct {
	Began, Ended   time.Time
	Latency        time.Duration
	Dialed         bool          // it was sent on a new connection,
	Connect        time.Duration // which took this long, with TLS
	Iteration      int64         // that made it, as k6 numbers those that its scenario starts in this process, from 0
	First          bool          // of its iteration
	Asked          int           // taps that its call asked for; 0 for one alone
	Later          bool          // that call has made another before it
	None           bool          // it stands for an iteration whose call asked for taps, none of which was due in it by chance: it is no tap
	Paced          bool          // it was due at a moment of its own,
	Delay          time.Duration // after which it started
	CutOff         bool          // the run ended before its answer
	Repeats        int           // how often it was sent again, as its connection ended without an answer
	Redirected     bool          // to where a band may lead: not to a fallback
	Failure        string        // when it was not
	Unanswered     bool          // no whole answer came, so that nobody knows whether it was recorded
	Host           string        // that its 302 leads to, lower case, without a default port; empty without one
	Page, Fallback bool          // what that host is
	SourceKnown    bool          // the answer tells whether it came from the KV or by the Hub
	FromKV         bool
	Direct         bool      // by the link that names the event, not by the organisation's subdomain
	Scenario       string    // that has the plateaus
	Start          time.Time // when that began; zero outside of one
}

// Query is one request of an admin.
type Query struct {
	Began           time.Time
	Took            time.Duration
	Export          bool
	Procedures      string   // that it asked for, with commas
	Queries, Failed int64    // several in a batch
	Failures        []string // of those that failed
	Empty           bool     // an export without a row
	Rows, Bytes     int64    // of an export
}

// Timed reports whether its latency is one that a limit speaks of: a refusal is quick, and so is an export of nothing.
func (q Query) Timed() bool { return q.Failed == 0 && !(q.Export && q.Empty) }

// Flush is one flush of the queue.
type Flush struct {
	Ended              time.Time
	Answered           bool  // with what it did; else nothing is known but that it failed
	Flushed, Remaining int64 // taps that it moved, and left
	Dropped            int64 // taps that it took off the queue and threw away, as their bands are not in the database
	Failed             bool  // in part
	Failure            string
}

// QueueSample is one look at the queue, and with it at the system's counters.
type QueueSample struct {
	At      time.Time
	Depth   int64
	Failed  bool // it could not be asked for its depth
	Failure string
	Reading *Reading // nil when it is another queue than the one that taps wait in
}

// Lag is one look of the lag probe.
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
