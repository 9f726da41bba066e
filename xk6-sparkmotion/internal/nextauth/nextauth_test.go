package nextauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer/answertest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page is one answer of an application under test.
type page struct {
	status   int
	location string
	cookies  []string // Set-Cookie lines
	header   map[string]string
	body     string
}

// The answers of a login that works.
var (
	csrfPage    = page{status: 200, cookies: []string{"authjs.csrf-token=t%7Ch; Path=/; HttpOnly", "authjs.callback-url=x; Path=/"}, body: `{"csrfToken":"t"}`}
	submitPage  = page{status: 302, location: "/", cookies: []string{"authjs.session-token=jwt; Path=/; HttpOnly"}}
	sessionPage = page{status: 200, body: `{"user":{"email":"a@b.c","role":"ADMIN"},"expires":"2030-01-01T00:00:00.000Z"}`}
)

// app is an application by path; it keeps what each path was asked.
type app struct {
	pages map[string]page
	asked map[string]*http.Request
}

func newApp(changed map[string]page) *app {
	pages := map[string]page{
		"/api/auth/csrf": csrfPage, "/api/auth/callback/credentials": submitPage, "/api/auth/session": sessionPage,
	}
	maps.Copy(pages, changed)
	return &app{pages: pages, asked: map[string]*http.Request{}}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	a.asked[r.URL.Path] = r
	p := a.pages[r.URL.Path]
	for _, cookie := range p.cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	for name, value := range p.header {
		w.Header().Set(name, value)
	}
	if p.location != "" {
		w.Header().Set("Location", p.location)
	}
	w.WriteHeader(max(p.status, 200))
	_, _ = w.Write([]byte(p.body))
}

// login logs in to a server at host, by a URL and with credentials whose secrets say hush.
func login(t *testing.T, host string) (*Session, error) {
	t.Helper()
	return Login(t.Context(), answertest.Client(t), Credentials{
		URL: "http://user:hush@" + host, Provider: "credentials", Fields: map[string]string{"email": "a@b.c", "password": "hush&more"},
	})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	const submit = "/api/auth/callback/credentials"
	v4 := func(cookies ...string) page {
		return page{status: 200, body: `{"url":"http://admin/"}`, cookies: cookies}
	}
	for _, c := range []struct {
		name       string
		submit     page
		wantName   string
		wantCookie string
	}{
		{name: "v5", submit: submitPage, wantName: "authjs.session-token", wantCookie: "authjs.session-token=jwt"},
		{name: "v4", submit: v4("next-auth.session-token=jwt; Path=/"),
			wantName: "next-auth.session-token", wantCookie: "next-auth.session-token=jwt"},
		{name: "v5 on https", submit: v4("__Secure-authjs.session-token=jwt; Path=/; Secure"),
			wantName: "__Secure-authjs.session-token", wantCookie: "__Secure-authjs.session-token=jwt"},
		{name: "a prefix of its own", submit: v4("other=1", "admin-auth.session-token=jwt; Path=/"),
			wantName: "admin-auth.session-token", wantCookie: "admin-auth.session-token=jwt"},
		{name: "no prefix", submit: v4("session-token=jwt; Path=/"), wantName: "session-token", wantCookie: "session-token=jwt"},
		{
			name: "chunks out of order, past nine of them",
			submit: v4("a.session-token.10=k; Path=/", "a.session-token.2=c; Path=/", "a.session-token.0=a; Path=/", "a.session-token.1=b; Path=/",
				"a.session-token.3=d; Path=/", "a.session-token.4=e; Path=/", "a.session-token.5=f; Path=/", "a.session-token.6=g; Path=/",
				"a.session-token.7=h; Path=/", "a.session-token.8=i; Path=/", "a.session-token.9=j; Path=/"),
			wantName: "a.session-token",
			wantCookie: "a.session-token.0=a; a.session-token.1=b; a.session-token.2=c; a.session-token.3=d; " +
				"a.session-token.4=e; a.session-token.5=f; a.session-token.6=g; a.session-token.7=h; " +
				"a.session-token.8=i; a.session-token.9=j; a.session-token.10=k",
		},
		{
			name: "what it clears is no session",
			submit: v4("old.session-token=; Path=/", "older.session-token=stale; Max-Age=0",
				"a.session-token.0=a; Path=/", "a.session-token.1=; Max-Age=0"),
			wantName: "a.session-token", wantCookie: "a.session-token.0=a",
		},
		{name: "the last session of two", submit: v4("a.session-token=1; Path=/", "b.session-token=2; Path=/"),
			wantName: "b.session-token", wantCookie: "b.session-token=2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			application := newApp(map[string]page{submit: c.submit})
			session, err := login(t, answertest.Serve(t, application))
			if err != nil {
				t.Fatal(err)
			}
			if session.Name != c.wantName || session.Cookie != c.wantCookie {
				t.Errorf("got the session %s: %s", session.Name, session.Cookie)
			}
			if session.User["role"] != "ADMIN" || session.Expires != "2030-01-01T00:00:00.000Z" {
				t.Errorf("got %+v", session)
			}
			sent := application.asked[submit]
			if got := sent.Header.Get("Cookie"); got != "authjs.csrf-token=t%7Ch; authjs.callback-url=x" {
				t.Errorf("the login was sent with the cookies %q", got)
			}
			for name, want := range map[string]string{"email": "a@b.c", "password": "hush&more", "csrfToken": "t", "json": "true"} {
				if got := sent.PostForm.Get(name); got != want {
					t.Errorf("the login's form has %s=%q, want %q", name, got, want)
				}
			}
			if got := application.asked["/api/auth/session"].Header.Get("Cookie"); got != c.wantCookie {
				t.Errorf("the session was asked for with the cookies %q", got)
			}
		})
	}
}

