// Package admin is the dashboard's server: Auth.js (v5) credentials login, and the analytics over tRPC (v11).
package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// Config is what an admin app needs.
type Config struct {
	Store        *store.Store
	Database     *database.DB
	Gate         *fault.Gate
	Email        string // of the one user
	Password     string
	Secret       string // signs sessions and CSRF tokens
	CookiePrefix string // of every cookie's name
	Superjson    bool   // tRPC transformer
}

// Admin serves /api/auth and /api/trpc.
type Admin struct {
	Config
	procedures map[string]procedure
	queries    map[string]*atomic.Int64 // by procedure

	logins, failedLogins, unauthorized atomic.Int64
}

// procedure is one tRPC query: it reads its input first, then answers.
type procedure func(context.Context, *input) (any, error)

// Stats counts since the start.
type Stats struct {
	Logins       int64            `json:"logins"`
	FailedLogins int64            `json:"failedLogins"`
	Queries      map[string]int64 `json:"queries"` // answered with data, by procedure
	Unauthorized int64            `json:"unauthorized"`
	Faults       int64            `json:"faults"`
}

// New returns an admin app.
func New(c Config) *Admin {
	a := &Admin{Config: c, queries: make(map[string]*atomic.Int64)}
	a.procedures = map[string]procedure{
		"analytics.kpis":            a.kpis,
		"analytics.velocityHistory": a.velocityHistory,
		"analytics.eventSummary":    a.eventSummary,
		"analytics.tapsByHour":      a.tapsByHour,
		"analytics.exportTaps":      a.exportTaps,
	}
	for name := range a.procedures {
		a.queries[name] = new(atomic.Int64)
	}
	return a
}

// Stats returns the counters.
func (a *Admin) Stats() Stats {
	s := Stats{
		Logins: a.logins.Load(), FailedLogins: a.failedLogins.Load(), Unauthorized: a.unauthorized.Load(),
		Queries: make(map[string]int64), Faults: a.Gate.Struck(),
	}
	for name, n := range a.queries {
		s.Queries[name] = n.Load()
	}
	return s
}

// Handler serves the app, behind its gate.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/auth/csrf", a.csrf)
	mux.HandleFunc("GET /api/auth/providers", a.providers)
	mux.HandleFunc("GET /api/auth/session", a.session)
	mux.HandleFunc("GET /api/auth/signin", a.signin)
	mux.HandleFunc("POST /api/auth/callback/credentials", a.login)
	mux.HandleFunc("/api/trpc/", a.trpc)
	return a.Gate.Wrap(mux)
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
