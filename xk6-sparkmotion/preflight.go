package sparkmotion

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/allowlist"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

// preflightParts are what preflight tries, in this order.
var preflightParts = []string{"worker", "admin", "hub", "queue"}

type preflightOptions struct {
	Parts       []string      `js:"parts"`
	WorkerURL   string        `js:"workerURL" env:"WORKER_URL" need:"worker" form:"url"`
	HubURL      string        `js:"hubURL" env:"HUB_URL" need:"hub" form:"url"`
	AdminURL    string        `js:"adminURL" env:"ADMIN_URL" need:"admin" form:"url"`
	Email       string        `js:"email" env:"TEST_EMAIL" default:"loadtest@sparkmotion.net"`
	Password    string        `js:"password" env:"TEST_PASSWORD" need:"admin" secret:"true"`
	EventID     string        `js:"eventID" env:"LOADTEST_EVENT_ID" need:"admin"`
	Secret      string        `js:"secret" env:"CRON_SECRET" need:"hub" secret:"true"`
	PageHost    string        `js:"pageHost" env:"PAGE_HOST" default:"compassion.com"`
	Transformer string        `js:"transformer" env:"TRPC_TRANSFORMER"`
	Allowed     string        `js:"allowedHosts" env:"ALLOWED_HOSTS"`
	Timeout     time.Duration `js:"timeout" default:"10s" above:"0"`
}

// Needs reports whether a setting of the part is needed.
func (o preflightOptions) Needs(part string) bool {
	return len(o.Parts) == 0 || slices.Contains(o.Parts, part)
}

// flushTime is what a flush may take: it works off whatever the last run has left.
const flushTime = time.Minute

// probe is one thing that must work before load is sent. It says what it saw.
type probe struct {
	part, what string
	try        func() (string, error)
}

// preflight tries each part of the system before load: the Worker answers, a seeded band of each prefix hits its KV, the
// admin login works and a query is answered, the cron's secret is accepted (which flushes the queue once), and so is the queue's token when one
// is configured. It logs a line a probe and throws with everything that is wrong; none of it counts in the module's
// metrics. Settings that are missing are one error that names all of them; so are hosts that are neither this machine nor
// named in ALLOWED_HOSTS, of which nothing is asked. A script that loads some parts alone names them: {parts: ['worker']}.
func (m *module) preflight(call sobek.FunctionCall) (any, error) {
	var o preflightOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	if m.vu.State() == nil {
		return nil, errInit
	}
	probes, err := m.allowed(o)
	if err != nil {
		return nil, err
	}
	var failures failures
	for _, p := range probes {
		saw, err := p.try()
		if over := m.vu.Context().Err(); over != nil {
			return nil, fmt.Errorf("the run was over, or its setupTimeout, at the probe of %s %s: %w", p.part, p.what, over)
		}
		if err == nil {
			m.logger().Infof("preflight  ✓ %-8s %-22s %s", p.part, p.what, saw)
			continue
		}
		m.logger().Errorf("preflight  ✗ %-8s %-22s %v", p.part, p.what, err)
		failures.add(p.part + ": " + err.Error())
	}
	if failures.probes > 0 {
		return nil, fmt.Errorf("%d of %d probes failed, so no load was sent:\n%s", failures.probes, len(probes), failures.text())
	}
	return sobek.Undefined(), nil
}

// failures are what probes failed with, each once: what is wrong with a part is mostly wrong with all its probes.
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

// allowed returns the probes of the parts that are asked for, if load may be sent to all of these.
func (m *module) allowed(o preflightOptions) ([]probe, error) {
	for _, part := range o.Parts {
		if !slices.Contains(preflightParts, part) {
			return nil, fmt.Errorf("option parts: there is no %q; there are %s", part, strings.Join(preflightParts, ", "))
		}
	}
	if err := checkTransformer(o.Transformer); err != nil {
		return nil, err
	}
	var q queueOptions
	if err := m.settings.Read(nil, &q); err != nil {
		return nil, err
	}
	q.Timeout = o.Timeout
	origins := []allowlist.Origin{
		{Part: "worker", Setting: "WORKER_URL", URL: o.WorkerURL},
		{Part: "hub", Setting: "HUB_URL", URL: o.HubURL},
		{Part: "admin", Setting: "ADMIN_URL", URL: o.AdminURL},
		{Part: "queue", Setting: "UPSTASH_REDIS_REST_URL", URL: q.URL},
		{Part: "queue", Setting: "REDIS_URL", URL: q.RedisURL},
	}
	loaded := slices.DeleteFunc(origins, func(origin allowlist.Origin) bool { return !o.Needs(origin.Part) })
	if err := allowlist.Check(o.Allowed, loaded); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(prober{m, o, queue.Source(q)}.probes(), func(p probe) bool { return !o.Needs(p.part) }), nil
}

