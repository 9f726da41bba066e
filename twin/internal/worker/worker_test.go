package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/headers"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
)

type bench struct {
	*Worker
	gates  *fault.Gates
	url    string
	client *http.Transport
}

const live = "https://compassion.com/live"

// serve starts a worker with ten bands of the first event, on a plan of so many requests/s, before a hub that redirects to
// what it was asked.
func serve(t *testing.T, perSecond float64) bench {
	t.Helper()
	s, err := store.Open(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "hub:"+r.URL.RawQuery+" for "+r.Header.Get("User-Agent")+" at "+r.Header.Get("X-Forwarded-For"))
		w.Header().Set("Vary", "RSC")
		w.WriteHeader(http.StatusFound)
		w.(http.Flusher).Flush()
	}))
	gates := &fault.Gates{}
	k := kv.New(20)
	e := event.All[0]
	for n := range 10 {
		k.PutBands(kv.NewValue(live, e.ID, "live", "w1"), "127", e.ID, []string{e.BandID(n + 1)})
	}
	k.Put(kv.NewValue("https://old.example/", e.ID, "pre", ""), "OLD")
	k.Put(kv.Parse("no JSON"), "127:BROKEN")
	w := New(Config{KV: k, HubAddr: hub.Listener.Addr().String(), Store: s, Gate: &gates.Worker,
		Upstash: upstash.New(s.Client, "token", perSecond, &gates.Upstash)})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go w.Serve(ln)
	client := &http.Transport{}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		gates.Replace(fault.Set{})
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
		hub.Close()
		s.Close()
	})
	return bench{w, gates, "http://" + ln.Addr().String(), client}
}

// get asks for a path as a phone, on another host if one is given, and with another header.
func (b bench) get(t *testing.T, path, host string, header ...string) (*http.Response, string) {
	t.Helper()
	req, _ := http.NewRequest("GET", b.url+path, nil)
	req.Host = host
	req.Header.Set("User-Agent", "phone")
	req.Header.Set("CF-Connecting-IP", "203.0.113.7")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, resp.Header.Get("Location") + string(body)
}

