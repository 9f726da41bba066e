// Package hub is the server behind the worker: the slow path of a tap, and the cron that empties the queue.
package hub

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/headers"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// Config is what a hub needs.
type Config struct {
	Store      *store.Store
	Database   *database.DB
	Gate       *fault.Gate
	CronSecret string
	FlushTime  time.Duration   // a flush starts no batch after this long
	Closing    <-chan struct{} // closed when the hub should end its flushes
}

// Hub serves /e and /api/cron/flush-taps.
type Hub struct {
	Config
	taps      *store.Recorder
	following sync.WaitGroup // what follows answers

	slowPath, pages, fallbacks, assigned, queued, lost, waiting atomic.Int64
	flushes, flushed, dropped, batches, failedBatches           atomic.Int64
}

// Stats counts since the start.
type Stats struct {
	SlowPath      int64 `json:"slowPath"`
	Pages         int64 `json:"pages"`     // redirected to a page
	Fallbacks     int64 `json:"fallbacks"` // redirected elsewhere
	Assigned      int64 `json:"assigned"`  // bands given to an event
	Flushes       int64 `json:"flushes"`
	Flushed       int64 `json:"flushed"` // rows written
	Dropped       int64 `json:"dropped"` // taps of bands that aren't there
	Batches       int64 `json:"batches"`
	FailedBatches int64 `json:"failedBatches"`
	Faults        int64 `json:"faults"`
}

// New returns a hub.
func New(c Config) *Hub { return &Hub{Config: c, taps: store.NewRecorder(c.Store)} }

// Stats returns the counters.
func (h *Hub) Stats() Stats {
	return Stats{
		SlowPath: h.slowPath.Load(), Pages: h.pages.Load(), Fallbacks: h.fallbacks.Load(), Assigned: h.assigned.Load(),
		Flushes: h.flushes.Load(), Flushed: h.flushed.Load(), Dropped: h.dropped.Load(), Batches: h.batches.Load(),
		FailedBatches: h.failedBatches.Load(), Faults: h.Gate.Struck(),
	}
}

// Recorded counts the taps that the store has, those that are lost, and those whose recording isn't over.
func (h *Hub) Recorded() (queued, lost, waiting int64) {
	return h.queued.Load(), h.lost.Load(), h.waiting.Load()
}

// Close waits for what follows the answers.
func (h *Hub) Close() { h.following.Wait() }

// Handler serves the hub, behind its gate.
func (h *Hub) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /e", h.redirect)
	mux.HandleFunc("GET /api/cron/flush-taps", h.flushTaps)
	return h.Gate.Wrap(headers.NextJS(mux))
}

// follow runs what an answer doesn't wait for.
func (h *Hub) follow(run func(context.Context) error) {
	h.following.Go(func() {
		if err := store.Natively(context.Background(), run); err != nil {
			log.Printf("hub: after an answer: %v", err)
		}
	})
}

// count counts a failure.
func (h *Hub) count(f store.Failure) {
	h.follow(func(ctx context.Context) error { return h.Store.CountFailure(ctx, f) })
}

// flushTaps answers the cron.
func (h *Hub) flushTaps(w http.ResponseWriter, r *http.Request) {
	token := strings.Replace(r.Header.Get("Authorization"), "Bearer ", "", 1)
	if !equal(token, h.CronSecret) {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
		return
	}
	// A flush goes on when the cron hangs up: what it has taken has to arrive.
	result, err := h.flush(context.WithoutCancel(r.Context()))
	if err != nil {
		log.Printf("hub: flush-taps: %v", err)
		answer(w, http.StatusInternalServerError, map[string]string{"error": "Internal error"})
		return
	}
	answer(w, http.StatusOK, result)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// equal compares secrets in a time that tells nothing about them, not even their length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
