package sparkmotion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// sessionServer is a NextAuth application with a tRPC procedure, which knows the newest session alone and forgets it when
// told to.
type sessionServer struct {
	refuseLogins, refuseQueries bool

	mu      sync.Mutex
	logins  int
	valid   string
	busy    atomic.Int32 // logins under way
	crowded atomic.Bool  // two at once
}

func (a *sessionServer) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.valid = ""
}

func (a *sessionServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.valid != "" && strings.Contains(r.Header.Get("Cookie"), a.valid)
	switch {
	case r.URL.Path == "/api/auth/csrf":
		a.crowded.Store(a.busy.Add(1) > 1 || a.crowded.Load())
		w.Header().Set("Set-Cookie", "authjs.csrf-token=t")
		_, _ = io.WriteString(w, `{"csrfToken":"t"}`)
	case r.URL.Path == "/api/auth/callback/credentials":
		a.logins++
		if a.refuseLogins {
			a.busy.Add(-1)
			w.Header().Set("Location", "/login?error=CredentialsSignin")
		} else {
			a.valid = fmt.Sprintf("authjs.session-token=hush%d", a.logins)
			w.Header().Set("Set-Cookie", a.valid)
		}
		w.WriteHeader(http.StatusFound)
	case r.URL.Path == "/api/auth/session":
		a.busy.Add(-1)
		_, _ = io.WriteString(w, `{"user":{"name":"x"},"expires":"2030-01-01T00:00:00.000Z"}`)
	case strings.Contains(r.URL.RawQuery, "batch=1"):
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = io.WriteString(w, `[{"result":{"data":1}},`+a.data(known)+"]")
	default:
		if !known || a.refuseQueries {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, a.data(known))
	}
}

func (a *sessionServer) data(known bool) string {
	if known && !a.refuseQueries {
		return `{"result":{"data":"fine"}}`
	}
	return `{"error":{"message":"UNAUTHORIZED","data":{"code":"UNAUTHORIZED","httpStatus":401}}}`
}

const queryOrCode = "(() => { try { return sm.query(session, 'a') } catch (e) { return e.code } })()"

// expire logs in, hands the session to n VUs as setup() would, lets it expire, and gives what each VU's query gives.
func expire(t *testing.T, a *sessionServer, n int) (p *process, vus []*script, ask func() string) {
	t.Helper()
	link, _ := serve(t, a.ServeHTTP)
	p = newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush"})
	session := p.start(0).run("JSON.stringify(sm.login({renew: true}))").String()
	for id := range n {
		s := p.start(uint64(id + 1))
		s.run("var session = " + session)
		vus = append(vus, s)
	}
	a.forget()
	return p, vus, func() string {
		got := make([]string, n)
		var all sync.WaitGroup
		for i, s := range vus {
			all.Go(func() { got[i] = s.run(queryOrCode).String() })
		}
		all.Wait()
		return strings.Join(got, " ")
	}
}

// Ten VUs whose session expires log in once between them, as often as it expires.
func TestRenew(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	p, vus, ask := expire(t, a, 10)
	for round := range 3 {
		equal(t, "answers", ask(), strings.TrimSpace(strings.Repeat("fine ", 10)))
		equal(t, "answers of a session that lasts", ask(), strings.TrimSpace(strings.Repeat("fine ", 10)))
		equal(t, "logins", a.logins, 2+round)
		a.forget()
	}
	for _, s := range vus {
		for _, sample := range s.emitted() {
			if strings.HasPrefix(sample, "error_rate") && sample != "error_rate{part:admin} 0" {
				t.Error(sample)
			}
		}
	}
	equal(t, "lines in the log", len(p.log.AllEntries()), 3)
	equal(t, "the line", p.log.LastEntry().Message, "The session has expired: logged in again as loadtest@sparkmotion.net")
}

// A login that is refused is tried once a VU, one after another; then the queries fail for themselves.
func TestRenewRefused(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	p, vus, ask := expire(t, a, 10)
	a.refuseLogins = true
	for range 3 {
		equal(t, "answers", ask(), strings.TrimSpace(strings.Repeat("UNAUTHORIZED ", 10)))
		equal(t, "logins", a.logins, 11)
	}
	if a.crowded.Load() {
		t.Error("two logins at once")
	}
	equalLines(t, "emitted", vus[0].emitted(), "analytics_latency{procedure:a} time", "analytics_latency{procedure:a} time",
		"analytics_latency{procedure:a} time", "error_rate{part:admin} 1", "error_rate{part:admin} 1", "error_rate{part:admin} 1")
	equal(t, "lines in the log", len(p.log.AllEntries()), 2)
	if got := p.log.AllEntries()[0].Message; !strings.HasPrefix(got, "The session has expired, and there is no new one: login: POST http") ||
		strings.Contains(got, "hush") {
		t.Error(got)
	}
}

