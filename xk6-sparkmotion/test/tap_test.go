package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"

	"go.k6.io/k6/v2/lib"
)

// worker is a Worker that redirects to location, or answers status when there is none. It keeps what it was asked.
type worker struct {
	status   int
	location string
	other    string // a second Location, empty for none
	paths    []string
	queries  []url.Values
	uri      string // of the last request
	header   http.Header
}

// noting is while a worker keeps what it was asked: taps come on several connections at once.
var noting sync.Mutex

func (w *worker) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	noting.Lock()
	defer noting.Unlock()
	w.uri, w.header = r.RequestURI, r.Header
	w.paths = append(w.paths, r.URL.Path)
	w.queries = append(w.queries, r.URL.Query())
	if w.location != "" {
		out.Header().Set("Location", w.location)
	}
	if w.other != "" {
		out.Header().Add("Location", w.other)
	}
	out.WriteHeader(w.status)
}

const page = "https://compassion.com/live?utm_source=nfc"

// checks are the samples of a tap's three checks.
func checks(redirect, location, page int) []string {
	return []string{
		fmt.Sprintf("checks{check:has a Location form:subdomain} %d", location),
		fmt.Sprintf("checks{check:leads to the event's page form:subdomain} %d", page),
		fmt.Sprintf("checks{check:status is 302 form:subdomain} %d", redirect),
	}
}

