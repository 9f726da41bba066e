package sparkmotion

import (
	"errors"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
)

// taps makes n taps in one iteration and returns how many were redirected. In an arrival-rate scenario they are spread
// over the time that the iteration stands for, 1/rate, each due at its own moment whatever became of those before it,
// on a connection of its own when one is still under way; their redirect_latency counts from when they were due. In
// other scenarios they follow one another.
func (m *module) taps(call sobek.FunctionCall) sobek.Value {
	n := call.Argument(0).ToInteger()
	if n < 1 || n > maxTaps {
		m.throw(errors.New("taps: the first argument is how many, 1 to 1000"))
	}
	p, band, err := m.tapPlan("taps", call.Argument(1))
	if err != nil {
		m.throw(err)
	}
	b := &burst{m: m, plan: p, band: band, n: int(n), period: m.period()}
	run := b.pace
	m.tapper.burst = 1
	if b.period == 0 {
		run, m.tapper.burst = b.follow, min(b.n, maxBurst)
	}
	err = run()
	m.push()
	if err != nil {
		m.throw(in("taps", err))
	}
	return m.vu.Runtime().ToValue(b.redirected)
}

// maxTaps bounds the connections that a VU may hold.
const maxTaps = 1000

// maxBurst is how many taps that follow one another are pushed at once: k6 wakes an output for each push.
const maxBurst = 10

// burst is one call of taps.
type burst struct {
	m          *module
	plan       *tapPlan
	band       string
	n          int
	period     time.Duration // that the iteration stands for
	redirected int
}

// follow makes the taps one after another.
func (b *burst) follow() error {
	for range b.n {
		redirected, err := b.m.tapOnce(b.plan, b.band)
		if err != nil {
			return err
		}
		if redirected {
			b.redirected++
		}
		if len(b.m.tapper.samples) > samplesATap*(maxBurst-1) {
			b.m.push()
		}
		if b.m.context().Err() != nil {
			return nil
		}
	}
	return nil
}

// pace starts each tap when it is due, and collects those that are done in between. The lines send on goroutines of
// their own; all else stays on the VU's.
func (b *burst) pace() error {
	ctx, state := b.m.context(), b.m.vu.State()
	done := make(chan *line, b.n)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := ctx.Done()
	var failed error
	open := 0
	for next := 0; next < b.n || open > 0; {
		select {
		case <-timer.C:
			l := b.plan.take()
			if failed = b.m.prepare(l, b.band); failed != nil {
				b.plan.put(l)
				next = b.n
				continue
			}
			l.due = start.Add(b.offset(next))
			go func() { l.send(ctx, state); done <- l }()
			open++
			if next++; next < b.n {
				timer.Reset(time.Until(start.Add(b.offset(next))))
			}
		case l := <-done:
			if b.m.finish(l) {
				b.redirected++
			}
			b.m.push()
			b.plan.put(l)
			open--
		case <-stop:
			timer.Stop()
			next, stop = b.n, nil // those under way end with ctx as well
		}
	}
	return failed
}

// offset is when the i-th tap is due, since the first.
func (b *burst) offset(i int) time.Duration { return b.period * time.Duration(i) / time.Duration(b.n) }

// period is the time between two iterations of an arrival-rate scenario now, over all execution segments; 0 in others.
func (m *module) period() time.Duration {
	scenario := lib.GetScenarioState(m.context())
	if scenario == nil {
		return 0
	}
	perUnit, unit := arrivalRate(m.vu.State().Options.Scenarios[scenario.Name], time.Since(scenario.StartTime))
	if perUnit <= 0 {
		return 0
	}
	return min(time.Duration(float64(unit)/perUnit), maxPeriod)
}

// maxPeriod keeps the last taps of a fall to 0 from being spread over minutes.
const maxPeriod = time.Second

// arrivalRate is a scenario's rate of iterations in a unit of time, after elapsed; 0 for executors without one.
func arrivalRate(config lib.ExecutorConfig, elapsed time.Duration) (float64, time.Duration) {
	switch c := config.(type) {
	case *executor.ConstantArrivalRateConfig:
		return float64(c.Rate.Int64), c.TimeUnit.TimeDuration()
	case *executor.RampingArrivalRateConfig:
		return rampedRate(c, elapsed), c.TimeUnit.TimeDuration()
	}
	return 0, time.Second
}

// rampedRate interpolates between a stage's ends, as the executor does.
func rampedRate(c *executor.RampingArrivalRateConfig, elapsed time.Duration) float64 {
	rate := float64(c.StartRate.Int64)
	for _, stage := range c.Stages {
		target, d := float64(stage.Target.Int64), stage.Duration.TimeDuration()
		if elapsed < d {
			return rate + (target-rate)*float64(elapsed)/float64(d)
		}
		rate, elapsed = target, elapsed-d
	}
	return rate
}
