package sparkmotion

import (
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/nextauth"
)

type loginOptions struct {
	URL      string        `js:"url" env:"ADMIN_URL" need:"true" form:"url"`
	Email    string        `js:"email" env:"TEST_EMAIL" default:"loadtest@sparkmotion.net"`
	Password string        `js:"password" env:"TEST_PASSWORD" need:"true"`
	Timeout  time.Duration `js:"timeout" default:"60s"`
}

// login logs in to the admin application by NextAuth's credentials flow and returns the session as a plain object
// {cookie, name, user, expires}, which survives setup()'s data. It throws with the reason when the login fails.
func (m *module) login(given sobek.Value) *sobek.Object {
	var o loginOptions
	if err := m.options("login", given, &o); err != nil {
		m.throw(err)
	}
	session, err := m.session(o)
	if err != nil {
		m.throw(err)
	}
	return m.object(
		"cookie", session.Cookie, "name", session.Name, "user", session.User, "expires", session.Expires)
}

func (m *module) session(o loginOptions) (*nextauth.Session, error) {
	// One name for the steps: the session's cookie and the form are the only differences.
	c, err := m.client(strings.TrimSuffix(o.URL, "/")+"/api/auth", o.Timeout)
	if err != nil {
		return nil, err
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
		if err := o.Set(pairs[i].(string), pairs[i+1]); err != nil { //nolint:forcetypeassert // names are literals
			m.throw(err)
		}
	}
	return o
}
