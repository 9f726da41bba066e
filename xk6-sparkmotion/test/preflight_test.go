package test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// system is a whole SparkMotion of one server, told apart by path.
func system(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	case "/e":
		w.Header().Set("Location", page)
		w.WriteHeader(http.StatusFound)
	case "/api/cron/flush-taps":
		_, _ = io.WriteString(w, `{"success":true,"flushed":1,"remaining":0}`)
	case "/api/trpc/analytics.tapsByHour":
		_, _ = io.WriteString(w, `{"result":{"data":[]}}`)
	case "/":
		_, _ = io.WriteString(w, `{"result":42}`)
	default:
		admin(w, r)
	}
}

func preflightEnv(url string) map[string]string {
	return map[string]string{
		"WORKER_URL": url, "HUB_URL": url, "ADMIN_URL": url, "TEST_PASSWORD": "hush", "CRON_SECRET": "hush", "LOADTEST_EVENT_ID": "e1",
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
	vutest.EqualLines(t, "emitted", own) // none of it counts in the module's metrics
	vutest.Equal(t, "requests", len(requests), 10)
	var lines []string
	for _, entry := range p.Log.AllEntries() {
		lines = append(lines, entry.Level.String()+" "+strings.Join(strings.Fields(entry.Message), " "))
	}
	vutest.EqualLines(t, "log", lines,
		"info preflight ✓ worker /health ok",
		"info preflight ✓ worker LOADTEST-E1-000001 302 to compassion.com",
		"info preflight ✓ worker LOADTEST-E2-000001 302 to compassion.com",
		"info preflight ✓ worker LOADTEST-E3-000001 302 to compassion.com",
		"info preflight ✓ admin login and query as loadtest@sparkmotion.net, cookie admin-auth.session-token, analytics.tapsByHour",
		"info preflight ✓ hub flush-taps flushed 1, 0 remain",
		"info preflight ✓ queue LLEN 42 waiting")
}

// A transformer that isn't the server's would fail every query.
func TestPreflightOfAWrongQuery(t *testing.T) {
	t.Parallel()
	link, shown := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/api/trpc/analytics.tapsByHour":
			system(w, r)
		case strings.Contains(r.URL.Query().Get("input"), `"json"`):
			_, _ = io.WriteString(w, `{"result":{"data":[]}}`)
		default:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"eventId: Required","code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400}}}`)
		}
	})
	env := preflightEnv(link)
	for transformer, want := range map[string]string{
		"": "preflight: 1 of 1 probes failed, so no load was sent:\nadmin: GET " + shown + "/api/trpc/analytics.tapsByHour: answered BAD_REQUEST (400): " +
			"eventId: Required. Is TRPC_TRANSFORMER the server's, and LOADTEST_EVENT_ID an event's?",
		"superjson": "preflight: 1 of 1 probes failed, so no load was sent:\nadmin: the data is not superjson: leave TRPC_TRANSFORMER, the option transformer, out",
		"foo":       `preflight: the option transformer, TRPC_TRANSFORMER, must be superjson or left out, got "foo"`,
	} {
		env["TRPC_TRANSFORMER"] = transformer
		vutest.Equal(t, transformer, newProcess(t, env).Start(1).Fails("sm.preflight({parts: ['admin']})"), want)
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
	vutest.Equal(t, "another's", s.Fails("sm.preflight({parts: ['hub']})"),
		"preflight needs HUB_URL, CRON_SECRET: set it in the environment, or pass it as an option")
	vutest.Equal(t, "unknown", s.Fails("sm.preflight({parts: ['worker', 'cron']})"),
		`preflight: option parts: there is no "cron"; there are worker, admin, hub, queue`)
}

// A flush that could write nothing answers 200 all the same.
func TestPreflightFailsWithTheDatabase(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"success":true,"flushed":0,"batches":1,"failedBatches":1,"remaining":5}`)
	})
	s := newProcess(t, preflightEnv(link)).Start(1)
	vutest.Equal(t, "error", s.Fails("sm.preflight({parts: ['hub']})"), "preflight: 1 of 1 probes failed, so no load was sent:\n"+
		"hub: flush-taps: failedBatches is 1, and 5 taps remain. The Hub's log says why")
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
		"preflight: the run was over, or its setupTimeout, at the probe of worker LOADTEST-E1-000001: context canceled")
}

// All that is wrong is told at once.
func TestPreflightFails(t *testing.T) {
	t.Parallel()
	link, shown := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/health":
			_, _ = io.WriteString(w, `{"status":"down"}`)
		case r.URL.Query().Get("bandId") == "LOADTEST-E2-000001":
			w.Header().Set("Location", "https://sparkmotion.net/unknown?secret=hush")
			w.WriteHeader(http.StatusFound)
		case r.URL.Path == "/api/cron/flush-taps":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			system(w, r)
		}
	})
	s := newProcess(t, preflightEnv(link)).Start(1)
	got := s.Fails("sm.preflight({password: 'hushed'})")
	vutest.Equal(t, "error", got, strings.ReplaceAll(`preflight: 4 of 7 probes failed, so no load was sent:
worker: GET SHOWN/health: answered JSON without status ok. Is WORKER_URL the Worker's origin?
worker: GET SHOWN/e: answered band LOADTEST-E2-000001 with a redirect to https://sparkmotion.net/unknown instead of compassion.com: a KV miss. Seed the KV with the LOADTEST bands, or set PAGE_HOST to the page's host
admin: login: POST SHOWN/api/auth/callback/credentials: answered that the email or the password is wrong (CredentialsSignin for loadtest@sparkmotion.net). Check TEST_EMAIL and TEST_PASSWORD
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
		"queue.example (REDIS_URL): it is not this machine, and nobody has named it. "+
		"If it is yours to load, set ALLOWED_HOSTS=other.example,sparkmotion.example,geo.sparkmotion.example,queue.example")
	vutest.Equal(t, "error", s.Fails("sm.preflight({parts: ['hub']})"), "preflight: no load is sent to geo.sparkmotion.example (HUB_URL): "+
		"it is not this machine, and nobody has named it. If it is yours to load, set ALLOWED_HOSTS=other.example,geo.sparkmotion.example")
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
