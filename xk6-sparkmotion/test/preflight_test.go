package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// received are the taps of all systems.
var received atomic.Int64

// counted is what the system says of its taps: so many wait, and all that were received have been flushed.
func counted(length, received int64) string { return countedErrors(length, received, 0) }

// countedErrors is what it says when the Worker has failed as well.
func countedErrors(length, received, unhandled int64) string {
	return fmt.Sprintf(`[{"result":%d},{"result":["%d","%d",null,null,"%d",null,null,null,null]}]`, length, received, received, unhandled)
}

// system is a whole SparkMotion of one server, told apart by path.
func system(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	case "/e":
		received.Add(1)
		w.Header().Set("Location", page)
		w.WriteHeader(http.StatusFound)
	case "/api/cron/flush-taps":
		_, _ = io.WriteString(w, `{"success":true,"flushed":1,"remaining":0}`)
	case "/pipeline":
		_, _ = io.WriteString(w, counted(42, received.Load()))
	default:
		if procedure, ok := strings.CutPrefix(r.URL.Path, "/api/trpc/"); ok {
			dashboards(w, r, procedure)
		} else {
			admin(w, r)
		}
	}
}

// dashboards are the five procedures, by superjson: they want what SparkMotion's want.
func dashboards(w http.ResponseWriter, r *http.Request, procedure string) {
	var input struct {
		JSON map[string]any
		Meta any
	}
	if json.Unmarshal([]byte(r.URL.Query().Get("input")), &input) != nil || input.JSON == nil || input.Meta != nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"json":{"message":"Required","code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400}}}}`)
		return
	}
	data := map[string]string{"analytics.eventSummary": `{"bandCount":200000}`, "analytics.exportTaps": `[{"bandId":"x"},{"bandId":"y"}]`}[procedure]
	if data == "" {
		data = "[]"
	}
	_, _ = io.WriteString(w, `{"result":{"data":{"json":`+data+`}}}`)
}

func preflightEnv(url string) map[string]string {
	return map[string]string{
		"WORKER_URL": url, "HUB_URL": url, "ADMIN_URL": url, "TEST_PASSWORD": "hush hush", "CRON_SECRET": "hush", "LOADTEST_EVENT_ID": "e1",
		"UPSTASH_REDIS_REST_URL": url, "UPSTASH_REDIS_REST_TOKEN": "hush",
	}
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, system)
	p := newProcess(t, preflightEnv(link))
	s := p.Start(1)
	s.Run("sm.preflight()")
	own, requests := s.Drain()
	vutest.EqualLines(t, "emitted", own)           // none of it counts in the module's metrics
	vutest.Equal(t, "requests", len(requests), 13) // taps go by their own lane
	var lines []string
	for _, entry := range p.Log.AllEntries() {
		lines = append(lines, entry.Level.String()+" "+strings.Join(strings.Fields(entry.Message), " "))
	}
	vutest.EqualLines(t, "log", lines,
		"info preflight ✓ worker /health ok",
		"info preflight ✓ worker LOADTEST-E1-000001 subdomain 302 to compassion.com, from the KV",
		"info preflight ✓ worker LOADTEST-E2-000001 subdomain 302 to compassion.com, from the KV",
		"info preflight ✓ worker LOADTEST-E3-000001 subdomain 302 to compassion.com, from the KV",
		"info preflight ✓ admin login as loadtest@sparkmotion.net, ADMIN, cookie admin-auth.session-token",
		"info preflight ✓ admin analytics.kpis 0 rows, 11 bytes",
		"info preflight ✓ admin analytics.velocityHistory 0 rows, 11 bytes",
		"info preflight ✓ admin analytics.eventSummary 29 bytes",
		"info preflight ✓ admin analytics.tapsByHour 0 rows, 11 bytes",
		"info preflight ✓ admin analytics.exportTaps 2 rows, 40 bytes",
		"info preflight ✓ admin bands of e1 200000",
		"info preflight ✓ hub flush-taps flushed 1, dropped 0, 0 remain",
		"info preflight ✓ queue recording 3 of 3 taps received, 42 waiting")
	vutest.Equal(t, "what it returns", s.Show("Object.keys(sm.preflight({renew: true}).session)"), `["url","cookie","cookies","name","user","expires","renew"]`)
}

