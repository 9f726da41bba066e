package test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/executor"
	xrate "golang.org/x/time/rate"
	"gopkg.in/guregu/null.v3"
)

// inScenario puts a VU into a scenario that starts perSecond iterations a second.
func inScenario(s *vutest.Script, perSecond int64) *vutest.Script {
	config := executor.NewConstantArrivalRateConfig("taps")
	config.Rate = null.IntFrom(perSecond)
	s.VU.Running.Options.Scenarios = lib.ScenarioConfigs{"taps": config}
	s.VU.Ctx = lib.WithScenarioState(s.VU.Ctx, &lib.ScenarioState{Name: "taps", StartTime: time.Now()})
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
	s := inScenario(newProcess(t, map[string]string{"WORKER_URL": server.URL}).Start(1), 50)

	if got := s.Show("sm.taps(4)"); got != "4" {
		t.Errorf("%s of 4 taps led to a page", got)
	}
	if n := len(connections); n != 4 {
		t.Errorf("%d connections for 4 taps at once", n)
	}
}

// TestTapsArePoisson: some periods have none, others several, drawn the same with a seed.
func TestTapsArePoisson(t *testing.T) {
	t.Parallel()
	w := worker{status: http.StatusFound, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	counts := func(options string) (made []string) {
		s := inScenario(newProcess(t, map[string]string{"WORKER_URL": link, "ARRIVALS": "poisson"}).Start(1), 1000)
		for range 20 {
			made = append(made, s.Show("sm.taps(2, "+options+")"))
		}
		return made
	}
	first, again := counts("{seed: 7}"), counts("{seed: 7}")
	vutest.EqualLines(t, "with the same seed", again, first...)
	if none, most := slices.Contains(first, "0"), slices.Max(first); !none || most < "4" {
		t.Errorf("taps by iteration: %q", first)
	}
	for _, n := range counts("{arrivals: 'even'}") {
		vutest.Equal(t, "even", n, "2")
	}
}

// TestTapsFollow: without an arrival rate there is no time to spread them over, and one connection is enough.
func TestTapsFollow(t *testing.T) {
	t.Parallel()
	connections := make(map[string]bool)
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		http.Redirect(w, r, page, http.StatusFound)
	})
	s := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
	if got := s.Show("sm.taps(3)"); got != "3" {
		t.Errorf("%s of 3 taps led to a page", got)
	}
	if len(connections) != 1 {
		t.Errorf("%d connections", len(connections))
	}
}

func TestTapsArguments(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"WORKER_URL": serveRedirects(t)}).Start(1)
	for _, js := range []string{"sm.taps()", "sm.taps(0)", "sm.taps(1001)", "sm.taps('many')", "sm.taps(true)", "sm.taps(2.9)", "sm.taps(NaN)"} {
		if got := s.Fails(js); got != "taps: the first argument is the number of taps, a whole number from 1 to 1000" {
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
	s := inScenario(newProcess(t, map[string]string{"WORKER_URL": server.URL}).Start(1), 1)
	ctx, cancel := context.WithCancel(s.VU.Ctx)
	s.VU.Ctx = ctx
	go func() { <-arrived; cancel() }()

	if got := s.Show("sm.taps(1000)"); got != "0" {
		t.Errorf("%s taps led to a page", got)
	}
	if len(s.Samples) != 0 {
		t.Errorf("%d taps counted that were cut off", len(s.Samples))
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
		s := newProcess(t, map[string]string{"WORKER_URL": serveRedirects(t)}).Start(1)
		s.VU.Running.RPSLimit = xrate.NewLimiter(0, 10)
		s.Run("for (let i = 0; i < 4; i++) sm.tap({protocol: '" + protocol + "'})")
		if left := s.VU.Running.RPSLimit.Tokens(); left != 6 {
			t.Errorf("%s: 4 taps left %v of 10 tokens", protocol, left)
		}
	}
}