// prober has what the probes ask with.
type prober struct {
	*module
	preflightOptions
	queue queue.Source
}

func (p prober) probes() []probe {
	list := []probe{{"worker", "/health", p.health}}
	for _, prefix := range defaultPrefixes {
		band := string(bands.Pool{Prefixes: []string{prefix}, Count: 1}.Append(nil, 0))
		list = append(list, probe{"worker", band, func() (string, error) { return p.band(band) }})
	}
	list = append(list,
		probe{"admin", "login and query", p.loginAndQuery},
		probe{"hub", "flush-taps", p.flushOnce},
		probe{"queue", "LLEN", p.queueLength})
	return list
}

func (p prober) health() (string, error) {
	a, err := p.worker("/health")
	if err != nil {
		return "", err
	}
	var health struct {
		Status string `json:"status"`
	}
	if a.Status != http.StatusOK {
		return "", a.Unexpected("")
	}
	if err := a.JSON(&health); err != nil {
		return "", err
	}
	if health.Status != "ok" {
		return "", a.Wrong("Is WORKER_URL the Worker's origin?", "JSON without status ok")
	}
	return "ok", nil
}

func (p prober) band(band string) (string, error) {
	a, err := p.worker("/e?bandId=" + band)
	if err != nil {
		return "", err
	}
	location, err := url.Parse(a.Header.Get("Location"))
	switch {
	case err != nil || location.Host == "" || a.Status != http.StatusFound:
		return "", a.Unexpected("")
	case location.Host != p.PageHost:
		return "", a.Wrong("Seed the KV with the LOADTEST bands, or set PAGE_HOST to the page's host",
			"band %s with a redirect to %s instead of %s: a KV miss", band, answer.Show(location), p.PageHost)
	}
	return "302 to " + p.PageHost, nil
}

func (p prober) loginAndQuery() (string, error) {
	const procedure = "analytics.tapsByHour"
	rt := p.vu.Runtime()
	s, err := p.logIn(loginOptions{URL: p.AdminURL, Email: p.Email, Password: p.Password, Timeout: p.Timeout})
	if err != nil {
		return "", from("login", err)
	}
	c, err := p.client(strings.TrimSuffix(p.AdminURL, "/")+"/api/trpc/"+procedure, p.Timeout)
	if err != nil {
		return "", err
	}
	input, err := object(rt, "eventId", p.EventID, "hours", 24)
	if err != nil {
		return "", err
	}
	codec := superjson.Codec{Runtime: rt, Transformer: p.Transformer}
	encoded, err := codec.Encode(input)
	if err != nil {
		return "", err
	}
	data, err := trpc.Client{Doer: c, URL: p.AdminURL, Cookie: s.Cookie}.Query(p.vu.Context(), trpc.Call{Procedure: procedure, Input: encoded})
	if err == nil {
		_, err = codec.Decode(data)
	}
	if refused := (*trpc.Error)(nil); errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		err = fmt.Errorf("%w. Is TRPC_TRANSFORMER the server's, and LOADTEST_EVENT_ID an event's?", err)
	}
	return "as " + p.Email + ", cookie " + s.Name + ", " + procedure, err
}

func (p prober) worker(path string) (*answer.Answer, error) {
	origin := strings.TrimSuffix(p.WorkerURL, "/")
	name, _, _ := strings.Cut(path, "?")
	c, err := p.client(origin+name, p.Timeout)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(p.vu.Context(), http.MethodGet, origin+path, nil)
	if err != nil {
		return nil, err
	}
	return answer.Get(c, req, "WORKER_URL")
}

// flushOnce flushes the queue. A flush whose batches fail answers like any other, and says that the database is not well.
func (p prober) flushOnce() (string, error) {
	f, err := p.flush(flushOptions{URL: p.HubURL, Secret: p.Secret, Timeout: flushTime})
	if err != nil {
		return "", err
	}
	if f.FailedBatches > 0 {
		return "", fmt.Errorf("flush-taps: failedBatches is %d, and %d taps remain. The Hub's log says why", f.FailedBatches, f.Remaining)
	}
	return fmt.Sprintf("flushed %d, %d remain", f.Flushed, f.Remaining), nil
}

func (p prober) queueLength() (string, error) {
	if err := p.queue.Check(); err != nil {
		return "", err
	}
	if !p.queue.Configured() {
		return "skipped: neither Upstash nor REDIS_URL is configured", nil
	}
	depth, _, err := p.depth(p.queue)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d waiting", depth), nil
}