// The script's own queries are asked, and a wrong one is named.
func TestPreflightOfQueries(t *testing.T) {
	t.Parallel()
	link, shown := vutest.Serve(t, system)
	env := preflightEnv(link)
	for js, want := range map[string]string{
		"{parts: ['admin'], queries: [['analytics.kpis', {from: '2026-01-01T00:00:00Z'}]]}": "nothing was thrown",
		"{parts: ['admin'], queries: [['analytics.kpis', {from: new Date(0)}]]}": "preflight: 1 of 3 probes failed, so no load was sent:\n" +
			"admin: GET " + shown + "/api/trpc/analytics.kpis: answered BAD_REQUEST (400): Required",
		"{parts: ['admin'], queries: 'analytics.kpis'}": "preflight: option queries must be an array of queries: [[procedure, input]]",
		"{parts: ['admin'], transformer: 'foo'}":        `preflight: the option transformer (TRPC_TRANSFORMER) must be superjson or none, or left out, got "foo"`,
	} {
		vutest.Equal(t, js, newProcess(t, env).Start(1).Fails("sm.preflight("+js+")"), want)
	}
}

// A transformer that is not the server's is one clear error.
func TestPreflightOfAWrongTransformer(t *testing.T) {
	t.Parallel()
	link, shown := vutest.Serve(t, system)
	got := newProcess(t, preflightEnv(link)).Start(1).Fails("sm.preflight({parts: ['admin'], transformer: 'none', queries: [['a', {}]]})")
	vutest.Equal(t, "error", got, "preflight: 2 of 3 probes failed, so no load was sent:\n"+
		"admin: "+shown+"/api/trpc/a: the server's transformer is superjson, but TRPC_TRANSFORMER (the option transformer) says none. Remove that setting: the transformer is detected\n"+
		"admin: "+shown+"/api/trpc/analytics.eventSummary: the server's transformer is superjson, but TRPC_TRANSFORMER (the option transformer) says none. Remove that setting: the transformer is detected")
}

