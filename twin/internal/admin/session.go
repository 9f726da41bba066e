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
	database.User
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"` // Unix seconds, as Expires
	Expires int64  `json:"exp"`
	Token   string `json:"jti"`
}

// customer is the role that isn't ADMIN.
const customer = "CUSTOMER"

// sessionAge is how long a session lasts after its last use: the default of Auth.js.
const sessionAge = 30 * 24 * time.Hour

// tokenHeader opens every token: a JWT signed with HMAC-SHA256.
var tokenHeader = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

// startSession sets a new session cookie and returns when it expires.
func (a *Admin) startSession(w http.ResponseWriter, user database.User) time.Time {
	now := time.Now()
	expires := now.Add(sessionAge)
	c := claims{User: user, Subject: user.ID, Issued: now.Unix(), Expires: expires.Unix(), Token: rand.Text()}
	a.setCookie(w, "session-token", a.sign(c), expires)
	return expires
}

// session answers GET /api/auth/session: the user and a session that is good for longer, or null.
func (a *Admin) session(w http.ResponseWriter, r *http.Request) {
	a.visit(w, r)
	user := a.authenticate(r)
	if user == nil {
		if a.cookie(r, "session-token") != "" {
			a.clearCookie(w, "session-token")
		}
		answer(w, http.StatusOK, nil)
		return
	}
	expires := a.startSession(w, *user)
	answer(w, http.StatusOK, map[string]any{
		"user":    user,
		"expires": database.Time{Time: expires},
	})
}

// authenticate returns who the request's session cookie stands for; nil for nobody.
func (a *Admin) authenticate(r *http.Request) *database.User {
	signed, signature, _ := cutLast(a.cookie(r, "session-token"), ".")
	if signed == "" || !equal(signature, a.signature(signed)) {
		return nil
	}
	_, payload, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var c claims
	if err != nil || json.Unmarshal(text, &c) != nil || time.Now().Unix() >= c.Expires {
		return nil
	}
	return &c.User
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
