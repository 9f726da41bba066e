package sparkmotion

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// TestPortsRunOut: on a machine of ten ports, the seventh new connection is warned of, and the ninth ends the run. Kept ones take one.
func TestPortsRunOut(t *testing.T) {
	t.Parallel()
	worker := httptest.NewServer(http.RedirectHandler("https://compassion.com/live", http.StatusFound))
	t.Cleanup(worker.Close)
	for connection, runsOut := range map[string]bool{"kept": false, "new": true} {
		t.Run(connection, func(t *testing.T) {
			t.Parallel()
			root := New()
			root.process.ports.Proc = fstest.MapFS{
				"sys/net/ipv4/ip_local_port_range": {Data: []byte("32000 32009\n")},
				"sys/net/ipv4/tcp_tw_reuse":        {Data: []byte("0\n")},
				"net/sockstat":                     {Data: []byte("sockets: used 99\nTCP: inuse 9 orphan 0 tw 90 alloc 9 mem 9\n")},
			}
			s := vutest.New(t, root, map[string]string{"WORKER_URL": worker.URL, "CONNECTIONS": connection}).Start(1)
			warned := func() bool {
				_, known := root.process.notices.given.Load("ports")
				return known
			}
			for tap, want := range []struct{ warned, stopped bool }{
				{}, {}, {}, {}, {}, {}, {warned: true}, {warned: true}, {warned: true, stopped: true}, {warned: true, stopped: true},
			} {
				s.Run("sm.tap()")
				stopped := root.process.meter.Recorder.Stopped()
				if warned() != (want.warned && runsOut) || (stopped != "") != (want.stopped && runsOut) {
					t.Errorf("tap %d: warned is %v, stopped %q", tap+1, warned(), stopped)
				}
				if want := "hold 9 of this machine's 10 ports, each for 1m0s: set sysctl net.ipv4.tcp_tw_reuse=1, or"; stopped != "" && !strings.Contains(stopped, want) {
					t.Errorf("got %q, want %q in it", stopped, want)
				}
			}
		})
	}
}
