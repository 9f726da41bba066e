package test

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"go.k6.io/k6/v2/lib/types"
	"gopkg.in/guregu/null.v3"
)

// countingWorker is one that counts its connections, and the TLS sessions that these resumed.
type countingWorker struct {
	*httptest.Server
	connections, resumed atomic.Int64
}

func newCountingWorker(t *testing.T, secure bool) *countingWorker {
	w := new(countingWorker)
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && r.TLS.DidResume {
			w.resumed.Add(1)
		}
		http.Redirect(rw, r, "https://compassion.com/live", http.StatusFound)
	}))
	w.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			w.connections.Add(1)
		}
	}
	if secure {
		w.StartTLS()
	} else {
		w.Start()
	}
	t.Cleanup(w.Close)
	return w
}

// trusting has a VU's TLS trust a test's server.
func trusting(s *vutest.Script, w *countingWorker) *vutest.Script {
	s.VU.Running.TLSConfig = &tls.Config{RootCAs: w.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
	return s
}

// TestConnectionsAreShared: taps of one VU go over the connections that those of others have made, where k6's options let them, and the
// bytes are of the VU that taps.
func TestConnectionsAreShared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(s *vutest.Script)
		want int64
	}{
		"one process":              {func(*vutest.Script) {}, 1},
		"--no-vu-connection-reuse": {func(s *vutest.Script) { s.VU.Running.Options.NoVUConnectionReuse = null.BoolFrom(true) }, 3},
		"--local-ips":              {func(s *vutest.Script) { s.VU.Running.Options.LocalIPs = types.NullIPPool{Valid: true} }, 3},
		"--no-connection-reuse":    {func(s *vutest.Script) { s.VU.Running.Options.NoConnectionReuse = null.BoolFrom(true) }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newCountingWorker(t, false)
			p := newProcess(t, map[string]string{"WORKER_URL": w.URL})
			for id := uint64(1); id <= 3; id++ {
				s := p.Start(id)
				c.set(s)
				vutest.Equal(t, "taps", s.Show("sm.tap() && sm.tap()"), "true")
			}
			vutest.Equal(t, "connections", w.connections.Load(), c.want)
		})
	}
}

// TestOtherTapsDoNotShare: a connection carries taps of one link alone.
func TestOtherTapsDoNotShare(t *testing.T) {
	t.Parallel()
	w := newCountingWorker(t, false)
	s := newProcess(t, map[string]string{"WORKER_URL": w.URL}).Start(1)
	s.Run("sm.tap(); sm.tap({cookie: 'a=1'}); sm.tap(); sm.tap({cookie: 'a=1'})")
	vutest.Equal(t, "connections", w.connections.Load(), 2)
}

// TestNewConnections: each tap makes its own, with a whole handshake unless asked to resume, and what that took is a metric.
func TestNewConnections(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]struct{ connections, resumed int64 }{
		"":                        {1, 0},
		"{connection: 'kept'}":    {1, 0},
		"{connection: 'new'}":     {4, 0},
		"{connection: 'resumed'}": {4, 3},
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			w := newCountingWorker(t, true)
			s := trusting(newProcess(t, map[string]string{"WORKER_URL": w.URL}).Start(1), w)
			for range 4 {
				vutest.Equal(t, "tap", s.Show("sm.tap("+options+")"), "true")
			}
			vutest.Equal(t, "connections", w.connections.Load(), want.connections)
			vutest.Equal(t, "resumed", w.resumed.Load(), want.resumed)
			connects := int64(0)
			own, _ := s.Drain()
			for _, sample := range own {
				if strings.HasPrefix(sample, "connect_latency") {
					connects++
				}
			}
			vutest.Equal(t, "connect_latency", connects, want.connections)
		})
	}
}

func TestConnectionsRefused(t *testing.T) {
	t.Parallel()
	w := newCountingWorker(t, false)
	s := newProcess(t, map[string]string{"WORKER_URL": w.URL}).Start(1)
	for options, want := range map[string]string{
		"{connection: 'close'}":               "option connection: must be kept, new or resumed, got \"close\"",
		"{connection: 'new', protocol: 'h2'}": "connection new needs protocol http/1.1 without a proxy or --http-debug",
	} {
		if got := s.Fails("sm.tap(" + options + ")"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", options, got)
		}
	}
	vutest.Equal(t, "connections", w.connections.Load(), 0)
}
