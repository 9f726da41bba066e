package sparkmotion

import (
	"strconv"
	"time"

	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// tagKey is all that the tags of a tap's samples depend on.
type tagKey struct {
	vu      *metrics.TagSet
	plateau string
	peer    peer
	proto   string
	status  int
	code    int
	text    string
}

// tapTags are the tag sets of a tap's samples.
type tapTags struct {
	key    tagKey
	own    *metrics.TagSet // the module's metrics: the VU's tags and plateau
	errors *metrics.TagSet // error_rate: own, and part
	http   *metrics.TagSet // http_req_*: own, and k6's system tags
	checks [len(tapChecks)]*metrics.TagSet
}

// tags gives the tag sets for a tap, as k6's own HTTP client would set them.
func (m *module) tags(l *line, vu *metrics.TagSet) *tapTags {
	key := tagKey{vu, l.plateau.name, l.peer, l.response.Proto, l.response.Status, l.code, l.text}
	last := &l.plan.tags
	if last.key == key {
		return last
	}
	own := vu
	if l.plateau.name != "" {
		own = own.With("plateau", l.plateau.name)
	}
	*last = tapTags{key: key, own: own, errors: own.With("part", capacity.Worker), http: m.httpTags(l, own)}
	for i, name := range tapChecks {
		last.checks[i] = own
		if m.vu.State().Options.SystemTags.Has(metrics.TagCheck) {
			last.checks[i] = own.With(metrics.TagCheck.String(), name)
		}
	}
	return last
}

func (m *module) httpTags(l *line, tags *metrics.TagSet) *metrics.TagSet {
	enabled := m.vu.State().Options.SystemTags
	set := func(tag metrics.SystemTag, value string) {
		if enabled.Has(tag) {
			tags = tags.With(tag.String(), value)
		}
	}
	name := l.plan.name
	if given, ok := tags.Get(metrics.TagName.String()); ok {
		name = given // the script's own name goes for the URL too, as in k6
	} else {
		set(metrics.TagName, name)
	}
	set(metrics.TagURL, name)
	set(metrics.TagMethod, "GET")
	if l.err != nil {
		set(metrics.TagError, l.text)
		set(metrics.TagErrorCode, strconv.Itoa(l.code))
		set(metrics.TagStatus, "0")
	} else {
		set(metrics.TagStatus, strconv.Itoa(l.response.Status))
		set(metrics.TagProto, l.response.Proto)
		if l.response.Status >= 400 {
			set(metrics.TagErrorCode, strconv.Itoa(1000+l.response.Status))
		}
		if l.peer.tlsVersion != "" {
			set(metrics.TagTLSVersion, l.peer.tlsVersion)
			set(metrics.TagOCSPStatus, l.peer.ocsp)
		}
	}
	if l.peer.ip != "" {
		set(metrics.TagIP, l.peer.ip)
	}
	set(metrics.TagExpectedResponse, strconv.FormatBool(l.expected()))
	return tags
}

// expected is k6's http_req_failed turned round.
func (l *line) expected() bool { return l.err == nil && expected(l.response.Status) }

// samplesATap is a tap's own three, three checks, nine of http_req_*, and two of the generator's health.
const samplesATap = 17

// addTap adds a tap's samples to those that the VU will push. Only a redirect tells whether the KV knew the band: the
// Worker sends misses to the Hub, which leads elsewhere.
func (m *module) addTap(l *line, v tapVerdict) {
	state := m.vu.State()
	current := state.Tags.GetCurrentValues()
	tags := m.tags(l, current.Tags)
	samples := m.tapper.samples
	if samples == nil {
		samples = make(metrics.Samples, 0, samplesATap*m.tapper.burst)
	}
	add := func(metric *metrics.Metric, tags *metrics.TagSet, value float64) {
		samples = append(samples, metrics.Sample{
			TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags},
			Time:       l.response.Done, Metadata: current.Metadata, Value: value,
		})
	}
	add(m.metrics.redirectLatency, tags.own, metrics.D(l.latency()))
	add(m.metrics.errorRate, tags.errors, rate(!v.redirected()))
	if v.redirected() {
		add(m.metrics.kvHitRate, tags.own, rate(v.isPage))
	}
	b := state.BuiltinMetrics
	add(b.Checks, tags.checks[0], rate(v.isRedirect))
	add(b.Checks, tags.checks[1], rate(v.hasLocation))
	add(b.Checks, tags.checks[2], rate(v.isPage))
	if l.plan.fast {
		add(b.HTTPReqs, tags.http, 1)
		add(b.HTTPReqDuration, tags.http, metrics.D(l.duration()))
		add(b.HTTPReqBlocked, tags.http, metrics.D(l.blocked()))
		add(b.HTTPReqConnecting, tags.http, metrics.D(l.connecting))
		add(b.HTTPReqTLSHandshaking, tags.http, metrics.D(l.handshaking))
		add(b.HTTPReqSending, tags.http, metrics.D(l.sending))
		add(b.HTTPReqWaiting, tags.http, metrics.D(l.waiting))
		add(b.HTTPReqReceiving, tags.http, metrics.D(l.reading))
		add(b.HTTPReqFailed, tags.http, rate(!l.expected()))
	}
	if lag, ok := m.run.pulse.collect(&m.run.recorder); ok {
		add(m.metrics.generatorLag, tags.own, metrics.D(lag))
		add(m.metrics.generatorLimited, tags.own, rate(lag > maxLag))
	}
	m.tapper.samples = samples
}

// push hands the taps' samples to k6: one container for what one call made.
func (m *module) push() {
	if len(m.tapper.samples) > 0 {
		m.vu.State().Samples <- m.tapper.samples // open while the iteration lasts
		m.tapper.samples = nil                   // k6's outputs keep it
	}
}

// blocked is the time until the tap had a connection, by k6's definition.
func (l *line) blocked() time.Duration { return max(0, l.response.Start.Sub(l.began)) }
