package sparkmotion

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/nextauth"
)

type loginOptions struct {
	URL      string                 `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Email    string                 `js:"email" env:"TEST_EMAIL" default:"loadtest@sparkmotion.net" form:"line"`
	Password string                 `js:"password" env:"TEST_PASSWORD" need:"password" form:"password" secret:"true"`
	Provider string                 `js:"provider" default:"credentials"`
	Fields   map[string]sobek.Value `js:"fields"`
	Renew    bool                   `js:"renew"`
	Timeout  time.Duration          `js:"timeout" default:"60s" above:"0"`
}

// Needs reports whether a setting is needed: a password is not needed if the option fields replaces or removes it.
func (o loginOptions) Needs(setting string) bool {
	_, said := o.Fields["password"]
	return setting != "password" || !said
}

// credentials returns the form's fields: email and password, unless the option fields replaces or removes them.
func (o loginOptions) credentials() (nextauth.Credentials, error) {
	c := nextauth.Credentials{URL: o.URL, Provider: o.Provider, Fields: map[string]string{"email": o.Email, "password": o.Password}}
	for name, value := range o.Fields {
		text, ok := value.Export().(string)
		switch {
		case name == "csrfToken" || name == "json" || name == "callbackUrl":
			return c, fmt.Errorf("option fields: NextAuth's flow sets %s itself: leave it out", name)
		case sobek.IsNull(value):
			delete(c.Fields, name)
		case !ok:
			return c, fmt.Errorf("option fields: %s must be a string, or null to leave it out", name) // not the value: it may be a secret
		default:
			c.Fields[name] = text
		}
	}
	return c, nil
}

// signIn is a login and its credentials. These are not in the session, because setup()'s data must not hold a password.
type signIn struct {
	credentials nextauth.Credentials
	timeout     time.Duration
	session     *nextauth.Session
}

// login logs in to the admin application with NextAuth's credentials flow and returns the session as a plain object
// {url, cookie, cookies, name, user, expires}, which survives setup()'s data. It throws with the reason when the login fails. With
// renew, query, batch and applySession log in again, with the same credentials, when the session has expired.
func (m *module) login(call sobek.FunctionCall) (any, error) {
	var o loginOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	made, err := m.signIn(o)
	if err != nil {
		return nil, err
	}
	return m.sessionObject(made.session, o.Renew)
}

// signIn logs in with the options. The process keeps a login that is to be renewed, because any VU may have to repeat it.
func (m *module) signIn(o loginOptions) (signIn, error) {
	c, err := o.credentials()
	if err != nil {
		return signIn{}, err
	}
	made, err := m.signInBy(c, o.Timeout)
	if err == nil && o.Renew {
		m.process.signIns.Store(made.session.Cookie, made)
	}
	return made, err
}

func (m *module) signInBy(c nextauth.Credentials, timeout time.Duration) (signIn, error) {
	// One name for the steps: the session's cookie and the form are the only differences.
	client, err := m.client(strings.TrimSuffix(c.URL, "/")+"/api/auth", timeout)
	if err != nil {
		return signIn{}, err
	}
	session, err := nextauth.Login(m.vu.Context(), client, c)
	if err != nil {
		return signIn{}, err
	}
	return signIn{c, timeout, session}, nil
}

// sessionObject returns a login as scripts see it, and as setup() may return it.
func (m *module) sessionObject(s *nextauth.Session, renew bool) (*sobek.Object, error) {
	session, err := object(m.vu.Runtime(), "url", s.URL, "cookie", s.Cookie, "cookies", shownCookies(s.Cookies), "name", s.Name,
		"user", s.User, "expires", s.Expires)
	if err == nil && renew {
		err = session.Set("renew", true)
	}
	return session, err
}

// logInAgain repeats the login of a session, and returns the new cookie.
func (m *module) logInAgain(cookie string) (string, error) {
	made, err := m.signInOf(cookie)
	if err == nil {
		made, err = m.signInBy(made.credentials, made.timeout)
	}
	if err != nil {
		return "", from("login", err)
	}
	who := made.credentials.Provider
	if email := made.credentials.Fields["email"]; email != "" {
		who = email
	}
	m.process.signIns.Store(made.session.Cookie, made)
	m.logger().Warnf("The session has expired: logged in again as %s", who)
	return made.session.Cookie, nil
}

// signInOf returns the login of a session, or the one in the settings if another process made the session.
func (m *module) signInOf(cookie string) (signIn, error) {
	if made, ok := m.process.signIns.Load(cookie); ok {
		return made.(signIn), nil
	}
	var o loginOptions
	if err := m.settings.Read(nil, &o); err != nil {
		return signIn{}, err
	}
	c, err := o.credentials()
	return signIn{credentials: c, timeout: o.Timeout}, err
}

// session is what a query needs from login's result.
type session struct {
	cookie string
	renew  bool
}

// sessionOf reads a session. null is allowed, for procedures without one.
func (m *module) sessionOf(value sobek.Value) (session, error) {
	if common.IsNullish(value) {
		return session{}, nil
	}
	object := value.ToObject(m.vu.Runtime())
	cookie, renew := object.Get("cookie"), object.Get("renew")
	if common.IsNullish(cookie) {
		return session{}, errors.New("the session must be what login() returned: it has no cookie")
	}
	return session{cookie: cookie.String(), renew: renew != nil && renew.ToBoolean()}, nil
}

// inSession sends a request in a session, and repeats it in a new one when the server didn't accept the session and it may be renewed.
// A failed renewal is logged once; the caller gets the request's own error.
func (m *module) inSession(s session, send func(cookie string) (known bool)) {
	var again func() (string, error)
	if s.renew {
		again = func() (string, error) { return m.logInAgain(s.cookie) }
	}
	if err := m.renewer.Send(m.vu.Context(), s.cookie, again, send); err != nil {
		m.process.notices.once("renew "+err.Error(), func() {
			m.logger().Warnf("The session has expired and could not be renewed: %v", err)
		})
	}
}
