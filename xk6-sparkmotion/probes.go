package sparkmotion

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/bands"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hostname"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

// probe is one thing that must work before any load. It returns what it saw.
type probe struct {
	part, what string
	try        func() (string, error)
}

// prober holds what the probes share.
type prober struct {
	*module
	preflightOptions
	taps    tapSettings
	session *sobek.Object // once the login has worked

	before *capacity.Reading // from before the first tap of a probe; nil when there was none
	unread error             // why that can't be read
	errors map[string]int64  // the system's own counts of its errors, as last read
	count  time.Time         // until when errors may be counted that led to a fallback
	pages  int64             // taps of the probes that led to a page
}

// flushTime is how long a flush may take: it clears whatever the last run left.
const flushTime = time.Minute

// probes returns the probes of the given parts. The flush comes after the taps, which it must not drop.
func (p *prober) probes() ([]probe, error) {
	list := []probe{{"worker", "/health", p.health}}
	for _, form := range []string{lane.Subdomain, lane.Direct} {
		if form == lane.Direct && p.DirectURL == "" {
			continue
		}
		for _, prefix := range defaultPrefixes {
			band := string(bands.Pool{Prefixes: []string{prefix}, Count: 1}.Append(nil, 0))
			list = append(list, probe{"worker", band + " " + form, func() (string, error) { return p.tapBand(form, band) }})
		}
	}
	list = append(list, probe{"admin", "login", p.logInAsAdmin})
	queries, err := p.queries()
	if err != nil {
		return nil, err
	}
	for _, q := range queries {
		list = append(list, probe{"admin", q.procedure, func() (string, error) { return p.ask(q) }})
	}
	for _, event := range p.events() {
		list = append(list, probe{"admin", "bands of " + event.id, func() (string, error) { return p.countBands(event) }})
	}
	list = append(list, probe{"hub", "flush-taps", p.flushOnce}, probe{"queue", "recording", p.recording})
	return slices.DeleteFunc(list, func(probe probe) bool { return !p.Needs(probe.part) }), nil
}

// namedEvent is an event, and the setting that names it.
type namedEvent struct {
	id, setting string
	tapped      bool // its bands are
}

// events returns the events that bands belong to, and the one that the dashboards ask for, each once: they answer zeros for one that does not
// exist.
func (p *prober) events() []namedEvent {
	var events []namedEvent
	for _, id := range p.EventIDs {
		events = append(events, namedEvent{id, "LOADTEST_EVENT_IDS", true})
	}
	if !slices.Contains(p.EventIDs, p.EventID) {
		events = append(events, namedEvent{p.EventID, "LOADTEST_EVENT_ID", len(p.EventIDs) == 0})
	}
	return events
}

func (p *prober) health() (string, error) {
	target := strings.TrimRight(p.WorkerURL, "/") + "/health"
	c, err := p.client(target, p.Timeout)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(p.vu.Context(), http.MethodGet, target, nil)
	if err != nil {
		return "", errors.New("WORKER_URL is not a URL") // not err: it repeats the URL
	}
	a, err := answer.Get(c, req, "WORKER_URL")
	if err != nil {
		return "", err
	}
	var health struct {
		Status string `json:"status"`
	}
	if a.Status != http.StatusOK {
		return "", p.unhealthy(a)
	}
	if err := a.JSON(&health); err != nil {
		return "", err
	}
	if health.Status != "ok" {
		return "", a.Wrong("Is WORKER_URL the Worker's origin?", "JSON without status ok")
	}
	return "ok", nil
}

// unhealthy is the error about a Worker's status. Where a path belongs to WORKER_URL, /health leads as a band does.
func (p *prober) unhealthy(a *answer.Answer) error {
	wrong := a.Unexpected("")
	if a.Status/100 != 3 {
		return wrong
	}
	switch lane.NewHosts(p.PageHost, p.FallbackHost).Destination(hostname.Normal(a.Header.Get("Location"))) {
	case lane.Page:
		wrong.Advice = "It leads to the page: set WORKER_URL to the Worker's origin, without the path of a band's link, such as https://sparkmotion.net"
	case lane.Fallback:
		wrong.Advice = lane.Failed
	}
	return wrong
}

// tapBand makes a tap like the run's, over the same lane.
func (p *prober) tapBand(form, band string) (string, error) {
	o := tapOptions{
		URL: p.WorkerURL, DirectURL: p.DirectURL, OrgID: p.OrgID, EventIDs: p.EventIDs, Form: form, Band: band,
		PageHost: p.PageHost, FallbackHost: p.FallbackHost, Protocol: p.Protocol, Timeout: p.Timeout, tapSettings: p.taps,
	}
	plan, err := p.planOf(o)
	if err != nil {
		return "", err
	}
	r, err := p.tapRequest(plan, 1)
	if err != nil {
		return "", err
	}
	p.remember()
	result := plan.target.Do(p.vu.Context(), p.vu.State(), r)
	if result.Redirected() {
		p.pages++
	}
	switch {
	case !result.Redirected():
		return "", p.failure(form, &result)
	case result.Source == lane.Hub: // before the page: the KV may lead to another than the Hub
		return "", fmt.Errorf("%s: band %s was redirected by the Hub, so it is not a KV hit. %s", result.Request(), band, adviceOnMiss(form, result.Target))
	case result.Led == lane.Elsewhere:
		return "", fmt.Errorf("%s: band %s led to %s instead of %s. Set PAGE_HOST to the host of the page that the event shows",
			result.Request(), band, result.Host, plan.hosts.Page)
	case result.Source == lane.Unknown:
		return fmt.Sprintf("%d to %s; the answer doesn't show whether it came from the KV", result.Status, result.Host), nil
	}
	return fmt.Sprintf("%d to %s, from the KV", result.Status, result.Host), nil
}

