package fault

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

func serve(t *testing.T, f Fault) (*Gates, *httptest.Server) {
	t.Helper()
	g := &Gates{}
	if err := g.Replace(Set{Hub: f}); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g.Hub.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") })))
	t.Cleanup(s.Close)
	return g, s
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Transport{DisableKeepAlives: true}
	resp, err := client.RoundTrip(httptest.NewRequest("GET", url, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault  Fault
		status int
		body   string
	}{
		"well":            {Fault{}, 200, "well"},
		"error":           {Fault{ErrorRate: 1}, 503, Message},
		"error of choice": {Fault{ErrorRate: 1, Status: 429}, 429, Message},
		"latency":         {Fault{LatencyMs: 1}, 200, "well"},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := serve(t, c.fault)
			if status, body := get(t, s.URL); status != c.status || body != c.body {
				t.Errorf("got %d %q", status, body)
			}
		})
	}
}

func TestLatency(t *testing.T) {
	_, s := serve(t, Fault{LatencyMs: 50})
	start := time.Now()
	get(t, s.URL)
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestHangEndsWithTheFault(t *testing.T) {
	g, s := serve(t, Fault{HangRate: 1})
	answered := make(chan int)
	go func() {
		status, _ := get(t, s.URL)
		answered <- status
	}()
	select {
	case <-answered:
		t.Fatal("answered while hanging")
	case <-time.After(50 * time.Millisecond):
	}
	g.Replace(Set{})
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
}

func TestReset(t *testing.T) {
	g, s := serve(t, Fault{ResetRate: 1})
	client := &http.Transport{DisableKeepAlives: true}
	_, err := client.RoundTrip(httptest.NewRequest("GET", s.URL, nil))
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset connection", err)
	}
	if g.Hub.Struck() == 0 {
		t.Error("not counted")
	}
}

func TestServersHaveTheirCapacity(t *testing.T) {
	s := newServers(2, 10*time.Millisecond)
	now := time.Now()
	for i, want := range []time.Duration{10, 10, 20, 20, 30} {
		if got := s.next(now); got != want*time.Millisecond {
			t.Errorf("arrival %d leaves after %v, want %v ms", i, got, want)
		}
	}
	if got := s.next(now.Add(time.Second)); got != 10*time.Millisecond {
		t.Errorf("idle servers take %v", got)
	}
}

func TestBucketPassesItsRate(t *testing.T) {
	for _, c := range []struct{ rate, arrivals, want float64 }{{100, 50, 50}, {100, 100, 100}, {100, 400, 100}} {
		b := Limiter(c.rate)
		now, passed := time.Now(), 0.0
		const seconds = 10
		for range int(c.arrivals * seconds) {
			now = now.Add(time.Duration(float64(time.Second) / c.arrivals))
			if b.AllowN(now, 1) {
				passed++
			}
		}
		if off := passed/seconds - c.want; off < -1 || off > 2 {
			t.Errorf("%v/s of %v/s passed a limit of %v/s", passed/seconds, c.arrivals, c.rate)
		}
	}
}

func TestReplaceRefuses(t *testing.T) {
	for want, set := range map[string]Set{
		"worker: errorRate":    {Worker: Fault{ErrorRate: 1.5}},
		"hub: latencyMs":       {Hub: Fault{LatencyMs: -1}},
		"needs service":        {Admin: Fault{Workers: 2}},
		"status is 200":        {Upstash: Fault{ErrorRate: 1, Status: 200}},
		"drainRate is the":     {Database: Fault{DrainRate: 5}},
		"replyLostRate is the": {Hub: Fault{ReplyLostRate: 1}},
		"aboveTaps is the":     {Hub: Fault{LatencyMs: 1, AboveTaps: 1}},
		"aboveTaps needs":      {Admin: Fault{AboveTaps: 1}},
		"replyLostRate is 2":   {Database: Fault{ReplyLostRate: 2}},
	} {
		g := &Gates{}
		if err := g.Replace(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s…", err, want)
		}
		if g.Current() != (Set{}) {
			t.Error("an invalid set was kept")
		}
	}
}

func BenchmarkEnterWhenWell(b *testing.B) {
	var g Gate
	for b.Loop() {
		g.Enter(nil)
	}
}

// TestLatencyUnderLoad: the admin is slow while more taps arrive than a rate, and no longer.
func TestLatencyUnderLoad(t *testing.T) {
	var g Gates
	if err := g.Replace(Set{Admin: Fault{LatencyMs: 50, AboveTaps: 100}}); err != nil {
		t.Fatal(err)
	}
	slow := func() bool {
		start := time.Now()
		g.Admin.Enter(nil)
		return time.Since(start) >= 50*time.Millisecond
	}
	g.Worker.Enter(nil)
	if slow() {
		t.Error("slow without a crowd")
	}
	for range 100 {
		g.Worker.Enter(nil)
	}
	if !slow() {
		t.Error("not slow in a crowd")
	}
	if g.Worker.Struck() != 0 {
		t.Error("taps were struck")
	}
}
