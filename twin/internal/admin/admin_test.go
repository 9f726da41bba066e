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
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

type bench struct {
	*Admin
	url string
}

func serve(t *testing.T, superjson bool) bench {
	t.Helper()
	s, err := store.Open(t.Context(), "", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), "", database.Seed{Bands: 10, History: 300}, &fault.Gate{})
	if err != nil {
		t.Fatal(err)
	}
	a := New(Config{Store: s, Database: db, Gate: &fault.Gate{}, Email: "loadtest@sparkmotion.net", Password: "right", Secret: "s",
		CookiePrefix: "admin-auth", Superjson: superjson})
	server := httptest.NewServer(a.Handler())
	t.Cleanup(func() { server.Close(); db.Close(); s.Close() })
	return bench{a, server.URL}
}

// browser keeps cookies and doesn't follow redirects.
type browser struct {
	t       *testing.T
	cookies map[string]string
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
	resp, err := http.DefaultTransport.RoundTrip(req)
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

func newBrowser(t *testing.T) *browser { return &browser{t, map[string]string{}} }

func TestLogin(t *testing.T) {
	a := serve(t, false)
	b := newBrowser(t)
	if _, body := b.do("GET", a.url+"/api/auth/session", ""); body != "null" {
		t.Errorf("session before the login: %s", body)
	}
	resp := b.login(a.url, "LoadTest@sparkmotion.net", "right")
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
		User    user
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
	a := serve(t, false)
	const missing, wrong = "/api/auth/signin?error=MissingCSRF", "/api/auth/signin?error=CredentialsSignin&code=credentials"
	for name, c := range map[string]struct {
		tamper                func(b *browser, form url.Values)
		email, password, want string
	}{
		"wrong password":  {nil, "loadtest@sparkmotion.net", "wrong", wrong},
		"wrong user":      {nil, "somebody@sparkmotion.net", "right", wrong},
		"no password":     {nil, "loadtest@sparkmotion.net", "", wrong},
		"no token":        {func(_ *browser, f url.Values) { f.Del("csrfToken") }, "loadtest@sparkmotion.net", "right", missing},
		"another token":   {func(_ *browser, f url.Values) { f.Set("csrfToken", strings.Repeat("a", 64)) }, "loadtest@sparkmotion.net", "right", missing},
		"no cookie":       {func(b *browser, _ url.Values) { clear(b.cookies) }, "loadtest@sparkmotion.net", "right", missing},
		"a made-up pair":  {func(b *browser, f url.Values) { b.cookies["admin-auth.csrf-token"] = "x%7Cx"; f.Set("csrfToken", "x") }, "loadtest@sparkmotion.net", "right", missing},
		"empty all round": {func(b *browser, f url.Values) { b.cookies["admin-auth.csrf-token"] = ""; f.Set("csrfToken", "") }, "loadtest@sparkmotion.net", "right", missing},
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
	a := serve(t, false)
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
	a := serve(t, false)
	b := newBrowser(t)
	b.login(a.url, "loadtest@sparkmotion.net", "right")
	good := b.cookies["admin-auth.session-token"]
	header, rest, _ := strings.Cut(good, ".")
	_, signature, _ := strings.Cut(rest, ".")
	for name, token := range map[string]string{
		"cut":        good[:len(good)-1],
		"no parts":   "x",
		"unsigned":   header + "." + strings.Split(rest, ".")[0] + ".",
		"other user": header + ".eyJlbWFpbCI6ImFAYiIsImV4cCI6OTk5OTk5OTk5OX0." + signature,
		"expired":    a.sign(claims{Email: "a@b", Expires: time.Now().Unix() - 1}),
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
	a := serve(t, false)
	b := newBrowser(t)
	body := fmt.Sprintf(`{"email":"loadtest@sparkmotion.net","password":"right","csrfToken":%q}`, b.csrf(a.url))
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
	a := serve(t, false)
	for given, want := range map[string]string{
		"/dashboard": a.url + "/dashboard", a.url + "/x": a.url + "/x",
		"https://evil.example/": a.url, "//evil.example/": a.url, "": a.url,
	} {
		b := newBrowser(t)
		form := url.Values{"email": {"loadtest@sparkmotion.net"}, "password": {"right"}, "csrfToken": {b.csrf(a.url)}, "callbackUrl": {given}}
		resp, _ := b.do("POST", a.url+"/api/auth/callback/credentials", form.Encode())
		if got := resp.Header.Get("Location"); got != want {
			t.Errorf("%s: to %s", given, got)
		}
	}
}

func TestProviders(t *testing.T) {
	a := serve(t, false)
	if _, body := newBrowser(t).do("GET", a.url+"/api/auth/providers", ""); !strings.Contains(body, `"id":"credentials"`) {
		t.Error(body)
	}
}

// ask calls procedures as a logged-in browser.
func ask(t *testing.T, a bench, path, input string) (int, string) {
	t.Helper()
	b := newBrowser(t)
	b.login(a.url, "loadtest@sparkmotion.net", "right")
	resp, body := b.do("GET", a.url+"/api/trpc/"+path+"input="+url.QueryEscape(input), "")
	return resp.StatusCode, body
}

func TestProcedures(t *testing.T) {
	a := serve(t, false)
	now := time.Now()
	for _, tap := range []store.Tap{{Event: event.All[0], Band: "b", At: now, Entry: "x"}, {Event: event.All[0], Band: "b", At: now, Entry: "y"}} {
		if _, err := store.NewRecorder(a.Store).Record(t.Context(), []store.Tap{tap}); err != nil {
			t.Fatal(err)
		}
	}
	span := fmt.Sprintf(`"from":%q,"to":%q`, now.Add(-25*time.Hour).Format(time.RFC3339), now.UTC().Format(event.ISO))
	for _, c := range []struct {
		path, input string
		status      int
		want        []string
	}{
		{"analytics.kpis?", `{` + span + `}`, 200, []string{`{"result":{"data":{"taps":300,"distinctBands":6,"peakTapsPerMinute":`, `"byMode":{"live":2`}},
		{"analytics.eventSummary?", `{}`, 200, []string{`{"result":{"data":[{"eventId":"loadtest-dallas","name":"Dallas","taps":100,"distinctBands":2,"firstTapAt":"`}},
		{"analytics.exportTaps?", `{"eventId":"loadtest-denver",` + span + `}`, 200, []string{`{"result":{"data":[{"bandId":"LOADTEST-E3-00000`, `"tappedAt":"`}},
		{"analytics.velocityHistory?", `{"eventId":"loadtest-nashville"}`, 200, []string{`{"result":{"data":[{"at":"`, `"taps":0}`, `"taps":2}]}}`}},
		{"analytics.tapsByHour?", `{"eventId":"loadtest-nashville","hours":2}`, 200, []string{`"taps":0},{"at":"`, `"taps":2}]}}`}},

		{"analytics.kpis?", `{"from":"yesterday"}`, 400, []string{`"code":-32600`, `"code":"BAD_REQUEST","httpStatus":400,"path":"analytics.kpis"`, `Invalid ISO datetime`, `expected string, received undefined`}},
		{"analytics.exportTaps?", `{"eventId":"loadtest-denver"}`, 400, []string{`\"path\": [\n      \"from\"`, `\"path\": [\n      \"to\"`}},
		{"analytics.exportTaps?", `{"eventId":7}`, 400, []string{`Invalid input: expected string, received number`}},
		{"analytics.velocityHistory?", `{"eventId":""}`, 400, []string{`Too small: expected string to have \u003e=1 characters`}},
		{"analytics.tapsByHour?", `{"eventId":"e","hours":0.5}`, 400, []string{`Invalid input: expected int, received number`}},
		{"analytics.tapsByHour?", `{"eventId":"e","hours":0}`, 400, []string{`Too small: expected number to be \u003e=1`}},
		{"analytics.tapsByHour?", `{"eventId":"e","hours":169}`, 400, []string{`Too big: expected number to be \u003c=168`}},
		{"analytics.eventSummary?", `null`, 400, []string{`expected object, received null`}},
		{"analytics.eventSummary?", ``, 400, []string{`expected object, received undefined`}},
		{"analytics.kpis?", `[]`, 400, []string{`expected object, received array`}},
		{"analytics.kpis?", `{`, 400, []string{`input is no JSON`}},
		{"analytics.nothing?", `{}`, 404, []string{`No procedure found on path \"analytics.nothing\"`, `"code":"NOT_FOUND","httpStatus":404`}},
		{"analytics.eventSummary,analytics.kpis?", `{}`, 404, []string{`"NOT_FOUND"`}},

		{"analytics.eventSummary,analytics.velocityHistory?batch=1&", `{"0":{},"1":{"eventId":"x"}}`, 200, []string{`[{"result":`, `},{"result":`}},
		{"analytics.eventSummary,analytics.velocityHistory?batch=1&", `{"0":{}}`, 207, []string{`[{"result":`, `},{"error":`}},
		{"analytics.kpis,analytics.velocityHistory?batch=1&", `{}`, 400, []string{`[{"error":`}},
		{"analytics.kpis,nope?batch=1&", `{}`, 207, []string{`"BAD_REQUEST"`, `"NOT_FOUND"`}},
		{"analytics.kpis?batch=1&", `[]`, 400, []string{`needs to be an object`}},
	} {
		status, body := ask(t, a, c.path, c.input)
		if status != c.status {
			t.Errorf("%s %s: %d %s", c.path, c.input, status, body)
		}
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s %s: no %s in %.600s", c.path, c.input, want, body)
			}
		}
	}
	if n := a.Stats().Queries["analytics.eventSummary"]; n != 3 {
		t.Errorf("%d summaries counted", n)
	}
}

func TestWithoutASession(t *testing.T) {
	a := serve(t, false)
	b := newBrowser(t)
	const want = `{"error":{"code":-32001,"data":{"code":"UNAUTHORIZED","httpStatus":401,"path":"analytics.kpis"},"message":"UNAUTHORIZED"}}`
	if resp, body := b.do("GET", a.url+"/api/trpc/analytics.kpis", ""); resp.StatusCode != 401 || body != want {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := b.do("GET", a.url+"/api/trpc/analytics.kpis,analytics.eventSummary?batch=1", ""); resp.StatusCode != 401 || !strings.HasPrefix(body, "[") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := b.do("POST", a.url+"/api/trpc/analytics.kpis", ""); resp.StatusCode != 405 || !strings.Contains(body, `"METHOD_NOT_SUPPORTED"`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := a.Stats().Unauthorized; n != 3 {
		t.Errorf("%d counted", n)
	}
}

func TestSuperjson(t *testing.T) {
	a := serve(t, true)
	for input, want := range map[string]string{
		`{"json":{"eventId":"loadtest-denver","hours":1}}`: `{"result":{"data":{"json":[{"at":"`,
		`{"eventId":"loadtest-denver","hours":1}`:          `{"error":{"json":{"code":-32600`,
	} {
		_, body := ask(t, a, "analytics.tapsByHour?", input)
		if !strings.HasPrefix(body, want) {
			t.Errorf("%s: %s", input, body)
		}
	}
	_, body := ask(t, a, "analytics.eventSummary?", `{"json":{}}`)
	for _, want := range []string{`"meta":{"v":1,"values":{"0.firstTapAt":["Date"],"0.lastTapAt":["Date"],"1.firstTapAt"`, `{"json":[{"eventId":"loadtest-dallas"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestRedisAway(t *testing.T) {
	a := serve(t, false)
	a.Store.Stop()
	if status, body := ask(t, a, "analytics.velocityHistory?", `{"eventId":"e"}`); status != 500 || !strings.Contains(body, `"INTERNAL_SERVER_ERROR"`) {
		t.Errorf("%d %s", status, body)
	}
}
