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
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

type bench struct {
	*Worker
	store *store.Store
	gates *fault.Gates
	url   string
}

// serve starts a worker with ten bands an event, before a hub that redirects to what it was asked.
func serve(t *testing.T) bench {
	t.Helper()
	s, err := store.Open(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "hub:"+r.URL.RequestURI()+" for "+r.Header.Get("User-Agent"))
		w.WriteHeader(http.StatusFound)
	}))
	gates := &fault.Gates{}
	w := New(10, hub.Listener.Addr().String(), s, &gates.Worker)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go w.Serve(ln)
	t.Cleanup(func() {
		gates.Replace(fault.Set{})
		if err := w.Close(context.Background()); err != nil {
			t.Error(err)
		}
		hub.Close()
		s.Close()
	})
	return bench{w, s, gates, "http://" + ln.Addr().String()}
}

func get(t *testing.T, url string) (status int, text string) {
	t.Helper()
	req, _ := http.NewRequest("GET", url, nil)
	req.Header.Set("User-Agent", "phone")
	req.Header.Set("CF-Connecting-IP", "203.0.113.7")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Location") + string(body)
}

func TestAnswers(t *testing.T) {
	b := serve(t)
	const page = "https://compassion.com/live"
	for path, want := range map[string]string{
		"/e?bandId=LOADTEST-E1-000001":                                           "302 " + page,
		"/e?bandId=LOADTEST-E3-000010&utm_source=a%20b&x=1&utm_campaign=c%26d*~": "302 " + page + "?utm_source=a+b&utm_campaign=c%26d*%7E",
		"/e?utm_medium=nfc&bandId=LOADTEST-E2-000001&futm_source=no":             "302 " + page + "?utm_medium=nfc",
		"/e?bandId=LOADTEST-E1-000011&utm_source=a":                              "302 hub:/e?bandId=LOADTEST-E1-000011&utm_source=a for phone",
		"/e?bandId=loadtest-e1-000001":                                           "302 hub:/e?bandId=loadtest-e1-000001 for phone",
		"/e":                                                                     "400 Missing bandId",
		"/e?bandId=":                                                             "400 Missing bandId",
		"/health":                                                                `200 {"status":"ok"}`,
		"/":                                                                      "404 Not Found",
		"//e?bandId=LOADTEST-E1-000001":                                          "404 Not Found",
		"/%65?bandId=LOADTEST-E1-000001":                                         "404 Not Found",
		"/e/":                                                                    "404 Not Found",
	} {
		if status, text := get(t, b.url+path); fmt.Sprint(status, " ", text) != want {
			t.Errorf("%s: %d %s, want %s", path, status, text, want)
		}
	}
	want := Stats{Requests: 12, Hits: 3, Misses: 2, BadRequests: 2, NotFound: 4, Redirects: 5}
	if got := b.Stats(); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestQueueEntry(t *testing.T) {
	b := serve(t)
	before := time.Now().Add(-time.Millisecond)
	get(t, b.url+"/e?bandId=LOADTEST-E2-000007&utm_source=x")
	if err := b.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	var tap event.Tap
	text := b.store.RPop(t.Context(), store.Queue).Val()
	if err := json.Unmarshal([]byte(text), &tap); err != nil {
		t.Fatal(err, text)
	}
	if tap.TappedAt.Before(before) || time.Since(tap.TappedAt) < 0 {
		t.Error("tapped at", tap.TappedAt)
	}
	tap.TappedAt = time.Time{}
	want := event.Tap{BandID: "LOADTEST-E2-000007", EventID: "loadtest-dallas", Mode: "live",
		RedirectURL: "https://compassion.com/live?utm_source=x", UserAgent: "phone", IPAddress: "203.0.113.7"}
	if tap != want {
		t.Errorf("got %+v", tap)
	}
}

func TestEveryHitIsQueued(t *testing.T) {
	b := serve(t)
	const phones, taps = 16, 100
	var all sync.WaitGroup
	for p := range phones {
		all.Go(func() {
			for range taps {
				get(t, b.url+"/e?bandId="+event.All[p%3].BandID(p%10+1))
			}
		})
	}
	all.Wait()
	b.Drain(t.Context())
	queued, dropped := b.Queue()
	depth := b.store.LLen(t.Context(), store.Queue).Val()
	if b.Stats().Hits != phones*taps || queued != phones*taps || dropped != 0 || depth != phones*taps {
		t.Errorf("%d hits, %d queued, %d dropped, %d deep", b.Stats().Hits, queued, dropped, depth)
	}
}

func TestDropsAreCounted(t *testing.T) {
	b := serve(t)
	b.store.Stop()
	if status, _ := get(t, b.url+"/e?bandId=LOADTEST-E1-000001"); status != 302 {
		t.Errorf("status %d: the answer doesn't depend on the store", status)
	}
	b.Drain(t.Context())
	if queued, dropped := b.Queue(); queued != 0 || dropped != 1 {
		t.Errorf("%d queued, %d dropped", queued, dropped)
	}
}

func TestFaults(t *testing.T) {
	b := serve(t)
	b.gates.Replace(fault.Set{Worker: fault.Fault{ErrorRate: 1, Status: 502}})
	if status, text := get(t, b.url+"/e?bandId=LOADTEST-E1-000001"); status != 502 || text != fault.Message {
		t.Errorf("%d %s", status, text)
	}
	b.gates.Replace(fault.Set{Worker: fault.Fault{ResetRate: 1}})
	if _, err := http.Get(b.url + "/health"); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v, want a reset connection", err)
	}
	if s := b.Stats(); s.Faults < 2 || s.Hits != 0 {
		t.Errorf("%+v", s)
	}
}

func TestHubAway(t *testing.T) {
	b := serve(t)
	b.hub.Addr = "127.0.0.1:1"
	if status, _ := get(t, b.url+"/e?bandId=nobody"); status != 502 {
		t.Errorf("status %d", status)
	}
}
