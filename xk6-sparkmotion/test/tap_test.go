package test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"go.k6.io/k6/v2/lib"
)

// worker is a Worker that redirects to location, or answers status when there is none. It keeps what it was asked.
type worker struct {
	status   int
	location string
	paths    []string
	queries  []url.Values
}

func (w *worker) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.paths = append(w.paths, r.URL.Path)
	w.queries = append(w.queries, r.URL.Query())
	if w.location != "" {
		out.Header().Set("Location", w.location)
	}
	out.WriteHeader(w.status)
}

const page = "https://compassion.com/live?utm_source=nfc"

// checks are the samples of a tap's three checks.
func checks(redirect, location, page int) []string {
	return []string{
		fmt.Sprintf("checks{check:has a Location} %d", location),
		fmt.Sprintf("checks{check:leads to the event's page} %d", page),
		fmt.Sprintf("checks{check:status is 302} %d", redirect),
	}
}

// lanes are the ways that a tap may take, with the same result and the same samples.
var lanes = map[string]string{
	"fast":      "sm.tap(OPTIONS)",
	"transport": "sm.tap(Object.assign({protocol: 'h2'}, OPTIONS))",
}

func TestTap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		worker  worker
		options string
		want    bool
		emitted []string
		request string
	}{
		{"a hit", worker{302, page, nil, nil}, "undefined", true,
			append(checks(1, 1, 1), "error_rate{part:worker} 0", "kv_hit_rate{} 1", "redirect_latency{} time"), "302 failed:0"},
		{"a miss", worker{302, "https://sparkmotion.net/unknown", nil, nil}, "undefined", true,
			append(checks(1, 1, 0), "error_rate{part:worker} 0", "kv_hit_rate{} 0", "redirect_latency{} time"), "302 failed:0"},
		{"another page's host", worker{302, "https://other/live", nil, nil}, "{pageHost: 'other'}", true,
			append(checks(1, 1, 1), "error_rate{part:worker} 0", "kv_hit_rate{} 1", "redirect_latency{} time"), "302 failed:0"},
		{"another redirect", worker{301, page, nil, nil}, "undefined", false,
			append(checks(0, 1, 1), "error_rate{part:worker} 1", "redirect_latency{} time"), "301 failed:0"},
		{"a redirect to nowhere", worker{302, "", nil, nil}, "undefined", false,
			append(checks(1, 0, 0), "error_rate{part:worker} 1", "redirect_latency{} time"), "302 failed:0"},
		{"a page in place of a redirect", worker{200, "", nil, nil}, "undefined", false,
			append(checks(0, 0, 0), "error_rate{part:worker} 1", "redirect_latency{} time"), "200 failed:0"},
		{"refused", worker{400, "", nil, nil}, "undefined", false,
			append(checks(0, 0, 0), "error_rate{part:worker} 1", "redirect_latency{} time"), "400 failed:1"},
		{"failed", worker{500, "", nil, nil}, "undefined", false,
			append(checks(0, 0, 0), "error_rate{part:worker} 1", "redirect_latency{} time"), "500 failed:1"},
	} {
		for lane, js := range lanes {
			t.Run(c.name+" "+lane, func(t *testing.T) {
				t.Parallel()
				w := c.worker
				link, shown := vutest.Serve(t, w.ServeHTTP)
				s := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
				vutest.Equal(t, "result", s.Run(strings.Replace(js, "OPTIONS", c.options, 1)).ToBoolean(), c.want)
				own, requests := s.Drain()
				vutest.EqualLines(t, "emitted", own, c.emitted...)
				vutest.EqualLines(t, "requests", requests, "GET "+shown+"/e "+c.request)
				vutest.Equal(t, "taps that the Worker saw", len(w.paths), 1)
			})
		}
	}
}

// A Worker that does not answer is a failed tap, not a script that stops.
func TestTapWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	silent, shown := vutest.Serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	gone := vutest.Refused()
	for link, name := range map[string]string{silent: shown, strings.Replace(gone, "://", "://user:hush@", 1): gone} {
		for lane, js := range lanes {
			p := newProcess(t, map[string]string{"WORKER_URL": link})
			s := p.Start(1)
			vutest.Equal(t, lane+" result", s.Run(strings.Replace(js, "OPTIONS", "{timeout: '50ms'}", 1)).ToBoolean(), false)
			own, requests := s.Drain()
			vutest.EqualLines(t, lane+" emitted", own, append(checks(0, 0, 0), "error_rate{part:worker} 1", "redirect_latency{} time")...)
			vutest.EqualLines(t, lane+" requests", requests, "GET "+name+"/e 0 failed:1")
			vutest.Equal(t, lane+" lines in the log", len(p.Log.AllEntries()), 1)
			for _, entry := range p.Log.AllEntries() {
				if strings.Contains(entry.Message, "hush") {
					t.Errorf("a secret in the log: %s", entry.Message)
				}
			}
		}
	}
}