// What answers every tap with a redirect, and does not work all the same.
func TestPreflightOfTaps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		js     string
		want   string
	}{
		"by way of the Hub": {map[string]string{"Location": page, "Vary": "Accept, RSC, Next-Router-State-Tree"}, "", "{parts: ['worker']}",
			"worker: GET SHOWN/e: band LOADTEST-E1-000001 was redirected by the Hub, so it is not a KV hit. Seed the KV with the LOADTEST bands (k6 x sparkmotion bands)"},
		"by way of the Hub, on Vercel": {map[string]string{"Location": page, "X-Vercel-Id": "fra1::x"}, "", "{parts: ['worker']}",
			"worker: GET SHOWN/e: band LOADTEST-E1-000001 was redirected by the Hub, so it is not a KV hit. Seed the KV with the LOADTEST bands (k6 x sparkmotion bands)"},
		"a host of one label": {map[string]string{"Location": page, "Vary": "RSC"}, "", "{parts: ['worker'], workerURL: LOCALHOST}",
			"worker: GET LOCAL/e: band LOADTEST-E1-000001 was redirected by the Hub, so it is not a KV hit. localhost has fewer than three labels, and on such a host the Worker " +
				"reads the KV only for links with an event ID: set WORKER_URL to https://<orgSlug>.<domain>, or use the direct form (DIRECT_URL)"},
		"a fallback": {map[string]string{"Location": "https://sparkmotion.io"}, "", "{parts: ['worker']}",
			"worker: GET SHOWN/e: answered 302 Found to https://sparkmotion.io. That is a fallback (FALLBACK_HOST): the Worker failed, or could not reach the Hub. Their logs say why (3 probes)"},
		"the Hub's fallback": {map[string]string{"Location": "https://sparkmotion.net/", "Vary": "RSC"}, "", "{parts: ['worker', 'queue']}",
			"worker: GET SHOWN/e: answered 302 Found to https://sparkmotion.net/. That is the Hub's fallback (FALLBACK_HOST), so it is not a KV hit. " +
				"Seed the KV with the LOADTEST bands (k6 x sparkmotion bands). No monitoring:errors:* has counted it (3 probes)"},
		"by way of the Hub to another page": {map[string]string{"Location": "https://www.compassion.com/live", "Vary": "RSC"}, "", "{parts: ['worker'], workerURL: LOCALHOST}",
			"worker: GET LOCAL/e: band LOADTEST-E1-000001 was redirected by the Hub, so it is not a KV hit. localhost has fewer than three labels"},
		"another page": {map[string]string{"Location": "https://elsewhere.example/live"}, "", "{parts: ['worker']}",
			"worker: GET SHOWN/e: band LOADTEST-E1-000001 led to elsewhere.example instead of compassion.com. Set PAGE_HOST to the host of the page that the event shows"},
		"another system": {map[string]string{"Location": page}, "<a href>", "{parts: ['worker']}", "nothing was thrown"},
		"its host, written otherwise": {map[string]string{"Location": "https://Compassion.COM:443/live"}, "", "{parts: ['worker'], pageHost: 'https://compassion.com'}",
			"nothing was thrown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, shown := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/e" {
					system(w, r)
					return
				}
				for name, value := range c.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(http.StatusFound)
				_, _ = io.WriteString(w, c.body)
			})
			local := strings.Replace(shown, "127.0.0.1", "localhost", 1)
			js := strings.Replace(c.js, "LOCALHOST", "'"+local+"'", 1)
			got := newProcess(t, preflightEnv(link)).Start(1).Fails("sm.preflight(" + js + ")")
			want := strings.NewReplacer("SHOWN", shown, "LOCAL", local).Replace(c.want)
			if c.want == "nothing was thrown" && got != want || !strings.Contains(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A script that loads some parts alone asks, and needs the settings of, these.
func TestPreflightOfParts(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, system)
	p := newProcess(t, map[string]string{"WORKER_URL": link, "UPSTASH_REDIS_REST_URL": link, "UPSTASH_REDIS_REST_TOKEN": "hush"})
	s := p.Start(1)
	s.Run("sm.preflight({parts: ['worker', 'queue']})")
	var asked []string
	for _, entry := range p.Log.AllEntries() {
		asked = append(asked, strings.Fields(entry.Message)[2])
	}
	vutest.EqualLines(t, "parts", asked, "worker", "worker", "worker", "worker", "queue")
	s.Run("sm.preflight({parts: ['queue']})")
	vutest.Equal(t, "without taps", strings.Join(strings.Fields(p.Log.LastEntry().Message), " "),
		"preflight ✓ queue recording not tried, because no tap led to a page; 42 waiting")
	none := newProcess(t, map[string]string{"WORKER_URL": link}).Start(1)
	vutest.Equal(t, "named and not configured", none.Fails("sm.preflight({parts: ['queue']})"), "preflight: 1 of 1 probes failed, so no load was sent:\n"+
		"queue: the queue is not configured. Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, or remove it from parts")
	none.Run("sm.preflight({parts: ['queue'], upstashURL: '" + link + "', token: 'hush'})")
	vutest.Equal(t, "another's", s.Fails("sm.preflight({parts: ['hub']})"),
		"preflight needs HUB_URL, CRON_SECRET: set them in the environment, or pass them as options")
	vutest.Equal(t, "unknown", s.Fails("sm.preflight({parts: ['worker', 'cron']})"),
		`preflight: option parts: unknown part "cron"; the parts are worker, admin, hub, queue`)
}

