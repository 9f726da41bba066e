package test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// admin is a NextAuth application that knows the password hush, or hush hush.
func admin(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/auth/csrf":
		// Two cookies in two headers, as k6's own Response would not keep them apart.
		http.SetCookie(w, &http.Cookie{Name: "authjs.csrf-token", Value: "t"})
		http.SetCookie(w, &http.Cookie{Name: "authjs.callback-url", Value: "x"})
		_, _ = w.Write([]byte(`{"csrfToken":"t"}`))
	case "/api/auth/callback/credentials":
		if password := r.FormValue("password"); password != "hush" && password != "hush hush" || r.FormValue("email") == "" || r.Header.Get("Cookie") != "authjs.csrf-token=t; authjs.callback-url=x" {
			w.Header().Set("Location", "/login?error=CredentialsSignin&code=credentials")
		} else {
			http.SetCookie(w, &http.Cookie{Name: "admin-auth.session-token.1", Value: "two", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "admin-auth.session-token.0", Value: "one", Path: "/"})
			w.Header().Set("Location", "/")
		}
		w.WriteHeader(http.StatusFound)
	case "/api/auth/callback/pin":
		_ = r.ParseForm()
		if r.PostForm.Has("email") || r.PostForm.Has("password") || r.PostForm.Get("pin") != "1234" {
			w.Header().Set("Location", "/login?error=CredentialsSignin")
		} else {
			http.SetCookie(w, &http.Cookie{Name: "admin-auth.session-token.0", Value: "one", Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "admin-auth.session-token.1", Value: "two", Path: "/"})
		}
		w.WriteHeader(http.StatusFound)
	case "/api/auth/providers":
		_, _ = w.Write([]byte(`{"credentials":{"type":"credentials"},"google":{"type":"oidc"}}`))
	case "/api/auth/session":
		if r.Header.Get("Cookie") == "admin-auth.session-token.0=one; admin-auth.session-token.1=two" {
			_, _ = w.Write([]byte(`{"user":{"role":"ADMIN"},"expires":"2030-01-01T00:00:00.000Z"}`))
		} else {
			_, _ = w.Write([]byte("null"))
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	link, shown := vutest.Serve(t, admin)
	s := newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush"}).Start(1)
	// setup() sends what it returns through JSON.
	vutest.Equal(t, "session", s.Run("JSON.stringify(sm.login())").String(), `{"url":"`+shown+`","cookie":"admin-auth.session-token.0=one; admin-auth.session-token.1=two",`+
		`"cookies":[{"name":"admin-auth.session-token.0","value":"one","domain":"","path":"/","expires":"","secure":false},`+
		`{"name":"admin-auth.session-token.1","value":"two","domain":"","path":"/","expires":"","secure":false}],`+
		`"name":"admin-auth.session-token","user":{"role":"ADMIN"},"expires":"2030-01-01T00:00:00.000Z"}`)
	own, requests := s.Drain()
	vutest.EqualLines(t, "emitted", own)
	vutest.EqualLines(t, "requests", requests, "GET "+shown+"/api/auth 200 failed:0", "POST "+shown+"/api/auth 302 failed:0", "GET "+shown+"/api/auth 200 failed:0")
}

func TestLoginErrors(t *testing.T) {
	t.Parallel()
	link, shown := vutest.Serve(t, admin)
	gone := vutest.Refused()
	s := newProcess(t, map[string]string{"ADMIN_URL": link, "TEST_PASSWORD": "hush"}).Start(1)
	for js, want := range map[string]string{
		"sm.login({password: 'hushed'})": "login: POST " + shown + "/api/auth/callback/credentials: answered that the email or the password is wrong " +
			"(CredentialsSignin for loadtest@sparkmotion.net). Check TEST_EMAIL and TEST_PASSWORD: five failures lock the account for 15 minutes, and then the right password gets this answer too",
		"sm.login({url: '" + gone + "'})": "login: GET " + gone + "/api/auth/csrf: no answer: dial tcp " + strings.TrimPrefix(gone, "http://") +
			": connect: connection refused. Is ADMIN_URL right, and can this machine reach it?",
		"sm.login({provider: 'staff'})": "login: POST " + shown + "/api/auth/callback/staff: answered 404 Not Found, and \"staff\" is not a credentials " +
			"provider: /api/auth/providers lists credentials (credentials), google (oidc). Set the option provider to credentials",
		"sm.login({fields: {email: 'a@b.c', totp: undefined}})": "login: option fields: totp must be a string, or null to leave it out",
		"sm.login({fields: {pin: 1234}})":                       "login: option fields: pin must be a string, or null to leave it out",
		"sm.login({fields: {csrfToken: 'hush'}})":               "login: option fields: NextAuth's flow sets csrfToken itself: leave it out",
		"sm.login({fields: {email: null, pin: 'hush'}})": "login: POST " + shown + "/api/auth/callback/credentials: answered that the credentials are wrong " +
			"(CredentialsSignin for the fields password, pin). Check their names and values: a form without one of them gets this answer too",
	} {
		got := s.Fails(js)
		vutest.Equal(t, js, got, want)
		if strings.Contains(got, "hush") {
			t.Errorf("a secret in %s", got)
		}
	}
	vutest.Equal(t, "status", s.Show("(() => { try { sm.login({password: 'no'}) } catch (e) { return e.status } })()"), "302")
}

// A provider's own fields take the place of email and password, and TEST_PASSWORD is not needed then.
func TestLoginFields(t *testing.T) {
	t.Parallel()
	link, _ := vutest.Serve(t, admin)
	s := newProcess(t, map[string]string{"ADMIN_URL": link}).Start(1)
	login := "sm.login({provider: 'pin', fields: {email: null, password: null, pin: '1234'}}).user.role"
	vutest.Equal(t, login, s.Show(login), `"ADMIN"`)
	vutest.Equal(t, "without a password", s.Fails("sm.login({provider: 'pin', fields: {pin: '1234'}})"),
		"login needs TEST_PASSWORD: set it in the environment, or pass it as an option")
}
