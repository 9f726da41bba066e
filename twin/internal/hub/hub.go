// Package hub is the server behind the worker: the slow path of a tap, and the cron that empties the queue.
package hub

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// unknownBand is where a band that nobody has registered leads.
const unknownBand = "https://sparkmotion.net/unknown-band?bandId="

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

	batching sync.Mutex // held from a batch's taking to its end
	written  bool       // the batch in store.Taken is in the database, and was not forgotten yet

	flushes, flushed, failedBatches, slowPath, rejected atomic.Int64
}

// Stats counts since the start.
type Stats struct {
	Flushes       int64 `json:"flushes"`
	Flushed       int64 `json:"flushed"` // rows written
	FailedBatches int64 `json:"failedBatches"`
	SlowPath      int64 `json:"slowPath"`
	Rejected      int64 `json:"rejected"` // queue entries that were no taps
	Faults        int64 `json:"faults"`
}

// New returns a hub.
func New(c Config) *Hub { return &Hub{Config: c} }

// Stats returns the counters.
func (h *Hub) Stats() Stats {
	return Stats{
		Flushes: h.flushes.Load(), Flushed: h.flushed.Load(), FailedBatches: h.failedBatches.Load(),
		SlowPath: h.slowPath.Load(), Rejected: h.rejected.Load(), Faults: h.Gate.Struck(),
	}
}

// Handler serves the hub, behind its gate.
func (h *Hub) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /e", h.redirect)
	mux.HandleFunc("GET /api/cron/flush-taps", h.flushTaps)
	return h.Gate.Wrap(mux)
}

// redirect looks a band up in the database.
func (h *Hub) redirect(w http.ResponseWriter, r *http.Request) {
	h.slowPath.Add(1)
	band := r.URL.Query().Get("bandId")
	if band == "" {
		http.Error(w, "Missing bandId", http.StatusBadRequest)
		return
	}
	page, ok, err := h.Database.Page(r.Context(), band)
	if err != nil {
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	if !ok {
		page = unknownBand + url.QueryEscape(band)
	}
	w.Header().Set("Location", page)
	w.WriteHeader(http.StatusFound)
}

// flushTaps answers the cron.
func (h *Hub) flushTaps(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !equal(token, h.CronSecret) {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
		return
	}
	// A flush goes on when the cron hangs up: what it has taken has to arrive.
	result, err := h.flush(context.WithoutCancel(r.Context()))
	if err != nil {
		log.Printf("hub: flush-taps: %v", err)
		answer(w, http.StatusInternalServerError, map[string]any{"success": false, "error": err.Error()})
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
