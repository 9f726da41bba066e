package capacity

import (
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// seen is a plateau of 100 s in a test: what was asked for, and what came.
type seen struct {
	rate, achieved float64
	p95            float64 // ms; most taps take half of it
	failed, missed float64 // shares
	late           float64 // share of the generator's beats
	growth         float64 // of the queue, taps/s
	queries        int64
	query          float64 // ms
}

// measured makes a run of plateaus.
func measured(plateaus ...seen) Measured {
	r := &Recorder{}
	began := time.Unix(1_800_000_000, 0)
	schedule := Schedule{Hold: 100 * time.Second}
	for _, s := range plateaus {
		schedule.Rates, schedule.Names = append(schedule.Rates, s.rate), append(schedule.Names, units.Rate(s.rate))
	}
	r.Schedule(schedule)
	depth := 0.0
	for i, s := range plateaus {
		at := func(share float64) time.Time {
			return began.Add(time.Duration((float64(i) + share*0.999) * 100 * float64(time.Second)))
		}
		taps := int(s.achieved * 100)
		for n := range taps {
			share := float64(n) / float64(taps)
			latency := s.p95 / 2
			if n%10 == 0 {
				latency = s.p95
			}
			took := time.Duration(latency * float64(time.Millisecond))
			ok := !every(s.failed, n)
			r.Tap(Tap{
				Began: at(share), Ended: at(share).Add(took), Latency: took, First: true, Scenario: began,
				Redirected: ok, FromKV: ok && !every(s.missed, n),
			})
		}
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
			r.Flush(Flush{
				Ended: at((float64(n) + 1) / 10), Answered: true, Flushed: int64((s.achieved - s.growth) * 10), Remaining: int64(depth),
			})
		}
	}
	return r.Measured("0:1", 1)
}

// every picks a share of whole numbers, evenly.
func every(share float64, n int) bool { return int(share*float64(n+1)) > int(share*float64(n)) }

func judge(plateaus ...seen) *Report { return Judge(measured(plateaus...), Limits, nil) }

// changed is a run after a change.
func changed(m Measured, change func(m *Measured)) Measured {
	change(&m)
	return m
}

// slow are exports of 20 s.
func slow(n int) (h histogram) {
	for range n {
		h.add(20 * time.Second)
	}
	return h
}
