package sparkmotion

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

type tapOptions struct {
	URL      string        `js:"url" env:"WORKER_URL" need:"true" form:"url"`
	Band     string        `js:"band"`
	UTM      float64       `js:"utm" default:"0.5"`
	PageHost string        `js:"pageHost" env:"PAGE_HOST" default:"compassion.com"`
	Timeout  time.Duration `js:"timeout" default:"60s"`
}

// utm are the parameters that half of the taps carry, as a link printed for a campaign would.
const utm = "&utm_source=nfc&utm_medium=wristband&utm_campaign=loadtest"

// tapper is what a VU keeps from tap to tap.
type tapper struct {
	random *rand.Rand
}

// tap opens one band's link at the Worker, as a phone does, and follows it no further. It returns true when the Worker
// redirected to a page; redirect_latency, error_rate, kv_hit_rate, k6's http_req_* metrics and three checks say the
// rest. utm is the share of taps with UTM parameters.
func (m *module) tap(call sobek.FunctionCall) sobek.Value {
	var o tapOptions
	if err := m.options("tap", call.Argument(0), &o); err != nil {
		m.throw(err)
	}
	band := []byte(o.Band)
	if o.Band == "" {
		picker, err := m.bandPicker(nil)
		if err != nil {
			m.throw(err)
		}
		if band, err = picker.next(); err != nil {
			m.throw(err)
		}
	}
	verdict, err := m.send(o, string(band))
	if err != nil {
		m.throw(err)
	}
	return m.vu.Runtime().ToValue(verdict.redirected())
}

// send makes one tap and emits what it measured.
func (m *module) send(o tapOptions, band string) (tapVerdict, error) {
	if m.tapper.random == nil {
		m.tapper.random = m.random(0)
	}
	link := strings.TrimSuffix(o.URL, "/") + "/e"
	c, err := m.client(link, o.Timeout)
	if err != nil {
		return tapVerdict{}, in("tap", err)
	}
	target := link + "?bandId=" + url.QueryEscape(band)
	if m.tapper.random.Float64() < o.UTM {
		target += utm
	}
	plateau := m.plateau() // when the tap starts is when it counts
	a, err := m.request(c, target)
	verdict := judge(a, o.PageHost)
	m.emitTap(c.took, verdict, plateau)
	if err != nil && m.context().Err() == nil {
		m.logger().Warn(in("tap", err))
	}
	return verdict, nil
}

func (m *module) request(c *client, target string) (*answer.Answer, error) {
	req, err := http.NewRequestWithContext(m.context(), http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	return answer.Get(c, req, "WORKER_URL")
}

// tapVerdict is what is known of a tap's answer, each the name of a check.
type tapVerdict struct {
	isRedirect, hasLocation, isPage bool
}

// The checks of a tap, in the order that judge takes them.
const (
	checkRedirect = "status is 302"
	checkLocation = "has a Location"
	checkPage     = "leads to the event's page"
)

// judge looks at an answer; nil is none.
func judge(a *answer.Answer, pageHost string) tapVerdict {
	if a == nil {
		return tapVerdict{}
	}
	location, err := url.Parse(a.Header.Get("Location"))
	located := err == nil && location.Host != ""
	return tapVerdict{
		isRedirect:  a.Status == http.StatusFound,
		hasLocation: located,
		isPage:      located && location.Host == pageHost,
	}
}

// redirected is what makes a tap no error.
func (v tapVerdict) redirected() bool { return v.isRedirect && v.hasLocation }

// emitTap pushes the module's own metrics of a tap. Only a redirect tells whether the KV knew the band: the Worker
// sends misses to the Hub, which leads elsewhere.
func (m *module) emitTap(took time.Duration, v tapVerdict, plateau string) {
	state := m.vu.State()
	current := state.Tags.GetCurrentValues()
	if plateau != "" {
		current.SetTag("plateau", plateau)
	}
	now := time.Now()
	sample := func(metric *metrics.Metric, tags *metrics.TagSet, value float64) metrics.Sample {
		return metrics.Sample{
			TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags}, Time: now, Metadata: current.Metadata, Value: value,
		}
	}
	samples := metrics.Samples{
		sample(m.metrics.redirectLatency, current.Tags, metrics.D(took)),
		sample(m.metrics.errorRate, current.Tags.With("part", partWorker), rate(!v.redirected())),
	}
	if v.redirected() {
		samples = append(samples, sample(m.metrics.kvHitRate, current.Tags, rate(v.isPage)))
	}
	for name, passed := range map[string]bool{
		checkRedirect: v.isRedirect, checkLocation: v.hasLocation, checkPage: v.isPage,
	} {
		checked := current
		checked.SetSystemTagOrMetaIfEnabled(state.Options.SystemTags, metrics.TagCheck, name)
		samples = append(samples, sample(state.BuiltinMetrics.Checks, checked.Tags, rate(passed)))
	}
	metrics.PushIfNotDone(m.context(), state.Samples, samples)
}
