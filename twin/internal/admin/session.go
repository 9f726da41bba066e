package admin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
)

// claims are a session token's content.
type claims struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Subject string `json:"sub"`
	Role    string `json:"role"`
	Issued  int64  `json:"iat"` // Unix seconds, as Expires
	Expires int64  `json:"exp"`
	ID      string `json:"jti"`
}

// user is the session's user as /api/auth/session shows it.
type user struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	ID    string `json:"id"`
	Role  string `json:"role"`
}

// sessionAge is how long a session lasts after its last use: the default of Auth.js.
const sessionAge = 30 * 24 * time.Hour

// tokenHeader opens every token: a JWT signed with HMAC-SHA256.
var tokenHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// startSession sets a new session cookie and returns when it expires.
func (a *Admin) startSession(w http.ResponseWriter) time.Time {
	now := time.Now()
	expires := now.Add(sessionAge)
	c := claims{
		Name: "Load Test", Email: a.Email, Subject: "loadtest", Role: "ADMIN",
		Issued: now.Unix(), Expires: expires.Unix(), ID: rand.Text(),
	}
	a.setCookie(w, "session-token", a.sign(c), expires)
	return expires
}

// session answers GET /api/auth/session: the user and a session that is good for longer, or null.
func (a *Admin) session(w http.ResponseWriter, r *http.Request) {
	a.visit(w, r)
	uncached(w)
	c, ok := a.authenticate(r)
	if !ok {
		if a.cookie(r, "session-token") != "" {
			a.clearCookie(w, "session-token")
		}
		answer(w, http.StatusOK, nil)
		return
	}
	expires := a.startSession(w)
	answer(w, http.StatusOK, map[string]any{
		"user":    user{Name: c.Name, Email: c.Email, ID: c.Subject, Role: c.Role},
		"expires": database.Time{Time: expires},
	})
}

// authenticate returns who the request's session cookie stands for.
func (a *Admin) authenticate(r *http.Request) (c claims, ok bool) {
	signed, signature, _ := cutLast(a.cookie(r, "session-token"), ".")
	if signed == "" || !equal(signature, a.signature(signed)) {
		return claims{}, false
	}
	_, payload, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(text, &c) != nil {
		return claims{}, false
	}
	return c, time.Now().Unix() < c.Expires
}

func (a *Admin) sign(c claims) string {
	payload, _ := json.Marshal(c) // plain strings and numbers always marshal
	signed := tokenHeader + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + a.signature(signed)
}

func (a *Admin) signature(signed string) string {
	mac := hmac.New(sha256.New, []byte(a.Secret))
	mac.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
