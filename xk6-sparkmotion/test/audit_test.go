package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/errext"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// recording is a SparkMotion that records each tap at once. Its clock is an hour ahead, or, when its answers don't tell, almost a minute behind.
type recording struct {
	silent bool // without Date

	mu    sync.Mutex
	rows  []map[string]any
	pages int // exports
	crowd int // rows of somebody else, one a millisecond before the first tap
}

const (
	ahead    = time.Hour
	secretly = -50 * time.Second
)

func (s *recording) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Add(ahead).UTC()
	w.Header().Set("Date", now.Format(http.TimeFormat))
	if s.silent {
		now = time.Now().Add(secretly).UTC()
		w.Header()["Date"] = nil
	}
	switch r.URL.Path {
	case "/e":
		s.record(r.URL.Query().Get("bandId"), now, r.UserAgent())
		w.Header().Set("Location", "https://compassion.com/live")
		w.WriteHeader(http.StatusFound)
	case "/api/cron/flush-taps":
		vutest.Respond(200, `{"success":true,"flushed":0,"remaining":0}`)(w, r)
	case "/api/trpc/analytics.exportTaps":
		s.export(w, r)
	}
}

func (s *recording) record(band string, at time.Time, agent string) {
	for i := range s.crowd {
		s.rows = append(s.rows, row("REAL-1", at.Add(-time.Duration(s.crowd-i)*time.Millisecond/100), "phone"))
	}
	s.crowd = 0
	s.rows = append(s.rows, row(band, at, agent))
}

func row(band string, at time.Time, agent string) map[string]any {
	return map[string]any{"bandId": band, "eventName": "Same Name", "tappedAt": at.Format("2006-01-02T15:04:05.000Z"), "modeServed": "live", "userAgent": agent}
}

// export is the newest 50,000 rows of a time, of the event that the band's number names.
func (s *recording) export(w http.ResponseWriter, r *http.Request) {
	var input struct {
		JSON struct{ From, To, EventID string }
	}
	if err := json.Unmarshal([]byte(r.URL.Query().Get("input")), &input); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.pages++
	asked, page := input.JSON, []map[string]any{}
	for _, row := range slices.Backward(s.rows) {
		at, band := row["tappedAt"].(string), row["bandId"].(string)
		if at >= asked.From && at <= asked.To && len(page) < 50_000 && (asked.EventID == "" || strings.HasPrefix(band, "LOADTEST-E"+asked.EventID)) {
			page = append(page, row)
		}
	}
	text, _ := json.Marshal(map[string]any{"result": map[string]any{"data": map[string]any{"json": page}}})
	vutest.Respond(200, string(text))(w, r)
}

// auditOf gives a VU whose settings lead to the system, in a folder of its own, which makes it no parallel test's.
func auditOf(t *testing.T, s *recording) *vutest.Script {
	t.Helper()
	t.Chdir(t.TempDir())
	link, _ := vutest.Serve(t, s.ServeHTTP)
	return newProcess(t, map[string]string{
		"WORKER_URL": link, "HUB_URL": link, "ADMIN_URL": link, "CRON_SECRET": "hush", "LOADTEST_EVENT_IDS": "1,2,3",
	}).Start(1)
}

