package admin

import (
	"context"
	"errors"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const (
	signinPage  = "/auth/signin"
	minPassword = 8
	maxFailures = 5 // then the account is locked
	lockTime    = 15 * time.Minute
)

// login answers POST /api/auth/callback/credentials.
func (a *Admin) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := readForm(r); err != nil {
		redirect(w, r, origin(r)+"/api/auth/error?error=Configuration")
		return
	}
	token, ok := a.csrfToken(r)
	if !ok || !equal(r.PostForm.Get("csrfToken"), token) {
		a.refuse(w, r, "MissingCSRF")
		return
	}
	user, err := a.authorize(r.Context(), r.PostForm.Get("email"), r.PostForm.Get("password"))
	if err != nil {
		log.Printf("admin: a login: %v", err)
		a.failedLogins.Add(1)
		redirect(w, r, origin(r)+"/api/auth/error?error=Configuration")
		return
	}
	if user == nil {
		a.refuse(w, r, "CredentialsSignin&code=credentials")
		return
	}
	a.logins.Add(1)
	a.startSession(w, *user)
	target := a.callbackURL(w, r)
	w.Header().Set("Location", target) // also for the browser client, unlike that of a refusal
	redirect(w, r, target)
}

// refuse sends to the sign-in page, which learns why.
func (a *Admin) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	a.failedLogins.Add(1)
	redirect(w, r, origin(r)+signinPage+"?error="+reason)
}

// address is the form of an email address.
var address = regexp.MustCompile(`(?i)^[a-z0-9_'+\-.]*[a-z0-9_+-]@([a-z0-9][a-z0-9-]*\.)+[a-z]{2,}$`)

// authorize returns the user of an address and a password; nil for anybody else, and for anybody while the account is
// locked. Wrong passwords of a user count, also those of somebody who guesses.
func (a *Admin) authorize(ctx context.Context, email, password string) (*database.User, error) {
	if !address.MatchString(email) || strings.HasPrefix(email, ".") || strings.Contains(email, "..") || len(password) < minPassword {
		return nil, nil
	}
	lock := "lockout:" + email
	failures := 0
	err := store.Natively(ctx, func(ctx context.Context) (err error) {
		failures, err = a.Store.Get(ctx, lock).Int()
		return err
	})
	if err != nil && !errors.Is(err, redis.Nil) || failures >= maxFailures {
		return nil, ignoreNil(err)
	}
	user, err := a.Database.UserByEmail(ctx, email)
	if user == nil || err != nil {
		return nil, err
	}
	if !equal(password, a.Password) {
		return nil, a.countFailure(ctx, lock)
	}
	return user, store.Natively(ctx, func(ctx context.Context) error { return a.Store.Del(ctx, lock).Err() })
}

// countFailure counts a wrong password; the first starts the time after which they are forgotten.
func (a *Admin) countFailure(ctx context.Context, lock string) error {
	return store.Natively(ctx, func(ctx context.Context) error {
		n, err := a.Store.Incr(ctx, lock).Result()
		if n == 1 && err == nil {
			err = a.Store.Expire(ctx, lock, lockTime).Err()
		}
		return err
	})
}

// ignoreNil leaves out the error of a key that isn't there.
func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}
