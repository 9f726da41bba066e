package capacity

import "time"

// seen is a plateau of 100 s in a test: what was asked for, and what happened.
type seen struct {
	rate, achieved float64
	p95            float64 // ms; most taps take half of it
	failed, missed float64 // shares; what is missed is answered by the Hub
	fallback       float64 // share that leads to the fallback
	other          float64 // share that leads to neither
	again          float64 // share that is sent again
	untold         bool    // the answers do not tell where they come from
	dropped        float64 // share that flushes drop of what they take
	lost           float64 // share of redirected taps that is never received
	unread         bool    // nobody reads the system's counters
	late           float64 // share of the generator's beats that are late
	growth         float64 // of the queue, taps/s
	queries        int64
	query          float64 // ms
}

// all is the share of a process that runs alone.
var all = []Share{{"tappers", 1}}

// measured makes a run of plateaus.
func measured(plateaus ...seen) Measured { return recorded(plateaus...).Measured("0:1", all) }

// recorded returns the Recorder of such a run.
func recorded(plateaus ...seen) *Recorder {
	r := &Recorder{}
	var rates []float64
	for _, s := range plateaus {
		rates = append(rates, s.rate)
	}
	r.Schedule("tappers", holding(100*time.Second, rates...))
	ledger, unread := systemLedger{reading: Reading{Received: 1000, Flushed: 1000}}, false
	r.Baseline(began.Add(-time.Second), ledger.reading, ledger.reading, 3, 0)
	depth := 0.0
	for i, s := range plateaus {
		unread = unread || s.unread
		at := func(share float64) time.Time {
			return inPlateau(i, share)
		}
		s.tap(r, Tap{Scenario: "tappers", Start: began}, at)
		for n := range 100 {
			r.Lag(Lag{At: at(float64(n) / 100), Lag: time.Millisecond, Late: float64(n) < 100*s.late})
		}
		for n := range s.queries {
			r.Query(Query{
				Began: at(float64(n) / float64(s.queries)), Took: time.Duration(s.query * float64(time.Millisecond)), Queries: 1,
			})
		}
		for n := range 10 {
			depth += s.growth * 10
			taken := int64((s.achieved - s.growth) * 10)
			dropped := int64(s.dropped * float64(taken))
			r.Flush(Flush{
				Ended: at((float64(n) + 1) / 10), Answered: true, Flushed: taken - dropped, Dropped: dropped, Remaining: int64(depth),
			})
		}
		ledger.count(r.whole.Redirected, s, depth)
		r.read(inPlateau(i+1, 0), ledger.reading)
	}
	r.readings.Settled, r.readings.Flushing = true, false
	if unread {
		r.readings = Readings{}
	}
	return r
}

// systemLedger is what the system counts.
type systemLedger struct {
	reading    Reading
	redirected int64
}

// count counts what happened in a plateau, at whose end depth taps wait.
func (l *systemLedger) count(redirected int64, s seen, depth float64) {
	l.reading.Received += int64(float64(redirected-l.redirected) * (1 - s.lost))
	l.redirected = redirected
	l.reading.Waiting = int64(depth)
	l.reading.Dropped += int64(s.dropped * s.achieved * 100)
	l.reading.Flushed = l.reading.Received - l.reading.Dropped - l.reading.Waiting
}

// holding returns a schedule that jumps to each rate and holds it.
func holding(hold time.Duration, rates ...float64) Schedule {
	schedule := Schedule{}
	for _, rate := range rates {
		schedule = schedule.Then(rate, rate, hold)
	}
	return schedule
}

// nextIteration returns the number that k6 gives the next iteration of a tap's scenario.
func nextIteration(r *Recorder, t Tap) int64 {
	next := int64(0)
	for _, stage := range r.ramp(t).starts {
		next = max(next, stage.highest)
	}
	return next
}

var began = time.Unix(1_800_000_000, 0)

// inPlateau returns the time at which this share of the i-th plateau is over.
func inPlateau(i int, share float64) time.Time {
	return began.Add(time.Duration((float64(i) + share*0.999) * 100 * float64(time.Second)))
}

// tap makes a plateau's taps.
func (s seen) tap(r *Recorder, tap Tap, at func(share float64) time.Time) {
	taps, first := int(s.achieved*100), nextIteration(r, tap)
	for n := range taps {
		latency := s.p95 / 2
		if n%10 == 0 {
			latency = s.p95
		}
		tap, moment := tap, at(float64(n)/float64(taps))
		tap.Iteration = first + int64(n)
		tap.Latency = time.Duration(latency * float64(time.Millisecond))
		tap.Began, tap.Ended, tap.First = moment, moment.Add(tap.Latency), true
		s.lead(&tap, n)
		r.Tap(tap)
	}
}

// lead sets where the n-th tap leads.
func (s seen) lead(t *Tap, n int) {
	t.SourceKnown = !s.untold
	t.Repeats = int(oneIf(every(s.again, n)))
	switch {
	case every(s.failed, n):
		t.Failure = "tap: 503"
	case every(s.fallback, n):
		t.Host, t.Fallback, t.Failure = "sparkmotion.net", true, "tap: fallback"
	case every(s.other, n):
		t.Host, t.Redirected, t.FromKV = "another.example", true, true
	default:
		t.Host, t.Page, t.Redirected, t.FromKV = "compassion.com", true, true, !every(s.missed, n)
	}
}

// every picks an even share of the whole numbers.
func every(share float64, n int) bool { return int(share*float64(n+1)) > int(share*float64(n)) }

func judge(plateaus ...seen) *Report { return Judge(measured(plateaus...), Limits, nil) }

// changed returns a run after a change.
func changed(m Measured, change func(m *Measured)) Measured {
	change(&m)
	return m
}

// slow returns n exports of 20 s.
func slow(n int) (h histogram) {
	for range n {
		h.add(20 * time.Second)
	}
	return h
}
