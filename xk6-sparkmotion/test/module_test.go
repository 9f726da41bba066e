// Package test tries the module as scripts use it.
package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	sparkmotion "github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
	"go.k6.io/k6/v2/metrics"
)

// newProcess returns a k6 process with the module and its environment.
func newProcess(t testing.TB, env map[string]string) *vutest.Process {
	t.Helper()
	return vutest.New(t, sparkmotion.New(), env)
}

const errInit = "requests can't be made in the init context: call it from setup() or a scenario's function"

func TestMetrics(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	p.Init()
	p.Init() // a second VU registers the same metrics again
	for name, want := range map[string]string{
		"redirect_latency": "trend time", "analytics_latency": "trend time", "csv_export_latency": "trend time",
		"error_rate": "rate default", "kv_hit_rate": "rate default", "cron_errors": "rate default",
		"cron_flushed": "counter default", "audit_recorded": "counter default", "audit_lost": "counter default",
		"audit_duplicated": "counter default", "audit_other_event": "counter default", "audit_other_mode": "counter default",
		"audit_unexpected": "counter default", "queue_depth": "gauge default", "upstash_latency": "trend time",
	} {
		if m := p.Registry.Get(name); m == nil {
			t.Errorf("%s is not registered", name)
		} else {
			vutest.Equal(t, name, m.Type.String()+" "+m.Contains.String(), want)
		}
	}
}

func TestMetricOfTheSameName(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	p.Registry.MustNewMetric("queue_depth", metrics.Counter)
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "the script declares a metric of the same name") {
			t.Errorf("got %s", got)
		}
	}()
	p.Init()
}

// What needs the network says so in the init context, and nothing is sent.
func TestInitContext(t *testing.T) {
	t.Parallel()
	asked := false
	url, _ := vutest.Serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	s := newProcess(t, map[string]string{
		"WORKER_URL": url, "HUB_URL": url, "ADMIN_URL": url, "UPSTASH_REDIS_REST_URL": url, "UPSTASH_REDIS_REST_TOKEN": "hush",
		"CRON_SECRET": "hush", "TEST_PASSWORD": "hush", "LOADTEST_EVENT_ID": "e", "LOADTEST_EVENT_IDS": "a,b,c",
	}).Init()
	for js, call := range map[string]string{
		"sm.login()": "login", "sm.applySession({cookie: 'a'})": "applySession", "sm.tap()": "tap", "sm.taps(2)": "taps", "sm.query(null, 'a')": "query",
		"sm.batch(null, [['a']])": "batch", "sm.flushTaps()": "flushTaps", "sm.queueDepth()": "queueDepth",
		"new sm.Upstash().command(['PING'])": "Upstash.command", "new sm.Upstash().pipeline([['PING']])": "Upstash.pipeline",
		"new sm.Upstash().transaction([['PING']])": "Upstash.transaction", "sm.preflight()": "preflight",
		"sm.audit(null)": "audit", "sm.tap({audit: true})": "tap",
		"sm.bandID({distribution: 'sequential'})": "bandID",
	} {
		vutest.Equal(t, js, s.Fails(js), call+": "+errInit)
	}
	if asked {
		t.Error("a request was sent")
	}
	if got := s.Run("sm.bandID()").String(); !strings.HasPrefix(got, "LOADTEST-E") { // needs no network
		t.Errorf("got %s", got)
	}
}

// Each call that takes options says which it is, and which settings it lacks.
func TestMissingSettings(t *testing.T) {
	t.Parallel()
	s := newProcess(t, nil).Start(1)
	const advice, several = ": set it in the environment, or pass it as an option", ": set them in the environment, or pass them as options"
	vutest.Equal(t, "a tap", s.Fails("sm.tap()"), "tap needs WORKER_URL"+advice)
	vutest.EqualLines(t, "an error of a tap that wasn't made", s.Emitted(), "error_rate{part:worker} 1")
	for js, want := range map[string]string{
		"sm.login()":                                 "login needs ADMIN_URL, TEST_PASSWORD" + several,
		"sm.query(null, 'a')":                        "query needs ADMIN_URL" + advice,
		"sm.batch(null, [['a']])":                    "batch needs ADMIN_URL" + advice,
		"sm.flushTaps()":                             "flushTaps needs HUB_URL, CRON_SECRET" + several,
		"new sm.Upstash()":                           "Upstash needs UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN" + several,
		"sm.audit(null)":                             "audit needs WORKER_URL, HUB_URL, CRON_SECRET, ADMIN_URL, LOADTEST_EVENT_IDS" + several,
		"sm.preflight()":                             "preflight needs WORKER_URL, HUB_URL, ADMIN_URL, TEST_PASSWORD, LOADTEST_EVENT_ID, CRON_SECRET" + several,
		"sm.queueDepth({uri: 1})":                    `queueDepth: unknown option "uri"; it takes key, redisURL, timeout, token, url`,
		"sm.bandID({prefix: 'A'})":                   `bandID: unknown option "prefix"; it takes count, distribution, prefixes, seed`,
		"sm.login({url: 'admin', password: 'hush'})": "login: ADMIN_URL: an http or https URL with a host is expected, such as https://sparkmotion.net",
	} {
		vutest.Equal(t, js, s.Fails(js), want)
	}
	vutest.EqualLines(t, "emitted", s.Emitted())
}