// Bands that are missing would be assigned to an event, as would all when the event is another's.
func TestPreflightOfBands(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("input"); r.URL.Path == "/api/trpc/analytics.eventSummary" && strings.Contains(id, "few") {
			_, _ = io.WriteString(w, `{"result":{"data":{"json":{"bandCount":2000}}}}`)
		} else if strings.Contains(id, "none") {
			_, _ = io.WriteString(w, `{"result":{"data":{"json":{"bandCount":0}}}}`)
		} else {
			system(w, r)
		}
	})
	env := preflightEnv(link)
	env["LOADTEST_EVENT_IDS"] = "few,all,none"
	const fails = "preflight: %d of 6 probes failed, so no load was sent:\n"
	const none = "admin: the event none of LOADTEST_EVENT_IDS has no bands: dashboards show zeros. Seed the database (k6 x sparkmotion bands), or check LOADTEST_EVENT_IDS"
	s := newProcess(t, env).Start(1)
	vutest.Equal(t, "LOADTEST_BANDS left out", s.Fails("sm.preflight({parts: ['admin'], queries: [['a', {}]]})"), fmt.Sprintf(fails, 2)+
		"admin: the event few has 2000 bands, but LOADTEST_BANDS is 200000: the Hub would assign the bands that are missing to an event, by new rows "+
		"in the database. Set LOADTEST_BANDS=2000, or seed the others (k6 x sparkmotion bands --count 200000)\n"+none)
	env["LOADTEST_BANDS"] = "2000"
	vutest.Equal(t, "LOADTEST_BANDS=2000", newProcess(t, env).Start(1).Fails("sm.preflight({parts: ['admin'], queries: [['a', {}]]})"), fmt.Sprintf(fails, 1)+none)
	s.Run("sm.preflight({parts: ['admin'], queries: [['a', {}]], eventIDs: ['few'], bands: 2000})")
}

// A password that Admin refuses unseen costs none of the tries before the account is locked.
func TestPreflightOfAShortPassword(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL.Path) })
	got := newProcess(t, preflightEnv(link)).Start(1).Fails("sm.preflight({parts: ['admin'], queries: [['a', {}]], password: 'héšhed!'})")
	vutest.Equal(t, "error", got, "preflight: 3 of 3 probes failed, so no load was sent:\n"+
		"admin: login: not tried, because TEST_PASSWORD has 7 characters, and Admin refuses fewer than 8. Set it to the password of loadtest@sparkmotion.net\n"+
		"admin: skipped: there is no session (2 probes)")
}

// What only taps ask for is refused before the first of them, and all that is wrong at once.
func TestPreflightOfTheTapsSettings(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); system(w, r) })
	for setting, want := range map[string]string{
		"CONNECTIONS=New":         `CONNECTIONS: must be kept, new or resumed, got "New"`,
		"ARRIVALS=Poisson":        `ARRIVALS: must be even or poisson, got "Poisson"`,
		"SEED=abc":                "SEED: a number is expected, got abc",
		"PARTS=duration":          "option parts, or PARTS: a part is one of http_req_duration, ",
		"LOADTEST_BANDS=200k":     "LOADTEST_BANDS: a number is expected, got 200k",
		"LOADTEST_BANDS=0":        "LOADTEST_BANDS: must be above 0, got 0",
		"HUB_URL=nonsense":        "LOADTEST_BANDS: a number is expected, got many\nHUB_URL: an http or https URL with a host is expected, such as https://sparkmotion.net",
		"FALLBACK_HOST=a.com,b;c": "FALLBACK_HOST: entry 2: a host is expected",
		"CRON_SECRET=hu\nsh":      "CRON_SECRET: it holds a line break",
	} {
		env := preflightEnv(link)
		name, value, _ := strings.Cut(setting, "=")
		env[name] = value
		if name == "HUB_URL" {
			env["LOADTEST_BANDS"] = "many"
		}
		s := newProcess(t, env).Start(1)
		if got := s.Fails("sm.preflight()"); !strings.HasPrefix(got, "preflight: "+want) {
			t.Errorf("%s: %s", setting, got)
		}
		if own := name != "HUB_URL" && name != "LOADTEST_BANDS" && name != "CRON_SECRET" && name != "FALLBACK_HOST"; own {
			s.Run("sm.preflight({parts: ['hub']})")
			asked.Add(-1)
		}
	}
	vutest.Equal(t, "requests", asked.Load(), 0)
}

