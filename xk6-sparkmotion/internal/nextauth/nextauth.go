// Package nextauth logs in to a NextAuth (Auth.js) application with its credentials provider, versions 4 and 5,
// without a browser: https://authjs.dev/reference/core#authorization and the pages of next-auth v4's REST API,
// https://next-auth.js.org/getting-started/rest-api.
package nextauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

// Credentials say where to log in, and as whom.
type Credentials struct {
	URL      string            // the application's origin, e.g. https://admin.sparkmotion.net
	Provider string            // the ID of a credentials provider
	Fields   map[string]string // what its form asks for, such as email and password
}

// Session is a login: what to send, and the user.
type Session struct {
	URL     string         // the application's origin, without a password
	Cookie  string         // the value of a Cookie header: every chunk of the session cookie
	Cookies []*http.Cookie // the same as the application set them
	Name    string         // the session cookie's name, without a chunk's number
	User    map[string]any // as /api/auth/session gives it
	Expires string         // ISO 8601, as /api/auth/session gives it
}

// Login takes the two steps of the credentials flow, and a third to verify that the session is accepted.
// Its errors name the cause: no answer, no NextAuth at the URL, a limit on logins, wrong credentials, an unknown provider, a
// refused CSRF token, an answer without a session cookie, or a session that the application does not know.
func Login(ctx context.Context, doer answer.Doer, c Credentials) (*Session, error) {
	origin, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("the admin URL is not a URL") // not err: it repeats the URL, with its password
	}
	f := flow{ctx: ctx, doer: doer, origin: origin}
	token, err := f.csrf()
	if err != nil {
		return nil, err
	}
	cookies, err := f.submit(c, token)
	if err != nil {
		return nil, err
	}
	session := &Session{URL: answer.Show(origin), Name: cookies.name, Cookie: cookies.header(), Cookies: cookies.cookies()}
	if err := f.identify(session); err != nil {
		return nil, err
	}
	return session, nil
}

// flow is one login under way; its cookies are those to send back.
type flow struct {
	ctx     context.Context // a flow lives as long as the call to Login
	doer    answer.Doer
	origin  *url.URL
	cookies []string // NAME=VALUE, of the csrf answer
}

// csrf is the first step: a token, and the cookie that vouches for it.
func (f *flow) csrf() (string, error) {
	a, err := f.send(http.MethodGet, "/api/auth/csrf", nil)
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", a.Unexpected("")
	}
	var got struct {
		Token string `json:"csrfToken"`
	}
	if err := a.JSON(&got); err != nil {
		return "", err
	}
	if got.Token == "" {
		return "", a.Wrong("Is this a NextAuth application? ADMIN_URL must be its origin", "JSON without a csrfToken")
	}
	for _, cookie := range setCookies(a) {
		f.cookies = append(f.cookies, cookie.Name+"="+cookie.Value)
	}
	if len(f.cookies) == 0 {
		return "", a.Wrong("A proxy may strip Set-Cookie: NextAuth refuses a login without its CSRF cookie",
			"a csrfToken but no cookie")
	}
	return got.Token, nil
}

// submit is the second step: the credentials for a session cookie.
func (f *flow) submit(c Credentials, token string) (sessionCookies, error) {
	form := url.Values{"csrfToken": {token}, "json": {"true"}, "callbackUrl": {answer.Show(f.origin)}}
	for name, value := range c.Fields {
		form.Set(name, value)
	}
	a, err := f.send(http.MethodPost, "/api/auth/callback/"+url.PathEscape(c.Provider), form)
	if err != nil {
		return sessionCookies{}, err
	}
	if err := refusal(a, c); err != nil {
		return sessionCookies{}, f.explained(err, c.Provider)
	}
	cookies := findSession(setCookies(a))
	if cookies.name == "" {
		return cookies, a.Wrong("Expected one whose name ends in session-token: does the application use JWT sessions?",
			"%d and no session cookie", a.Status)
	}
	return cookies, nil
}

// refusal reads the second step's answer for a login that did not go through: v5 redirects to a URL with error=CODE,
// v4 puts that URL into JSON.
func refusal(a *answer.Answer, c Credentials) error {
	target := a.Header.Get("Location")
	if target == "" {
		var body struct {
			URL string `json:"url"`
		}
		if a.JSON(&body) == nil {
			target = body.URL
		}
	}
	to, err := url.Parse(target)
	if err != nil {
		return a.Wrong("The application's log says why", "%d with a redirect to something that is not a URL", a.Status)
	}
	switch code := to.Query().Get("error"); {
	case code == "CredentialsSignin":
		return wrongCredentials(a, c)
	case code == "MissingCSRF" || to.Query().Get("csrf") == "true":
		return a.Wrong("A proxy may strip cookies, or ADMIN_URL is not the origin that the application is configured with",
			"that the CSRF token does not match its cookie")
	case code != "":
		return &providerError{a.Wrong("The application's log says why", "error %q", answer.Words(code))}
	case a.Status == http.StatusBadRequest || a.Status == http.StatusNotFound:
		return &providerError{a.Unexpected("Check TEST_EMAIL and TEST_PASSWORD")}
	case a.Status != http.StatusOK && a.Status != http.StatusFound:
		return a.Unexpected("Check TEST_EMAIL and TEST_PASSWORD")
	}
	return nil
}

// providerError is a refusal that may be about the provider: for an unknown one, v5 only says Configuration, and
// v4 answers 400.
type providerError struct{ refused *answer.Error }

