package test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// sessionServer is a NextAuth application with a tRPC procedure, which knows the newest session alone and forgets it when
// told to.
type sessionServer struct {
	refuseLogins, refuseQueries bool

	mu      sync.Mutex
	logins  int
	valid   string
	asked   string        // email, password and totp of the last login
	expires time.Duration // after a login; 0 is a day
	busy    atomic.Int32  // logins under way
	crowded atomic.Bool   // two at once
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
		a.asked = fmt.Sprint(r.FormValue("email"), " ", r.FormValue("password"), " ", r.FormValue("totp"))
		if a.refuseLogins {
			a.busy.Add(-1)
			w.Header().Set("Location", "/login?error=CredentialsSignin")
		} else {
			a.valid = fmt.Sprintf("authjs.session-token=hush%d", a.logins)
			w.Header().Set("Set-Cookie", a.valid+"; Path=/; HttpOnly")
		}
		w.WriteHeader(http.StatusFound)
	case r.URL.Path == "/api/auth/session":
		a.busy.Add(-1)
		expires := time.Now().Add(cmp.Or(a.expires, 24*time.Hour)).UTC().Format(time.RFC3339Nano)
		_, _ = io.WriteString(w, `{"user":{"name":"x"},"expires":"`+expires+`"}`)
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
func expire(t *testing.T, a *sessionServer, n int) (p *vutest.Process, vus []*vutest.Script, ask func() string) {
	t.Helper()
	link, _ := vutest.Serve(t, a.ServeHTTP)
	p = newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush", "TRPC_TRANSFORMER": "none"})
	session := p.Start(0).Run("JSON.stringify(sm.login({renew: true}))").String()
	for id := range n {
		s := p.Start(uint64(id + 1))
		s.Run("var session = " + session)
		vus = append(vus, s)
	}
	a.forget()
	return p, vus, func() string {
		got := make([]string, n)
		var all sync.WaitGroup
		for i, s := range vus {
			all.Go(func() { got[i] = s.Run(queryOrCode).String() })
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
		vutest.Equal(t, "answers", ask(), strings.TrimSpace(strings.Repeat("fine ", 10)))
		vutest.Equal(t, "answers of a session that lasts", ask(), strings.TrimSpace(strings.Repeat("fine ", 10)))
		vutest.Equal(t, "logins", a.logins, 2+round)
		a.forget()
	}
	for _, s := range vus {
		for _, sample := range s.Emitted() {
			if strings.HasPrefix(sample, "error_rate") && sample != "error_rate{part:admin} 0" {
				t.Error(sample)
			}
		}
	}
	vutest.Equal(t, "lines in the log", len(p.Log.AllEntries()), 3)
	vutest.Equal(t, "the line", p.Log.LastEntry().Message, "The session has expired: logged in again as loadtest@sparkmotion.net")
}

// A login that is refused is tried once a VU, one after another; then the queries fail for themselves.
func TestRenewRefused(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	p, vus, ask := expire(t, a, 10)
	a.refuseLogins = true
	for range 3 {
		vutest.Equal(t, "answers", ask(), strings.TrimSpace(strings.Repeat("UNAUTHORIZED ", 10)))
		vutest.Equal(t, "logins", a.logins, 11)
	}
	if a.crowded.Load() {
		t.Error("two logins at once")
	}
	vutest.EqualLines(t, "emitted", vus[0].Emitted(), "error_rate{part:admin} 1", "error_rate{part:admin} 1", "error_rate{part:admin} 1")
	vutest.Equal(t, "lines in the log", len(p.Log.AllEntries()), 2)
	if got := p.Log.AllEntries()[0].Message; !strings.HasPrefix(got, "The session has expired and could not be renewed: login: POST http") ||
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
		vutest.Equal(t, "answers", ask(), "UNAUTHORIZED UNAUTHORIZED UNAUTHORIZED")
	}
	vutest.Equal(t, "logins", a.logins, 2)
	vutest.Equal(t, "the last line", p.Log.LastEntry().Message,
		"The session has expired and could not be renewed: the server also refuses the session of a new login")
}

// A VU that is cut off in a renewal counts and logs nothing.
func TestRenewCutOff(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	ctx, cancel := context.WithCancel(t.Context())
	link, _ := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/auth/csrf" {
			cancel()
			<-r.Context().Done()
		}
		a.ServeHTTP(w, r)
	})
	s := newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush", "TRPC_TRANSFORMER": "none"}).Start(1)
	s.VU.Ctx = ctx
	s.Run("var session = {cookie: 'x=hush', renew: true}")
	vutest.Equal(t, "answer", s.Run(queryOrCode).String(), "UNAUTHORIZED")
	vutest.EqualLines(t, "emitted", s.Emitted())
	vutest.Equal(t, "lines in the log", len(s.Log.AllEntries()), 0)
}

func TestRenewBatch(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	_, vus, _ := expire(t, a, 1)
	vutest.Equal(t, "answers", vus[0].Show("sm.batch(session, [['a'], ['b']])"), `[1,"fine"]`)
	vutest.Equal(t, "logins", a.logins, 2)
}

// Without renew, a session that has expired is an error and no more.
func TestNoRenewal(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	_, vus, _ := expire(t, a, 1)
	vus[0].Run("delete session.renew")
	vutest.Equal(t, "answer", vus[0].Run(queryOrCode).String(), "UNAUTHORIZED")
	vutest.Equal(t, "logins", a.logins, 1)
}

// Every VU may renew a login, also one by options of setup(): its credentials stay in the process, and out of the session.
func TestRenewByOptions(t *testing.T) {
	t.Parallel()
	a := &sessionServer{}
	link, _ := vutest.Serve(t, a.ServeHTTP)
	p := newProcess(t, map[string]string{"ADMIN_URL": link, "TRPC_TRANSFORMER": "none"})
	session := p.Start(1).Run("JSON.stringify(sm.login({renew: true, email: 'a@b.c', password: 'secret', fields: {totp: '123456'}}))").String()
	if strings.Contains(session, "secret") || strings.Contains(session, "123456") {
		t.Error("a password in", session)
	}
	s := p.Start(2)
	s.Run("var session = " + session)
	a.forget()
	vutest.Equal(t, "answer", s.Run(queryOrCode).String(), "fine")
	vutest.Equal(t, "the fields", a.asked, "a@b.c secret 123456")
	vutest.Equal(t, "the line", p.Log.LastEntry().Message, "The session has expired: logged in again as a@b.c")
	vutest.Equal(t, "no boolean", s.Fails("sm.login({renew: 'yes', password: 'secret'})"), "login: option renew: true or false is expected, got yes")
}
