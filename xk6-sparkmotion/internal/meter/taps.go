package meter

import (
	"strconv"
	"time"

	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
)

// checks are a tap's checks, in the order in which they are emitted.
var checks = [...]string{"status is 302", "has a Location", "leads to the event's page"}

// samplesATap is four samples of a tap's own, three checks, http_reqs, and three of the generator's health. Parts come on top.
const samplesATap = 11

// Taps counts the taps of one call, and hands their samples to k6 together, because k6 wakes its outputs for each push.
type Taps struct {
	meter   *Meter
	samples metrics.Samples
	room    int // number of taps that samples has room for
	asked   int // taps that the call asks for
	later   bool
	parts   []Part
}

// Taps returns a count for a call that asks for this many taps. It has room for the samples of room taps, and emits these parts of each.
func (m *Meter) Taps(asked, room int, parts []Part) Taps {
	return Taps{meter: m, room: room, asked: asked, parts: parts}
}

// Add counts a tap. One that the end of the run cut off gets no samples, as with k6's own requests, but it did start.
func (t *Taps) Add(r lane.Result) {
	m := t.meter
	iteration := m.vu.State().Iteration + 1
	counted := capacity.Tap{
		Began: r.Began, Ended: r.Ended, Latency: r.Latency(), Dialed: r.Dialed, Connect: r.Connect(), Scenario: r.Plateau.Scenario, Start: r.Plateau.Began,
		Iteration: m.number(), First: iteration != m.iteration, Repeats: r.Repeats,
		Redirected: r.Redirected(), Host: r.Host, Page: r.Led == lane.Page, Fallback: r.Led == lane.Fallback,
		SourceKnown: r.Source != lane.Unknown, FromKV: r.Source == lane.KV, Direct: r.Target.Form == lane.Direct,
	}
	if !counted.Redirected {
		counted.Failure = "tap: " + r.Kind()
	}
	counted.Asked, counted.Later, t.later = t.asked, t.later, true
	counted.Unanswered = r.Err != nil
	if n := r.Plateau.Number; n > 0 { // a search's iterations carry any number of taps: each counts as an iteration of its own
		counted.Iteration, counted.First, counted.Asked, counted.Later = n-1, true, 1, false
	}
	m.iteration = iteration
	if !r.Due.IsZero() {
		counted.Began, counted.Paced, counted.Delay = r.Due, true, max(0, r.Began.Sub(r.Due))
	}
	if m.over() {
		counted.CutOff, counted.Ended = true, time.Now()
	} else {
		t.sample(&r)
	}
	m.process.Recorder.Tap(counted)
}

// None counts a call that asked for taps, none of which happened to be due in its iteration.
func (m *Meter) None(p lane.Plateau, asked int) {
	iteration := m.vu.State().Iteration + 1
	if !m.over() {
		m.process.Recorder.Tap(capacity.Tap{
			Began: time.Now(), Scenario: p.Scenario, Start: p.Began, Iteration: m.number(), First: iteration != m.iteration, Asked: asked, None: true,
		})
	}
	m.iteration = iteration
}

// number returns the number of the VU's iteration among those that its scenario has started in this process, from 0.
func (m *Meter) number() int64 {
	if number := m.vu.State().GetScenarioLocalVUIter; number != nil {
		return int64(number()) // #nosec G115 -- k6 counts up from 0
	}
	return 0 // in setup() and teardown()
}