// Dashboards answer zeros for an event that does not exist, whatever the events of the bands are.
func TestPreflightOfTheDashboardsEvent(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "eventSummary") && strings.Contains(r.URL.Query().Get("input"), "nosuch") {
			_, _ = io.WriteString(w, `{"result":{"data":{"json":{"bandCount":0}}}}`)
			return
		}
		system(w, r)
	})
	env := preflightEnv(link)
	env["LOADTEST_EVENT_IDS"], env["LOADTEST_EVENT_ID"] = "e1,e2,e3", "nosuch"
	got := newProcess(t, env).Start(1).Fails("sm.preflight({parts: ['admin']})")
	if want := "admin: the event nosuch of LOADTEST_EVENT_ID has no bands"; !strings.Contains(got, want) || !strings.HasPrefix(got, "preflight: 1 of 10 probes") {
		t.Error(got)
	}
	env["LOADTEST_EVENT_IDS"], env["LOADTEST_EVENT_ID"] = "e1,nosuch,e3", "e1"
	got = newProcess(t, env).Start(1).Fails("sm.preflight({parts: ['admin']})")
	if want := "admin: the event nosuch of LOADTEST_EVENT_IDS has no bands"; !strings.Contains(got, want) || !strings.HasPrefix(got, "preflight: 1 of 9 probes") {
		t.Error(got)
	}
}

// A flush that dropped taps answers 200 too.
func TestPreflightOfDroppedTaps(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"success":true,"flushed":1,"dropped":2,"remaining":0}`)
	})
	s := newProcess(t, preflightEnv(link)).Start(1)
	vutest.Equal(t, "error", s.Fails("sm.preflight({parts: ['hub']})"), "preflight: 1 of 1 probes failed, so no load was sent:\n"+
		"hub: flush-taps: 2 taps were dropped because their bands are not in the database. Seed it (k6 x sparkmotion bands); if they are left from an earlier run, try again")
}

func TestGuard(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"ALLOWED_HOSTS": "*.example.com"}).Init()
	s.Run("sm.guard('https://a.example.com/x'); sm.guard('http://127.0.0.1:8080'); sm.guard('https://b.example.org', {allowedHosts: 'b.example.org'})")
	vutest.Equal(t, "a stranger", s.Fails("sm.guard('https://user:hush@example.org')"), "guard: no load is sent to example.org (the URL): it is not this machine "+
		"and not in ALLOWED_HOSTS. If you may load it, set ALLOWED_HOSTS=*.example.com,example.org")
	for _, none := range []string{"undefined", "null", "''", "'foo'", "'a.example.com'", "'a.example.com:8080'", "'https://'", "'https:///x'", "'http://%'"} {
		vutest.Equal(t, none, s.Fails("sm.guard("+none+")"), "guard: a URL with a host is expected, such as https://go.example.com: is its setting missing?")
	}
}

// A flush that could write nothing answers 200 all the same.
func TestPreflightFailsWithTheDatabase(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"success":true,"flushed":0,"batches":1,"failedBatches":1,"remaining":5}`)
	})
	s := newProcess(t, preflightEnv(link)).Start(1)
	vutest.Equal(t, "error", s.Fails("sm.preflight({parts: ['hub']})"), "preflight: 1 of 1 probes failed, so no load was sent:\n"+
		"hub: flush-taps: batches failed and went back on the queue, and 5 taps remain. Either the database is in trouble, or one entry in the queue makes its batch fail: "+
		"see the Hub's log")
}

// When setup() has no time left, no more is asked, and none of it is the system's fault.
func TestPreflightOutOfTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/e" {
			cancel()
		}
		system(w, r)
	})
	s := newProcess(t, preflightEnv(link)).Start(1)
	s.VU.Ctx = ctx
	vutest.Equal(t, "error", s.Fails("sm.preflight()"),
		"preflight: the run or its setupTimeout ended during the probe of worker LOADTEST-E1-000001 subdomain: context canceled")
}

