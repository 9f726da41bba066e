package sparkmotion

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	"go.k6.io/k6/v2/lib/types"
	xrate "golang.org/x/time/rate"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// inScenario puts a VU into a scenario that starts perSecond iterations a second.
func (s *script) inScenario(perSecond int64) *script {
	config := executor.NewConstantArrivalRateConfig("taps")
	config.Rate = null.IntFrom(perSecond)
	s.vu.state.Options.Scenarios = lib.ScenarioConfigs{"taps": config}
	s.vu.ctx = lib.WithScenarioState(s.vu.ctx, &lib.ScenarioState{Name: "taps", StartTime: time.Now()})
	return s
}

// gate is a Worker that answers nobody until so many taps are under way at once.
type gate struct {
	mu      sync.Mutex
	waiting int
	open    chan struct{}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.waiting--; g.waiting == 0 {
		close(g.open)
	}
	g.mu.Unlock()
	select {
	case <-g.open:
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	case <-r.Context().Done():
	}
}

// TestTapsOverlap: a tap that is due is sent though those before it have no answer, each on a connection of its own.
func TestTapsOverlap(t *testing.T) {
	t.Parallel()
	connections := make(chan net.Conn, 100)
	server := httptest.NewUnstartedServer(&gate{waiting: 4, open: make(chan struct{})})
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections <- c
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	s := newProcess(t, map[string]string{"WORKER_URL": server.URL}).start(1).inScenario(50)

	if got := s.show("sm.taps(4)"); got != "4" {
		t.Errorf("%s of 4 taps led to a page", got)
	}
	if n := len(connections); n != 4 {
		t.Errorf("%d connections for 4 taps at once", n)
	}
}

// TestTapsFollow: without an arrival rate there is no time to spread them over, and one connection is enough.
func TestTapsFollow(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"WORKER_URL": serveRedirects(t)}).start(1)
	if got := s.show("sm.taps(3)"); got != "3" {
		t.Errorf("%s of 3 taps led to a page", got)
	}
	if n := len(s.module.tapper.usual.idle); n != 1 {
		t.Errorf("%d lines", n)
	}
}

func TestTapsArguments(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"WORKER_URL": serveRedirects(t)}).start(1)
	for _, js := range []string{"sm.taps()", "sm.taps(0)", "sm.taps(1001)", "sm.taps('many')"} {
		if got := s.fails(js); got != "taps: the first argument is how many, 1 to 1000" {
			t.Errorf("%s: %s", js, got)
		}
	}
}

// TestTapsEndWithTheVU: taps that wait for an answer, and those not yet due, end with the VU's context.
func TestTapsEndWithTheVU(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	s := newProcess(t, map[string]string{"WORKER_URL": server.URL}).start(1).inScenario(1)
	ctx, cancel := context.WithCancel(s.vu.ctx)
	s.vu.ctx = ctx
	go func() { <-arrived; cancel() }()

	if got := s.show("sm.taps(1000)"); got != "0" {
		t.Errorf("%s taps led to a page", got)
	}
	if len(s.samples) != 0 {
		t.Errorf("%d taps counted that were cut off", len(s.samples))
	}
}

func serveRedirects(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestRPSIsChargedOnce: a tap takes one of the limiter's tokens, of which these have ten and no more.
func TestRPSIsChargedOnce(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http/1.1", "h2"} {
		s := newProcess(t, map[string]string{"WORKER_URL": serveRedirects(t)}).start(1)
		s.vu.state.RPSLimit = xrate.NewLimiter(0, 10)
		s.run("for (let i = 0; i < 4; i++) sm.tap({protocol: '" + protocol + "'})")
		if left := s.vu.state.RPSLimit.Tokens(); left != 6 {
			t.Errorf("%s: 4 taps left %v of 10 tokens", protocol, left)
		}
	}
}

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

// TestPulse: a beat is collected once, and the pulse rests when nobody asks any more.
func TestPulse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p pulse
		if _, ok := p.collect(&capacity.Recorder{}); ok {
			t.Error("a beat before the first")
		}
		time.Sleep(beat + beat/2)
		if lag, ok := p.collect(&capacity.Recorder{}); !ok || lag != 0 {
			t.Errorf("after a beat: %s, %v", lag, ok)
		}
		if _, ok := p.collect(&capacity.Recorder{}); ok {
			t.Error("a beat collected twice")
		}
		time.Sleep(2 * restBeats * beat)
		synctest.Wait()
		if p.running.Load() {
			t.Error("it beats on though nobody asks")
		}
		p.collect(&capacity.Recorder{})
		p.collect(&capacity.Recorder{})
		if !p.running.Load() {
			t.Error("it does not start again")
		}
		time.Sleep(2 * restBeats * beat)
	})
}
