package sparkmotion

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

type tapOptions struct {
	URL      string        `js:"url" env:"WORKER_URL" need:"true" form:"url"`
	Band     string        `js:"band"`
	UTM      float64       `js:"utm" default:"0.5"`
	PageHost string        `js:"pageHost" env:"PAGE_HOST" default:"compassion.com"`
	Protocol string        `js:"protocol" default:"http/1.1"`
	Timeout  time.Duration `js:"timeout" default:"10s"`
}

// utm are the parameters that half of the taps carry, as a link printed for a campaign would.
const utm = "&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest"

// tapper is what a VU keeps from tap to tap.
type tapper struct {
	usual  *tapPlan    // of calls without options
	env    sobek.Value // the __ENV that it was made for: scenarios may have their own
	plans  map[tapTarget]*tapPlan
	random *rand.Rand

	iteration int64           // of the last tap, for the report
	samples   metrics.Samples // of taps that are done, to be pushed
	burst     int             // taps to make room for
}

// tap opens one band's link at the Worker, as a phone does, and follows it no further. It returns true when the Worker
// redirected; redirect_latency, error_rate, kv_hit_rate, k6's http_req_* metrics and three checks say the rest. Without an
// answer after 10 s it has failed: nobody holds a phone longer. utm is the share of taps with UTM parameters; protocol
// "h2" lets the VU's own transport speak HTTP/2.
func (m *module) tap(call sobek.FunctionCall) sobek.Value {
	p, band, err := m.tapPlan("tap", call.Argument(0))
	if err != nil {
		m.throw(err)
	}
	m.tapper.burst = 1
	redirected, err := m.tapOnce(p, band)
	m.push()
	if err != nil {
		m.throw(in("tap", err))
	}
	return m.vu.Runtime().ToValue(redirected)
}

// tapOnce makes one tap of band, or of the next band of the pool when it is empty.
func (m *module) tapOnce(p *tapPlan, band string) (bool, error) {
	l := p.take()
	defer p.put(l)
	if err := m.prepare(l, band); err != nil {
		return false, err
	}
	l.send(m.context(), m.vu.State())
	return m.finish(l), nil
}

// tapTarget is what taps must have in common to share connections.
type tapTarget struct{ url, protocol string }

// tapPlan is how taps at one target are made.
type tapPlan struct {
	options tapOptions // of the call under way
	name    string     // the tags name and url: the link without its query
	shown   string     // the same in messages
	origin  string     // of the link, for the VU's transport
	target  string     // path and query up to the band
	address string     // host:port to dial
	secure  bool       // TLS
	host    string     // for its certificate
	header  tapwire.Header
	fast    bool              // HTTP/1.1 on kept connections; else the VU's transport
	idle    []*line           // the last used last
	tags    tapTags           // of the last tap: the next one mostly has the same
	hosts   map[string]string // Locations seen, and their hosts
}

// tapPlan finds or makes the plan for a call's options, and the band that they name.
func (m *module) tapPlan(call string, given sobek.Value) (*tapPlan, string, error) {
	if m.vu.State() == nil {
		return nil, "", in(call, errInit)
	}
	env := m.vu.Runtime().Get("__ENV")
	if common.IsNullish(given) && m.tapper.usual != nil && m.tapper.env == env {
		return m.tapper.usual, "", nil
	}
	var o tapOptions
	if err := m.options(call, given, &o); err != nil {
		return nil, "", err
	}
	target := tapTarget{o.URL, o.Protocol}
	p, ok := m.tapper.plans[target]
	if !ok {
		made, err := m.newTapPlan(o)
		if err != nil {
			return nil, "", in(call, err)
		}
		if m.tapper.plans == nil {
			m.tapper.plans = make(map[tapTarget]*tapPlan)
			m.tapper.random = m.random(0)
		}
		p, m.tapper.plans[target] = made, made
	}
	p.options = o
	m.tapper.usual = nil // another call's options may be on its plan now
	if common.IsNullish(given) {
		m.tapper.usual, m.tapper.env = p, env
	}
	return p, o.Band, nil
}

func (m *module) newTapPlan(o tapOptions) (*tapPlan, error) {
	link, err := url.Parse(strings.TrimSuffix(o.URL, "/") + "/e")
	if err != nil {
		return nil, err
	}
	if o.Protocol != "http/1.1" && o.Protocol != "h2" {
		return nil, fmt.Errorf("protocol must be http/1.1 or h2, got %q", o.Protocol)
	}
	p := &tapPlan{
		name:    clean(link.String()),
		shown:   answer.Show(link),
		origin:  strings.TrimSuffix(link.String(), link.RequestURI()),
		target:  link.EscapedPath() + "?bandId=",
		address: hostPort(link),
		secure:  link.Scheme == "https",
		host:    link.Hostname(),
		hosts:   make(map[string]string),
	}
	p.fast, err = m.carries(o, link)
	if err != nil {
		return nil, err
	}
	p.header, err = m.tapHeader(link)
	return p, err
}

