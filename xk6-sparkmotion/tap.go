package sparkmotion

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/settings"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

type tapOptions struct {
	URL          string            `js:"url" env:"WORKER_URL" need:"subdomain" form:"url"`
	DirectURL    string            `js:"directURL" env:"DIRECT_URL" need:"direct" form:"url"`
	OrgID        string            `js:"orgID" env:"LOADTEST_ORG_ID" need:"direct" form:"line"`
	EventIDs     []string          `js:"eventIDs" env:"LOADTEST_EVENT_IDS" need:"direct" form:"line"`
	Form         string            `js:"form" default:"subdomain" oneof:"subdomain direct"`
	Band         string            `js:"band"`
	UTM          float64           `js:"utm" default:"0.5"`
	PageHost     string            `js:"pageHost" env:"PAGE_HOST" default:"compassion.com" form:"host"`
	FallbackHost []string          `js:"fallbackHost" env:"FALLBACK_HOST" default:"sparkmotion.io,sparkmotion.net" form:"host"`
	Path         string            `js:"path" default:"/e"`
	Param        string            `js:"param" default:"bandId"`
	Status       int               `js:"status" default:"302"`
	Query        map[string]string `js:"query"`
	Headers      map[string]string `js:"headers"`
	Cookie       string            `js:"cookie"`
	Protocol     string            `js:"protocol" default:"http/1.1"`
	Audit        bool              `js:"audit"`
	Location     bool              `js:"location"`
	Timeout      time.Duration     `js:"timeout" default:"10s" above:"0"`
	tapSettings
}

// tapSettings are those of the run's taps that preflight has no option for.
type tapSettings struct {
	Connection string   `js:"connection" env:"CONNECTIONS" default:"kept" oneof:"kept new resumed"`
	Arrivals   string   `js:"arrivals" env:"ARRIVALS" default:"even" oneof:"even poisson"`
	Seed       int      `js:"seed" env:"SEED"`
	Parts      []string `js:"parts" env:"PARTS"`
}

// emitted returns the parts of a tap that k6 gets.
func (o tapSettings) emitted() ([]meter.Part, error) {
	parts, err := meter.Parts(o.Parts)
	if err != nil {
		return nil, fmt.Errorf("option parts, or PARTS: %w", err)
	}
	return parts, nil
}

// Needs reports whether a setting is needed for the form of the link.
func (o tapOptions) Needs(form string) bool { return o.Form == form }

// utm are the parameters that half of the taps have, like links printed for a campaign.
const utm = "&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest"

// tap opens one band's link at the Worker, as a phone does, and does not follow the redirect. It returns true when the redirect leads to a
// page; redirect_latency, error_rate, kv_hit_rate, k6's http_req_* metrics and three checks have the details. Without an answer after 10 s it
// fails: nobody waits longer with a phone in hand. utm is the share of taps with UTM parameters; protocol "h2" uses the VU's own transport,
// which speaks HTTP/2; audit lets audit() look for the tap. With location it returns the URL that the tap led to instead of true, and null
// instead of false.
func (m *module) tap(call sobek.FunctionCall) (any, error) {
	p, err := m.tapPlan(call.Argument(0))
	if err != nil {
		return nil, m.refused(1, err)
	}
	r, err := m.tapRequest(p, 1)
	if err != nil {
		return nil, err
	}
	if p.options.Audit {
		if err := m.auditBegins(p.options.Band); err != nil {
			return nil, err
		}
	}
	result := p.target.Do(m.vu.Context(), m.vu.State(), r)
	if p.options.Audit {
		m.auditEnds(p.options.Band, result)
	}
	counted := m.meter.Taps(1, 1, p.parts)
	m.tapped(&counted, result)
	counted.Push()
	m.mark(r.Plateau, p.target)
	if err := m.ending(); err != nil {
		return nil, err
	}
	switch {
	case !p.options.Location:
		return result.Redirected(), nil
	case result.Redirected():
		return result.Location, nil
	}
	return nil, nil
}

