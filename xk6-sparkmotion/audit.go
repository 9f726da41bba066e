package sparkmotion

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/audit"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/report"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/superjson"
)

const (
	exportTaps  = "analytics.exportTaps"
	exportLimit = 50_000 // rows that it gives at most
	maxFlushes  = 10     // each of which may take almost a minute
)

type auditOptions struct {
	WorkerURL string        `js:"workerURL" env:"WORKER_URL" need:"true" form:"url"`
	HubURL    string        `js:"hubURL" env:"HUB_URL" need:"true" form:"url"`
	Secret    string        `js:"secret" env:"CRON_SECRET" need:"true" secret:"true"`
	AdminURL  string        `js:"adminURL" env:"ADMIN_URL" need:"true" form:"url"`
	EventIDs  []string      `js:"eventIDs" env:"LOADTEST_EVENT_IDS" need:"true" form:"line"`
	Mode      string        `js:"mode" default:"live"`
	Settle    time.Duration `js:"settle" default:"35s"`
	Timeout   time.Duration `js:"timeout" default:"60s" above:"0"`
}

// audit, in teardown(), looks for every tap that was made with the option audit and redirected to a page. It waits until the Worker has
// finished its work after answers, flushes until the queue is empty, reads the taps back with analytics.exportTaps, and says which were
// recorded once, lost, recorded more than once, under another event or as another mode, and which rows are not the audit's. It logs the
// verdict, writes it to results/audit.json, counts it, and returns it. It throws when it can't tell.
func (m *module) audit(call sobek.FunctionCall) (any, error) {
	var o auditOptions
	if err := m.settings.Read(call.Argument(1), &o); err != nil {
		return nil, err
	}
	if m.vu.State() == nil {
		return nil, errInit
	}
	if err := m.auditable(o.EventIDs); err != nil {
		return nil, err
	}
	a := &auditor{module: m, auditOptions: o, session: call.Argument(0), set: &m.process.audit}
	outcome, err := a.outcome()
	if err != nil {
		return nil, err
	}
	m.meter.Audit(outcome)
	return a.leave(outcome)
}

// auditor looks for the taps of a set.
type auditor struct {
	*module
	auditOptions
	session sobek.Value
	set     *audit.Set
	stuck   int64 // taps that waited in the queue at the end
}

// outcome looks for the taps, and repeats that when some are missing: another flush may have held them.
func (a *auditor) outcome() (*audit.Outcome, error) {
	taps := a.set.Redirected()
	if taps == 0 {
		return nil, errors.New("no audited tap was redirected to a page: make taps with tap({ audit: true, band })")
	}
	ended := a.set.Span().To
	a.logger().Infof("audit  looking for %d taps, %s after the last one", taps, a.Settle)
	outcome, err := a.look(time.Until(ended.Add(a.Settle)))
	if err == nil && outcome.Lost.Count > 0 {
		a.logger().Infof("audit  %d of %d taps are missing; looking again in %s, because another flush may hold them", outcome.Lost.Count, taps, a.Settle)
		outcome, err = a.look(a.Settle)
	}
	return outcome, err
}

// look waits, empties the queue and reads the taps.
func (a *auditor) look(wait time.Duration) (*audit.Outcome, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.vu.Context().Done():
		return nil, fmt.Errorf("the run or its teardownTimeout ended before all taps could be recorded: %w", a.vu.Context().Err())
	}
	if err := a.empty(); err != nil {
		return nil, err
	}
	return a.read()
}

