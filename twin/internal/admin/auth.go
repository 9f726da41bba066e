package admin

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// csrf answers GET /api/auth/csrf with a token whose hash is in a cookie (the double submit of Auth.js).
func (a *Admin) csrf(w http.ResponseWriter, r *http.Request) {
	token := a.visit(w, r)
	answer(w, http.StatusOK, map[string]string{"csrfToken": token})
}

// visit gives a visitor the cookies that most pages of Auth.js give, unless they are there: the CSRF token's, which it
// returns, and where to go after a login.
func (a *Admin) visit(w http.ResponseWriter, r *http.Request) (token string) {
	token, ok := a.csrfToken(r)
	if !ok {
		random := make([]byte, 32)
		rand.Read(random)
		token = hex.EncodeToString(random)
		a.setCookie(w, "csrf-token", token+"|"+a.csrfHash(token), time.Time{})
	}
	a.callbackURL(w, r)
	return token
}

// csrfToken returns the token of the request's CSRF cookie, if its hash is ours.
func (a *Admin) csrfToken(r *http.Request) (token string, ok bool) {
	token, hash, _ := strings.Cut(a.cookie(r, "csrf-token"), "|")
	return token, token != "" && equal(hash, a.csrfHash(token))
}

func (a *Admin) csrfHash(token string) string {
	sum := sha256.Sum256([]byte(token + a.Secret))
	return hex.EncodeToString(sum[:])
}

// readForm reads a form, or the same fields as JSON.
func readForm(r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return r.ParseForm()
	}
	var fields map[string]string
	if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
		return err
	}
	r.PostForm = make(url.Values)
	for name, value := range fields {
		r.PostForm.Set(name, value)
	}
	r.Form = r.PostForm
	return nil
}

// callbackURL is where a login leads: to what the request asks for or a cookie remembers, as long as that's on this
// site. The cookie remembers it from then on.
func (a *Admin) callbackURL(w http.ResponseWriter, r *http.Request) string {
	remembered := a.cookie(r, "callback-url")
	target := onSite(r, cmp.Or(r.FormValue("callbackUrl"), remembered))
	if target != remembered {
		a.setCookie(w, "callback-url", target, time.Time{})
	}
	return target
}

// onSite is target, or the site itself when that's elsewhere.
func onSite(r *http.Request, target string) string {
	if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") {
		return origin(r) + target
	}
	if u, err := url.Parse(target); err == nil && u.Scheme+"://"+u.Host == origin(r) {
		return target
	}
	return origin(r)
}

// redirect answers 302, or for Auth.js's own browser client 200 with the URL in it.
func redirect(w http.ResponseWriter, r *http.Request, target string) {
	if r.Header.Get("X-Auth-Return-Redirect") != "" {
		answer(w, http.StatusOK, map[string]string{"url": target})
		return
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

func (a *Admin) providers(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]any{"credentials": map[string]string{
		"id": "credentials", "name": "Credentials", "type": "credentials",
		"signinUrl":   origin(r) + "/api/auth/signin/credentials",
		"callbackUrl": origin(r) + "/api/auth/callback/credentials",
	}})
}

// signin sends to the app's own page.
func (a *Admin) signin(w http.ResponseWriter, r *http.Request) {
	a.visit(w, r)
	query := url.Values{"callbackUrl": {cmp.Or(a.cookie(r, "callback-url"), origin(r))}}
	redirect(w, r, signinPage+"?"+query.Encode())
}

// signinPage is the page that failed logins are sent to.
func (a *Admin) signinPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("<!doctype html><title>Sign In</title><p>Sign in with POST /api/auth/callback/credentials.</p>"))
}

// dashboard sends who has no session to log in. The twin has no dashboard to show.
func (a *Admin) dashboard(w http.ResponseWriter, r *http.Request) {
	if a.authenticate(r) != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Location", signinPage)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// cookie returns a cookie's value, its percent-encoding undone, or "".
func (a *Admin) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(a.CookiePrefix + "." + name)
	if err != nil {
		return ""
	}
	value, err := url.PathUnescape(c.Value)
	if err != nil {
		return ""
	}
	return value
}

// setCookie sets a cookie as Auth.js does over http; a zero expiry lasts as long as the browser's session.
func (a *Admin) setCookie(w http.ResponseWriter, name, value string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- over http
		Name: a.CookiePrefix + "." + name, Value: url.QueryEscape(value), Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// clearCookie has a browser forget a cookie.
func (a *Admin) clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- over http
		Name: a.CookiePrefix + "." + name, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func origin(r *http.Request) string { return "http://" + r.Host }

// equal compares secrets in a time that tells nothing about them.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