// adviceOnMiss returns what to change when the KV was not read, or lacks a band.
func adviceOnMiss(form string, target *lane.Target) string {
	host, _, _ := strings.Cut(target.Host(), ":")
	if form == lane.Subdomain && strings.Count(host, ".") < 2 {
		return host + " has fewer than three labels, and on such a host the Worker reads the KV only for links with an event ID: " +
			"set WORKER_URL to https://<orgSlug>.<domain>, or use the direct form (DIRECT_URL)"
	}
	return "Seed the KV with the LOADTEST bands (k6 x sparkmotion bands)"
}

// shortestPassword is how many characters a password of Admin's has at least, counted as JavaScript does. A shorter one would only cost one
// of the five tries before the account is locked.
const shortestPassword = 8

// logInAsAdmin makes the login that setup() may return.
func (p *prober) logInAsAdmin() (string, error) {
	if n := len(utf16.Encode([]rune(p.Password))); n < shortestPassword {
		return "", fmt.Errorf("login: not tried, because TEST_PASSWORD has %d characters, and Admin refuses fewer than %d. "+
			"Set it to the password of %s", n, shortestPassword, p.Email)
	}
	made, err := p.signIn(loginOptions{
		URL: p.AdminURL, Email: p.Email, Password: p.Password, Provider: "credentials", Renew: p.Renew, Timeout: p.Timeout,
	})
	if err != nil {
		return "", from("login", err)
	}
	session := made.session
	role, _ := session.User["role"].(string)
	if role != "ADMIN" {
		return "", fmt.Errorf("login: %s has the role %q, but the dashboards' queries need the role ADMIN. Give the test user that role", p.Email, role)
	}
	p.session, err = p.sessionObject(session, p.Renew)
	return fmt.Sprintf("as %s, %s, cookie %s", p.Email, role, session.Name), err
}

// adminQuery is a query that the run will make.
type adminQuery struct {
	procedure string
	input     sobek.Value
}

// queries returns the script's queries, or the five of e2e-load.js.
func (p *prober) queries() ([]adminQuery, error) {
	if !common.IsNullish(p.Queries) {
		calls, inputs, err := p.batched(p.Queries)
		if err != nil {
			return nil, errors.New("option queries must be an array of queries: [[procedure, input]]")
		}
		queries := make([]adminQuery, len(calls))
		for i, call := range calls {
			queries[i] = adminQuery{call.Procedure, inputs[i]}
		}
		return queries, nil
	}
	now := time.Now().UTC()
	const iso = "2006-01-02T15:04:05.000Z"
	day := []any{"from", now.Add(-24 * time.Hour).Format(iso), "to", now.Format(iso)}
	event := []any{"eventId", p.EventID}
	var queries []adminQuery
	for _, q := range []struct {
		procedure string
		input     []any
	}{
		{"analytics.kpis", day},
		{"analytics.velocityHistory", event},
		{"analytics.eventSummary", event},
		{"analytics.tapsByHour", append(slices.Clone(event), "hours", 24)},
		{"analytics.exportTaps", slices.Concat(event, day)},
	} {
		input, err := object(p.vu.Runtime(), q.input...)
		if err != nil {
			return nil, err
		}
		queries = append(queries, adminQuery{q.procedure, input})
	}
	return queries, nil
}

// errNoSession is the error of the Admin's other probes when the login fails.
var errNoSession = errors.New("skipped: there is no session")

// ask makes a query that the run will make.
func (p *prober) ask(q adminQuery) (string, error) {
	result, err := p.result(q.procedure, q.input)
	if err != nil {
		return "", err
	}
	if rows, list := trpc.Rows(result.Data); list {
		return fmt.Sprintf("%d rows, %d bytes", rows, len(result.Data)), nil
	}
	return fmt.Sprintf("%d bytes", len(result.Data)), nil
}

// result runs a query in the session, uncounted.
func (p *prober) result(procedure string, input sobek.Value) (trpc.Result, error) {
	if p.session == nil {
		return trpc.Result{}, errNoSession
	}
	options, err := object(p.vu.Runtime(), "url", p.AdminURL, "transformer", p.Transformer, "timeout", p.Timeout.Milliseconds())
	if err != nil {
		return trpc.Result{}, err
	}
	a, err := p.admin(p.session, procedure, options)
	if err != nil {
		return trpc.Result{}, err
	}
	result, err := a.one(procedure, input, false)
	if err == nil {
		_, err = a.decode(result.Data)
	}
	return result, err
}