// TestAudit: among more rows than an export gives, by another clock, with events of one name.
func TestAudit(t *testing.T) {
	system := &recording{crowd: 60_000}
	s := auditOf(t, system)
	s.Run(`for (const band of ['LOADTEST-E1-000001', 'LOADTEST-E2-000001', 'LOADTEST-E3-000001']) sm.tap({ band, audit: true })`)
	s.Emitted()
	got := s.Show("sm.audit(null, { settle: 0 })")
	const none = "{count:0,first:[]}"
	vutest.Equal(t, "outcome", got, "{taps:3,once:3,lost:"+none+",duplicated:"+none+",duplicateRows:0,otherEvent:"+none+",otherMode:"+none+
		",unexpected:"+none+",repeated:0,unanswered:0,unansweredRecorded:0}")
	vutest.EqualLines(t, "emitted", slices.DeleteFunc(s.Emitted(), func(sample string) bool { return !strings.HasPrefix(sample, "audit") }),
		"audit_duplicated{} 0", "audit_lost{} 0", "audit_other_event{} 0", "audit_other_mode{} 0", "audit_recorded{} 3", "audit_unexpected{} 0")
	if system.pages <= 4 {
		t.Errorf("%d exports: no page was full", system.pages)
	}
	text, err := os.ReadFile("results/audit.json")
	if err != nil || !strings.Contains(string(text), `"once": 3`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestAuditWithoutDate: the recorded taps show the clock, so that nobody else's are missed or taken for those of the run.
func TestAuditWithoutDate(t *testing.T) {
	system := &recording{silent: true}
	s := auditOf(t, system)
	s.Run(`for (const band of ['LOADTEST-E1-000001', 'LOADTEST-E2-000001', 'LOADTEST-E3-000001']) sm.tap({ band, audit: true })`)
	for _, apart := range []time.Duration{-30 * time.Second, 30 * time.Second} { // another run's
		system.record("LOADTEST-E1-000002", time.Now().Add(secretly+apart).UTC(), "phone")
	}
	vutest.Equal(t, "outcome", s.Run(`(({ taps, once, unexpected }) => [taps, once, unexpected.count].join())(sm.audit(null, { settle: 0 }))`).String(), "3,3,0")
	said := ""
	for _, entry := range s.Log.AllEntries() {
		said += entry.Message + "\n"
	}
	if !strings.Contains(said, "answers have no Date (WORKER_URL, HUB_URL), so the clock is compared by 3 recorded taps: it is -50.") {
		t.Errorf("the log:\n%s", said)
	}
	system.rows = nil
	vutest.Equal(t, "none is recorded", s.Run(`sm.audit(null, { settle: 0 }).lost.count`).String(), "3")
	if last := s.Log.AllEntries(); !slices.ContainsFunc(last, func(e *logrus.Entry) bool { return strings.Contains(e.Message, "the clock was not compared") }) {
		t.Error("the log doesn't say that the clock was not compared")
	}
}

// TestAuditFinds what the system made of three taps afterwards.
func TestAuditFinds(t *testing.T) {
	system := new(recording)
	s := auditOf(t, system)
	s.Run(`for (const band of ['LOADTEST-E1-000001', 'LOADTEST-E2-000001', 'LOADTEST-E3-000001']) sm.tap({ band, audit: true })`)
	system.rows = append(system.rows[1:], system.rows[2])
	vutest.Equal(t, "outcome", s.Run(`(({ taps, once, lost, duplicated, duplicateRows }) =>
		[taps, once, lost.first[0].band, duplicated.first[0].band, duplicated.first[0].rows, duplicateRows].join())(sm.audit(null, { settle: 0 }))`).String(),
		"3,1,LOADTEST-E1-000001,LOADTEST-E3-000001,2,1")
	said := ""
	for _, entry := range s.Log.AllEntries() {
		said += entry.Message + "\n"
	}
	for _, want := range []string{"Of 3 taps that were redirected, 1 is recorded once, as they should be.", "1 of 3 taps are missing; looking again"} {
		if !strings.Contains(said, want) {
			t.Errorf("the log lacks %q:\n%s", want, said)
		}
	}
}

func TestAuditWithoutTaps(t *testing.T) {
	s := auditOf(t, new(recording))
	vutest.Equal(t, "audit", s.Fails("sm.audit(null)"), "audit: no audited tap was redirected to a page: make taps with tap({ audit: true, band })")
	for js, want := range map[string]string{
		"sm.tap({audit: true})":                                           "tap: an audit taps each band once: set the option band, such as bandID({ distribution: 'sequential' })",
		"sm.taps(2, {audit: true, band: 'a'})":                            "taps: an audit taps each band once: use tap({ audit: true, band })",
		"sm.tap({audit: true, band: 'a', headers: {'user-agent': 'me'}})": "tap: an audit sets the User-Agent, to find its taps: remove it from headers",
	} {
		vutest.Equal(t, js, s.Fails(js), want)
	}
}

// TestAuditEndsRun that it can't audit, as exec.test.abort() does.
func TestAuditEndsRun(t *testing.T) {
	s := auditOf(t, new(recording))
	s.Run("sm.tap({audit: true, band: 'a'})")
	_, err := s.VU.Runtime().RunString("sm.tap({audit: true, band: 'a'}); 'goes on'")
	if err == nil || !strings.Contains(fmt.Sprint(err), errext.AbortTest+": tap: an audit taps each band once, and a was tapped before") {
		t.Errorf("got %v", err)
	}
}
