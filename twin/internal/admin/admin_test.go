package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/headers"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

type bench struct {
	*Admin
	url string
}

func serve(t *testing.T) bench {
	t.Helper()
	s, err := store.Open(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), "", database.Seed{Bands: 10, History: 300, Email: "loadtest@sparkmotion.net", Role: "ADMIN"}, &fault.Gate{})
	if err != nil {
		t.Fatal(err)
	}
	a := New(Config{Store: s, Database: db, KV: kv.New(0), Gate: &fault.Gate{}, Password: "the right one", Secret: "s",
		CookiePrefix: "admin-auth", Superjson: true})
	server := httptest.NewServer(a.Handler())
	t.Cleanup(func() { server.Close(); a.Close(); db.Close(); s.Close() })
	return bench{a, server.URL}
}

// browser keeps cookies and doesn't follow redirects.
type browser struct {
	t         *testing.T
	cookies   map[string]string
	transport *http.Transport
}

func (b *browser) do(method, url, body string) (*http.Response, string) {
	b.t.Helper()
	req, _ := http.NewRequest(method, url, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		b.cookies[c.Name] = c.Value
	}
	text, _ := io.ReadAll(resp.Body)
	return resp, string(text)
}

func (b *browser) csrf(base string) string {
	_, body := b.do("GET", base+"/api/auth/csrf", "")
	var answer struct{ CSRFToken string }
	json.Unmarshal([]byte(body), &answer)
	return answer.CSRFToken
}

func (b *browser) login(base, email, password string) *http.Response {
	form := url.Values{"email": {email}, "password": {password}, "csrfToken": {b.csrf(base)}, "json": {"true"}}
	resp, _ := b.do("POST", base+"/api/auth/callback/credentials", form.Encode())
	return resp
}

func newBrowser(t *testing.T) *browser {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t, map[string]string{}, transport}
}

func TestLogin(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	if _, body := b.do("GET", a.url+"/api/auth/session", ""); body != "null" {
		t.Errorf("session before the login: %s", body)
	}
	resp := b.login(a.url, "loadtest@sparkmotion.net", "the right one")
	if resp.StatusCode != 302 || resp.Header.Get("Location") != a.url {
		t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	for _, c := range resp.Cookies() {
		if c.Name == "admin-auth.session-token" && (!c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || time.Until(c.Expires) < time.Hour) {
			t.Errorf("session cookie %v", c)
		}
	}
	_, body := b.do("GET", a.url+"/api/auth/session", "")
	var session struct {
		User    database.User
		Expires time.Time
	}
	if err := json.Unmarshal([]byte(body), &session); err != nil || session.User.Email != "loadtest@sparkmotion.net" || session.User.Role != "ADMIN" ||
		time.Until(session.Expires) < sessionAge-time.Minute {
		t.Errorf("session %s", body)
	}
	if s := a.Stats(); s.Logins != 1 || s.FailedLogins != 0 {
		t.Errorf("%+v", s)
	}
}

func TestLoginRefused(t *testing.T) {
	a := serve(t)
	const missing, wrong = "/auth/signin?error=MissingCSRF", "/auth/signin?error=CredentialsSignin&code=credentials"
	for name, c := range map[string]struct {
		tamper                func(b *browser, form url.Values)
		email, password, want string
	}{
		"wrong password":   {nil, "loadtest@sparkmotion.net", "a wrong one", wrong},
		"wrong user":       {nil, "somebody@sparkmotion.net", "the right one", wrong},
		"a short password": {nil, "loadtest@sparkmotion.net", "short", wrong},
		"no address":       {nil, "loadtest", "the right one", wrong},
		"another case":     {nil, "LoadTest@sparkmotion.net", "the right one", wrong},
		"no password":      {nil, "loadtest@sparkmotion.net", "", wrong},
		"no token":         {func(_ *browser, f url.Values) { f.Del("csrfToken") }, "loadtest@sparkmotion.net", "the right one", missing},
		"another token":    {func(_ *browser, f url.Values) { f.Set("csrfToken", strings.Repeat("a", 64)) }, "loadtest@sparkmotion.net", "the right one", missing},
		"no cookie":        {func(b *browser, _ url.Values) { clear(b.cookies) }, "loadtest@sparkmotion.net", "the right one", missing},
		"a made-up pair":   {func(b *browser, f url.Values) { b.cookies["admin-auth.csrf-token"] = "x%7Cx"; f.Set("csrfToken", "x") }, "loadtest@sparkmotion.net", "the right one", missing},
		"empty all round":  {func(b *browser, f url.Values) { b.cookies["admin-auth.csrf-token"] = ""; f.Set("csrfToken", "") }, "loadtest@sparkmotion.net", "the right one", missing},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t)
			form := url.Values{"email": {c.email}, "password": {c.password}, "csrfToken": {b.csrf(a.url)}}
			if c.tamper != nil {
				c.tamper(b, form)
			}
			resp, _ := b.do("POST", a.url+"/api/auth/callback/credentials", form.Encode())
			if resp.StatusCode != 302 || resp.Header.Get("Location") != a.url+c.want {
				t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
			}
			if _, ok := b.cookies["admin-auth.session-token"]; ok {
				t.Error("a session cookie all the same")
			}
		})
	}
}