// empty flushes until the queue is empty. When others tap as well, it may never be.
func (a *auditor) empty() error {
	var last *hub.Flushed
	var err error
	for range maxFlushes {
		last, err = a.countedFlush(flushOptions{URL: a.HubURL, Secret: a.Secret, Timeout: a.Timeout})
		switch over := a.vu.Context().Err(); {
		case over != nil:
			return fmt.Errorf("the run or its teardownTimeout ended before the queue was empty: %w", over)
		case err != nil:
			a.logger().Warnf("audit  %v", err)
			continue
		case last.Remaining == 0:
			a.stuck = 0
			return nil
		}
		a.logger().Infof("audit  %d taps flushed, %d batches failed, %d taps left", last.Flushed, last.FailedBatches, last.Remaining)
	}
	switch {
	case err != nil:
		return err
	case last.FailedBatches > 0:
		return fmt.Errorf("%d taps are still in the queue after %d flushes, and %d batches of the last one failed: "+
			"see the Hub's log. The audit can't tell waiting taps from lost ones", last.Remaining, maxFlushes, last.FailedBatches)
	}
	a.stuck = last.Remaining
	return nil
}

// read reads the taps back: first those of all events, then those of each event.
func (a *auditor) read() (*audit.Outcome, error) {
	span := a.set.Span()
	clock, err := a.clock(span)
	if err != nil {
		return nil, err
	}
	want := audit.Expectation{Mode: a.Mode, Sure: clock.Within(span)}
	for i, id := range a.EventIDs {
		want.Events = append(want.Events, audit.Event{ID: id, Prefix: defaultPrefixes[i]})
	}
	reading, around := a.set.Read(want), clock.Around(span)
	if err := audit.Pages(around, exportLimit, a.export(""), reading.All); err != nil {
		return nil, err
	}
	for i, id := range a.EventIDs {
		if err := audit.Pages(around, exportLimit, a.export(id), func(rows []audit.Row) { reading.Under(i, rows) }); err != nil {
			return nil, err
		}
	}
	outcome := reading.Outcome()
	a.logger().Infof("audit  read the taps from %s to %s", around.From.UTC().Format(audit.ISO), around.To.UTC().Format(audit.ISO))
	return outcome, nil
}

// clock compares this machine's clock with those of the Worker and the Hub, which give taps their times: by their answers, or else by the
// recorded taps.
func (a *auditor) clock(span audit.Window) (clock audit.Clock, err error) {
	var unseen []string
	for _, server := range []struct{ setting, url string }{
		{"WORKER_URL", strings.TrimRight(a.WorkerURL, "/") + "/health"},
		{"HUB_URL", strings.TrimRight(a.HubURL, "/") + "/"},
	} {
		sent := time.Now()
		seen, err := a.date(server.url, server.setting)
		if err != nil {
			return clock, fmt.Errorf("%s: %w", server.setting, err)
		}
		if !clock.See(seen, sent, time.Now()) {
			unseen = append(unseen, server.setting)
		}
	}
	if len(unseen) > 0 {
		return a.clockOfTaps(clock, span, strings.Join(unseen, ", "))
	}
	return clock, nil
}

// undatedLimit is how far a clock that no answer shows may be from the others, so that the recorded taps show it.
const undatedLimit = time.Minute

// clockOfTaps adds the clocks that gave the recorded taps their times.
func (a *auditor) clockOfTaps(clock audit.Clock, span audit.Window, unseen string) (audit.Clock, error) {
	own, wide := 0, clock.Wider(undatedLimit)
	take := func(rows []audit.Row) { own += clock.SeeRows(a.set, rows) }
	if err := audit.Pages(wide.Around(span), exportLimit, a.export(""), take); err != nil {
		return clock, err
	}
	if own == 0 {
		a.logger().Warnf("audit  the clock was not compared: answers have no Date (%s), and no tap is recorded. Taps also look lost "+
			"when that clock is more than %s off", unseen, undatedLimit)
		return wide, nil
	}
	a.logger().Infof("audit  answers have no Date (%s), so the clock is compared by %d recorded taps: it is %.3f to %.3f s ahead of this machine's",
		unseen, own, clock.Least.Seconds(), clock.Most.Seconds())
	return clock, nil
}

