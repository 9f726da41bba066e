package lane

import (
	"testing"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	"go.k6.io/k6/v2/lib/types"
	"gopkg.in/guregu/null.v3"
)

func TestArrivalRate(t *testing.T) {
	t.Parallel()
	constant := executor.NewConstantArrivalRateConfig("c")
	constant.Rate = null.IntFrom(30)
	constant.TimeUnit = types.NullDurationFrom(time.Minute)
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
	}{
		{constant, time.Hour, 30, time.Minute},
		{ramping, 0, 100, time.Second},
		{ramping, 9 * time.Second, 100, time.Second},
		{ramping, 10 * time.Second, 200, time.Second},
		{ramping, 25 * time.Second, 100, time.Second},
		{ramping, time.Hour, 0, time.Second},
		{executor.NewConstantVUsConfig("v"), 0, 0, time.Second},
		{nil, 0, 0, time.Second},
	} {
		if got, unit := arrivalRate(one.config, one.elapsed); got != one.want || unit != one.unit {
			t.Errorf("%T after %s: %v in %s, want %v in %s", one.config, one.elapsed, got, unit, one.want, one.unit)
		}
	}
}