// first are those of a tap that makes a connection.
func first(redirect, location, page int) []string {
	return append(checks(redirect, location, page), "connect_latency{form:subdomain} time")
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
		{"a hit", worker{status: 302, location: page}, "undefined", true,
			append(first(1, 1, 1), "error_rate{form:subdomain part:worker} 0", "kv_hit_rate{form:subdomain} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"a fallback", worker{status: 302, location: "https://SparkMotion.net:443/unknown"}, "undefined", false,
			append(first(1, 1, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"a fallback of one's own", worker{status: 302, location: "https://other/unknown"}, "{fallbackHost: ['Other']}", false,
			append(first(1, 1, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"another page", worker{status: 302, location: "https://elsewhere/live"}, "undefined", true,
			append(first(1, 1, 0), "error_rate{form:subdomain part:worker} 0", "kv_hit_rate{form:subdomain} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"another page's host", worker{status: 302, location: "https://other/live"}, "{pageHost: 'other'}", true,
			append(first(1, 1, 1), "error_rate{form:subdomain part:worker} 0", "kv_hit_rate{form:subdomain} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"another redirect", worker{status: 301, location: page}, "undefined", false,
			append(first(0, 1, 1), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "301 failed:0"},
		{"a redirect to nowhere", worker{status: 302, location: ""}, "undefined", false,
			append(first(1, 0, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"two redirects", worker{status: 302, location: page, other: "https://elsewhere/"}, "undefined", false,
			append(first(1, 0, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"one redirect twice", worker{status: 302, location: page, other: page}, "undefined", true,
			append(first(1, 1, 1), "error_rate{form:subdomain part:worker} 0", "kv_hit_rate{form:subdomain} 1", "redirect_latency{form:subdomain} time"), "302 failed:0"},
		{"a page in place of a redirect", worker{status: 200, location: ""}, "undefined", false,
			append(first(0, 0, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "200 failed:0"},
		{"refused", worker{status: 400, location: ""}, "undefined", false,
			append(first(0, 0, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "400 failed:1"},
		{"failed", worker{status: 500, location: ""}, "undefined", false,
			append(first(0, 0, 0), "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time"), "500 failed:1"},
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
			emitted := first(0, 0, 0)
			if link != silent { // nobody is there to connect to
				emitted = checks(0, 0, 0)
			}
			vutest.EqualLines(t, lane+" emitted", own, append(emitted, "error_rate{form:subdomain part:worker} 1", "redirect_latency{form:subdomain} time")...)
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

// TestOptionsThatRepeat: a call's options are its own, whatever others had before: the same by another type, none, a bad one, those of a new __ENV.
func TestOptionsThatRepeat(t *testing.T) {
	t.Parallel()
	w := &worker{status: 302, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	s := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
	for range 2 {
		for _, c := range []struct{ js, want string }{
			{"sm.tap({path: '/a', utm: 0})", "/a "},
			{"sm.tap({path: '/a', utm: 1})", "/a &utm_source"},
			{"sm.tap({path: '/a', utm: '0'})", "/a "},
			{"sm.tap({path: '/b', utm: 0, query: {x: '1'}})", "/b &x=1"},
			{"sm.tap({path: '/b', utm: 0, query: {x: '2'}})", "/b &x=2"},
			{"sm.tap({path: '/b', utm: 0, query: undefined})", "/b "},
			{"sm.taps(2, {path: '/c', utm: 0})", "/c "},
			{"__ENV = {...__ENV, WORKER_URL: '" + link + "/under'}, sm.tap({path: '/a', utm: 0})", "/under/a "},
			{"__ENV = {...__ENV, WORKER_URL: '" + link + "'}, sm.tap({path: '/a', utm: 0})", "/a "},
		} {
			s.Run(c.js)
			path, query, _ := strings.Cut(w.uri, "?")
			_, after, _ := strings.Cut(query, "&")
			if got := path + " " + strings.TrimSuffix("&"+after, "&"); !strings.HasPrefix(got, c.want) || strings.HasSuffix(c.want, " ") && got != c.want {
				t.Errorf("%s: sent %s, want %s", c.js, got, c.want)
			}
		}
		if got := s.Fails("sm.tap({path: '/a', utm: NaN})"); !strings.HasPrefix(got, "tap: option utm: ") {
			t.Error(got)
		}
	}
}

// Every sample of a tap says which plateau holds, in the time and by the stages of the scenario that k6 executes, whatever plateaus() was told.
func TestPlateauOfATap(t *testing.T) {
	t.Parallel()
	w := worker{status: 302, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	p := newProcess(t, map[string]string{"WORKER_URL": link})
	var scenarios lib.ScenarioConfigs
	tap := func(elapsed time.Duration, js string) string {
		s := p.Start(1)
		s.VU.Running.Options.Scenarios = scenarios
		s.VU.Ctx = lib.WithScenarioState(t.Context(), &lib.ScenarioState{Name: "tappers", StartTime: time.Now().Add(-elapsed)})
		s.Run(js)
		for _, sample := range s.Emitted() {
			if strings.HasPrefix(sample, "redirect_latency") {
				return sample
			}
		}
		return ""
	}
	vutest.Equal(t, "without plateaus", tap(time.Second, "sm.tap()"), "redirect_latency{form:subdomain} time")
	made := p.Init().Run(`JSON.stringify({tappers: {executor: 'ramping-arrival-rate', preAllocatedVUs: 5,
		...sm.plateaus({rates: [600, 1200], hold: '1m', rampDown: '30s'}), timeUnit: '1m'}})`).String()
	if err := json.Unmarshal([]byte(made), &scenarios); err != nil {
		t.Fatal(err)
	}
	vutest.Equal(t, "first plateau", tap(30*time.Second, "sm.tap()"), "redirect_latency{form:subdomain plateau:10} time")
	vutest.Equal(t, "second plateau", tap(90*time.Second, "sm.tap()"), "redirect_latency{form:subdomain plateau:20} time")
	vutest.Equal(t, "ramp-down", tap(130*time.Second, "sm.tap()"), "redirect_latency{form:subdomain plateau:ramp-down} time")

	made = p.Init().Run(`JSON.stringify({tappers: {executor: 'ramping-arrival-rate', preAllocatedVUs: 5, ...sm.plateaus({rates: [600], hold: '1m', taps: 3})}})`).String()
	if err := json.Unmarshal([]byte(made), &scenarios); err != nil {
		t.Fatal(err)
	}
	vutest.Equal(t, "three taps an iteration", tap(30*time.Second, "sm.taps(3)"), "redirect_latency{form:subdomain plateau:600} time")

	s := p.Start(1) // setup() has no scenario
	s.Run("sm.tap()")
	vutest.EqualLines(t, "in setup()", s.Emitted(), append(checks(1, 1, 1), "error_rate{form:subdomain part:worker} 0", "kv_hit_rate{form:subdomain} 1", "redirect_latency{form:subdomain} time")...)
}

func TestTapErrors(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"WORKER_URL": "http://user:hush@host"}).Start(1)
	for js, want := range map[string]string{
		"sm.tap({utm: 'half'})":     "tap: option utm: a number is expected, got half",
		"sm.tap({utm: 2})":          "tap: option utm is a share of the taps, 0 to 1, got 2",
		"sm.tap({bandID: 'X'})":     `tap: unknown option "bandID"; it takes`,
		"sm.tap({url: 'worker'})":   "tap: WORKER_URL: an http or https URL with a host is expected",
		"sm.tap({timeout: 'soon'})": "tap: option timeout: ",
		"sm.tap({timeout: 0})":      "tap: option timeout: must be above 0, got 0s",
		"sm.taps(2, {timeout: 0})":  "taps: option timeout: must be above 0, got 0s",
		"sm.taps(0)":                "taps: the first argument is the number of taps",

		"sm.tap({query: {bandId: 'X'}})":        "tap: option query: a link has bandId already",
		"sm.tap({param: 'b', query: {b: 'X'}})": "tap: option query: a link has b already",
		"sm.tap({headers: {'X-A': null}})":      `tap: option headers: an object of strings is expected, and that of "X-A" is none`,
		"sm.tap({fallbackHost: ['a;b']})":       "tap: option fallbackHost: entry 1: a host is expected",
		"sm.tap({pageHost: 'a b'})":             "tap: option pageHost: a host is expected",
		"sm.tap([])":                            "tap: options must be an object",
	} {
		if got := s.Fails(js); !strings.HasPrefix(got, want) || strings.Contains(got, "hush") {
			t.Errorf("%s: got %s", js, got)
		}
	}
	refused := make([]string, 15) // a sample for each tap that was asked for
	for i := range refused {
		refused[i] = "error_rate{part:worker} 1"
	}
	vutest.EqualLines(t, "emitted", s.Emitted(), refused...)
}

// A direct link names the event that its band belongs to, by the band's prefix, and the organisation.
func TestDirectTaps(t *testing.T) {
	t.Parallel()
	w := &worker{status: 302, location: page}
	link, _ := vutest.Serve(t, w.ServeHTTP)
	env := map[string]string{"WORKER_URL": "http://127.0.0.1:1", "DIRECT_URL": link, "LOADTEST_ORG_ID": "o&rg", "LOADTEST_EVENT_IDS": "ev1, ev2,ev3"}
	s := newProcess(t, env).Start(1)
	for lane, js := range lanes {
		for band, event := range map[string]string{"LOADTEST-E1-000001": "ev1", "LOADTEST-E2-200000": "ev2", "LOADTEST-E3-000007": "ev3"} {
			w.uri = ""
			s.Run(strings.Replace(js, "OPTIONS", "{form: 'direct', utm: 0, band: '"+band+"'}", 1))
			vutest.Equal(t, lane, w.uri, "/e?eventId="+event+"&orgId=o%26rg&bandId="+band)
		}
	}
	s.Emitted()
	s.Run("sm.tap({form: 'direct'})")
	vutest.EqualLines(t, "emitted", s.Emitted(), strings.Split(strings.ReplaceAll(strings.Join(append(checks(1, 1, 1),
		"error_rate{form:subdomain part:worker} 0", "kv_hit_rate{form:subdomain} 1", "redirect_latency{form:subdomain} time"), "\n"), "subdomain", "direct"), "\n")...)
	vutest.Equal(t, "a band of no event", s.Fails("sm.tap({form: 'direct', band: 'X-1'})"), "tap: the direct form finds the event by the band's prefix, one of LOADTEST-E1-, LOADTEST-E2-, "+
		"LOADTEST-E3-, and X-1 has none of these")
	vutest.Equal(t, "too few events", s.Fails("sm.tap({form: 'direct', eventIDs: ['a']})"), "tap: LOADTEST_EVENT_IDS must name one event for each of "+
		"LOADTEST-E1-, LOADTEST-E2-, LOADTEST-E3-, separated by commas, got 1")
	vutest.Equal(t, "no settings", newProcess(t, nil).Start(1).Fails("sm.tap({form: 'direct'})"), "tap needs DIRECT_URL, LOADTEST_ORG_ID, LOADTEST_EVENT_IDS: "+
		"set them in the environment, or pass them as options")
}

// Other teams' redirects: another path, parameter and status, more of the query, header fields, a cookie.
func TestTapsElsewhere(t *testing.T) {
	t.Parallel()
	for lane, js := range lanes {
		w := &worker{status: 307, location: "https://shop.example/x"}
		link, _ := vutest.Serve(t, w.ServeHTTP)
		s := newProcess(t, map[string]string{"WORKER_URL": strings.Replace(link, "user:hush@", "", 1) + "/api"}).Start(1)
		got := s.Run(strings.Replace(js, "OPTIONS", `{path: '/go/now', param: 'c d', status: 307, band: 'ä', utm: 0, pageHost: 'shop.example',
			query: {z: '1&2', a: ''}, headers: {'X-Api-Key': 'hush', 'User-Agent': 'phone'}, cookie: 'k=hush'}`, 1)).ToBoolean()
		vutest.Equal(t, lane+": redirected", got, true)
		vutest.Equal(t, lane+": asked", w.uri, "/api/go/now?c+d=%C3%A4&a=&z=1%262")
		vutest.Equal(t, lane+": header", w.header.Get("X-Api-Key")+" "+w.header.Get("Cookie")+" "+w.header.Get("User-Agent"), "hush k=hush phone")
		s.Drain() // looks for secrets in tags
	}
	s := newProcess(t, map[string]string{"WORKER_URL": "http://127.0.0.1:1"}).Start(1)
	for js, want := range map[string]string{
		"{path: 'e'}":                         `tap: path must begin with / and have no query, got "e": the option query takes that`,
		"{path: '/e?x'}":                      `tap: path must begin with / and have no query, got "/e?x": the option query takes that`,
		"{status: 200}":                       "tap: status must be a redirect's, 300 to 399, got 200",
		"{form: 'indirect'}":                  `tap: option form: must be subdomain or direct, got "indirect"`,
		"{utm: 2}":                            "tap: option utm is a share of the taps, 0 to 1, got 2",
		"{url: 'http://host/?hush=1'}":        "tap: WORKER_URL: an origin is expected, such as https://sparkmotion.net: leave its query and fragment out",
		"{url: 'http://host/#hush'}":          "tap: WORKER_URL: an origin is expected, such as https://sparkmotion.net: leave its query and fragment out",
		"{headers: {'X Y': 'hush'}}":          `tap: bad header name "X Y"`,
		"{headers: {'X-Y': 'hush\\nA: b'}}":   `tap: control character in the value of header "X-Y"`,
		"{headers: {'Content-Length': '5'}}":  `tap: header "Content-Length" on a request without a body`,
		"{cookie: 'a=hush\\r\\nX-Evil: yes'}": `tap: control character in the value of header "Cookie"`,
	} {
		if got := s.Fails("sm.tap(" + js + ")"); !strings.HasPrefix(got, want) || strings.Contains(got, "hush") {
			t.Errorf("%s:\ngot  %s\nwant %s", js, got, want)
		}
	}
}

// A hit is told by what the answer carries, not by where it leads.
func TestWhereARedirectComesFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vary, body, want string
	}{
		"the KV":         {"", "", "kv_hit_rate{form:subdomain} 1"},
		"the Hub":        {"rsc, next-router-state-tree", "", "kv_hit_rate{form:subdomain} 0"},
		"another system": {"Accept", "<a href>", ""},
	} {
		for lane, js := range lanes {
			link, _ := vutest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", page)
				if c.vary != "" {
					w.Header().Set("Vary", c.vary)
				}
				w.WriteHeader(http.StatusFound)
				_, _ = io.WriteString(w, c.body)
			})
			s := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
			s.Run(strings.Replace(js, "OPTIONS", "undefined", 1))
			got := ""
			for _, sample := range s.Emitted() {
				if strings.HasPrefix(sample, "kv_hit_rate") {
					got = sample
				}
			}
			vutest.Equal(t, name+" "+lane, got, c.want)
		}
	}
}

// TestTapLocation: the URL in place of true, null in place of false, over either lane.
func TestTapLocation(t *testing.T) {
	t.Parallel()
	for lane, js := range lanes {
		for want, w := range map[string]worker{
			page:                       {status: 302, location: page},
			"null":                     {status: 302, location: "https://sparkmotion.io/unknown"}, // a fallback
			"null, as it failed":       {status: 500},
			"null, as it is no answer": {status: 200, location: page},
		} {
			t.Run(lane+" "+want, func(t *testing.T) {
				t.Parallel()
				link, _ := vutest.Serve(t, w.ServeHTTP)
				s := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
				got := s.Run("String(" + strings.Replace(js, "OPTIONS", "{location: true}", 1) + ")").String()
				want, _, _ := strings.Cut(want, ",")
				vutest.Equal(t, "result", got, want)
			})
		}
	}
	s := newProcess(t, map[string]string{"WORKER_URL": "http://127.0.0.1:1"}).Start(1)
	if said := s.Fails("sm.taps(2, {location: true})"); !strings.Contains(said, "use tap({ location: true })") {
		t.Error(said)
	}
}
