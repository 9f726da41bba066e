// Package nextauth logs in to a NextAuth (Auth.js) application with its credentials provider, versions 4 and 5,
// without a browser: https://authjs.dev/reference/core#authorization and the pages of next-auth v4's REST API,
// https://next-auth.js.org/getting-started/rest-api.
package nextauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	f := flow{ctx: ctx, doer: doer, origin: origin, cookies: newCookies()}
	token, err := f.csrf()
	if err != nil {
		return nil, err
	}
	if err := f.submit(c, token); err != nil {
		return nil, err
	}
	return f.identify()
}

// flow is one login under way.
type flow struct {
	ctx     context.Context // a flow lives as long as the call to Login
	doer    answer.Doer
	origin  *url.URL
	cookies *cookies // of its answers
	before  int      // how many cookies were set before the credentials were sent: no session of this login is among them
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
	callback := f.at("/api/auth/callback/credentials")
	if f.cookies.header(callback) == "" {
		why := f.cookies.unsent(callback, 0, func(string) bool { return true })
		return "", a.Wrong(cmp.Or(why, "A proxy may strip Set-Cookie: NextAuth refuses a login without its CSRF cookie"), "a csrfToken but no cookie")
	}
	return got.Token, nil
}

// submit is the second step: the credentials for a session cookie.
func (f *flow) submit(c Credentials, token string) error {
	form := url.Values{"csrfToken": {token}, "json": {"true"}, "callbackUrl": {answer.Show(f.origin)}}
	for name, value := range c.Fields {
		form.Set(name, value)
	}
	f.before = len(f.cookies.set)
	a, err := f.send(http.MethodPost, "/api/auth/callback/"+url.PathEscape(c.Provider), form)
	if err != nil {
		return err
	}
	if err := refusal(a, c); err != nil {
		return f.explained(err, c.Provider)
	}
	if name, _ := f.session(); name == "" {
		why := f.cookies.unsent(f.at(sessionPath), f.before, sessionName.MatchString)
		return a.Wrong(cmp.Or(why, "Expected one whose name ends in session-token: does the application use JWT sessions?"),
			"%d and no session cookie", a.Status)
	}
	return nil
}

// sessionPath says who is logged in, and with that which cookies are the session's.
const sessionPath = "/api/auth/session"

// session returns the session's name, and the cookies of it that this login has set.
func (f *flow) session() (string, []*http.Cookie) {
	return f.cookies.session(f.at(sessionPath), f.before)
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

// identify is the third step: who the application takes the session for. Its answer may renew the cookies.
func (f *flow) identify() (*Session, error) {
	_, cookies := f.session()
	a, err := f.ask(http.MethodGet, sessionPath, nil, pairs(cookies)) // as queries send it, without what else a browser would
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, a.Unexpected("")
	}
	var got struct {
		User    map[string]any `json:"user"`
		Expires string         `json:"expires"`
	}
	if err := a.JSON(&got); err != nil {
		return nil, err
	}
	name, cookies := f.session()
	if got.User == nil || name == "" {
		return nil, a.Wrong("The cookie is named like a session but is not accepted as one: do several instances run with different secrets?",
			"that nobody is logged in, right after the login")
	}
	return &Session{URL: answer.Show(f.origin), Name: name, Cookie: pairs(cookies), Cookies: cookies, User: got.User, Expires: got.Expires}, nil
}

// at returns the URL of a path. A bare host's has the slash that a cookie's path is compared with.
func (f *flow) at(path string) *url.URL {
	root := *f.origin
	root.Path = cmp.Or(root.Path, "/")
	return root.JoinPath(path) // #nosec G125 -- the flow's own paths, with the provider escaped
}

// send sends a request with the cookies of the answers before.
func (f *flow) send(method, path string, form url.Values) (*answer.Answer, error) {
	return f.ask(method, path, form, f.cookies.header(f.at(path)))
}

// ask sends a request, and takes the cookies of its answer.
func (f *flow) ask(method, path string, form url.Values, cookie string) (*answer.Answer, error) {
	link := f.at(path)
	req, err := http.NewRequestWithContext(f.ctx, method, link.String(), strings.NewReader(form.Encode())) // #nosec G125 -- paths of ours
	if err != nil {
		return nil, err
	}
	if form == nil {
		req.Body = nil
	} else {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	a, err := answer.Get(f.doer, req, "ADMIN_URL")
	if err != nil {
		return nil, err
	}
	f.cookies.take(link, a.Header)
	return a, nil
}