// refused counts taps that a call asked for and that can't be made as it asks, and returns why: a run must not pass without them.
func (m *module) refused(taps int, err error) error {
	if m.vu.State() != nil {
		m.meter.Refused(taps)
		_ = m.process.meter.Recorder.Failed(capacity.Worker, "tap: refused options", err.Error)
	}
	return err
}

// tapped counts a tap, and logs the first failure of each kind in the process.
func (m *module) tapped(counted *meter.Taps, r lane.Result) {
	m.watchPorts(&r)
	r.Note(&m.process.answered)
	counted.Add(r)
	if r.Redirected() || m.vu.Context().Err() != nil {
		return
	}
	say := func() string { return r.Failure().Error() }
	kind := m.process.meter.Recorder.Failed(capacity.Worker, "tap: "+r.Kind(), say)
	m.tell(kind, func() string { return "tap: " + say() })
}

// tapPlan holds how the taps of a call are made.
type tapPlan struct {
	target  *lane.Target
	hosts   *lane.Hosts
	links   []eventLink // of the direct form
	query   string      // of every tap, after the band
	options tapOptions
	parts   []meter.Part
	bands   *bandPicker // of the next tap; nil for taps of one band

	arrivals *rand.Rand // that a Poisson process is drawn from; nil for taps at even distances
}

// eventLink is the beginning of a direct link to an event's bands. The Hub would reassign a band requested under another event.
type eventLink struct{ prefix, text string }

// tapPlans are the plans that a VU keeps for its next taps.
type tapPlans struct {
	made    settings.Repeated[*tapPlan]
	targets map[string]*lane.Target
	random  *rand.Rand
	drawn   map[int]*rand.Rand // arrivals, by seed
}

// tapPlan returns the plan for a call's options, and makes it if needed.
func (m *module) tapPlan(given sobek.Value) (*tapPlan, error) {
	if m.vu.State() == nil {
		return nil, errInit
	}
	p, key, found := m.plans.made.Find(m.vu.Runtime(), given)
	if found {
		return p, nil
	}
	var o tapOptions
	if err := m.settings.Read(given, &o); err != nil {
		return nil, err
	}
	if o.Audit {
		if err := m.audited(&o); err != nil {
			return nil, err
		}
	}
	p, err := m.planOf(o)
	if err == nil && o.Band == "" && !o.Audit { // a band is another each time
		m.plans.made.Keep(key, p)
	}
	return p, err
}

// planOf makes the plan for options, with the target that taps with such options had before.
func (m *module) planOf(o tapOptions) (*tapPlan, error) {
	p, err := o.plan()
	if err != nil {
		return nil, err
	}
	link := o.link()
	key := fmt.Sprint(link) // what taps must have in common to share connections
	target, ok := m.plans.targets[key]
	if !ok {
		state := m.vu.State()
		if target, err = lane.NewTarget(link, &state.Options, &m.process.pool); err != nil {
			return nil, err
		}
		if m.plans.targets == nil {
			m.plans.targets, m.plans.random = make(map[string]*lane.Target), newRandom(0, state)
		}
		m.plans.targets[key] = target
	}
	if o.Parts != nil && !target.Fast {
		return nil, fmt.Errorf("the option parts needs protocol %s without a proxy or --http-debug: otherwise k6 emits them itself", lane.HTTP1)
	}
	p.target = target
	if o.Arrivals == "poisson" {
		p.arrivals = m.arrivals(o.Seed)
	}
	if o.Band == "" {
		p.bands, err = m.bandPicker(nil)
	}
	return p, err
}

// arrivals returns the source from which the VU's next arrivals of a seed are drawn.
func (m *module) arrivals(seed int) *rand.Rand {
	if m.plans.drawn == nil {
		m.plans.drawn = make(map[int]*rand.Rand)
	}
	if _, ok := m.plans.drawn[seed]; !ok {
		m.plans.drawn[seed] = newRandom(seed, m.vu.State())
	}
	return m.plans.drawn[seed]
}