// The end of the run cuts a tap off; that is no failure of the Worker.
func TestTapAtTheEndOfTheRun(t *testing.T) {
	t.Parallel()
	w := worker{status: 302, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	p := newProcess(t, map[string]string{"WORKER_URL": link})
	s := p.Start(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.VU.Ctx = ctx
	s.Run("sm.tap()")
	own, requests := s.Drain()
	vutest.EqualLines(t, "emitted", append(own, requests...))
	vutest.Equal(t, "lines in the log", len(p.Log.AllEntries()), 0)
}

func TestWhatATapSends(t *testing.T) {
	t.Parallel()
	w := &worker{status: 302, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	s := newProcess(t, map[string]string{"WORKER_URL": link + "/"}).Start(1)
	seeded := regexp.MustCompile(`^LOADTEST-E[123]-\d{6}$`)
	s.Run("for (let i = 0; i < 200; i++) sm.tap()")
	s.Run("sm.tap({band: 'A b&c=d+ä', utm: 1})")
	s.Run("sm.tap({band: 'X', utm: 0})")
	campaign := 0
	for i, query := range w.queries {
		vutest.Equal(t, "path", w.paths[i], "/e")
		band := query.Get("bandId")
		if query.Has("utm_source") {
			campaign++
			vutest.Equal(t, "UTM", query.Get("utm_source")+" "+query.Get("utm_medium")+" "+query.Get("utm_campaign"), "nfc wristband loadtest")
		}
		if i < 200 && !seeded.MatchString(band) {
			t.Errorf("tapped %q", band)
		}
	}
	if campaign < 60 || campaign > 140 {
		t.Errorf("%d of 200 taps have UTM parameters", campaign)
	}
	vutest.Equal(t, "the band of its own", fmt.Sprint(w.queries[200]["bandId"], w.queries[200].Has("utm_source")), "[A b&c=d+ä] true")
	vutest.Equal(t, "the band without UTM", fmt.Sprint(w.queries[201]["bandId"], w.queries[201].Has("utm_source")), "[X] false")
}

// From plateaus() on, every sample of a tap says which plateau held, in the scenario's time.
func TestPlateauOfATap(t *testing.T) {
	t.Parallel()
	w := worker{status: 302, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	p := newProcess(t, map[string]string{"WORKER_URL": link})
	tap := func(elapsed time.Duration) string {
		s := p.Start(1)
		s.VU.Ctx = lib.WithScenarioState(t.Context(), &lib.ScenarioState{Executor: "ramping-arrival-rate", StartTime: time.Now().Add(-elapsed)})
		s.Run("sm.tap()")
		for _, sample := range s.Emitted() {
			if strings.HasPrefix(sample, "redirect_latency") {
				return sample
			}
		}
		return ""
	}
	vutest.Equal(t, "without plateaus", tap(time.Second), "redirect_latency{} time")
	p.Init().Run("sm.plateaus({rates: [10, 20], hold: '1m', rampDown: '30s'})")
	vutest.Equal(t, "first plateau", tap(30*time.Second), "redirect_latency{plateau:10} time")
	vutest.Equal(t, "second plateau", tap(90*time.Second), "redirect_latency{plateau:20} time")
	vutest.Equal(t, "ramp-down", tap(130*time.Second), "redirect_latency{plateau:ramp-down} time")

	s := p.Start(1) // setup() has no scenario
	s.Run("sm.tap()")
	vutest.EqualLines(t, "in setup()", s.Emitted(), append(checks(1, 1, 1), "error_rate{part:worker} 0", "kv_hit_rate{} 1", "redirect_latency{} time")...)
}

func TestTapErrors(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"WORKER_URL": "http://user:hush@host"}).Start(1)
	for js, want := range map[string]string{
		"sm.tap({utm: 'half'})":     "tap: option utm: a number is expected, got half",
		"sm.tap({bandID: 'X'})":     `tap: unknown option "bandID"; it takes`,
		"sm.tap({url: 'worker'})":   "tap: WORKER_URL: an http or https URL with a host is expected",
		"sm.tap({timeout: 'soon'})": "tap: option timeout: ",
		"sm.tap({timeout: 0})":      "tap: option timeout: must be above 0, got 0s",
		"sm.taps(2, {timeout: 0})":  "taps: option timeout: must be above 0, got 0s",
	} {
		if got := s.Fails(js); !strings.HasPrefix(got, want) || strings.Contains(got, "hush") {
			t.Errorf("%s: got %s", js, got)
		}
	}
	vutest.EqualLines(t, "emitted", s.Emitted())
}