// sample adds a tap's samples. Only a redirect shows whether the KV knew the band, and only if its answer tells a hit from what the Hub
// answered.
func (t *Taps) sample(r *lane.Result) {
	m := t.meter
	state := m.vu.State()
	current := state.Tags.GetCurrentValues()
	tags := m.tagsOf(r, current.Tags)
	if t.samples == nil {
		t.samples = make(metrics.Samples, 0, t.size(t.room))
	}
	add := func(metric *metrics.Metric, tags *metrics.TagSet, value float64) {
		t.samples = append(t.samples, metrics.Sample{
			TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags},
			Time:       r.Ended, Metadata: current.Metadata, Value: value,
		})
	}
	add(m.metrics.redirectLatency, tags.own, metrics.D(r.Latency()))
	if r.Dialed {
		add(m.metrics.connectLatency, tags.own, metrics.D(r.Connect()))
	}
	add(m.metrics.errorRate, tags.errors, rate(!r.Redirected()))
	if r.Redirected() && r.Source != lane.Unknown {
		add(m.metrics.kvHitRate, tags.own, rate(r.Source == lane.KV))
	}
	b := state.BuiltinMetrics
	add(b.Checks, tags.checks[0], rate(r.IsRedirect()))
	add(b.Checks, tags.checks[1], rate(r.Host != ""))
	add(b.Checks, tags.checks[2], rate(r.Led == lane.Page))
	if r.Target.Fast {
		add(b.HTTPReqs, tags.http, 1)
		for i := range t.parts {
			add(t.parts[i].metric(b), tags.http, t.parts[i].value(r))
		}
	}
	if lag, ok := m.process.probe.collect(&m.process.Recorder); ok {
		add(m.metrics.generatorLag, tags.own, metrics.D(lag))
		add(m.metrics.generatorLimited, tags.own, rate(m.process.probe.late(lag)))
	}
	if held := m.process.probe.memory.Load(); held > 0 && m.process.probe.memory.CompareAndSwap(held, 0) {
		add(m.metrics.generatorMemory, tags.own, float64(held))
	}
}

// Full reports whether there is no room for another tap's samples.
func (t *Taps) Full() bool { return len(t.samples) > t.size(t.room-1) }

// size is how many samples n taps have at most.
func (t *Taps) size(n int) int { return n * (samplesATap + len(t.parts)) }

// Push hands the samples to k6, in one container for the call.
func (t *Taps) Push() {
	if len(t.samples) > 0 {
		t.meter.vu.State().Samples <- t.samples // the channel is open while the iteration lasts
		t.samples = nil                         // k6's outputs keep the slice
	}
}

// tagKey is what the tags of a tap's samples depend on, besides its target.
type tagKey struct {
	vu      *metrics.TagSet
	plateau string
	peer    lane.Peer
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
	checks [len(checks)]*metrics.TagSet
}

// tagsOf returns the tag sets for a tap, as k6's own HTTP client would set them.
func (m *Meter) tagsOf(r *lane.Result, vu *metrics.TagSet) *tapTags {
	last, ok := m.tags[r.Target]
	if !ok {
		last = new(tapTags)
		m.tags[r.Target] = last
	}
	key := tagKey{vu, r.Plateau.Name, r.Peer, r.Proto, r.Status, r.Code, r.Text}
	if last.key == key {
		return last
	}
	own := vu.With("form", r.Target.Form)
	if r.Plateau.Name != "" {
		own = own.With("plateau", r.Plateau.Name)
	}
	enabled := m.vu.State().Options.SystemTags
	*last = tapTags{key: key, own: own, errors: own.With("part", capacity.Worker), http: httpTags(r, own, enabled)}
	for i, name := range checks {
		last.checks[i] = own
		if enabled.Has(metrics.TagCheck) {
			last.checks[i] = own.With(metrics.TagCheck.String(), name)
		}
	}
	return last
}

func httpTags(r *lane.Result, tags *metrics.TagSet, enabled *metrics.SystemTagSet) *metrics.TagSet {
	add := func(tag metrics.SystemTag, value string) {
		if enabled.Has(tag) {
			tags = tags.With(tag.String(), value)
		}
	}
	name := r.Target.Name
	if given, ok := tags.Get(metrics.TagName.String()); ok {
		name = given // the script's own name replaces the URL too, as in k6
	} else {
		add(metrics.TagName, name)
	}
	add(metrics.TagURL, name)
	add(metrics.TagMethod, "GET")
	if r.Err != nil {
		add(metrics.TagError, r.Text)
		add(metrics.TagErrorCode, strconv.Itoa(r.Code))
		add(metrics.TagStatus, "0")
	} else {
		add(metrics.TagStatus, strconv.Itoa(r.Status))
		add(metrics.TagProto, r.Proto)
		if r.Status >= 400 {
			add(metrics.TagErrorCode, strconv.Itoa(1000+r.Status))
		}
		if r.Peer.TLSVersion != "" {
			add(metrics.TagTLSVersion, r.Peer.TLSVersion)
			add(metrics.TagOCSPStatus, r.Peer.OCSP)
		}
	}
	if r.Peer.IP != "" {
		add(metrics.TagIP, r.Peer.IP)
	}
	add(metrics.TagExpectedResponse, strconv.FormatBool(r.Expected()))
	return tags
}
