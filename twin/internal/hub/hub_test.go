package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/headers"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

type bench struct {
	*Hub
	gates  *fault.Gates
	url    string
	client *http.Transport
}

const bands = 10 // of each event

// serve serves a hub on an embedded Redis.
func serve(t *testing.T, flushTime time.Duration) bench { return serveOn(t, "", flushTime) }

// serveOn serves a hub on the Redis at url, or on an embedded one when url is "".
func serveOn(t *testing.T, url string, flushTime time.Duration) bench {
	t.Helper()
	s, err := store.Open(t.Context(), url, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gates := &fault.Gates{}
	seed := database.Seed{Bands: bands, Email: "a@b.cd", Role: "ADMIN"}
	db, err := database.Open(t.Context(), os.Getenv("TWIN_TEST_DATABASE_URL"), seed, &gates.Database)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Store: s, Database: db, Gate: &gates.Hub, CronSecret: "secret", FlushTime: flushTime})
	server := httptest.NewServer(h.Handler())
	client := &http.Transport{}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
		h.Close()
		if err := errors.Join(db.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return bench{h, gates, server.URL, client}
}

func (b bench) get(t *testing.T, path, authorization string) (*http.Response, string) {
	t.Helper()
	req, _ := http.NewRequest("GET", b.url+path, nil)
	req.Header.Set("Authorization", authorization)
	req.Header.Set("User-Agent", "phone")
	req.Header.Set("X-Forwarded-For", "203.0.113.7, 10.0.0.1")
	resp, err := b.client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp, string(text)
}