// link returns what the options say about the target.
func (o tapOptions) link() lane.Link {
	l := lane.Link{
		Form: o.Form, Origin: o.URL, Setting: "WORKER_URL", Protocol: o.Protocol,
		Path: o.Path, Param: o.Param, Status: o.Status, Headers: o.Headers, Cookie: o.Cookie, Connection: o.Connection,
	}
	if o.Form == lane.Direct {
		l.Origin, l.Setting = o.DirectURL, "DIRECT_URL"
	}
	return l
}

// plan returns what the options say about the taps themselves.
func (o tapOptions) plan() (*tapPlan, error) {
	parts, wrong := o.emitted()
	p := &tapPlan{options: o, parts: parts, hosts: lane.NewHosts(o.PageHost, o.FallbackHost)}
	for _, name := range slices.Sorted(maps.Keys(o.Query)) {
		p.query += "&" + trpc.EncodeURIComponent(name) + "=" + trpc.EncodeURIComponent(o.Query[name])
	}
	switch {
	case wrong != nil:
		return nil, wrong
	case o.UTM < 0 || o.UTM > 1:
		return nil, fmt.Errorf("option utm is a share of the taps, 0 to 1, got %v", o.UTM)
	case o.twice() != "":
		return nil, fmt.Errorf("option query: a link has %s already", o.twice())
	case o.Form == lane.Subdomain:
		return p, nil
	}
	if err := checkEvents(o.EventIDs); err != nil {
		return nil, err
	}
	for i, event := range o.EventIDs {
		p.links = append(p.links, eventLink{
			defaultPrefixes[i], "eventId=" + trpc.EncodeURIComponent(event) + "&orgId=" + trpc.EncodeURIComponent(o.OrgID) + "&",
		})
	}
	return p, nil
}

// twice returns a parameter of the option query that the link has without it.
func (o tapOptions) twice() string {
	own := []string{o.Param}
	if o.Form == lane.Direct {
		own = append(own, "eventId", "orgId")
	}
	for _, name := range own {
		if _, given := o.Query[name]; given {
			return name
		}
	}
	return ""
}

// checkEvents requires an event for each prefix of bands.
func checkEvents(events []string) error {
	if len(events) != len(defaultPrefixes) {
		return fmt.Errorf("LOADTEST_EVENT_IDS must name one event for each of %s, separated by commas, got %d",
			strings.Join(defaultPrefixes, ", "), len(events))
	}
	return nil
}

// link returns the beginning of a band's link, or nothing for the subdomain form.
func (p *tapPlan) link(band []byte) (string, error) {
	if p.links == nil {
		return "", nil
	}
	for _, l := range p.links {
		if bytes.HasPrefix(band, []byte(l.prefix)) {
			return l.text, nil
		}
	}
	return "", fmt.Errorf("the direct form finds the event by the band's prefix, one of %s, and %s has none of these",
		strings.Join(defaultPrefixes, ", "), band)
}

// tapRequest makes the request of a plan's next tap, in an iteration with that many taps. It waits if --rps requires it.
func (m *module) tapRequest(p *tapPlan, taps int) (lane.Request, error) {
	r := lane.Request{Hosts: p.hosts, Query: p.query, Timeout: p.options.Timeout}
	var err error
	if p.bands == nil {
		r.Band = []byte(trpc.EncodeURIComponent(p.options.Band))
	} else if r.Band, err = p.bands.next(); err != nil {
		return r, err
	}
	if r.Link, err = p.link(r.Band); err != nil {
		return r, err
	}
	if m.plans.random.Float64() < p.options.UTM {
		r.UTM = utm
	}
	if limit := m.vu.State().RPSLimit; limit != nil && p.target.Fast { // the VU's transport waits by itself
		if err := limit.Wait(m.vu.Context()); err != nil {
			return r, err
		}
	}
	m.meter.TapBegins()
	r.Plateau = m.meter.Plateau(taps)
	return r, nil
}
