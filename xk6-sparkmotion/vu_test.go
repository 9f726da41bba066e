package sparkmotion

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/sobek"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"
	"go.k6.io/k6/v2/lib/types"
	"go.k6.io/k6/v2/metrics"
	"go.k6.io/k6/v2/secretsource"
	"gopkg.in/guregu/null.v3"
)

// testVU is a [modules.VU] that a test moves from the init context to a run. k6's own modulestest has one, but brings a
// dozen modules into go.mod for it.
type testVU struct {
	ctx   context.Context // as a VU's
	rt    *sobek.Runtime
	init  *common.InitEnvironment
	state *lib.State
}

func (v *testVU) Context() context.Context             { return v.ctx }
func (v *testVU) Events() common.Events                { return common.Events{} }
func (v *testVU) InitEnv() *common.InitEnvironment     { return v.init }
func (v *testVU) State() *lib.State                    { return v.state }
func (v *testVU) Runtime() *sobek.Runtime              { return v.rt }
func (v *testVU) RegisterCallback() func(func() error) { panic("nothing here is asynchronous") }

// process is a k6 process: what its VUs share.
type process struct {
	t        testing.TB
	root     rootModule
	registry *metrics.Registry
	builtin  *metrics.BuiltinMetrics
	env      map[string]string
	log      *logtest.Hook
	logger   *logrus.Logger
	secrets  *secretsource.Manager
}

func newProcess(t testing.TB, env map[string]string) *process {
	t.Helper()
	p := &process{t: t, registry: metrics.NewRegistry(), env: env}
	p.builtin = metrics.RegisterBuiltinMetrics(p.registry)
	p.logger, p.log = logtest.NewNullLogger()
	return p
}

// script is one VU of a process; its JavaScript has the module as the global sm.
type script struct {
	*process
	vu      *testVU
	module  *module
	samples chan metrics.SampleContainer
}

// init gives a VU in the init context.
func (p *process) init() *script {
	p.t.Helper()
	s := &script{process: p, samples: make(chan metrics.SampleContainer, 10_000)}
	s.vu = &testVU{
		ctx: p.t.Context(), rt: sobek.New(),
		init: &common.InitEnvironment{TestPreInitState: &lib.TestPreInitState{
			Registry: p.registry, Logger: p.logger, SecretsManager: p.secrets,
		}},
	}
	s.vu.rt.SetFieldNameMapper(common.FieldNameMapper{})
	instance := p.root.NewModuleInstance(s.vu)
	s.module = instance.(*module) // it is what NewModuleInstance makes
	for name, value := range map[string]any{"__ENV": p.env, "sm": instance.Exports().Default} {
		if err := s.vu.rt.Set(name, value); err != nil {
			p.t.Fatal(err)
		}
	}
	return s
}

// start gives a VU that runs, with k6's own network and the tag vu on all that it emits.
func (p *process) start(id uint64) *script {
	p.t.Helper()
	s := p.init()
	dialer := netext.NewDialer(net.Dialer{}, netext.NewResolver(lookup, 0, types.DNSfirst, types.DNSpreferIPv4))
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: secure, DisableCompression: true}
	p.t.Cleanup(transport.CloseIdleConnections)
	s.vu.init = nil
	s.vu.state = &lib.State{
		Options:        lib.Options{SystemTags: &metrics.DefaultSystemTagSet, UserAgent: null.StringFrom("k6-test")},
		BuiltinMetrics: p.builtin,
		Logger:         p.logger,
		Dialer:         dialer,
		Transport:      transport,
		TLSConfig:      secure,
		Samples:        s.samples,
		BufferPool:     lib.NewBufferPool(),
		VUID:           id,
		VUIDGlobal:     id,
		Tags:           lib.NewVUStateTags(p.registry.RootTagSet().With("vu", fmt.Sprint(id))),
	}
	return s
}