// carries tells whether the fast lane can take the taps. A proxy, HTTP/2 and --http-debug are the VU's transport's.
func (m *module) carries(o tapOptions, link *url.URL) (bool, error) {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: link})
	if err != nil {
		return false, fmt.Errorf("the proxy in the environment: %w", err)
	}
	return proxy == nil && o.Protocol != "h2" && m.vu.State().Options.HTTPDebug.String == "", nil
}

func (m *module) tapHeader(link *url.URL) (tapwire.Header, error) {
	options := &m.vu.State().Options
	var fields [][2]string
	if link.User != nil {
		req := &http.Request{Header: http.Header{}}
		password, _ := link.User.Password()
		req.SetBasicAuth(link.User.Username(), password)
		fields = append(fields, [2]string{"Authorization", req.Header.Get("Authorization")})
	}
	if options.NoConnectionReuse.Bool {
		fields = append(fields, [2]string{"Connection", "close"})
	}
	return tapwire.NewHeader(link.Host, options.UserAgent.String, fields...)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// take gives an idle line, or a new one.
func (p *tapPlan) take() *line {
	if n := len(p.idle); n > 0 {
		l := p.idle[n-1]
		p.idle = slices.Delete(p.idle, n-1, n)
		return l
	}
	return &line{plan: p}
}

// maxIdle is how long a connection is kept that nothing is sent on: a slow second may have needed many.
const maxIdle = 30 * time.Second

// put gives a line back, connected or not, and drops the one that was of no use for longest.
func (p *tapPlan) put(l *line) {
	p.idle = append(p.idle, l)
	if oldest := p.idle[0]; l.response.Done.Sub(oldest.response.Done) > maxIdle {
		oldest.drop()
		p.idle = slices.Delete(p.idle, 0, 1)
	}
}

// prepare puts the next tap on a line: its band and its request. It waits where --rps says so.
func (m *module) prepare(l *line, band string) error {
	state := m.vu.State()
	if band == "" {
		picker, err := m.bandPicker(nil)
		if err != nil {
			return err
		}
		text, err := picker.next()
		if err != nil {
			return err
		}
		l.band = append(l.band[:0], text...)
	} else {
		l.band = append(l.band[:0], trpc.EncodeURIComponent(band)...)
	}
	l.utm = ""
	if m.tapper.random.Float64() < l.plan.options.UTM {
		l.utm = utm
	}
	if state.RPSLimit != nil && l.plan.fast { // the VU's transport waits by itself
		if err := state.RPSLimit.Wait(m.context()); err != nil {
			return err
		}
	}
	l.due = time.Time{}
	l.plateau = m.plateau()
	return nil
}

// finish keeps what a tap measured, and tells whether it led anywhere.
func (m *module) finish(l *line) bool {
	if m.context().Err() != nil {
		m.recordTap(l, tapVerdict{}, true)
		return false // cut off with the VU: k6 counts no such request
	}
	if l.err != nil {
		l.classify(m.vu.State())
	}
	v := l.judge()
	if !v.redirected() {
		m.warn(l)
	}
	m.addTap(l, v)
	m.recordTap(l, v, false)
	return v.redirected()
}

// warn logs a tap that failed, the first of its kind in a run.
func (m *module) warn(l *line) {
	kind := fmt.Sprint("status ", l.response.Status)
	if l.err != nil {
		kind = fmt.Sprint("error_code ", l.code)
	}
	m.run.notices.once("tap "+kind, func() {
		m.logger().Warnf("tap: %v (the first with %s: more of them are counted, not logged)", l.failure(), kind)
	})
}

// tapVerdict is what is known of a tap's answer, each the name of a check.
type tapVerdict struct {
	isRedirect, hasLocation, isPage bool
}

// The checks of a tap, in the order of tapVerdict's fields.
var tapChecks = [3]string{"status is 302", "has a Location", "leads to the event's page"}

// redirected is what makes a tap no error.
func (v tapVerdict) redirected() bool { return v.isRedirect && v.hasLocation }

// judge looks at the answer.
func (l *line) judge() tapVerdict {
	if l.err != nil {
		return tapVerdict{}
	}
	host := l.plan.leads(l.response.Location)
	return tapVerdict{
		isRedirect: l.response.Status == http.StatusFound, hasLocation: host != "", isPage: host == l.plan.options.PageHost,
	}
}

// maxHosts bounds the Locations that a plan remembers: usually two, with and without UTM parameters.
const maxHosts = 64

// leads gives the host that a Location leads to; empty for one that is no URL with a host.
func (p *tapPlan) leads(location []byte) string {
	if host, known := p.hosts[string(location)]; known {
		return host
	}
	u, err := url.Parse(string(location))
	if err != nil {
		return ""
	}
	if len(p.hosts) >= maxHosts {
		clear(p.hosts)
	}
	p.hosts[string(location)] = u.Host
	return u.Host
}
