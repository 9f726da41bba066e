package lane

import (
	"context"
	"math/rand/v2"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
)

// Pacer makes N taps, each at its own time.
type Pacer struct {
	N      int
	Period time.Duration   // over which they are spread evenly
	First  time.Time       // when the first is due; zero means now
	Drawn  []time.Duration // when each is due, after First; nil for even spacing
}

// Poisson returns a pacer whose taps are due as in a Poisson process, n in a period on average: the gaps between them are exponentially
// distributed, so some periods have no tap.
func Poisson(random *rand.Rand, n int, period time.Duration) Pacer {
	p := Pacer{Period: period, Drawn: make([]time.Duration, 0, 2*n)}
	gap := func() time.Duration { return time.Duration(random.ExpFloat64() * float64(period) / float64(n)) }
	for at := gap(); at < period; at += gap() {
		p.Drawn = append(p.Drawn, at)
	}
	p.N = len(p.Drawn)
	return p
}

// Run starts each tap when it is due, on another connection if earlier taps are still under way, and passes on their results in between.
// next returns the tap that is due, and done receives a result; both are called on the caller's goroutine. When ctx is done or next fails,
// Run starts no more taps. It returns next's error once no tap is under way.
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
			i, stop = p.N, nil // those under way end with ctx too
		}
	}
	return failed
}

// offset returns when the i-th tap is due, after First.
func (p Pacer) offset(i int) time.Duration {
	if p.Drawn != nil {
		return p.Drawn[i]
	}
	return p.Period * time.Duration(i) / time.Duration(p.N)
}

// Period returns the current time between two iterations of an arrival-rate scenario, over all execution segments; 0 for other executors.
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

// lastPeriod caps the period of a falling rate, so that the last taps before 0 are not spread over minutes.
const lastPeriod = time.Second

// arrivalRate returns a scenario's rate in iterations per unit, after elapsed, and whether it is falling; 0 for executors without one.
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
