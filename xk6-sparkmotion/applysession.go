package sparkmotion

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	k6http "go.k6.io/k6/v2/js/modules/k6/http"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/nextauth"
)

// applySession puts a session into a k6/http cookie jar, by default the VU's, so that requests to the admin application use that session. It
// applies the newest session, and renews an expired one first, if allowed.
func (m *module) applySession(call sobek.FunctionCall) (any, error) {
	jar, err := m.jar(call.Argument(1))
	if err != nil {
		return nil, err
	}
	s, err := m.sessionOf(call.Argument(0))
	if err != nil {
		return nil, err
	}
	given, err := m.givenSession(call.Argument(0))
	if err != nil {
		return nil, err
	}
	used, tried := given, false
	m.inSession(s, func(cookie string) (known bool) {
		used, known = m.sessionBy(cookie, given), tried
		tried = true
		return known || !used.Expired()
	})
	if used.Expired() {
		return nil, fmt.Errorf("the session expired at %s: log in with {renew: true}, so that it is renewed", used.Expires)
	}
	return nil, used.Fill(jar)
}

// jar returns the jar that the script passed, or the VU's.
func (m *module) jar(given sobek.Value) (*cookiejar.Jar, error) {
	state := m.vu.State()
	switch {
	case state == nil:
		return nil, errInit
	case common.IsNullish(given):
		return state.CookieJar, nil
	}
	if jar, ok := given.Export().(*k6http.CookieJar); ok {
		return jar.Jar, nil
	}
	return nil, errors.New("the jar must be a cookie jar of k6/http: http.cookieJar() or new http.CookieJar()")
}

// sessionCookie is a session's cookie as scripts see it.
type sessionCookie struct {
	Name    string `js:"name" json:"name"`
	Value   string `js:"value" json:"value"`
	Domain  string `js:"domain" json:"domain"`
	Path    string `js:"path" json:"path"`
	Expires string `js:"expires" json:"expires"`
	Secure  bool   `js:"secure" json:"secure"`
}

func shownCookies(cookies []*http.Cookie) []sessionCookie {
	shown := make([]sessionCookie, len(cookies))
	for i, c := range cookies {
		shown[i] = sessionCookie{Name: c.Name, Value: nextauth.Quoted(c), Domain: c.Domain, Path: c.Path, Secure: c.Secure}
		if !c.Expires.IsZero() {
			shown[i].Expires = c.Expires.UTC().Format(time.RFC3339)
		}
	}
	return shown
}

// givenSession reads a session that a script passed.
func (m *module) givenSession(value sobek.Value) (*nextauth.Session, error) {
	var given struct {
		URL     string          `js:"url"`
		Name    string          `js:"name"`
		Expires string          `js:"expires"`
		Cookies []sessionCookie `js:"cookies"`
	}
	if err := m.vu.Runtime().ExportTo(value, &given); err != nil {
		return nil, errors.New("the session must be what login() returned") // not err: it may repeat the session
	}
	s := &nextauth.Session{URL: given.URL, Name: given.Name, Expires: given.Expires}
	for _, c := range given.Cookies {
		expires, _ := time.Parse(time.RFC3339, c.Expires) // none is the time's zero, as in a cookie
		value, quoted := strings.CutPrefix(c.Value, `"`)
		s.Cookies = append(s.Cookies, &http.Cookie{ // #nosec G124 -- as the application set it, for a jar
			Name: c.Name, Value: strings.TrimSuffix(value, `"`), Quoted: quoted, Domain: c.Domain, Path: c.Path, Expires: expires, Secure: c.Secure,
		})
	}
	return s, nil
}

// sessionBy returns the session of a cookie: the one that a script passed may have been renewed since.
func (m *module) sessionBy(cookie string, given *nextauth.Session) *nextauth.Session {
	if made, ok := m.process.signIns.Load(cookie); ok {
		return made.(signIn).session
	}
	return given
}
