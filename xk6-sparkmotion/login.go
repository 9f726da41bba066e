package sparkmotion

import (
	"errors"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/nextauth"
)

type loginOptions struct {
	URL      string        `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Email    string        `js:"email" env:"TEST_EMAIL" default:"loadtest@sparkmotion.net"`
	Password string        `js:"password" env:"TEST_PASSWORD" need:"true" secret:"true"`
	Renew    bool          `js:"renew"`
	Timeout  time.Duration `js:"timeout" default:"60s" above:"0"`
}

// login logs in to the admin application by NextAuth's credentials flow and returns the session as a plain object
// {cookie, name, user, expires}, which survives setup()'s data. It throws with the reason when the login fails. With
// renew, query and batch log in anew, by the settings, when the server no longer knows the session.
func (m *module) login(call sobek.FunctionCall) (any, error) {
	var o loginOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	if err := m.renewable(o); err != nil {
		return nil, err
	}
	s, err := m.newSession(o)
	if err != nil {
		return nil, err
	}
	return m.sessionObject(o, s)
}

// sessionObject is what scripts see of a login, and setup() may return.
func (m *module) sessionObject(o loginOptions, s *nextauth.Session) (*sobek.Object, error) {
	session, err := object(m.vu.Runtime(), "cookie", s.Cookie, "name", s.Name, "user", s.User, "expires", s.Expires)
	if err == nil && o.Renew {
		err = session.Set("renew", true)
	}
	return session, err
}

// renewable reports whether every VU can do this login again: options of setup() don't reach them, and a password must not.
func (m *module) renewable(o loginOptions) error {
	if !o.Renew {
		return nil
	}
	var settings loginOptions
	err := m.settings.Read(nil, &settings)
	if err != nil || settings.URL != o.URL || settings.Email != o.Email || settings.Password != o.Password {
		return errors.New("renew logs in by ADMIN_URL, TEST_EMAIL and TEST_PASSWORD, " +
			"which every VU reads from its settings: leave the options url, email and password out")
	}
	return nil
}

func (m *module) newSession(o loginOptions) (*nextauth.Session, error) {
	// One name for the steps: the session's cookie and the form are the only differences.
	c, err := m.client(strings.TrimSuffix(o.URL, "/")+"/api/auth", o.Timeout)
	if err != nil {
		return nil, err
	}
	return nextauth.Login(m.vu.Context(), c, nextauth.Credentials{URL: o.URL, Email: o.Email, Password: o.Password})
}

// logInAgain makes the login of the settings, and returns its cookie.
func (m *module) logInAgain() (string, error) {
	var o loginOptions
	if err := m.settings.Read(nil, &o); err != nil {
		return "", from("login", err)
	}
	s, err := m.newSession(o)
	if err != nil {
		return "", from("login", err)
	}
	m.logger().Warnf("The session has expired: logged in again as %s", o.Email)
	return s.Cookie, nil
}

// session is what login returned, as a query needs it.
type session struct {
	cookie string
	renew  bool
}

// sessionOf reads a session; null is for procedures that need none.
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

// inSession sends a request in a session, and again in a new one when the server no longer knew it and it may be renewed.
// What is wrong with the renewal is logged once; the request's own error is the caller's.
func (m *module) inSession(s session, send func(cookie string) (known bool)) {
	var again func() (string, error)
	if s.renew {
		again = m.logInAgain
	}
	if err := m.renewer.Send(m.vu.Context(), s.cookie, again, send); err != nil {
		m.process.notices.once("renew "+err.Error(), func() {
			m.logger().Warnf("The session has expired, and there is no new one: %v", err)
		})
	}
}