func TestCSRFTokenIsKept(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	first := b.csrf(a.url)
	token, hash, _ := strings.Cut(b.cookies["admin-auth.csrf-token"], "%7C")
	if len(first) != 64 || token != first || hash != a.csrfHash(first) {
		t.Errorf("token %s, cookie %s", first, b.cookies["admin-auth.csrf-token"])
	}
	resp, body := b.do("GET", a.url+"/api/auth/csrf", "")
	if !strings.Contains(body, first) || len(resp.Cookies()) > 0 {
		t.Errorf("a second request answered %s and %v", body, resp.Cookies())
	}
}

func TestForgedSessions(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	b.login(a.url, "loadtest@sparkmotion.net", "the right one")
	good := b.cookies["admin-auth.session-token"]
	header, rest, _ := strings.Cut(good, ".")
	_, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"cut":        good[:len(good)-1],
		"no parts":   "x",
		"unsigned":   header + "." + strings.Split(rest, ".")[0] + ".",
		"other user": header + ".eyJlbWFpbCI6ImFAYiIsImV4cCI6OTk5OTk5OTk5OX0." + signature,
		"expired":    a.sign(claims{User: database.User{Email: "a@b"}, Expires: time.Now().Unix() - 1}),
	} {
		b.cookies["admin-auth.session-token"] = token
		if _, body := b.do("GET", a.url+"/api/auth/session", ""); body != "null" {
			t.Errorf("%s: %s", name, body)
		}
		if left := b.cookies["admin-auth.session-token"]; left != "" {
			t.Errorf("%s: the browser keeps %s", name, left)
		}
	}
}

func TestLoginAsJSON(t *testing.T) {
	a := serve(t)
	b := newBrowser(t)
	body := fmt.Sprintf(`{"email":"loadtest@sparkmotion.net","password":"the right one","csrfToken":%q}`, b.csrf(a.url))
	req := httptest.NewRequest("POST", "/api/auth/callback/credentials", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Cookie", "admin-auth.csrf-token="+b.cookies["admin-auth.csrf-token"])
	answer := httptest.NewRecorder()
	a.Handler().ServeHTTP(answer, req)
	if cookies := fmt.Sprint(answer.Result().Cookies()); !strings.Contains(cookies, "admin-auth.session-token=") {
		t.Errorf("%d to %s with %s", answer.Code, answer.Header().Get("Location"), cookies)
	}
}

func TestCallbackURL(t *testing.T) {
	a := serve(t)
	for given, want := range map[string]string{
		"/dashboard": a.url + "/dashboard", a.url + "/x": a.url + "/x",
		"https://evil.example/": a.url, "//evil.example/": a.url, "": a.url,
	} {
		b := newBrowser(t)
		form := url.Values{"email": {"loadtest@sparkmotion.net"}, "password": {"the right one"}, "csrfToken": {b.csrf(a.url)}, "callbackUrl": {given}}
		resp, _ := b.do("POST", a.url+"/api/auth/callback/credentials", form.Encode())
		if got := resp.Header.Get("Location"); got != want {
			t.Errorf("%s: to %s", given, got)
		}
	}
}

func TestProviders(t *testing.T) {
	a := serve(t)
	if _, body := newBrowser(t).do("GET", a.url+"/api/auth/providers", ""); !strings.Contains(body, `"id":"credentials"`) {
		t.Error(body)
	}
}

// TestLockout: five wrong passwords lock the account, and the right one gets the answer of a wrong one.
func TestLockout(t *testing.T) {
	a := serve(t)
	const wrong = "/auth/signin?error=CredentialsSignin&code=credentials"
	login := func(password string) string {
		return strings.TrimPrefix(newBrowser(t).login(a.url, "loadtest@sparkmotion.net", password).Header.Get("Location"), a.url)
	}
	for range maxFailures - 1 {
		login("a wrong one")
	}
	if got := login("the right one"); got != "" {
		t.Error("locked too early:", got)
	}
	for range maxFailures {
		login("a wrong one") // counted from the start again
	}
	if got := login("the right one"); got != wrong {
		t.Error("not locked:", got)
	}
	if ttl := a.Store.TTL(t.Context(), "lockout:loadtest@sparkmotion.net").Val(); ttl <= 0 || ttl > lockTime {
		t.Errorf("locked for %v", ttl)
	}
	a.Store.Del(t.Context(), "lockout:loadtest@sparkmotion.net")
	if got := login("the right one"); got != "" {
		t.Error("still locked:", got)
	}
}

// TestDashboard sends who has no session to log in, with the headers of every answer.
func TestDashboard(t *testing.T) {
	b := serve(t)
	visitor := &browser{t, map[string]string{}, &http.Transport{}}
	t.Cleanup(visitor.transport.CloseIdleConnections)
	resp, _ := visitor.do("GET", b.url+"/", "")
	if got := resp.Header.Get("Location"); resp.StatusCode != 307 || got != "/auth/signin" {
		t.Errorf("%d to %s", resp.StatusCode, got)
	}
	for _, path := range []string{"/", "/api/auth/csrf", "/api/trpc/analytics.kpis", "/nothing"} {
		resp, _ := visitor.do("GET", b.url+path, "")
		for _, h := range append(headers.Security, [2]string{"Vary", "RSC, Next-Router-State-Tree, Next-Router-Prefetch"}) {
			if got := resp.Header.Get(h[0]); got != h[1] {
				t.Errorf("%s: %s is %q", path, h[0], got)
			}
		}
	}
}