// All that is wrong is told at once.
func TestPreflightFails(t *testing.T) {
	t.Parallel()
	var unhandled atomic.Int64
	link, shown := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/health":
			_, _ = io.WriteString(w, `{"status":"down"}`)
		case r.URL.Query().Get("bandId") == "LOADTEST-E2-000001":
			unhandled.Add(1)
			w.Header().Set("Location", "https://sparkmotion.net/unknown?secret=hush")
			w.WriteHeader(http.StatusFound)
		case r.URL.Path == "/api/cron/flush-taps":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/pipeline":
			_, _ = io.WriteString(w, countedErrors(0, received.Load(), unhandled.Load()))
		default:
			system(w, r)
		}
	})
	s := newProcess(t, preflightEnv(link)).Start(1)
	got := s.Fails("sm.preflight({password: 'hush hushed'})")
	vutest.Equal(t, "error", got, strings.ReplaceAll(`preflight: 10 of 13 probes failed, so no load was sent:
worker: GET SHOWN/health: answered JSON without status ok. Is WORKER_URL the Worker's origin?
worker: GET SHOWN/e: answered 302 Found to https://sparkmotion.net/unknown. That is a fallback (FALLBACK_HOST): the Worker failed, or could not reach the Hub. Their logs say why. The system counted it: monitoring:errors:worker_unhandled
admin: login: POST SHOWN/api/auth/callback/credentials: answered that the email or the password is wrong (CredentialsSignin for loadtest@sparkmotion.net). Check TEST_EMAIL and TEST_PASSWORD: five failures lock the account for 15 minutes, and then the right password gets this answer too
admin: skipped: there is no session (6 probes)
hub: GET SHOWN/api/cron/flush-taps: answered 401 Unauthorized. Check CRON_SECRET`, "SHOWN", shown))
	vutest.EqualLines(t, "emitted", s.Emitted())
}

// Nothing is asked of a host that nobody has named, and the message says how to name it.
func TestPreflightGuards(t *testing.T) {
	t.Parallel()
	env := preflightEnv("https://user:hush@sparkmotion.example")
	env["HUB_URL"], env["REDIS_URL"] = "https://geo.sparkmotion.example", "rediss://:hush@queue.example:6379"
	env["ALLOWED_HOSTS"] = "other.example"
	s := newProcess(t, env).Start(1)
	vutest.Equal(t, "error", s.Fails("sm.preflight()"), "preflight: no load is sent to sparkmotion.example (WORKER_URL), "+
		"geo.sparkmotion.example (HUB_URL), sparkmotion.example (ADMIN_URL), sparkmotion.example (UPSTASH_REDIS_REST_URL), "+
		"queue.example (REDIS_URL): it is not this machine and not in ALLOWED_HOSTS. "+
		"If you may load it, set ALLOWED_HOSTS=other.example,sparkmotion.example,geo.sparkmotion.example,queue.example")
	vutest.Equal(t, "error", s.Fails("sm.preflight({parts: ['hub']})"), "preflight: no load is sent to geo.sparkmotion.example (HUB_URL): "+
		"it is not this machine and not in ALLOWED_HOSTS. If you may load it, set ALLOWED_HOSTS=other.example,geo.sparkmotion.example")
	none := maps.Clone(env)
	none["REDIS_URL"] = "hush"
	vutest.Equal(t, "a REDIS_URL that is none", newProcess(t, none).Start(1).Fails("sm.preflight({parts: ['queue'], allowedHosts: 'sparkmotion.example'})"),
		"preflight: 1 of 1 probes failed, so no load was sent:\nqueue: REDIS_URL must be redis://[:password@]host:port[/db], or rediss:// for TLS")
	_, requests := s.Drain()
	vutest.Equal(t, "requests", len(requests), 0)
	if got := s.Fails("sm.preflight({allowedHosts: 'sparkmotion.example,*.sparkmotion.example,queue.example', timeout: 100})"); !strings.Contains(got, "probes failed") {
		t.Errorf("named hosts are probed: %s", got)
	}
}
