package lane

import (
	"crypto/tls"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/types"
	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// handshakes records when a server saw handshakes begin.
type handshakes struct {
	mu sync.Mutex
	at []time.Time
}

func (h *handshakes) seen() []time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.at)
}

// slowWorker starts a Worker that answers over TLS, after 20 ms.
func slowWorker(t *testing.T) (*httptest.Server, *handshakes) {
	h := new(handshakes)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // about connections that end in mid-handshake
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.at = append(h.at, time.Now())
		return nil, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, h
}

// trusting returns the state of a VU that trusts a server.
func trusting(t *testing.T, server *httptest.Server) *lib.State {
	state := vutest.New(t, nil, nil).Start(1).VU.Running
	state.TLSConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
	return state
}

// tapTogether makes n taps at the same time, and returns how many failed.
func tapTogether(t *testing.T, target *Target, state *lib.State, n int) (failed int) {
	results := make(chan Result, n)
	for range n {
		go func() {
			results <- target.Do(t.Context(), state, Request{Band: []byte("A"), Hosts: &Hosts{Page: "compassion.com"}, Timeout: 10 * time.Second})
		}()
	}
	for range n {
		if r := <-results; !r.Redirected() {
			failed++
		}
	}
	return failed
}

// TestWarm: before a jump there are as many connections as the next rate needs, judging by how long taps took, made one after another in
// the last seconds; the taps make no more. One that has died is replaced.
func TestWarm(t *testing.T) {
	t.Parallel()
	server, made := slowWorker(t)
	state := trusting(t, server)
	target, err := NewTarget(Link{Form: Subdomain, Origin: server.URL, Protocol: HTTP1}, &state.Options, new(Pool))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		tapTogether(t, target, state, 1)
	}
	const rate = 1000
	begins := time.Now().Add(WarmTime + 400*time.Millisecond)
	want := int(math.Ceil(rate * target.idle.lately.Seconds() * warmRoom))
	target.Warm(t.Context(), state, rate, begins)
	time.Sleep(time.Until(begins)) // when they are needed
	at := made.seen()
	if len(at) != want || want < rate/50 {
		t.Fatalf("%d connections by then, want %d", len(at), want)
	}
	if early := begins.Add(-WarmTime).Sub(at[1]); early > 0 {
		t.Errorf("the first was opened %s too early", early)
	}
	if took := at[want-1].Sub(at[1]); took < WarmTime/2 {
		t.Errorf("all were opened in %s", took)
	}
	if failed := tapTogether(t, target, state, want); failed > 0 || len(made.seen()) != want {
		t.Errorf("of %d taps %d failed, and %d connections were made for them", want, failed, len(made.seen())-want)
	}
	server.CloseClientConnections()
	if failed := tapTogether(t, target, state, want); failed > 0 {
		t.Errorf("on connections that had died %d taps failed", failed)
	}
}

// TestWarmNothing: nothing is opened for taps that would not use it, or for a rate that needs no more.
func TestWarmNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		link Link
		set  func(*lib.Options)
		rate float64
	}{
		"a rate that is held":      {rate: 1},
		"new connections":          {link: Link{Connection: New}, rate: 1000},
		"resumed ones":             {link: Link{Connection: Resumed}, rate: 1000},
		"--no-vu-connection-reuse": {set: func(o *lib.Options) { o.NoVUConnectionReuse = null.BoolFrom(true) }, rate: 1000},
		"--no-connection-reuse":    {set: func(o *lib.Options) { o.NoConnectionReuse = null.BoolFrom(true) }, rate: 1000},
		"--local-ips":              {set: func(o *lib.Options) { o.LocalIPs = types.NullIPPool{Valid: true} }, rate: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, made := slowWorker(t)
			state := trusting(t, server)
			if c.set != nil {
				c.set(&state.Options)
			}
			c.link.Form, c.link.Origin, c.link.Protocol = Subdomain, server.URL, HTTP1
			target, err := NewTarget(c.link, &state.Options, new(Pool))
			if err != nil {
				t.Fatal(err)
			}
			tapTogether(t, target, state, 1)
			before := len(made.seen())
			begins := time.Now().Add(200 * time.Millisecond)
			target.Warm(t.Context(), state, c.rate, begins)
			time.Sleep(time.Until(begins))
			if after := len(made.seen()); after != before {
				t.Errorf("%d connections were opened", after-before)
			}
		})
	}
}
