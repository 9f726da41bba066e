package sparkmotion

import (
	"errors"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/nextauth"
)

type loginOptions struct {
	URL      string        `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Email    string        `js:"email" env:"TEST_EMAIL" default:"loadtest@sparkmotion.net"`
	Password string        `js:"password" env:"TEST_PASSWORD" need:"true" secret:"true"`
	Renew    bool          `js:"renew"`
	Timeout  time.Duration `js:"timeout" default:"60s"`
}

// login logs in to the admin application by NextAuth's credentials flow and returns the session as a plain object
// {cookie, name, user, expires}, which survives setup()'s data. It throws with the reason when the login fails. With
// renew, query and batch log in anew, by the settings, when the server no longer knows the session.
func (m *module) login(given sobek.Value) *sobek.Object {
	var o loginOptions
	if err := m.options("login", given, &o); err != nil {
		m.throw(err)
	}
	if err := m.renewable(o); err != nil {
		m.throw(in("login", err))
	}
	s, err := m.session(o)
	if err != nil {
		m.throw(err)
	}
	session := m.object("cookie", s.Cookie, "name", s.Name, "user", s.User, "expires", s.Expires)
	if o.Renew {
		if err := session.Set("renew", true); err != nil {
			m.throw(err)
		}
	}
	return session
}

// renewable tells whether every VU can do this login again: options of setup() don't reach them, and a password must not.
func (m *module) renewable(o loginOptions) error {
	if !o.Renew {
		return nil
	}
	var settings loginOptions
	err := m.options("login", nil, &settings)
	if err != nil || settings.URL != o.URL || settings.Email != o.Email || settings.Password != o.Password {
		return errors.New("renew logs in by ADMIN_URL, TEST_EMAIL and TEST_PASSWORD, " +
			"which every VU reads from its settings: leave the options url, email and password out")
	}
	return nil
}

func (m *module) session(o loginOptions) (*nextauth.Session, error) {
	// One name for the steps: the session's cookie and the form are the only differences.
	c, err := m.client(strings.TrimSuffix(o.URL, "/")+"/api/auth", o.Timeout)
	if err != nil {
		return nil, in("login", err)
	}
	session, err := nextauth.Login(m.context(), c, nextauth.Credentials{URL: o.URL, Email: o.Email, Password: o.Password})
	if err != nil {
		return nil, in("login", err)
	}
	return session, nil
}

// object makes a plain JavaScript object of name, value pairs, in their order.
func (m *module) object(pairs ...any) *sobek.Object {
	o := m.vu.Runtime().NewObject()
	for i := 0; i < len(pairs); i += 2 {
		if err := o.Set(pairs[i].(string), pairs[i+1]); err != nil { // #nosec G602 -- literals, in pairs
			m.throw(err)
		}
	}
	return o
}
