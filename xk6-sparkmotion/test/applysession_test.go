package test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
	k6http "go.k6.io/k6/v2/js/modules/k6/http"
)

// withHTTP gives a VU k6's own module k6/http.
func withHTTP(t *testing.T, s *vutest.Script) *vutest.Script {
	t.Helper()
	if err := s.VU.Runtime().Set("http", k6http.New().NewModuleInstance(s.VU).Exports().Default); err != nil {
		t.Fatal(err)
	}
	return s
}

// sentBy are the Cookie headers of k6/http's requests to a page of an application.
type sentBy struct{ cookies []string }

func (p *sentBy) before(application http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			p.cookies = append(p.cookies, r.Header.Get("Cookie"))
			return
		}
		application(w, r)
	}
}

// k6/http sends a session that was applied, from setup()'s data too, by the VU's jar or another one.
func TestApplySession(t *testing.T) {
	t.Parallel()
	var page sentBy
	link, shown := vutest.Serve(t, page.before(admin))
	p := newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush"})
	session := p.Start(1).Run("JSON.stringify(sm.login())").String()
	for _, c := range []struct{ what, js, want string }{
		{"no session", "", ""},
		{"the VU's jar", "sm.applySession(session)", "admin-auth.session-token.0=one; admin-auth.session-token.1=two"},
		{"the same by name", "sm.applySession(session, http.cookieJar())", "admin-auth.session-token.0=one; admin-auth.session-token.1=two"},
		{"twice", "sm.applySession(session); sm.applySession(session)", "admin-auth.session-token.0=one; admin-auth.session-token.1=two"},
		{"a jar of its own", "var jar = new http.CookieJar(); sm.applySession(session, jar)", ""},
		{"and a request with it", "var jar = new http.CookieJar(); sm.applySession(session, jar); how = {jar}",
			"admin-auth.session-token.0=one; admin-auth.session-token.1=two"},
	} {
		for _, from := range []*vutest.Process{p, newProcess(t, nil)} { // setup() may have been another process's
			page.cookies = nil
			s := withHTTP(t, from.Start(2))
			s.Run("var how = {}, session = " + session + ";" + c.js + "; http.get('" + shown + "/page', how)")
			vutest.EqualLines(t, c.what, page.cookies, c.want)
		}
	}
}

// TestApplySessionQuotes: a jar gets a quoted value whole, without what net/http would drop from it.
func TestApplySessionQuotes(t *testing.T) {
	t.Parallel()
	s := withHTTP(t, newProcess(t, nil).Start(1))
	got := s.Run(`var jar = new http.CookieJar(), cookies = [{name: 'a.session-token', value: '"one"', path: '/'}];
		sm.applySession({url: 'http://127.0.0.1', cookie: 'a.session-token="one"', name: 'a.session-token', cookies}, jar);
		JSON.stringify(jar.cookiesForURL('http://127.0.0.1/'))`).String()
	vutest.Equal(t, "the jar", got, `{"a.session-token":["one"]}`)
}

func TestApplySessionErrors(t *testing.T) {
	t.Parallel()
	s := withHTTP(t, newProcess(t, nil).Start(1))
	for js, want := range map[string]string{
		"sm.applySession(null)":                           "the session must be what login() returned: it has no url, or no cookies",
		"sm.applySession()":                               "the session must be what login() returned: it has no url, or no cookies",
		"sm.applySession({user: 'hush'})":                 "the session must be what login() returned: it has no cookie",
		"sm.applySession({cookie: 'a=hush'})":             "the session must be what login() returned: it has no url, or no cookies",
		"sm.applySession({cookie: 'a', cookies: 'hush'})": "the session must be what login() returned",
		"sm.applySession({cookie: 'a'}, {})":              "the jar must be a cookie jar of k6/http: http.cookieJar() or new http.CookieJar()",
		"sm.applySession({cookie: 'a'}, 'hush')":          "the jar must be a cookie jar of k6/http: http.cookieJar() or new http.CookieJar()",
		"sm.applySession({cookie: 'a', expires: '2015-01-01T00:00:00.000Z'})": "the session expired at 2015-01-01T00:00:00.000Z: log in with " +
			"{renew: true}, so that it is renewed",
	} {
		vutest.Equal(t, js, s.Fails(js), "applySession: "+want)
	}
}

// The newest session is applied: one that a query has renewed, and one that is over by what the application said of it.
func TestApplySessionRenewed(t *testing.T) {
	t.Parallel()
	var page sentBy
	a := &sessionServer{}
	link, shown := vutest.Serve(t, page.before(a.ServeHTTP))
	p := newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush", "TRPC_TRANSFORMER": "none"})
	session := p.Start(1).Run("JSON.stringify(sm.login({renew: true}))").String()
	s := withHTTP(t, p.Start(2))
	s.Run("var session = " + session)
	visit := "sm.applySession(session); http.get('" + shown + "/page')"
	s.Run(visit)
	a.forget()
	s.Run("sm.query(session, 'a')")
	s.Run(visit)
	a.expires = time.Nanosecond // of the next login alone
	a.forget()
	s.Run("sm.query(session, 'a')")
	a.expires = 0
	s.Run(visit)
	vutest.EqualLines(t, "sent", page.cookies, "authjs.session-token=hush1", "authjs.session-token=hush2", "authjs.session-token=hush4")

	a.refuseLogins = true
	over := strings.Replace(session, `"expires":"2`, `"expires":"1`, 1)
	other := withHTTP(t, newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush"}).Start(3))
	got := other.Fails("sm.applySession(" + over + ")")
	if !strings.HasPrefix(got, "applySession: the session expired at 1") {
		t.Error(got)
	}
	if said := other.Log.LastEntry().Message; !strings.HasPrefix(said, "The session has expired and could not be renewed: login: POST ") || strings.Contains(said, "hush") {
		t.Error(said)
	}
}
