package sparkmotion

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

type tapOptions struct {
	URL      string        `js:"url" env:"WORKER_URL" need:"true" form:"url"`
	Band     string        `js:"band"`
	UTM      float64       `js:"utm" default:"0.5"`
	PageHost string        `js:"pageHost" env:"PAGE_HOST" default:"compassion.com"`
	Protocol string        `js:"protocol" default:"http/1.1"`
	Timeout  time.Duration `js:"timeout" default:"10s" above:"0"`
}

// utm are the parameters that half of the taps carry, as a link printed for a campaign would.
const utm = "&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest"

// tap opens one band's link at the Worker, as a phone does, and follows it no further. It returns true when the Worker
// redirected; redirect_latency, error_rate, kv_hit_rate, k6's http_req_* metrics and three checks say the rest. Without an
// answer after 10 s it has failed: nobody holds a phone longer. utm is the share of taps with UTM parameters; protocol
// "h2" lets the VU's own transport speak HTTP/2.
func (m *module) tap(call sobek.FunctionCall) (any, error) {
	p, err := m.tapPlan(call.Argument(0))
	if err != nil {
		return nil, err
	}
	r, err := m.tapRequest(p)
	if err != nil {
		return nil, err
	}
	result := p.target.Do(m.vu.Context(), m.vu.State(), r)
	counted := m.meter.Taps(1)
	m.tapped(&counted, result)
	counted.Push()
	return result.Redirected(), nil
}

// tapped counts a tap. The first failure of each kind in a process is logged.
func (m *module) tapped(counted *meter.Taps, r lane.Result) {
	counted.Add(r)
	if r.Redirected() || m.vu.Context().Err() != nil {
		return
	}
	kind := fmt.Sprint("status ", r.Status)
	if r.Err != nil {
		kind = fmt.Sprint("error_code ", r.Code)
	}
	m.process.notices.once("tap "+kind, func() {
		m.logger().Warnf("tap: %v (the first with %s: more of them are counted, not logged)", r.Failure(), kind)
	})
}

// tapPlan is how the taps of a call are made.
type tapPlan struct {
	target  *lane.Target
	options tapOptions
}

// tapPlans are what a VU keeps for its next taps.
type tapPlans struct {
	usual   *tapPlan    // of calls without options
	env     sobek.Value // the __ENV that it was made for: scenarios may have their own
	targets map[targetKey]*lane.Target
	random  *rand.Rand
}

// targetKey is what taps must have in common to share connections.
type targetKey struct{ url, protocol string }

// tapPlan finds or makes the plan for a call's options.
func (m *module) tapPlan(given sobek.Value) (*tapPlan, error) {
	state := m.vu.State()
	if state == nil {
		return nil, errInit
	}
	env := m.vu.Runtime().Get("__ENV")
	if common.IsNullish(given) && m.plans.usual != nil && m.plans.env == env {
		return m.plans.usual, nil
	}
	var o tapOptions
	if err := m.settings.Read(given, &o); err != nil {
		return nil, err
	}
	key := targetKey{o.URL, o.Protocol}
	target, ok := m.plans.targets[key]
	if !ok {
		made, err := lane.NewTarget(o.URL, o.Protocol, &state.Options)
		if err != nil {
			return nil, err
		}
		if m.plans.targets == nil {
			m.plans.targets, m.plans.random = make(map[targetKey]*lane.Target), newRandom(0, state)
		}
		target, m.plans.targets[key] = made, made
	}
	p := &tapPlan{target, o}
	if common.IsNullish(given) {
		m.plans.usual, m.plans.env = p, env
	}
	return p, nil
}

// tapRequest makes the request of a plan's next tap. It waits where --rps says so.
func (m *module) tapRequest(p *tapPlan) (lane.Request, error) {
	r := lane.Request{Page: p.options.PageHost, Timeout: p.options.Timeout}
	if p.options.Band != "" {
		r.Band = []byte(trpc.EncodeURIComponent(p.options.Band))
	} else {
		picker, err := m.bandPicker(nil)
		if err != nil {
			return r, err
		}
		if r.Band, err = picker.next(); err != nil {
			return r, err
		}
	}
	if m.plans.random.Float64() < p.options.UTM {
		r.Query = utm
	}
	if limit := m.vu.State().RPSLimit; limit != nil && p.target.Fast { // the VU's transport waits by itself
		if err := limit.Wait(m.vu.Context()); err != nil {
			return r, err
		}
	}
	r.Plateau = m.process.meter.Plateau(m.vu.Context())
	return r, nil
}
