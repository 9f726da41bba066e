package sparkmotion

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/allowlist"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
)

// preflightParts are what preflight tries, in this order.
var preflightParts = []string{"worker", "admin", "hub", "queue"}

type preflightOptions struct {
	Parts        []string      `js:"parts"`
	WorkerURL    string        `js:"workerURL" env:"WORKER_URL" need:"worker" form:"url"`
	DirectURL    string        `js:"directURL" env:"DIRECT_URL" form:"url"`
	HubURL       string        `js:"hubURL" env:"HUB_URL" need:"hub" form:"url"`
	AdminURL     string        `js:"adminURL" env:"ADMIN_URL" need:"admin" form:"url"`
	Email        string        `js:"email" env:"TEST_EMAIL" default:"loadtest@sparkmotion.net" form:"line"`
	Password     string        `js:"password" env:"TEST_PASSWORD" need:"admin" form:"password" secret:"true"`
	Renew        bool          `js:"renew"`
	EventID      string        `js:"eventID" env:"LOADTEST_EVENT_ID" need:"admin" form:"line"`
	EventIDs     []string      `js:"eventIDs" env:"LOADTEST_EVENT_IDS" need:"direct" form:"line"`
	OrgID        string        `js:"orgID" env:"LOADTEST_ORG_ID" need:"direct" form:"line"`
	Bands        int           `js:"bands" env:"LOADTEST_BANDS" default:"200000" above:"0"`
	Queries      sobek.Value   `js:"queries"`
	Secret       string        `js:"secret" env:"CRON_SECRET" need:"hub" secret:"true"`
	UpstashURL   string        `js:"upstashURL" env:"UPSTASH_REDIS_REST_URL" form:"url"`
	Token        string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" secret:"true"`
	RedisURL     string        `js:"redisURL" env:"REDIS_URL" secret:"true"`
	PageHost     string        `js:"pageHost" env:"PAGE_HOST" default:"compassion.com" form:"host"`
	FallbackHost []string      `js:"fallbackHost" env:"FALLBACK_HOST" default:"sparkmotion.io,sparkmotion.net" form:"host"`
	Protocol     string        `js:"protocol" default:"http/1.1"`
	Transformer  string        `js:"transformer" env:"TRPC_TRANSFORMER"`
	Allowed      string        `js:"allowedHosts" env:"ALLOWED_HOSTS"`
	Timeout      time.Duration `js:"timeout" default:"10s" above:"0"`
}

// Needs reports whether a setting of the part, or of the direct form of links, is needed.
func (o preflightOptions) Needs(word string) bool {
	if word == lane.Direct {
		return o.DirectURL != "" && o.Needs("worker")
	}
	return len(o.Parts) == 0 || slices.Contains(o.Parts, word)
}

// queue returns the source of the queue.
func (o preflightOptions) queue() queue.Source {
	return queue.Source{URL: o.UpstashURL, Token: o.Token, RedisURL: o.RedisURL, Key: pendingKey, Timeout: o.Timeout}
}

// preflight tries what the run will use, before any load: a tap of each prefix and form of link hits the KV, an administrator can log in and
// each query is accepted, every event has the bands of the run, a flush drops none of the taps just made, and the queue, if configured, can be read and
// records taps. It logs a line for each probe and throws with everything that is wrong; none of it counts in the module's metrics. Missing
// settings are one error that names all of them; so are hosts that are neither this machine nor in ALLOWED_HOSTS, which get no request. A
// script that loads only some parts names them: {parts: ['worker']}. It returns {session}, its login, for setup() to return.
func (m *module) preflight(call sobek.FunctionCall) (any, error) {
	if m.vu.State() == nil {
		return nil, errInit
	}
	var o preflightOptions
	read := m.settings.Read(call.Argument(0), &o)
	taps, wrong := m.tapSettings(o.Needs("worker"))
	if err := errors.Join(read, wrong, o.check()); err != nil {
		return nil, err
	}
	p := &prober{module: m, preflightOptions: o, taps: taps}
	var failures failures
	list, err := p.probes()
	if err != nil {
		return nil, err
	}
	for _, probe := range list {
		saw, err := probe.try()
		if over := m.vu.Context().Err(); over != nil {
			return nil, fmt.Errorf("the run or its setupTimeout ended during the probe of %s %s: %w", probe.part, probe.what, over)
		}
		if err == nil {
			m.logger().Infof("preflight  ✓ %-8s %-24s %s", probe.part, probe.what, saw)
			continue
		}
		m.logger().Errorf("preflight  ✗ %-8s %-24s %v", probe.part, probe.what, err)
		failures.add(probe.part + ": " + err.Error())
	}
	if failures.probes > 0 {
		return nil, fmt.Errorf("%d of %d probes failed, so no load was sent:\n%s", failures.probes, len(list), failures.text())
	}
	if p.session == nil {
		return m.vu.Runtime().NewObject(), nil
	}
	return object(m.vu.Runtime(), "session", p.session)
}