func (b bench) cron(t *testing.T) result {
	t.Helper()
	resp, body := b.get(t, "/api/cron/flush-taps", "Bearer secret")
	var r result
	if err := json.Unmarshal([]byte(body), &r); resp.StatusCode != 200 || err != nil {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	b.following.Wait()
	return r
}

// counter reads one of the system's own counters.
func (b bench) counter(t *testing.T, key string) string {
	t.Helper()
	b.following.Wait()
	return b.Store.Get(t.Context(), key).Val()
}

func TestRedirects(t *testing.T) {
	b := serve(t, time.Second)
	first, second := event.All[0], event.All[1]
	for _, c := range []struct{ query, want string }{
		{"bandId=LOADTEST-E2-000010&orgSlug=127", second.Windows[1].URL},
		{"bandId=LOADTEST-E2-000010", second.Windows[1].URL}, // whosever it is
		{"bandId=LOADTEST-E1-000002&eventId=" + first.ID + "&utm_source=a&utm_term=b%20c&x=y", first.Windows[1].URL + "?utm_source=a&utm_term=b+c"},
		{"bandId=LOADTEST-E1-000003&eventId=" + first.ID + "&orgId=other", fallback},
		{"bandId=nobody", fallback},
		{"bandId=nobody&orgSlug=other", fallback},
		{"bandId=nobody&eventId=" + first.ID, fallback},
		{"bandId=nobody&eventId=" + first.ID + "&orgId=other", fallback},
		{"bandId=no%00body&orgSlug=127", fallback},
		{"bandId=%00&eventId=" + first.ID + "&orgId=" + event.Org.ID, fallback},
	} {
		resp, _ := b.get(t, "/e?"+c.query, "")
		if got := resp.Header.Get("Location"); resp.StatusCode != 302 || got != c.want {
			t.Errorf("%s: %d to %s", c.query, resp.StatusCode, got)
		}
		for _, h := range headers.Security {
			if got := resp.Header.Get(h[0]); got != h[1] {
				t.Errorf("%s: %s is %q", c.query, h[0], got)
			}
		}
		if vary := resp.Header.Get("Vary"); vary[:4] != "RSC," || fmt.Sprint(resp.TransferEncoding) != "[chunked]" {
			t.Errorf("%s: Vary %s, %s", c.query, vary, resp.TransferEncoding)
		}
	}
	if resp, body := b.get(t, "/e", ""); resp.StatusCode != 400 || body != `{"error":"bandId is required"}`+"\n" {
		t.Error(resp.StatusCode, body)
	}
	if n := b.counter(t, "monitoring:errors:hub_db_fallback"); n != "2" {
		t.Errorf("errors of the database: %s", n)
	}
	if s := b.Stats(); s.Pages != 3 || s.Fallbacks != 7 || s.Assigned != 0 {
		t.Errorf("%+v", s)
	}
	if n := b.counter(t, store.Received) + b.counter(t, "monitoring:errors:no_org_slug") + b.counter(t, "monitoring:errors:auto_assign_failed"); n != "331" {
		t.Errorf("received, without an organization and not assigned: %s", n)
	}
}

func TestRecords(t *testing.T) {
	b := serve(t, time.Second)
	e := event.All[0]
	b.get(t, "/e?bandId=LOADTEST-E1-000001&orgSlug=127&utm_medium=nfc", "")
	b.following.Wait()
	var tap map[string]string
	json.Unmarshal([]byte(b.Store.LIndex(t.Context(), store.Queue, 0).Val()), &tap)
	delete(tap, "tappedAt")
	want := map[string]string{"bandId": "LOADTEST-E1-000001", "eventId": e.ID, "mode": "live", "windowId": e.Windows[1].ID,
		"redirectUrl": e.Windows[1].URL, "userAgent": "phone", "ipAddress": "203.0.113.7", "utmMedium": "nfc"}
	if fmt.Sprint(tap) != fmt.Sprint(want) {
		t.Errorf("got %v", tap)
	}
	if n := b.counter(t, store.TotalKey(e.ID)) + b.counter(t, store.Received); n != "11" {
		t.Error(n)
	}
	if queued, lost, waiting := b.Recorded(); queued != 1 || lost != 0 || waiting != 0 {
		t.Error(queued, lost, waiting)
	}
}

// counting notes how many taps count as waiting when their answer goes out.
type counting struct {
	*httptest.ResponseRecorder
	hub     *Hub
	waiting int64
}

func (c *counting) WriteHeader(status int) {
	_, _, c.waiting = c.hub.Recorded()
	c.ResponseRecorder.WriteHeader(status)
}

// TestWaitsBeforeItsAnswer: who has the answer, and asks for the counts, is told that the tap is not recorded yet.
func TestWaitsBeforeItsAnswer(t *testing.T) {
	b := serve(t, time.Second)
	w := &counting{ResponseRecorder: httptest.NewRecorder(), hub: b.Hub}
	b.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/e?bandId=LOADTEST-E1-000001&orgSlug=127", nil))
	if w.Code != http.StatusFound || w.waiting != 1 {
		t.Errorf("answered %d with %d taps waiting", w.Code, w.waiting)
	}
}

func TestCache(t *testing.T) {
	b := serve(t, time.Second)
	const ask = "/e?bandId=LOADTEST-E1-000001&orgSlug=127"
	b.get(t, ask, "")
	b.following.Wait()
	if ttl := b.Store.TTL(t.Context(), "band:127:LOADTEST-E1-000001").Val(); ttl < 50*time.Second || ttl > cacheTime {
		t.Errorf("kept for %v", ttl)
	}
	b.Database.Stop()
	if resp, _ := b.get(t, ask, ""); resp.Header.Get("Location") != event.All[0].Windows[1].URL {
		t.Error("the cache isn't asked:", resp.Header)
	}
	if resp, _ := b.get(t, "/e?bandId=LOADTEST-E1-000002&orgSlug=127", ""); resp.Header.Get("Location") != fallback {
		t.Error("a database error is no fallback:", resp.Header)
	}
	if n := b.counter(t, "monitoring:errors:hub_db_fallback"); n != "1" {
		t.Errorf("%q counted", n)
	}
}

// TestUnknownBands are given to an event, with a row of their own; so is a band that is asked for under another event.
func TestUnknownBands(t *testing.T) {
	b := serve(t, time.Second)
	first, second := event.All[0], event.All[1]
	for _, c := range []struct{ query, band, eventID string }{
		{"bandId=new&orgSlug=127", "new", first.ID},
		{"bandId=new2&orgSlug=127&eventId=" + second.ID, "new2", second.ID},
		{"bandId=new3&orgId=" + event.Org.ID + "&eventId=" + second.ID, "new3", second.ID},
		{"bandId=LOADTEST-E1-000001&orgSlug=127&eventId=" + second.ID, "LOADTEST-E1-000001", second.ID},
	} {
		resp, _ := b.get(t, "/e?"+c.query, "")
		band, err := b.Database.BandOfEvent(t.Context(), c.band, c.eventID)
		if resp.Header.Get("Location") != first.Windows[1].URL || band == nil || err != nil {
			t.Errorf("%s: to %s, %+v %v", c.query, resp.Header.Get("Location"), band, err)
		}
	}
	if s := b.Stats(); s.Assigned != 4 || s.Pages != 4 {
		t.Errorf("%+v", s)
	}
}

func TestRedisAway(t *testing.T) {
	b := serve(t, time.Second)
	b.Store.Stop()
	for _, path := range []string{"/e?bandId=LOADTEST-E1-000001&orgSlug=127", "/api/cron/flush-taps"} {
		if resp, body := b.get(t, path, "Bearer secret"); resp.StatusCode != 500 || path[1] == 'a' && body != `{"error":"Internal error"}`+"\n" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}