// A session that is refused right after its login did not expire: there is no second login.
func TestRenewInVain(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	p, _, ask := expire(t, a, 3)
	a.refuseQueries = true
	for range 3 {
		equal(t, "answers", ask(), "UNAUTHORIZED UNAUTHORIZED UNAUTHORIZED")
	}
	equal(t, "logins", a.logins, 2)
	equal(t, "the last line", p.log.LastEntry().Message,
		"The session has expired, and there is no new one: the server also refuses the session of a new login")
}

// A VU that is cut off while it logs in passes its turn on; one that is cut off while it waits goes.
func TestRenewTurn(t *testing.T) {
	t.Parallel()
	var s sessions
	holding, drop := context.WithCancel(t.Context())
	held, dropped, passed := make(chan struct{}), make(chan error), make(chan string)
	go func() {
		_, err := s.renew(holding, "old", func(string) (string, error) {
			close(held)
			<-holding.Done()
			return "", holding.Err()
		})
		dropped <- err
	}()
	<-held
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.renew(gone, "old", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() {
		cookie, _ := s.renew(t.Context(), "old", func(string) (string, error) { return "new", nil })
		passed <- cookie
	}()
	drop()
	equal(t, "who held the turn", <-dropped, context.Canceled)
	equal(t, "who waited for it", <-passed, "new")
	equal(t, "the newest session", s.latest("old"), "new")
}

// A late answer about an old session leads to the newest one, and does not undo what came after.
func TestRenewLate(t *testing.T) {
	t.Parallel()
	var s sessions
	gives := func(cookie string) func(string) (string, error) {
		return func(string) (string, error) { return cookie, nil }
	}
	for _, pair := range [][2]string{{"a", "b"}, {"b", "c"}} {
		if got, err := s.renew(t.Context(), pair[0], gives(pair[1])); got != pair[1] || err != nil {
			t.Error(got, err)
		}
	}
	if got, err := s.renew(t.Context(), "a", nil); got != "c" || err != nil {
		t.Error(got, err)
	}
	s.giveUp("b")
	equal(t, "the session", s.latest("a"), "c")

	// Nor does a server that gives a session again lead in a circle.
	for _, again := range []string{"c", "a"} {
		if got, err := s.renew(t.Context(), "c", gives(again)); got != again || err != nil {
			t.Error(got, err)
		}
	}
	equal(t, "the session given again", s.latest("b"), "a")
}

// A VU that is cut off in a renewal counts and logs nothing.
func TestRenewCutOff(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	ctx, cancel := context.WithCancel(t.Context())
	link, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/auth/csrf" {
			cancel()
			<-r.Context().Done()
		}
		a.ServeHTTP(w, r)
	})
	s := newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush"}).start(1)
	s.vu.ctx = ctx
	s.run("var session = {cookie: 'x=hush', renew: true}")
	equal(t, "answer", s.run(queryOrCode).String(), "UNAUTHORIZED")
	equalLines(t, "emitted", s.emitted())
	equal(t, "lines in the log", len(s.log.AllEntries()), 0)
}

func TestRenewBatch(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	_, vus, _ := expire(t, a, 1)
	equal(t, "answers", vus[0].show("sm.batch(session, [['a'], ['b']])"), `[1,"fine"]`)
	equal(t, "logins", a.logins, 2)
}

// Without renew, a session that has expired is an error and no more.
func TestNoRenewal(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	_, vus, _ := expire(t, a, 1)
	vus[0].run("delete session.renew")
	equal(t, "answer", vus[0].run(queryOrCode).String(), "UNAUTHORIZED")
	equal(t, "logins", a.logins, 1)
}

func TestRenewNeedsSettings(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"ADMIN_URL": "http://host", "TEST_PASSWORD": "hush"}).start(1)
	for _, option := range []string{"password: 'other'", "email: 'other'", "url: 'http://other'"} {
		equal(t, option, s.fails("sm.login({renew: true, "+option+"})"), "login: renew logs in by ADMIN_URL, TEST_EMAIL and "+
			"TEST_PASSWORD, which every VU reads from its settings: leave the options url, email and password out")
	}
	equal(t, "no boolean", s.fails("sm.login({renew: 'yes'})"), "login: option renew: true or false is expected, got yes")
}
