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

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
)

type tapOptions struct {
	URL      string        `js:"url" env:"WORKER_URL" need:"true" form:"url"`
	Band     string        `js:"band"`
	UTM      float64       `js:"utm" default:"0.5"`
	PageHost string        `js:"pageHost" env:"PAGE_HOST" default:"compassion.com"`
	Protocol string        `js:"protocol" default:"http/1.1"`
	Timeout  time.Duration `js:"timeout" default:"60s"`
}

// utm are the parameters that half of the taps carry, as a link printed for a campaign would.
const utm = "&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest"

// tapper is what a VU keeps from tap to tap.
type tapper struct {
	usual  *tapPlan // of calls without options
	plans  map[tapOptions]*tapPlan
	random *rand.Rand

	samples metrics.Samples // of taps that are done, to be pushed
	burst   int             // taps to make room for
}

// tap opens one band's link at the Worker, as a phone does, and follows it no further. It returns true when the Worker
// redirected to a page; redirect_latency, error_rate, kv_hit_rate, k6's http_req_* metrics and three checks say the
// rest. utm is the share of taps with UTM parameters; protocol "h2" lets the VU's own transport speak HTTP/2.
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

// tapPlan is what the taps with the same options have in common.
type tapPlan struct {
	options tapOptions
	name    string // the tags name and url: the link without its query
	origin  string // of the link, for the VU's transport
	target  string // path and query up to the band
	address string // host:port to dial
	secure  bool   // TLS
	host    string // for its certificate
	header  tapwire.Header
	fast    bool    // HTTP/1.1 on kept connections; else the VU's transport
	idle    []*line // the last used first
	tags    tagCache
	pages   map[string]bool // Locations seen, and whether their host is the page's
}

// tapPlan finds or makes the plan for a call's options, and the band that they name.
func (m *module) tapPlan(call string, given sobek.Value) (*tapPlan, string, error) {
	if m.vu.State() == nil {
		return nil, "", in(call, errInit)
	}
	if common.IsNullish(given) && m.tapper.usual != nil {
		return m.tapper.usual, "", nil
	}
	var o tapOptions
	if err := m.options(call, given, &o); err != nil {
		return nil, "", err
	}
	band := o.Band
	o.Band = "" // taps of different bands share their connections
	p, ok := m.tapper.plans[o]
	if !ok {
		made, err := m.newTapPlan(o)
		if err != nil {
			return nil, "", in(call, err)
		}
		if m.tapper.plans == nil {
			m.tapper.plans = make(map[tapOptions]*tapPlan)
			m.tapper.random = m.random(0)
		}
		p, m.tapper.plans[o] = made, made
	}
	if common.IsNullish(given) {
		m.tapper.usual = p
	}
	return p, band, nil
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
		options: o,
		name:    clean(link.String()),
		origin:  strings.TrimSuffix(link.String(), link.RequestURI()),
		target:  link.EscapedPath() + "?bandId=",
		address: hostPort(link),
		secure:  link.Scheme == "https",
		host:    link.Hostname(),
		pages:   make(map[string]bool),
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

// put gives a line back, connected or not.
func (p *tapPlan) put(l *line) { p.idle = append(p.idle, l) }

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
		l.band = append(l.band[:0], url.QueryEscape(band)...)
	}
	l.utm = ""
	if m.tapper.random.Float64() < l.plan.options.UTM {
		l.utm = utm
	}
	if state.RPSLimit != nil {
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
		return false // cut off with the VU: k6 counts no such request either
	}
	if l.err != nil {
		l.classify(m.vu.State())
		m.run.notices.once(fmt.Sprint("tap ", l.code), func() {
			m.logger().Warnf("tap: GET %s: %s. Further failures of this kind (error_code %d) are counted, not logged",
				l.plan.name, l.text, l.code)
		})
	}
	v := l.judge()
	m.addTap(l, v)
	return v.redirected()
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
	page, located := l.plan.leads(l.response.Location)
	return tapVerdict{isRedirect: l.response.Status == http.StatusFound, hasLocation: located, isPage: page}
}

// maxPages bounds the Locations that a plan remembers: usually two, with and without UTM parameters.
const maxPages = 64

// leads tells whether a Location is a URL with a host, and whether the host is the page's.
func (p *tapPlan) leads(location []byte) (page, located bool) {
	if page, located = p.pages[string(location)]; located {
		return page, true
	}
	u, err := url.Parse(string(location))
	if err != nil || u.Host == "" {
		return false, false
	}
	if len(p.pages) >= maxPages {
		clear(p.pages)
	}
	page = u.Host == p.options.PageHost
	p.pages[string(location)] = page
	return page, true
}