func TestLoginErrors(t *testing.T) {
	t.Parallel()
	const (
		csrf, submit, session = "/api/auth/csrf", "/api/auth/callback/credentials", "/api/auth/session"
		limits                = ". The server limits the rate: wait, or raise its limit for this test"
		elsewhere             = ". Is ADMIN_URL the right application's origin?"
		proxy                 = ". A proxy may strip cookies, or ADMIN_URL is not the origin that the application is configured with"
		check                 = ". Check TEST_EMAIL and TEST_PASSWORD"
		wrong                 = "answered that the email or the password is wrong (CredentialsSignin for a@b.c)" + check +
			": five failures lock the account for 15 minutes, and then the right password gets this answer too"
		noSession = ". Expected one whose name ends in session-token: does the application use JWT sessions?"
	)
	for _, c := range []struct {
		name, path string
		page       page
		want       string
	}{
		{"a website", csrf, page{body: "<!doctype html>"}, "answered 200 with an HTML page instead of JSON (15 bytes)" + elsewhere},
		{"nothing there", csrf, page{status: 404, body: "<html>"}, "answered 404 Not Found. Check ADMIN_URL: nothing is there"},
		{"another API", csrf, page{body: `{"ok":true}`}, "answered JSON without a csrfToken. Is this a NextAuth application? ADMIN_URL must be its origin"},
		{"null", csrf, page{body: `null`}, "answered JSON without a csrfToken. Is this a NextAuth application? ADMIN_URL must be its origin"},
		{"cut JSON", csrf, page{body: `{"csrfToken":"t`}, "answered 200 with truncated or invalid JSON (15 bytes). See the log of the server, or of a proxy in between"},
		{"http in place of https", csrf, page{status: 308, location: "https://admin/api/auth/csrf"},
			"answered 308 Permanent Redirect to https://admin/api/auth/csrf. Point ADMIN_URL at the URL that it redirects to"},
		{"a limit on tokens", csrf, page{status: 429, header: map[string]string{"Retry-After": "60"}},
			"answered 429 Too Many Requests (Retry-After: 60)" + limits},
		{"no CSRF cookie", csrf, page{body: `{"csrfToken":"t"}`},
			"answered a csrfToken but no cookie. A proxy may strip Set-Cookie: NextAuth refuses a login without its CSRF cookie"},
		{"cleared CSRF cookie", csrf, page{body: `{"csrfToken":"t"}`, cookies: []string{"authjs.csrf-token=; Max-Age=0"}},
			"answered a csrfToken but no cookie. A proxy may strip Set-Cookie: NextAuth refuses a login without its CSRF cookie"},

		{"a wrong password, v5", submit, page{status: 302, location: "http://admin/login?error=CredentialsSignin&code=credentials"}, wrong},
		{"a wrong password, v4", submit, page{status: 401, body: `{"url":"http://admin/api/auth/error?error=CredentialsSignin&provider=credentials"}`}, wrong},
		{"a wrong password, by status alone", submit, page{status: 401, body: `{"url":null}`}, "answered 401 Unauthorized" + check},
		{"a refused token, v5", submit, page{status: 302, location: "/login?error=MissingCSRF"}, "answered that the CSRF token does not match its cookie" + proxy},
		{"a refused token, v4", submit, page{status: 200, body: `{"url":"http://admin/api/auth/signin?csrf=true"}`}, "answered that the CSRF token does not match its cookie" + proxy},
		{"a broken application", submit, page{status: 302, location: "/api/auth/error?error=Configuration"}, `answered error "Configuration". The application's log says why`},
		{"a limit on logins", submit, page{status: 429, header: map[string]string{"Retry-After": "60"}, body: "<p>slow down"}, "answered 429 Too Many Requests (Retry-After: 60)" + limits},
		{"a failure", submit, page{status: 500}, "answered 500 Internal Server Error. The server failed: its log says why"},
		{"an unreadable redirect", submit, page{status: 200, body: `{"url":"http://[hush"}`}, "answered 200 with a redirect to something that is not a URL. The application's log says why"},
		{"no session cookie", submit, page{status: 302, location: "/", cookies: []string{"theme=dark"}}, "answered 302 and no session cookie" + noSession},
		{"a cleared session cookie", submit, page{status: 200, cookies: []string{"authjs.session-token=; Max-Age=0"}}, "answered 200 and no session cookie" + noSession},

		{"nobody", session, page{body: "null"}, "answered that nobody is logged in, right after the login. The cookie is named like a session but is not accepted as one: do several instances run with different secrets?"},
		{"nobody, as an object", session, page{body: "{}"}, "answered that nobody is logged in, right after the login. The cookie is named like a session but is not accepted as one: do several instances run with different secrets?"},
		{"a page for a session", session, page{body: "<html>"}, "answered 200 with an HTML page instead of JSON (6 bytes)" + elsewhere},
		{"a session that fails", session, page{status: 500}, "answered 500 Internal Server Error. The server failed: its log says why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			host := answertest.Serve(t, newApp(map[string]page{c.path: c.page}))
			got, err := login(t, host)
			method := http.MethodGet
			if c.path == submit {
				method = http.MethodPost
			}
			if want := fmt.Sprintf("%s http://%s%s: %s", method, host, c.path, c.want); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if got != nil {
				t.Errorf("got a session beside the error: %+v", got)
			}
			if strings.Contains(fmt.Sprint(err), "hush") {
				t.Errorf("a secret in %q", err)
			}
		})
	}
}