func TestAnswers(t *testing.T) {
	b := serve(t, 0)
	e := event.All[0].ID
	for _, c := range []struct{ path, host, want string }{
		{"/e?bandId=LOADTEST-E1-000001", "", "302 " + live},
		{"/e?bandId=LOADTEST-E1-000010&utm_campaign=c%26d*~&utm_source=a%20b&x=1", "", "302 " + live + "?utm_source=a+b&utm_campaign=c%26d*%7E"},
		{"/e?utm_medium=nfc&bandId=LOADTEST-E1-000001&futm_source=no&utm_id=no&utm_term=", "", "302 " + live + "?utm_medium=nfc"},
		{"/e?bandId=LOADTEST-E1-000001", "127.sparkmotion.net", "302 " + live},
		{"/e?bandId=LOADTEST-E1-000001&eventId=" + e, "sparkmotion.net", "302 " + live},
		{"/e?bandId=OLD", "", "302 https://old.example/"},
		{"/e?bandId=BROKEN", "", "302 https://sparkmotion.net"},

		{"/e?bandId=LOADTEST-E1-000001", "sparkmotion.net", "302 hub:bandId=LOADTEST-E1-000001 for phone at 203.0.113.7"},
		{"/e?bandId=LOADTEST-E1-000001", "localhost:8787", "302 hub:bandId=LOADTEST-E1-000001 for phone at 203.0.113.7"},
		{"/e?bandId=LOADTEST-E1-000001", "[::1]:80", "302 hub:bandId=LOADTEST-E1-000001 for phone at 203.0.113.7"},
		{"/e?bandId=LOADTEST-E1-000001", "Other.sparkmotion.net", "302 hub:bandId=LOADTEST-E1-000001&orgSlug=other for phone at 203.0.113.7"},
		{"/e?bandId=OLD&eventId=e&orgId=o&utm_source=a&x=y", "sparkmotion.net", "302 hub:bandId=OLD&eventId=e&orgId=o&utm_source=a for phone at 203.0.113.7"},
		{"/e?bandId=loadtest-e1-000001", "", "302 hub:bandId=loadtest-e1-000001&orgSlug=127 for phone at 203.0.113.7"},

		{"/e", "", `400 {"error":"bandId is required"}`},
		{"/e?bandId=", "", `400 {"error":"bandId is required"}`},
		{"/health", "", `200 {"status":"ok"}`},
		{"/", "", `404 {"error":"Not found"}`},
		{"//e?bandId=LOADTEST-E1-000001", "", `404 {"error":"Not found"}`},
		{"/%65?bandId=LOADTEST-E1-000001", "", `404 {"error":"Not found"}`},
		{"/e/", "", `404 {"error":"Not found"}`},
	} {
		resp, text := b.get(t, c.path, c.host)
		if got := fmt.Sprint(resp.StatusCode, " ", text); got != c.want {
			t.Errorf("%s at %s: %s, want %s", c.path, c.host, got, c.want)
		}
		for _, h := range headers.Security {
			if got := resp.Header.Get(h[0]); got != h[1] {
				t.Errorf("%s: %s is %q", c.path, h[0], got)
			}
		}
	}
	want := Stats{Requests: 20, Hits: 6, Misses: 6, BadRequests: 2, NotFound: 4, Redirects: 13, Unhandled: 1}
	if got := b.Stats(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestFraming tells a hit and a proxied answer apart.
func TestFraming(t *testing.T) {
	b := serve(t, 0)
	hit, _ := b.get(t, "/e?bandId=LOADTEST-E1-000001", "")
	if hit.ContentLength != 0 || hit.TransferEncoding != nil || hit.Header.Get("Vary") != "" || hit.Header.Get("Content-Type") != "" || hit.Header.Get("Date") != "" {
		t.Errorf("a hit: %v %v %v", hit.ContentLength, hit.TransferEncoding, hit.Header)
	}
	miss, _ := b.get(t, "/e?bandId=nobody", "")
	if fmt.Sprint(miss.TransferEncoding) != "[chunked]" || miss.Header.Get("Vary") != "RSC" || len(miss.Header["Date"]) != 1 {
		t.Errorf("a miss: %v %v", miss.TransferEncoding, miss.Header)
	}
	for range 2 { // on connections that have had a miss
		if again, _ := b.get(t, "/health", ""); again.Header["Date"] != nil {
			t.Errorf("/health: %v", again.Header)
		}
	}
}

func TestScanMode(t *testing.T) {
	b := serve(t, 0)
	resp, text := b.get(t, "/e?bandId=%3Cb%3E", "", "Cookie", "a=b; sm-scan-mode=1")
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || !strings.Contains(text, "&lt;b&gt;") {
		t.Error(resp.StatusCode, resp.Header, text)
	}
	if s := b.Stats(); s.Scans != 1 || s.Hits+s.Misses != 0 {
		t.Errorf("%+v", s)
	}
}

// TestUnreadable is what makes the real Worker throw: a cookie that can't be decoded, a key that the KV doesn't take.
func TestUnreadable(t *testing.T) {
	b := serve(t, 0)
	e := event.All[0].ID
	for _, c := range []struct {
		path, cookie string
		fails        bool
	}{
		{"/e?bandId=LOADTEST-E1-000001", "sm-scan-mode=%E0%A4%A", true},
		{"/e?bandId=LOADTEST-E1-000001", "a=b; sm-scan-mode=%FF", true},
		{"/e?bandId=LOADTEST-E1-000001", "other=%E0%A4%A", false},
		{"/e?bandId=" + strings.Repeat("x", 508), "", false}, // with 127: it is 512 bytes
		{"/e?bandId=" + strings.Repeat("x", 509), "", true},
		{"/e?bandId=" + strings.Repeat("%C3%A9", 255), "", true},
		{"/e?eventId=" + e + "&bandId=" + strings.Repeat("x", 507-len(e)), "", false},
		{"/e?eventId=" + e + "&bandId=" + strings.Repeat("x", 508-len(e)), "", true},
	} {
		before := b.Stats().Unhandled
		resp, text := b.get(t, c.path, "", "Cookie", c.cookie)
		if failed := b.Stats().Unhandled > before; resp.StatusCode != 302 || failed != c.fails || failed != (text == unhandled) {
			t.Errorf("%.60s… with %q: %d %.40s, unhandled: %t", c.path, c.cookie, resp.StatusCode, text, failed)
		}
	}
	b.Drain(t.Context())
	if n := b.Store.Get(t.Context(), "monitoring:errors:worker_unhandled").Val(); n != "5" {
		t.Errorf("%q counted", n)
	}
}

func TestQueueEntry(t *testing.T) {
	b := serve(t, 0)
	before := time.Now().Add(-time.Millisecond)
	b.get(t, "/e?bandId=LOADTEST-E1-000007&utm_source=x", "")
	if err := b.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	var tap event.Tap
	text := b.Store.RPop(t.Context(), store.Queue).Val()
	if err := json.Unmarshal([]byte(text), &tap); err != nil {
		t.Fatal(err, text)
	}
	if tap.TappedAt.Before(before) || time.Since(tap.TappedAt) < 0 {
		t.Error("tapped at", tap.TappedAt)
	}
	tap.TappedAt = time.Time{}
	want := event.Tap{BandID: "LOADTEST-E1-000007", EventID: event.All[0].ID, Mode: "live", WindowID: "w1", RedirectURL: live,
		UserAgent: "phone", IPAddress: "203.0.113.7"}
	if tap != want {
		t.Errorf("got %+v", tap)
	}
}

func TestEveryHitIsQueued(t *testing.T) {
	b := serve(t, 0)
	const phones, taps = 16, 100
	var all sync.WaitGroup
	for p := range phones {
		all.Go(func() {
			for range taps {
				b.get(t, "/e?bandId="+event.All[0].BandID(p%10+1), "")
			}
		})
	}
	all.Wait()
	b.Drain(t.Context())
	queued, lost, waiting := b.Recorded()
	depth := b.Store.LLen(t.Context(), store.Queue).Val()
	if b.Stats().Hits != phones*taps || queued != phones*taps || lost != 0 || waiting != 0 || depth != phones*taps {
		t.Errorf("%d hits, %d queued, %d lost, %d waiting, %d deep", b.Stats().Hits, queued, lost, waiting, depth)
	}
}

// TestLosses loses taps to Upstash, which the answers don't tell.
func TestLosses(t *testing.T) {
	const taps = 40
	for name, c := range map[string]struct {
		fault        fault.Fault
		perSecond    float64
		stopped      bool
		lost, logged func(n int64) bool
	}{
		"all is well":   {lost: exactly(0), logged: exactly(0)},
		"errors":        {fault: fault.Fault{ErrorRate: 1, Status: 500}, lost: exactly(taps), logged: exactly(0)},
		"some errors":   {fault: fault.Fault{ErrorRate: 0.5}, lost: within(5, 35), logged: within(1, 34)},
		"the plan":      {perSecond: 1, lost: within(taps-10, taps-1), logged: within(0, 10)},
		"latency":       {fault: fault.Fault{LatencyMs: 5}, lost: exactly(0), logged: exactly(0)},
		"some resets":   {fault: fault.Fault{ResetRate: 0.3}, lost: within(0, 3), logged: within(0, 3)}, // the client tries again
		"Redis stopped": {stopped: true, lost: exactly(taps), logged: exactly(0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, c.perSecond)
			if c.stopped {
				b.Store.Stop()
			}
			b.gates.Replace(fault.Set{Upstash: c.fault})
			for range taps {
				if resp, _ := b.get(t, "/e?bandId=LOADTEST-E1-000001", ""); resp.StatusCode != 302 {
					t.Errorf("status %d: the answer doesn't depend on Upstash", resp.StatusCode)
				}
			}
			if err := b.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.Store.Start()
			queued, lost, _ := b.Recorded()
			logged, _ := b.Store.Get(t.Context(), "monitoring:errors:worker_log_failed").Int64()
			received, _ := b.Store.Get(t.Context(), store.Received).Int64()
			if queued+lost != taps || received != queued || !c.lost(lost) || !c.logged(logged) {
				t.Errorf("%d queued, %d lost, %d received, %d logged", queued, lost, received, logged)
			}
		})
	}
}

func exactly(want int64) func(int64) bool { return within(want, want) }
func within(low, high int64) func(n int64) bool {
	return func(n int64) bool { return low <= n && n <= high }
}

// TestHangingUpstash keeps the taps waiting, and loses them when the worker ends before it answers.
func TestHangingUpstash(t *testing.T) {
	b := serve(t, 0)
	b.gates.Replace(fault.Set{Upstash: fault.Fault{HangRate: 1}})
	b.get(t, "/e?bandId=LOADTEST-E1-000001", "")
	if queued, lost, waiting := b.Recorded(); queued != 0 || lost != 0 || waiting != 1 {
		t.Errorf("%d queued, %d lost, %d waiting", queued, lost, waiting)
	}
	b.gates.Replace(fault.Set{})
	b.Drain(t.Context())
	if queued, lost, waiting := b.Recorded(); queued != 1 || lost != 0 || waiting != 0 {
		t.Errorf("then %d queued, %d lost, %d waiting", queued, lost, waiting)
	}
}

func TestUnhandledErrorsAreCounted(t *testing.T) {
	b := serve(t, 0)
	b.Fallback = "https://fallback.example/"
	if _, text := b.get(t, "/e?bandId=BROKEN", ""); text != b.Fallback {
		t.Error(text)
	}
	b.Drain(t.Context())
	if n := b.Store.Get(t.Context(), "monitoring:errors:worker_unhandled").Val(); n != "1" {
		t.Errorf("%q counted", n)
	}
}

func TestFaults(t *testing.T) {
	b := serve(t, 0)
	b.gates.Replace(fault.Set{Worker: fault.Fault{ErrorRate: 1, Status: 502}})
	if resp, text := b.get(t, "/e?bandId=LOADTEST-E1-000001", ""); resp.StatusCode != 502 || text != fault.Message {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	b.gates.Replace(fault.Set{Worker: fault.Fault{ResetRate: 1}})
	client := &http.Transport{DisableKeepAlives: true}
	req, _ := http.NewRequest("GET", b.url+"/health", nil)
	if _, err := client.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v, want a reset connection", err)
	}
	if s := b.Stats(); s.Faults != 2 || s.Resets != 1 || s.Hits != 0 {
		t.Errorf("%+v", s)
	}
}

func TestHubAway(t *testing.T) {
	b := serve(t, 0)
	b.hub.Addr = "127.0.0.1:1"
	for _, fallback := range []string{"", "https://fallback.example/"} {
		b.Fallback = fallback
		want := fallback
		if want == "" {
			want = "https://sparkmotion.io"
		}
		if resp, text := b.get(t, "/e?bandId=nobody", ""); resp.StatusCode != 302 || text != want {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	}
	if n := b.Stats().Fallbacks; n != 2 {
		t.Errorf("%d fallbacks", n)
	}
}
