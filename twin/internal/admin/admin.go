// Package admin is the dashboard's server: Auth.js (v5) credentials login, and analytics and windows over tRPC (v10).
package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/headers"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// Config is what an admin app needs.
type Config struct {
	Store        *store.Store
	Database     *database.DB
	KV           *kv.KV
	Gate         *fault.Gate
	Password     string // of the one user
	Secret       string // signs sessions and CSRF tokens
	CookiePrefix string // of every cookie's name
	Superjson    bool   // tRPC transformer
}

// Admin serves /api/auth and /api/trpc.
type Admin struct {
	Config
	procedures map[string]procedure
	calls      map[string]*atomic.Int64 // by procedure
	following  sync.WaitGroup           // what follows answers

	logins, failedLogins, unauthorized atomic.Int64
}

// procedure is one tRPC procedure: it reads its input first, then answers.
type procedure struct {
	kind string // query or mutation
	run  func(context.Context, *database.User, *input) (any, error)
}

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
	a := &Admin{Config: c, calls: make(map[string]*atomic.Int64)}
	a.procedures = map[string]procedure{
		"analytics.kpis":            {"query", a.kpis},
		"analytics.velocityHistory": {"query", a.velocityHistory},
		"analytics.eventSummary":    {"query", a.eventSummary},
		"analytics.tapsByHour":      {"query", a.tapsByHour},
		"analytics.exportTaps":      {"query", a.exportTaps},
		"windows.list":              {"query", a.listWindows},
		"windows.toggle":            {"mutation", a.toggleWindow},
	}
	for name := range a.procedures {
		a.calls[name] = new(atomic.Int64)
	}
	return a
}

// Stats returns the counters.
func (a *Admin) Stats() Stats {
	s := Stats{
		Logins: a.logins.Load(), FailedLogins: a.failedLogins.Load(), Unauthorized: a.unauthorized.Load(),
		Queries: make(map[string]int64), Faults: a.Gate.Struck(),
	}
	for name, n := range a.calls {
		s.Queries[name] = n.Load()
	}
	return s
}

// Close waits for what follows the answers.
func (a *Admin) Close() { a.following.Wait() }

// Handler serves the app, behind its gate.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/auth/csrf", a.csrf)
	mux.HandleFunc("GET /api/auth/providers", a.providers)
	mux.HandleFunc("GET /api/auth/session", a.session)
	mux.HandleFunc("GET /api/auth/signin", a.signin)
	mux.HandleFunc("GET "+signinPage, a.signinPage)
	mux.HandleFunc("POST /api/auth/callback/credentials", a.login)
	mux.HandleFunc("/api/trpc/", a.trpc)
	mux.HandleFunc("GET /{$}", a.dashboard)
	return a.Gate.Wrap(headers.NextJS(mux))
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