// tapSettings reads what only the taps of a run ask for, so that what is wrong there appears before all of them fail.
func (m *module) tapSettings(needed bool) (taps tapSettings, wrong error) {
	if !needed {
		return taps, nil
	}
	read := m.settings.Read(nil, &taps)
	_, parts := taps.emitted()
	return taps, errors.Join(read, parts)
}

// check refuses unknown parts, and hosts that are not allowed.
func (o preflightOptions) check() error {
	for _, part := range o.Parts {
		if !slices.Contains(preflightParts, part) {
			return fmt.Errorf("option parts: unknown part %q; the parts are %s", part, strings.Join(preflightParts, ", "))
		}
	}
	if err := checkTransformer(o.Transformer); err != nil {
		return err
	}
	origins := []allowlist.Origin{
		{Part: "worker", Setting: "WORKER_URL", URL: o.WorkerURL},
		{Part: "worker", Setting: "DIRECT_URL", URL: o.DirectURL},
		{Part: "hub", Setting: "HUB_URL", URL: o.HubURL},
		{Part: "admin", Setting: "ADMIN_URL", URL: o.AdminURL},
		{Part: "queue", Setting: "UPSTASH_REDIS_REST_URL", URL: o.UpstashURL},
		{Part: "queue", Setting: "REDIS_URL", URL: o.RedisURL},
	}
	loaded := slices.DeleteFunc(origins, func(origin allowlist.Origin) bool { return !o.Needs(origin.Part) })
	return allowlist.Check(o.Allowed, loaded)
}

// failures are the distinct errors of probes: what is wrong with a part usually fails all of its probes.
type failures struct {
	probes int
	texts  []string
	alike  map[string]int
}

func (f *failures) add(text string) {
	if f.alike == nil {
		f.alike = make(map[string]int)
	}
	f.probes++
	if f.alike[text]++; f.alike[text] == 1 {
		f.texts = append(f.texts, text)
	}
}

func (f *failures) text() string {
	lines := slices.Clone(f.texts)
	for i, text := range lines {
		if n := f.alike[text]; n > 1 {
			lines[i] += fmt.Sprintf(" (%d probes)", n)
		}
	}
	return strings.Join(lines, "\n")
}

// guard throws for a URL whose host is neither this machine nor in ALLOWED_HOSTS, and for what isn't a URL with a host, such as a setting that
// is missing. preflight checks the settings; a script that loads another URL checks that one with guard.
func (m *module) guard(call sobek.FunctionCall) (any, error) {
	var o struct {
		Allowed string `js:"allowedHosts" env:"ALLOWED_HOSTS"`
	}
	if err := m.settings.Read(call.Argument(1), &o); err != nil {
		return nil, err
	}
	at := allowlist.Origin{Part: "url", Setting: "the URL", URL: call.Argument(0).String()}
	if u, err := url.Parse(at.URL); err != nil || u.Hostname() == "" {
		return nil, errors.New("a URL with a host is expected, such as https://go.example.com: is its setting missing?") // not the value: it may hold a password
	}
	return sobek.Undefined(), allowlist.Check(o.Allowed, []allowlist.Origin{at})
}
