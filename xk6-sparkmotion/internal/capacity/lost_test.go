package capacity

import "time"

// lostRuns are runs that answered with redirects but lost taps, or whose answers tell too little.
func lostRuns() []judgedRun {
	leads := func(change func(s *seen)) Measured {
		s := seen{rate: 100, achieved: 100, p95: 5}
		change(&s)
		return measured(calm50, s)
	}
	asked := func(change func(r *Recorder, at time.Time)) Measured {
		r := &Recorder{}
		for n := range 48 {
			change(r, time.Unix(1_800_000_000, 0).Add(time.Duration(n)*time.Second))
		}
		return r.Measured("0:1", all)
	}
	worker := errorsOf(0.01)[:1]
	return []judgedRun{
		{name: "fallbacks", run: leads(func(s *seen) { s.fallback = 0.12 }), status: Fail, sustained: 50, breach: failed},
		{name: "nothing but fallbacks", run: measured(seen{rate: 100, achieved: 100, p95: 5, fallback: 1}), status: Fail, breach: failed},
		{name: "hosts that are neither", run: leads(func(s *seen) { s.other = 0.12 }), status: Warn, sustained: 100},
		{name: "few hosts that are neither", run: leads(func(s *seen) { s.other = 0.01 }), status: Pass, sustained: 100},
		{name: "taps sent again", run: leads(func(s *seen) { s.again = 0.049 }), status: Warn, sustained: 100},
		{name: "few taps sent again", run: leads(func(s *seen) { s.again = 0.0001 }), status: Pass, sustained: 100},
		{
			name: "fallbacks without plateaus", status: Fail,
			run: changed(Measured{}, func(m *Measured) {
				m.Whole = measured(seen{rate: 10, achieved: 10, p95: 5, fallback: 0.5}).Whole
				m.Whole.Redirects.Fallback.add("sparkmotion.io", 7)
			}),
		},
		{name: "sources untold", run: measured(seen{rate: 50, achieved: 50, p95: 5, untold: true, missed: 0.5}), status: Pass, sustained: 50},
		{name: "untold, and no limit of it", run: measured(seen{rate: 50, achieved: 50, p95: 5, untold: true}), limits: worker, status: Pass, sustained: 50},
		{name: "taps lost", run: leads(func(s *seen) { s.lost = 0.29 }), status: Fail, sustained: 50, breach: "taps_lost"},
		{name: "few taps lost", run: leads(func(s *seen) { s.lost = 0.004 }), status: Warn, sustained: 50, breach: "taps_lost"},
		{name: "hardly a tap lost", run: leads(func(s *seen) { s.lost = 0.0005 }), status: Pass, sustained: 100},
		{
			name: "lost, then not", status: Fail, breach: "taps_lost",
			run: measured(seen{rate: 50, achieved: 50, p95: 5, lost: 0.5}, calm100),
		},
		{name: "nothing recorded", run: measured(seen{rate: 100, achieved: 30, p95: 5, lost: 1}), status: Fail, breach: "taps_lost"},
		{name: "nobody reads", run: leads(func(s *seen) { s.unread = true }), status: Pass, sustained: 100},
		{name: "not reconciled", run: changed(leads(func(*seen) {}), func(m *Measured) { m.Readings.Settled = false }), status: Pass, sustained: 100},
		{name: "others tap too", run: others(500, 500), status: Pass, sustained: 100},
		{name: "others tap too, and taps are lost", run: others(500, -700), status: Fail, sustained: 50, breach: "taps_lost"},
		{name: "Redis lost all that it held", run: crashed(), status: Fail, breach: "taps_lost"},
		{
			name: "a batch written twice", status: Pass, sustained: 100,
			run: changed(leads(func(*seen) {}), func(m *Measured) { m.Readings.Course[2].Flushed += 5000 }),
		},
		{
			name: "a flush under way", status: Pass, sustained: 100,
			run: changed(leads(func(*seen) {}), func(m *Measured) { m.Readings.Course[2].Flushed -= 2500; m.Readings.Flushing = true }),
		},
		{
			name: "a batch that nobody has", status: Fail, sustained: 50, breach: "taps_lost",
			run: changed(leads(func(*seen) {}), func(m *Measured) { m.Readings.Course[2].Flushed -= 2500 }),
		},
		{name: "taps dropped", run: leads(func(s *seen) { s.dropped = 0.004 }), status: Warn, sustained: 50, breach: "cron_drop_rate"},
		{name: "many taps dropped", run: leads(func(s *seen) { s.dropped = 0.03 }), status: Fail, sustained: 50, breach: "cron_drop_rate"},
		{
			name: "batches that fail", status: Fail,
			run: asked(func(r *Recorder, at time.Time) {
				r.Flush(Flush{Ended: at, Answered: true, Failed: at.Second()%4 == 0, Flushed: 5, Remaining: 5000})
			}),
		},
		{
			name: "exports", status: Pass,
			run: asked(func(r *Recorder, at time.Time) {
				q := Query{Began: at, Took: time.Second, Export: true, Queries: 1, Rows: 4120, Bytes: 1_100_000}
				if at.Second()%16 == 0 {
					q.Rows, q.Bytes, q.Empty = 0, 0, true
				}
				r.Query(q)
			}),
		},
	}
}

// others are runs in which the system received more or fewer taps than we made, in each of two plateaus.
func others(first, second int64) Measured {
	return changed(measured(calm50, calm100), func(m *Measured) {
		for i, n := range []int64{0, first, first + second} {
			m.Readings.Course[i].Received += n
			m.Readings.Course[i].Flushed += n
		}
	})
}

// crashed is a run whose Redis restarts in the second plateau: 400 waiting taps are gone.
func crashed() Measured {
	r := &Recorder{}
	r.Schedule("tappers", holding(100*time.Second, 100))
	first := Reading{Received: 1000, Flushed: 900, Waiting: 100}
	r.Baseline(began.Add(-time.Second), first, first, 0, 0)
	at := func(share float64) time.Time { return inPlateau(0, share) }
	calm100.tap(r, Tap{Scenario: "tappers", Start: began}, at)
	r.read(at(0.5), Reading{Received: 6000, Flushed: 5600, Waiting: 400})
	r.Settle(at(1), Reading{Asked: at(0.99), Received: 5000, Flushed: 4000, Waiting: 1000}, true, false)
	return r.Measured("0:1", all)
}
