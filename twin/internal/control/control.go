// Package control is how a test looks into the twin and makes it misbehave.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/admin"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/worker"
)

// drainTime is how long stats wait for the worker's backlog.
const drainTime = 5 * time.Second

// Control serves /stats, /faults, /redis/… and /database/….
type Control struct {
	Worker   *worker.Worker
	Hub      *hub.Hub
	Admin    *admin.Admin
	Upstash  *upstash.REST
	Store    *store.Store
	Database *database.DB
	Gates    *fault.Gates
}

// Stats is the whole twin in numbers, counted since its start. When all is well and the run is over,
// worker.hits == queue.queued == database.rows - database.history + queue.depth.
type Stats struct {
	Worker   worker.Stats  `json:"worker"`
	Queue    QueueStats    `json:"queue"`
	Hub      hub.Stats     `json:"hub"`
	Database RowStats      `json:"database"`
	Admin    admin.Stats   `json:"admin"`
	Upstash  upstash.Stats `json:"upstash"`
}

// QueueStats count the taps that the worker sent to the queue.
type QueueStats struct {
	Queued  int64 `json:"queued"`  // LPUSH acknowledged
	Dropped int64 `json:"dropped"` // not acknowledged
	Depth   int64 `json:"depth"`   // in the queue now; -1 when Redis doesn't answer
}

// RowStats count the taps in the database.
type RowStats struct {
	Rows    int64 `json:"rows"`    // all of them
	History int64 `json:"history"` // seeded at the start
	Faults  int64 `json:"faults"`
}

// Handler serves the control address.
func (c *Control) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", c.stats)
	mux.HandleFunc("GET /faults", c.faults)
	mux.HandleFunc("PUT /faults", c.setFaults)
	mux.HandleFunc("DELETE /faults", c.clearFaults)
	mux.HandleFunc("POST /redis/stop", outcome(c.Store.Stop))
	mux.HandleFunc("POST /redis/start", outcome(c.Store.Start))
	mux.HandleFunc("POST /database/stop", outcome(func() error { c.Database.Stop(); return nil }))
	mux.HandleFunc("POST /database/start", outcome(func() error { c.Database.Start(); return nil }))
	return mux
}

// Stats counts, after every tap answered so far has reached the queue.
func (c *Control) Stats(ctx context.Context) (Stats, error) {
	drain, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	if err := c.Worker.Drain(drain); err != nil {
		return Stats{}, errors.New("the worker's backlog doesn't drain: is Redis hanging?")
	}
	s := Stats{Worker: c.Worker.Stats(), Hub: c.Hub.Stats(), Admin: c.Admin.Stats(), Upstash: c.Upstash.Stats()}
	s.Queue.Queued, s.Queue.Dropped = c.Worker.Queue()
	var err error
	if s.Queue.Depth, err = c.Store.Depth(ctx); err != nil {
		s.Queue.Depth = -1
	}
	s.Database = RowStats{History: c.Database.History(), Faults: c.Gates.Database.Struck()}
	s.Database.Rows, err = c.Database.Rows(ctx)
	return s, err
}

func (c *Control) stats(w http.ResponseWriter, r *http.Request) {
	s, err := c.Stats(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	answer(w, http.StatusOK, s)
}

func (c *Control) faults(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, c.Gates.Current())
}

// setFaults replaces all faults: a part that isn't named is well again.
func (c *Control) setFaults(w http.ResponseWriter, r *http.Request) {
	var next fault.Set
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&next); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if err := c.Gates.Replace(next); err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, next)
}

func (c *Control) clearFaults(w http.ResponseWriter, _ *http.Request) {
	_ = c.Gates.Replace(fault.Set{}) // no fault is always valid
	w.WriteHeader(http.StatusNoContent)
}

func outcome(do func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := do(); err != nil {
			fail(w, http.StatusConflict, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func fail(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
