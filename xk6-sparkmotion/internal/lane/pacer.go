package lane

import (
	"context"
	"math/rand/v2"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
)

// Pacer makes n taps, each due at its own moment.
type Pacer struct {
	N      int
	Period time.Duration   // that they are spread over, evenly
	First  time.Time       // when the first is due; zero for at once
	Drawn  []time.Duration // when each is due, since the first would be; nil for evenly
}

// Poisson returns a pacer whose taps are due as a Poisson process has them, of n in a period on average: one after another in gaps that are
// exponentially distributed, so that some periods have none.
func Poisson(random *rand.Rand, n int, period time.Duration) Pacer {
	p := Pacer{Period: period, Drawn: make([]time.Duration, 0, 2*n)}
	gap := func() time.Duration { return time.Duration(random.ExpFloat64() * float64(period) / float64(n)) }
	for at := gap(); at < period; at += gap() {
		p.Drawn = append(p.Drawn, at)
	}
	p.N = len(p.Drawn)
	return p
}

// Run starts each tap when it is due, on a connection of its own when those before it are still under way, and hands on their
// results in between. next makes the tap that is due, and done takes what came of one, both on the caller's goroutine. It
// ends with ctx, or with the first error of next, when no tap is under way any more.
func (p Pacer) Run(ctx context.Context, state *lib.State, target *Target, next func() (Request, error), done func(Result)) error {
	type outcome struct {
		conn   *conn
		result Result
	}
	ended := make(chan outcome, min(p.N, 8))
	start := p.First
	if start.IsZero() {
		start = time.Now()
	}
	if p.N == 0 {
		return nil
	}
	due := newAlarm(start.Add(p.offset(0)))
	defer due.stop()
	stop := ctx.Done()
	var failed error
	open := 0
	for i := 0; i < p.N || open > 0; {
		select {
		case <-due.timer.C:
			r, err := next()
			if err != nil {
				failed, i = err, p.N
				continue
			}
			r.Due = start.Add(p.offset(i))
			c := target.idle.take(target)
			c.prepare(r)
			go func() { ended <- outcome{c, c.send(ctx, state)} }()
			open++
			if i++; i < p.N {
				due.set(start.Add(p.offset(i)))
			}
		case o := <-ended:
			done(o.result)
			target.idle.put(o.conn, &o.result)
			open--
		case <-stop:
			due.timer.Stop()
			i, stop = p.N, nil // those under way end with ctx as well
		}
	}
	return failed
}

// offset is when the i-th tap is due, since the first would be.
func (p Pacer) offset(i int) time.Duration {
	if p.Drawn != nil {
		return p.Drawn[i]
	}
	return p.Period * time.Duration(i) / time.Duration(p.N)
}

// Period returns the time between two iterations of an arrival-rate scenario now, over all execution segments; 0 in others.
func Period(ctx context.Context, options *lib.Options) time.Duration {
	scenario := lib.GetScenarioState(ctx)
	if scenario == nil {
		return 0
	}
	perUnit, unit, falls := arrivalRate(options.Scenarios[scenario.Name], time.Since(scenario.StartTime))
	if perUnit <= 0 {
		return 0
	}
	period := time.Duration(float64(unit) / perUnit)
	if falls {
		return min(period, lastPeriod)
	}
	return period
}

// lastPeriod keeps the last taps of a fall to 0 from being spread over minutes.
const lastPeriod = time.Second

// arrivalRate is a scenario's rate of iterations in a unit of time, after elapsed, and whether it falls then; 0 for executors without one.
func arrivalRate(config lib.ExecutorConfig, elapsed time.Duration) (rate float64, unit time.Duration, falls bool) {
	switch c := config.(type) {
	case *executor.ConstantArrivalRateConfig:
		return float64(c.Rate.Int64), c.TimeUnit.TimeDuration(), false
	case *executor.RampingArrivalRateConfig:
		rate, falls := rampedRate(c, elapsed)
		return rate, c.TimeUnit.TimeDuration(), falls
	}
	return 0, time.Second, false
}

// rampedRate interpolates between a stage's ends, as the executor does.
func rampedRate(c *executor.RampingArrivalRateConfig, elapsed time.Duration) (rate float64, falls bool) {
	rate = float64(c.StartRate.Int64)
	for _, stage := range c.Stages {
		target, d := float64(stage.Target.Int64), stage.Duration.TimeDuration()
		if elapsed < d {
			return rate + (target-rate)*float64(elapsed)/float64(d), target < rate
		}
		rate, elapsed = target, elapsed-d
	}
	return rate, false
}