func (e *providerError) Error() string { return e.refused.Error() }

// wrongCredentials is the error about credentials that the provider does not take. Of the fields it repeats the email alone.
func wrongCredentials(a *answer.Answer, c Credentials) error {
	if email := c.Fields["email"]; email != "" {
		return a.Wrong("Check TEST_EMAIL and TEST_PASSWORD: five failures lock the account for 15 minutes, and then the right password gets "+
			"this answer too", "that the email or the password is wrong (CredentialsSignin for %s)", email)
	}
	return a.Wrong("Check their names and values: a form without one of them gets this answer too",
		"that the credentials are wrong (CredentialsSignin for the fields %s)", strings.Join(slices.Sorted(maps.Keys(c.Fields)), ", "))
}

// explained asks the application for its providers when a refusal may be about the one that was named.
func (f *flow) explained(refused error, provider string) error {
	about := (*providerError)(nil)
	if !errors.As(refused, &about) {
		return refused
	}
	a, err := f.send(http.MethodGet, "/api/auth/providers", nil)
	if err != nil || a.Status != http.StatusOK {
		return about.refused
	}
	var providers map[string]struct {
		Type string `json:"type"`
	}
	if a.JSON(&providers) != nil || providers[provider].Type == "credentials" || len(providers) == 0 {
		return about.refused
	}
	var listed, fit []string
	for _, id := range slices.Sorted(maps.Keys(providers)) {
		listed = append(listed, id+" ("+providers[id].Type+")")
		if providers[id].Type == "credentials" {
			fit = append(fit, id)
		}
	}
	about.refused.Got += fmt.Sprintf(", and %q is not a credentials provider: /api/auth/providers lists %s", provider, answer.Words(strings.Join(listed, ", ")))
	about.refused.Advice = "None of these takes credentials, and other kinds need a browser"
	if len(fit) > 0 {
		about.refused.Advice = "Set the option provider to " + answer.Words(strings.Join(fit, " or "))
	}
	return about.refused
}

// identify is the third step: who the application takes the session for.
func (f *flow) identify(s *Session) error {
	f.cookies = []string{s.Cookie}
	a, err := f.send(http.MethodGet, "/api/auth/session", nil)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK {
		return a.Unexpected("")
	}
	var got struct {
		User    map[string]any `json:"user"`
		Expires string         `json:"expires"`
	}
	if err := a.JSON(&got); err != nil {
		return err
	}
	if got.User == nil {
		return a.Wrong("The cookie is named like a session but is not accepted as one: do several instances run with different secrets?",
			"that nobody is logged in, right after the login")
	}
	s.User, s.Expires = got.User, got.Expires
	return nil
}

func (f *flow) send(method, path string, form url.Values) (*answer.Answer, error) {
	req, err := http.NewRequestWithContext(f.ctx, method, f.origin.JoinPath(path).String(), strings.NewReader(form.Encode())) // #nosec G125 -- paths of ours
	if err != nil {
		return nil, err
	}
	if form == nil {
		req.Body = nil
	} else {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if len(f.cookies) > 0 {
		req.Header.Set("Cookie", strings.Join(f.cookies, "; "))
	}
	return answer.Get(f.doer, req, "ADMIN_URL")
}

// setCookies are the cookies that an answer sets, without those that it clears.
func setCookies(a *answer.Answer) []*http.Cookie {
	cookies := (&http.Response{Header: a.Header}).Cookies()
	return slices.DeleteFunc(cookies, func(c *http.Cookie) bool { return c.Value == "" || c.MaxAge < 0 })
}

// sessionName matches a session cookie under any prefix, whole or a numbered chunk of one.
var sessionName = regexp.MustCompile(`^(.*session-token)(?:\.(\d+))?$`)

// sessionCookies are the cookies of one session: a whole one, or its chunks in order. A JWT longer than a cookie's
// 4096 bytes is cut into NAME.0, NAME.1, … by @auth/core's cookie store.
type sessionCookies struct {
	name   string
	chunks []chunk
}

type chunk struct {
	number int
	cookie *http.Cookie
}

func findSession(cookies []*http.Cookie) sessionCookies {
	var found sessionCookies
	for _, cookie := range cookies {
		match := sessionName.FindStringSubmatch(cookie.Name)
		if match == nil || (found.name != "" && found.name != match[1]) {
			continue
		}
		number, _ := strconv.Atoi(match[2]) // a whole cookie has no number and sorts as 0
		found.name = match[1]
		found.chunks = append(found.chunks, chunk{number, cookie})
	}
	slices.SortStableFunc(found.chunks, func(a, b chunk) int { return a.number - b.number })
	return found
}

func (s sessionCookies) header() string {
	pairs := make([]string, len(s.chunks))
	for i, c := range s.chunks {
		pairs[i] = c.cookie.Name + "=" + c.cookie.Value
	}
	return strings.Join(pairs, "; ")
}

// cookies are the chunks as they were set, with the time at which each expires in place of how long it lasts.
func (s sessionCookies) cookies() []*http.Cookie {
	cookies := make([]*http.Cookie, len(s.chunks))
	for i, c := range s.chunks {
		cookie := *c.cookie // #nosec G124 -- as the application set it, for a jar
		if cookie.MaxAge > 0 {
			cookie.Expires, cookie.MaxAge = time.Now().Add(time.Duration(cookie.MaxAge)*time.Second), 0
		}
		cookies[i] = &cookie
	}
	return cookies
}
