// Package vutest runs JavaScript against a k6 module in virtual users of a test's own, and tells what they emitted.
package vutest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
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

// VU is a [modules.VU] that a test moves from the init context to a run. k6's own modulestest has one, but brings a
// dozen modules into go.mod for it.
type VU struct {
	Ctx     context.Context // as a VU's
	Running *lib.State      // nil in the init context
	rt      *sobek.Runtime
	init    *common.InitEnvironment
}

func (v *VU) Context() context.Context             { return v.Ctx }
func (v *VU) Events() common.Events                { return common.Events{} }
func (v *VU) InitEnv() *common.InitEnvironment     { return v.init }
func (v *VU) State() *lib.State                    { return v.Running }
func (v *VU) Runtime() *sobek.Runtime              { return v.rt }
func (v *VU) RegisterCallback() func(func() error) { panic("nothing here is asynchronous") }

// Process is a k6 process: what its VUs share.
type Process struct {
	Registry *metrics.Registry
	Builtin  *metrics.BuiltinMetrics
	Log      *logtest.Hook
	Logger   *logrus.Logger
	Secrets  *secretsource.Manager

	t      testing.TB
	module modules.Module
	env    map[string]string
}

// New returns a process with a module, which may be nil, and its environment.
func New(t testing.TB, module modules.Module, env map[string]string) *Process {
	t.Helper()
	p := &Process{t: t, module: module, Registry: metrics.NewRegistry(), env: env}
	p.Builtin = metrics.RegisterBuiltinMetrics(p.Registry)
	p.Logger, p.Log = logtest.NewNullLogger()
	return p
}

// Script is one VU of a process; its JavaScript has the module as the global sm.
type Script struct {
	*Process
	VU      *VU
	Samples chan metrics.SampleContainer
}

// Init returns a VU in the init context.
func (p *Process) Init() *Script {
	p.t.Helper()
	s := &Script{Process: p, Samples: make(chan metrics.SampleContainer, 10_000)}
	s.VU = &VU{
		Ctx: p.t.Context(), rt: sobek.New(),
		init: &common.InitEnvironment{TestPreInitState: &lib.TestPreInitState{
			Registry: p.Registry, Logger: p.Logger, SecretsManager: p.Secrets,
		}},
	}
	s.VU.rt.SetFieldNameMapper(common.FieldNameMapper{})
	set := func(name string, value any) {
		if err := s.VU.rt.Set(name, value); err != nil {
			p.t.Fatal(err)
		}
	}
	set("__ENV", p.env)
	if p.module != nil {
		set("sm", p.module.NewModuleInstance(s.VU).Exports().Default)
	}
	return s
}

// Start returns a VU that runs, with k6's own network and the tag vu on all that it emits.
func (p *Process) Start(id uint64) *Script {
	p.t.Helper()
	s := p.Init()
	dialer := netext.NewDialer(net.Dialer{}, netext.NewResolver(lookup, 0, types.DNSfirst, types.DNSpreferIPv4))
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: secure, DisableCompression: true}
	p.t.Cleanup(transport.CloseIdleConnections)
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	s.VU.init = nil
	s.VU.Running = &lib.State{
		Options:        lib.Options{SystemTags: &metrics.DefaultSystemTagSet, UserAgent: null.StringFrom("k6-test")},
		BuiltinMetrics: p.Builtin,
		Logger:         p.Logger,
		Dialer:         dialer,
		Transport:      transport,
		CookieJar:      jar,
		TLSConfig:      secure,
		Samples:        s.Samples,
		BufferPool:     lib.NewBufferPool(),
		VUID:           id,
		VUIDGlobal:     id,
		Tags:           lib.NewVUStateTags(p.Registry.RootTagSet().With("vu", fmt.Sprint(id))),
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

// Run evaluates JavaScript that must not throw.
func (s *Script) Run(js string) sobek.Value {
	s.t.Helper()
	value, err := s.VU.rt.RunString(js)
	if err != nil {
		s.t.Fatalf("%s: %v", js, err)
	}
	return value
}

// Show is run for JavaScript whose value is best compared as text.
func (s *Script) Show(js string) string {
	s.t.Helper()
	return s.Run(Shown + "show(" + js + ")").String()
}

// Shown is JSON.stringify that tells apart what JSON can't carry.
const Shown = `var show = v => typeof v === 'bigint' ? v + 'n' : v === undefined || typeof v === 'number' ? '' + v
	: v instanceof Date ? 'Date(' + v.toISOString() + ')' : v instanceof Error ? 'Error(' + v.message + ')'
	: Array.isArray(v) ? '[' + Array.from(v, show).join() + ']'
	: v && typeof v === 'object' ? '{' + Object.keys(v).map(k => k + ':' + show(v[k])).join() + '}' : JSON.stringify(v);`

// Fails evaluates JavaScript that must throw an Error, and gives its message.
func (s *Script) Fails(js string) string {
	s.t.Helper()
	return s.Run(`(() => { try { ` + js + ` } catch (e) { return e instanceof Error ? e.message : 'no Error: ' + e }
		return 'nothing was thrown' })()`).String()
}

// Emitted drains the samples and returns the module's own and the checks as "name{tags} value", sorted, where a time is
// "time" or 0.
func (s *Script) Emitted() []string {
	s.t.Helper()
	own, _ := s.Drain()
	return own
}

// Drain is emitted, and one "METHOD name status failed" for each request in k6's own metrics.
func (s *Script) Drain() (own, requests []string) {
	s.t.Helper()
	times := map[string]int{}
	for _, container := range metrics.GetBufferedSamples(s.Samples) {
		for _, sample := range container.GetSamples() {
			name, tags := sample.Metric.Name, sample.Tags.Map()
			if strings.HasPrefix(name, "generator_") {
				continue // the machine's state, not the script's
			}
			if strings.Contains(fmt.Sprint(tags), "hush") {
				s.t.Errorf("a secret in the tags of %s: %v", name, tags)
			}
			if sample.Time.IsZero() || tags["vu"] != fmt.Sprint(s.VU.Running.VUIDGlobal) {
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

// Serve runs a server and gives its URL with a password in it, which no text and no tag may repeat, and as it is shown.
func Serve(t *testing.T, handler http.HandlerFunc) (secret, shown string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "://", "://user:hush@", 1), server.URL
}

// Respond is a server's answer to everything.
func Respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Refused gives the URL of a server that is gone.
func Refused() string {
	gone := httptest.NewServer(nil)
	gone.Close()
	return gone.URL
}

func Equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

func EqualLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	Equal(t, what, strings.Join(got, "\n"), strings.Join(want, "\n"))
}

var _ modules.VU = (*VU)(nil)