// A provider of another name is asked with its own fields, and with no others.
func TestLoginByProvider(t *testing.T) {
	t.Parallel()
	const submit = "/api/auth/callback/staff pass"
	application := newApp(map[string]page{submit: submitPage})
	session, err := Login(t.Context(), answertest.Client(t), Credentials{
		URL: "http://" + answertest.Serve(t, application), Provider: "staff pass", Fields: map[string]string{"badge": "b&1", "pin": "hush"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if session.Name != "authjs.session-token" {
		t.Errorf("got %+v", session)
	}
	form := application.asked[submit].PostForm
	if form.Get("badge") != "b&1" || form.Get("pin") != "hush" || form.Has("email") || form.Has("password") || !form.Has("csrfToken") {
		t.Errorf("the login's form has %v", form)
	}
}

// A refusal that may be about the provider is explained by the application's own list of them.
func TestUnknownProvider(t *testing.T) {
	t.Parallel()
	const (
		both    = `{"google":{"id":"google","type":"oidc"},"staff":{"id":"staff","type":"credentials"},"pin":{"type":"credentials"}}`
		oidc    = `{"google":{"id":"google","type":"oidc"}}`
		another = `, and "ldap" is not a credentials provider: /api/auth/providers lists `
	)
	configuration := page{status: 302, location: "/api/auth/error?error=Configuration"}
	plain := `answered error "Configuration". The application's log says why`
	for _, c := range []struct {
		name, provider   string
		submit, provides page
		want             string
	}{
		{"v5", "ldap", configuration, page{body: both}, `answered error "Configuration"` + another +
			"google (oidc), pin (credentials), staff (credentials). Set the option provider to pin or staff"},
		{"v4", "ldap", page{status: 400, body: "not supported"}, page{body: both}, "answered 400 Bad Request" + another +
			"google (oidc), pin (credentials), staff (credentials). Set the option provider to pin or staff"},
		{"another kind", "google", page{status: 302, location: "/?error=OAuthCallbackError"}, page{body: oidc},
			`answered error "OAuthCallbackError", and "google" is not a credentials provider: /api/auth/providers lists google (oidc). ` +
				"None of these takes credentials, and other kinds need a browser"},
		{"it is known", "pin", configuration, page{body: both}, plain},
		{"no list", "ldap", configuration, page{status: 404}, plain},
		{"a list that is none", "ldap", configuration, page{body: "<html>"}, plain},
		{"an empty list", "ldap", configuration, page{body: "{}"}, plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			submit := "/api/auth/callback/" + c.provider
			host := answertest.Serve(t, newApp(map[string]page{submit: c.submit, "/api/auth/providers": c.provides}))
			_, err := Login(t.Context(), answertest.Client(t), Credentials{
				URL: "http://user:hush@" + host, Provider: c.provider, Fields: map[string]string{"pin": "hush"},
			})
			if want := "POST http://" + host + submit + ": " + c.want; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// Of credentials that are not taken, the fields' names are told, and no value.
func TestWrongFields(t *testing.T) {
	t.Parallel()
	wrong := page{status: 302, location: "/login?error=CredentialsSignin"}
	host := answertest.Serve(t, newApp(map[string]page{"/api/auth/callback/pin": wrong}))
	_, err := Login(t.Context(), answertest.Client(t), Credentials{
		URL: "http://" + host, Provider: "pin", Fields: map[string]string{"pin": "hush", "badge": "hush too"},
	})
	want := "POST http://" + host + "/api/auth/callback/pin: answered that the credentials are wrong (CredentialsSignin for the fields badge, pin). " +
		"Check their names and values: a form without one of them gets this answer too"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoginWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	const host = answertest.Nobody
	_, err := login(t, host)
	want := "GET http://" + host + "/api/auth/csrf: no answer: dial tcp " + host +
		": connect: connection refused. Is ADMIN_URL right, and can this machine reach it?"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoginAtNoURL(t *testing.T) {
	t.Parallel()
	_, err := Login(t.Context(), nil, Credentials{URL: "http://user:hush@host:port"})
	if err == nil || err.Error() != "the admin URL is not a URL" {
		t.Errorf("got %v", err)
	}
}

func TestLoginStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Login(ctx, answertest.Client(t), Credentials{URL: "http://" + answertest.Serve(t, newApp(nil))})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// FuzzRefusal holds that whatever answers a login, an error in the redirect is an error of the login.
func FuzzRefusal(f *testing.F) {
	f.Add(302, "/login?error=CredentialsSignin&code=credentials", "")
	f.Add(401, "", `{"url":"http://admin/api/auth/error?error=CredentialsSignin"}`)
	f.Add(200, "", `{"url":"http://admin/"}`)
	f.Add(200, "http://[", "[]")
	f.Add(200, "?csrf=true", "")
	f.Fuzz(func(t *testing.T, status int, location, body string) {
		a := &answer.Answer{Status: status, Header: http.Header{"Location": {location}}, Body: []byte(body)}
		err := refusal(a, Credentials{Fields: map[string]string{"email": "a@b.c"}})
		u, unreadable := url.Parse(location)
		refused := unreadable != nil || u.Query().Get("error") != "" || (status != 200 && status != 302)
		if refused && err == nil {
			t.Errorf("%d to %q was taken for a login", status, location)
		}
	})
}

// canned answers one step after the other, without a network.
type canned []*http.Response

func (c *canned) Do(*http.Request) (*http.Response, error) {
	next := (*c)[0]
	*c = (*c)[1:]
	return next, nil
}

// FuzzLogin holds that whatever is answered to the steps of a login, it gives a session or an error, and that the error
// holds no secret of ours: neither the password nor the token or cookie that the application gave.
func FuzzLogin(f *testing.F) {
	f.Add(200, `{"csrfToken":"T0KEN"}`, 302, "/", "a.session-token=C00KIE; Path=/", "", 200, `{"user":{},"expires":"x"}`)
	f.Add(200, `{"csrfToken":"T0KEN"}`, 401, "", "a.session-token.1=C00KIE; Path=/", `{"url":"/?error=x&code=T0KEN"}`, 200, "null")
	f.Add(200, `<html>T0KEN`, 200, "http://[C00KIE", "", "", 500, `{"user":`)
	f.Fuzz(func(t *testing.T, first int, token string, second int, location, cookie, body string, third int, user string) {
		reply := func(status int, body string, header http.Header) *http.Response {
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
		}
		steps := &canned{
			reply(first, token, http.Header{"Set-Cookie": {"csrf=C00KIE"}}),
			reply(second, body, http.Header{"Location": {location}, "Set-Cookie": {cookie}}),
			reply(third, user, http.Header{}),
		}
		session, err := Login(t.Context(), steps, Credentials{URL: "http://u:PA55@admin", Fields: map[string]string{"email": "a@b.c", "password": "PA55"}})
		if (session == nil) == (err == nil) || session != nil && session.Cookie == "" {
			t.Fatalf("%+v, %v", session, err)
		}
		if err != nil && (strings.Contains(err.Error(), "PA55") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%v", err)
		}
		if c, err := http.ParseSetCookie(cookie); err == nil {
			body += c.Name + c.Domain + c.Path
		}
		told := strings.Contains(location+body, "T0KEN") || strings.Contains(location+body, "C00KIE") // by the server itself
		if err != nil && !told && (strings.Contains(err.Error(), "T0KEN") || strings.Contains(err.Error(), "C00KIE")) {
			t.Errorf("%v", err)
		}
	})
}
