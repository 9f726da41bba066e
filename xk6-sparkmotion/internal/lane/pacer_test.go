package lane

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	"go.k6.io/k6/v2/lib/types"
	"gopkg.in/guregu/null.v3"
)

// thirtyAMinute is a scenario with a constant arrival rate.
func thirtyAMinute() *executor.ConstantArrivalRateConfig {
	c := executor.NewConstantArrivalRateConfig("c")
	c.Rate = null.IntFrom(30)
	c.TimeUnit = types.NullDurationFrom(time.Minute)
	return c
}

func TestArrivalRate(t *testing.T) {
	t.Parallel()
	constant := thirtyAMinute()
	ramping := executor.NewRampingArrivalRateConfig("r")
	ramping.StartRate = null.IntFrom(100)
	for _, stage := range []struct {
		seconds time.Duration
		target  int64
	}{{10, 100}, {0, 200}, {10, 200}, {10, 0}} {
		ramping.Stages = append(ramping.Stages, executor.Stage{
			Duration: types.NullDurationFrom(stage.seconds * time.Second), Target: null.IntFrom(stage.target),
		})
	}
	for _, one := range []struct {
		config  lib.ExecutorConfig
		elapsed time.Duration
		want    float64
		unit    time.Duration
		falls   bool
	}{
		{constant, time.Hour, 30, time.Minute, false},
		{ramping, 0, 100, time.Second, false},
		{ramping, 9 * time.Second, 100, time.Second, false},
		{ramping, 10 * time.Second, 200, time.Second, false},
		{ramping, 25 * time.Second, 100, time.Second, true},
		{ramping, time.Hour, 0, time.Second, false},
		{executor.NewConstantVUsConfig("v"), 0, 0, time.Second, false},
		{nil, 0, 0, time.Second, false},
	} {
		if got, unit, falls := arrivalRate(one.config, one.elapsed); got != one.want || unit != one.unit || falls != one.falls {
			t.Errorf("%T after %s: %v in %s, falls: %v; want %v in %s, %v", one.config, one.elapsed, got, unit, falls, one.want, one.unit, one.falls)
		}
	}
}

// TestPeriod: the taps of an iteration are spread over all the time until the next, even if that is more than a second.
func TestPeriod(t *testing.T) {
	t.Parallel()
	constant := thirtyAMinute()
	ramping := executor.NewRampingArrivalRateConfig("r")
	ramping.StartRate = null.IntFrom(1)
	ramping.TimeUnit = types.NullDurationFrom(4 * time.Second)
	ramping.Stages = []executor.Stage{
		{Duration: types.NullDurationFrom(10 * time.Second), Target: null.IntFrom(1)},
		{Duration: types.NullDurationFrom(10 * time.Second), Target: null.IntFrom(0)},
	}
	options := &lib.Options{Scenarios: lib.ScenarioConfigs{"c": constant, "r": ramping, "v": executor.NewConstantVUsConfig("v")}}
	for _, one := range []struct {
		scenario      string
		elapsed, want time.Duration
	}{
		{"c", time.Second, 2 * time.Second},
		{"r", time.Second, 4 * time.Second},
		{"r", 15 * time.Second, lastPeriod},
		{"v", time.Second, 0},
	} {
		ctx := lib.WithScenarioState(t.Context(), &lib.ScenarioState{Name: one.scenario, StartTime: time.Now().Add(-one.elapsed)})
		if got := Period(ctx, options); got != one.want {
			t.Errorf("%s after %s: %s, want %s", one.scenario, one.elapsed, got, one.want)
		}
	}
	if got := Period(t.Context(), options); got != 0 {
		t.Errorf("without a scenario: %s", got)
	}
}

// TestPoisson: gaps are exponentially distributed, also across periods, and the number of taps is right.
func TestPoisson(t *testing.T) {
	t.Parallel()
	const periods, n, period = 20_000, 3, 30 * time.Millisecond
	random := rand.New(rand.NewPCG(1, 15))
	last, longer, taps := time.Duration(0), 0, 0
	for i := range periods {
		p := Poisson(random, n, period)
		for k := range p.N {
			at := time.Duration(i)*period + p.offset(k)
			if at < last || p.offset(k) >= period {
				t.Fatalf("a tap is due %s into the period, %s after the one before", p.offset(k), at-last)
			}
			if at-last > 20*time.Millisecond { // twice the mean gap
				longer++
			}
			last = at
			taps++
		}
	}
	if per := float64(taps) / periods; math.Abs(per/n-1) > 0.02 { // five standard deviations are 2 %
		t.Errorf("%v taps a period, want %d", per, n)
	}
	if share := float64(longer) / float64(taps); math.Abs(share-math.Exp(-2)) > 0.007 {
		t.Errorf("%v of the gaps are twice the mean, want %v", share, math.Exp(-2))
	}
}