// date returns the Date header of a server's answer, whatever its status.
func (a *auditor) date(target, setting string) (string, error) {
	c, err := a.client(target, a.Timeout)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(a.vu.Context(), http.MethodGet, target, nil)
	if err != nil {
		return "", errors.New("it is not a URL") // not err: it repeats the URL
	}
	got, err := answer.Get(c, req, setting)
	if err != nil {
		return "", err
	}
	return got.Header.Get("Date"), nil
}

// export returns a function that exports the rows of one event, or of all when its ID is empty.
func (a *auditor) export(eventID string) func(audit.Window) ([]audit.Row, error) {
	rt := a.vu.Runtime()
	return func(w audit.Window) ([]audit.Row, error) {
		options, err := object(rt, "url", a.AdminURL, "timeout", a.Timeout.Milliseconds())
		if err != nil {
			return nil, err
		}
		client, err := a.admin(a.session, exportTaps, options)
		if err != nil {
			return nil, err
		}
		asked := []any{"from", w.From.UTC().Format(audit.ISO), "to", w.To.UTC().Format(audit.ISO)}
		if eventID != "" {
			asked = append(asked, "eventId", eventID)
		}
		input, err := object(rt, asked...)
		if err != nil {
			return nil, err
		}
		result, err := client.one(exportTaps, input, false)
		if err != nil {
			return nil, err
		}
		return audit.ParseRows(result.Data)
	}
}

// leave logs the outcome, writes it, and converts it to a JavaScript value.
func (a *auditor) leave(outcome *audit.Outcome) (sobek.Value, error) {
	log := a.logger().Info
	if !outcome.Well() {
		log = a.logger().Warn
	}
	for _, sentence := range outcome.Sentences() {
		log("audit  " + sentence)
	}
	if a.stuck > 0 {
		a.logger().Warnf("audit  %d taps are still in the queue, which others fill as well: some of the lost taps may be among them", a.stuck)
	}
	text, err := json.MarshalIndent(outcome, "", "  ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	a.process.audited.Store(&text)
	if err := report.MakeFolder(report.Folder); err != nil {
		return nil, err
	}
	if err := report.WriteFile(filepath.Join(report.Folder, report.AuditFile), text); err != nil {
		return nil, err
	}
	return superjson.Codec{Runtime: a.vu.Runtime()}.Parse(string(text))
}

// audited prepares the options of a tap for an audit, which finds the tap by its User-Agent.
func (m *module) audited(o *tapOptions) error {
	if err := m.auditable(o.EventIDs); err != nil {
		return err
	}
	if o.Band == "" {
		return errors.New("an audit taps each band once: set the option band, such as bandID({ distribution: 'sequential' })")
	}
	headers := map[string]string{"User-Agent": m.process.audit.Agent()}
	for name, value := range maps.All(o.Headers) {
		if strings.EqualFold(name, "User-Agent") {
			return errors.New("an audit sets the User-Agent, to find its taps: remove it from headers")
		}
		headers[name] = value
	}
	o.Headers = headers
	return nil
}

// auditable refuses a process that runs only a part of the run, because an audit needs all taps in one process, and bands of unknown events.
func (m *module) auditable(events []string) error {
	if m.segment() {
		return fatal{errors.New("an audit needs all of its taps in one process: run it without --execution-segment")}
	}
	if err := checkEvents(events); err != nil {
		return fatal{err}
	}
	return nil
}

// auditBegins adds a tap to the audit before it is made, so that no tap is made for which the audit has no room.
func (m *module) auditBegins(band string) error {
	if err := m.process.audit.Begin(band, time.Now()); err != nil {
		return fatal{err}
	}
	return nil
}

// auditEnds records a tap's result.
func (m *module) auditEnds(band string, r lane.Result) {
	how := audit.None
	switch {
	case r.Redirected() && r.Repeats > 0:
		how = audit.Repeated
	case r.Redirected():
		how = audit.Redirected
	}
	m.process.audit.End(band, how, r.Ended)
}