// countBands checks that an event has bands, and all that the run taps: the Hub assigns others to an event, by new rows in the database.
func (p *prober) countBands(event namedEvent) (string, error) {
	input, err := object(p.vu.Runtime(), "eventId", event.id)
	if err != nil {
		return "", err
	}
	result, err := p.result("analytics.eventSummary", input)
	if err != nil {
		return "", err
	}
	count, ok := trpc.Field(result.Data, "bandCount")
	switch {
	case !ok:
		return "", fmt.Errorf("analytics.eventSummary of %s has no bandCount. Is ADMIN_URL SparkMotion's Admin, and up to date?", event.id)
	case count == 0:
		return "", fmt.Errorf("the event %s of %s has no bands: dashboards show zeros. Seed the database (k6 x sparkmotion bands), or check %s",
			event.id, event.setting, event.setting)
	case event.tapped && count < float64(p.Bands):
		return "", fmt.Errorf("the event %s has %.0f bands, but LOADTEST_BANDS is %d: the Hub would assign the bands that are missing to an event, "+
			"by new rows in the database. Set LOADTEST_BANDS=%.0f, or seed the others (k6 x sparkmotion bands --count %d)", event.id, count, p.Bands, count, p.Bands)
	}
	return fmt.Sprintf("%.0f", count), nil
}

// flushOnce flushes the queue. A flush that drops taps, or whose batches fail, has the same status as any other.
func (p *prober) flushOnce() (string, error) {
	f, err := p.flush(flushOptions{URL: p.HubURL, Secret: p.Secret, Timeout: flushTime})
	switch {
	case err != nil:
		return "", err
	case f.FailedBatches > 0:
		return "", fmt.Errorf("flush-taps: batches failed and went back on the queue, and %d taps remain. "+
			"Either the database is in trouble, or one entry in the queue makes its batch fail: see the Hub's log", f.Remaining)
	case f.Dropped > 0:
		return "", fmt.Errorf("flush-taps: %d taps were dropped because their bands are not in the database. Seed it (k6 x sparkmotion bands); "+
			"if they are left from an earlier run, try again", f.Dropped)
	}
	return fmt.Sprintf("flushed %d, dropped 0, %d remain", f.Flushed, f.Remaining), nil
}

// countTime is how long a flush that has ended may take to be counted; one of the system's own may be under way for longer.
const countTime = 5 * time.Second

// recording waits until the system has received the probes' taps and counted what their flush took, so that the ledger starts with nothing
// under way.
func (p *prober) recording() (string, error) {
	source := p.queue()
	if err := source.Check(); err != nil {
		return "", err
	}
	if !source.Configured() {
		if slices.Contains(p.Parts, "queue") {
			return "", errors.New("the queue is not configured. Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, or remove it from parts")
		}
		return "skipped: neither Upstash nor REDIS_URL is configured, so the run can't tell whether taps are recorded", nil
	}
	if p.unread != nil {
		return "", p.unread
	}
	for deadline, counted := time.Now().Add(p.Timeout), time.Now().Add(countTime); ; {
		reading, _, err := p.read(source)
		if err != nil {
			return "", err
		}
		if p.before == nil {
			p.before = &reading
		}
		received := reading.Received - p.before.Received
		if received >= p.pages && (reading.Taken() <= p.before.Taken() || time.Now().After(counted)) {
			p.process.queue.Store(&source)
			p.begin(reading, received-p.pages)
			if p.pages == 0 {
				return fmt.Sprintf("not tried, because no tap led to a page; %d waiting", reading.Waiting), nil
			}
			return fmt.Sprintf("%d of %d taps received, %d waiting", p.pages, p.pages, reading.Waiting), nil
		}
		if received < p.pages && time.Now().After(deadline) {
			return "", fmt.Errorf("%d taps were redirected to their page, but %d of them were received within %s (monitoring:taps:received): the others "+
				"are lost, and the run's taps would be lost too. Does Upstash refuse the Worker's requests, or does the Worker use another Redis?",
				p.pages, max(0, received), p.Timeout)
		}
		if err := p.until(time.Now().Add(pollTime)); err != nil {
			return "", err
		}
	}
}

// remember reads the system's counters before the first tap. The probe of the queue reports its errors.
func (p *prober) remember() {
	source := p.queue()
	if p.before != nil || p.unread != nil || !p.Needs("queue") || source.Check() != nil || !source.Configured() {
		return
	}
	reading, _, err := p.read(source)
	p.before, p.unread, p.errors = &reading, err, reading.Errors
}

// begin records the first reading of the run, and the taps of others until then. Taps by another process of the same run are not those of
// others.
func (p *prober) begin(reading capacity.Reading, foreign int64) {
	if p.segment() || p.pages == 0 {
		foreign = 0
	}
	p.process.meter.Recorder.Baseline(time.Now(), *p.before, reading, p.pages, foreign)
}