// lookup is a DNS that knows this machine alone.
func lookup(host string) ([]net.IP, error) {
	if host == "localhost" {
		return []net.IP{net.IPv4(127, 0, 0, 1)}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// run evaluates JavaScript that must not throw.
func (s *script) run(js string) sobek.Value {
	s.t.Helper()
	value, err := s.vu.rt.RunString(js)
	if err != nil {
		s.t.Fatalf("%s: %v", js, err)
	}
	return value
}

// show is run for JavaScript whose value is best compared as text.
func (s *script) show(js string) string {
	s.t.Helper()
	return s.run(show + "show(" + js + ")").String()
}

// show is JSON.stringify that tells apart what JSON can't carry.
const show = `var show = v => typeof v === 'bigint' ? v + 'n' : v === undefined || typeof v === 'number' ? '' + v
	: v instanceof Date ? 'Date(' + v.toISOString() + ')' : v instanceof Error ? 'Error(' + v.message + ')'
	: Array.isArray(v) ? '[' + Array.from(v, show).join() + ']'
	: v && typeof v === 'object' ? '{' + Object.keys(v).map(k => k + ':' + show(v[k])).join() + '}' : JSON.stringify(v);`

// fails evaluates JavaScript that must throw an Error, and gives its message.
func (s *script) fails(js string) string {
	s.t.Helper()
	return s.run(`(() => { try { ` + js + ` } catch (e) { return e instanceof Error ? e.message : 'no Error: ' + e }
		return 'nothing was thrown' })()`).String()
}

// emitted drains the samples and gives the module's own and the checks as "name{tags} value", sorted, where a time is
// "time" or 0.
func (s *script) emitted() []string {
	s.t.Helper()
	own, _ := s.drain()
	return own
}

// drain is emitted, and one "METHOD name status failed" for each request in k6's own metrics.
func (s *script) drain() (own, requests []string) {
	s.t.Helper()
	times := map[string]int{}
	for _, container := range metrics.GetBufferedSamples(s.samples) {
		for _, sample := range container.GetSamples() {
			name, tags := sample.Metric.Name, sample.Tags.Map()
			if strings.HasPrefix(name, "generator_") {
				continue // the machine's state, not the script's
			}
			if strings.Contains(fmt.Sprint(tags), "hush") {
				s.t.Errorf("a secret in the tags of %s: %v", name, tags)
			}
			if sample.Time.IsZero() || tags["vu"] != fmt.Sprint(s.vu.state.VUIDGlobal) {
				s.t.Errorf("%s at %v of VU %q", name, sample.Time, tags["vu"])
			}
			delete(tags, "vu")
			switch {
			case strings.HasPrefix(name, "http_req"):
				times[name]++
				if name == "http_req_failed" {
					if tags["url"] != tags["name"] {
						s.t.Errorf("the request's tags differ: url %q, name %q", tags["url"], tags["name"])
					}
					name := strings.Replace(tags["name"], "****:****@", "", 1) // how k6 masks a password
					requests = append(requests, fmt.Sprintf("%s %s %s failed:%v", tags["method"], name, tags["status"], sample.Value))
				}
			case sample.Metric.Contains == metrics.Time && sample.Value > 0:
				own = append(own, fmt.Sprintf("%s%v time", name, tags))
			default:
				own = append(own, fmt.Sprintf("%s%v %v", name, tags, sample.Value))
			}
		}
	}
	for name, n := range times {
		if n != len(requests) {
			s.t.Errorf("%d samples of %s for %d requests", n, name, len(requests))
		}
	}
	for i := range own {
		own[i] = strings.ReplaceAll(strings.Replace(own[i], "map[", "{", 1), "] ", "} ")
	}
	slices.Sort(own)
	return own, requests
}

// serve runs a server and gives its URL with a password in it, which no text and no tag may repeat, and as it is shown.
func serve(t *testing.T, handler http.HandlerFunc) (secret, shown string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "://", "://user:hush@", 1), server.URL
}

// respond is a server's answer to everything.
func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// refused gives the URL of a server that is gone.
func refused() string {
	gone := httptest.NewServer(nil)
	gone.Close()
	return gone.URL
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

func equalLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	equal(t, what, strings.Join(got, "\n"), strings.Join(want, "\n"))
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	p.init()
	p.init() // a second VU registers the same metrics again
	for name, want := range map[string]string{
		"redirect_latency": "trend time", "analytics_latency": "trend time", "csv_export_latency": "trend time",
		"error_rate": "rate default", "kv_hit_rate": "rate default", "cron_errors": "rate default",
		"cron_flushed": "counter default", "queue_depth": "gauge default", "upstash_latency": "trend time",
	} {
		if m := p.registry.Get(name); m == nil {
			t.Errorf("%s is not registered", name)
		} else {
			equal(t, name, m.Type.String()+" "+m.Contains.String(), want)
		}
	}
}

func TestMetricOfTheSameName(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	p.registry.MustNewMetric("queue_depth", metrics.Counter)
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "the script declares a metric of the same name") {
			t.Errorf("got %s", got)
		}
	}()
	p.init()
}

// What needs the network says so in the init context, and nothing is sent.
func TestInitContext(t *testing.T) {
	t.Parallel()
	asked := false
	url, _ := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	s := newProcess(t, map[string]string{
		"WORKER_URL": url, "HUB_URL": url, "ADMIN_URL": url, "UPSTASH_REDIS_REST_URL": url, "UPSTASH_REDIS_REST_TOKEN": "hush",
		"CRON_SECRET": "hush", "TEST_PASSWORD": "hush", "LOADTEST_EVENT_ID": "e",
	}).init()
	for js, call := range map[string]string{
		"sm.login()": "login", "sm.tap()": "tap", "sm.taps(2)": "taps", "sm.query(null, 'a')": "query",
		"sm.batch(null, [['a']])": "batch", "sm.flushTaps()": "flushTaps", "sm.queueDepth()": "queueDepth",
		"new sm.Upstash().command(['PING'])": "Upstash", "new sm.Upstash().pipeline([['PING']])": "Upstash",
		"new sm.Upstash().transaction([['PING']])": "Upstash", "sm.preflight()": "preflight",
		"sm.bandID({distribution: 'sequential'})": "bandID",
	} {
		equal(t, js, s.fails(js), call+": "+errInit.Error())
	}
	if asked {
		t.Error("a request was sent")
	}
	if got := s.run("sm.bandID()").String(); !strings.HasPrefix(got, "LOADTEST-E") { // needs no network
		t.Errorf("got %s", got)
	}
}

var _ modules.VU = (*testVU)(nil)
