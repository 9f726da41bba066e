package sparkmotion

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
)

// maxTaps bounds the connections that a VU may hold.
const maxTaps = 1000

// maxBurst is how many taps that follow one another are pushed at once.
const maxBurst = 10

// taps makes n taps in one iteration and returns how many were redirected. In an arrival-rate scenario they are spread
// over the time that the iteration stands for, 1/rate, each due at its own moment whatever became of those before it,
// on a connection of its own when one is still under way; their redirect_latency counts from when they were due. With
// arrivals "poisson" they are due as a Poisson process has them, so that n is how many there are on average. In other
// scenarios they follow one another.
func (m *module) taps(call sobek.FunctionCall) (any, error) {
	n, err := readCount(call.Argument(0))
	if err != nil {
		return nil, m.refused(1, fmt.Errorf("the first argument is %w", err))
	}
	p, err := m.tapPlan(call.Argument(1))
	switch {
	case err != nil:
	case p.options.Audit:
		err = errors.New("an audit taps each band once: use tap({ audit: true, band })")
	case p.options.Location:
		err = errors.New("the option location works for a single tap: use tap({ location: true })")
	}
	if err != nil {
		return nil, m.refused(int(n), err)
	}
	var redirected int
	if period := lane.Period(m.vu.Context(), &m.vu.State().Options); period > 0 {
		redirected, err = m.pace(p, int(n), m.pacer(p, int(n), period), nil)
	} else {
		redirected, err = m.follow(p, int(n))
	}
	m.mark(m.meter.Plateau(int(n)), p.target)
	if err != nil {
		return nil, err
	}
	return redirected, m.ending()
}

// pacer spreads taps over a period as the plan's arrivals have it.
func (m *module) pacer(p *tapPlan, n int, period time.Duration) lane.Pacer {
	if p.arrivals == nil {
		return lane.Pacer{N: n, Period: period}
	}
	m.process.poisson.Store(true)
	return lane.Poisson(p.arrivals, n, period)
}

// readCount reads how many taps an iteration makes.
func readCount(given sobek.Value) (int64, error) {
	n := settings.Number(given)
	if !(n >= 1 && n <= maxTaps) || n != math.Trunc(n) {
		return 0, fmt.Errorf("the number of taps, a whole number from 1 to %d", maxTaps)
	}
	return int64(n), nil
}

// pace makes the taps that a call asks for, due one after another, and returns how many were redirected. Where place is given, it tells the
// place of each in the schedule, which otherwise is its scenario's.
func (m *module) pace(p *tapPlan, asked int, pacer lane.Pacer, place func(*lane.Request)) (redirected int, err error) {
	if pacer.N == 0 {
		m.meter.None(m.meter.Plateau(asked), asked)
		return 0, nil
	}
	counted := m.meter.Taps(asked, 1, p.parts)
	err = pacer.Run(m.vu.Context(), m.vu.State(), p.target,
		func() (lane.Request, error) {
			if err := m.ending(); err != nil { // the rest may take a while
				return lane.Request{}, err
			}
			r, err := m.tapRequest(p, asked)
			if err == nil && place != nil {
				place(&r)
			}
			return r, err
		},
		func(r lane.Result) {
			m.tapped(&counted, r)
			counted.Push()
			redirected += count(r)
		})
	return redirected, err
}

// follow makes taps each of which starts when the one before it has ended, and returns how many were redirected.
func (m *module) follow(p *tapPlan, n int) (redirected int, err error) {
	counted := m.meter.Taps(n, min(n, maxBurst), p.parts)
	defer counted.Push()
	for range n {
		r, err := m.tapRequest(p, n)
		if err != nil {
			return redirected, err
		}
		result := p.target.Do(m.vu.Context(), m.vu.State(), r)
		m.tapped(&counted, result)
		redirected += count(result)
		if counted.Full() {
			counted.Push()
		}
		if m.vu.Context().Err() != nil || m.process.meter.Recorder.Stopped() != "" {
			break
		}
	}
	return redirected, nil
}

func count(r lane.Result) int {
	if r.Redirected() {
		return 1
	}
	return 0
}
