// Package control is how a test looks into the twin and makes it misbehave.
package control

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/admin"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/worker"
)

// Switch takes a part away and brings it back.
type Switch interface {
	Stop() error
	Start() error
}

// Control serves what the twin's README lists under Control.
type Control struct {
	KV        *kv.KV
	Worker    *worker.Worker
	Hub       *hub.Hub
	HubSwitch Switch
	Admin     *admin.Admin
	Upstash   *upstash.REST
	Store     *store.Store
	Database  *database.DB
	Gates     *fault.Gates
	Others    *Others
}

// Handler serves the control address.
func (c *Control) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", c.stats)
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.Gates.Current()) })
	mux.HandleFunc("PUT /faults", replace(c.Gates.Replace))
	mux.HandleFunc("DELETE /faults", outcome(func() error { return c.Gates.Replace(fault.Set{}) }))
	mux.HandleFunc("GET /others", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.Others.Current()) })
	mux.HandleFunc("PUT /others", replace(c.Others.Replace))
	mux.HandleFunc("DELETE /others", outcome(func() error { return c.Others.Replace(Traffic{}) }))
	mux.HandleFunc("PUT /kv", c.putKV)
	mux.HandleFunc("DELETE /kv", outcome(func() error { c.KV.Clear(); return nil }))
	mux.HandleFunc("POST /bands/delete", c.deleteBands)
	mux.HandleFunc("POST /hub/stop", outcome(c.HubSwitch.Stop))
	mux.HandleFunc("POST /hub/start", outcome(c.HubSwitch.Start))
	mux.HandleFunc("POST /redis/stop", outcome(c.Store.Stop))
	mux.HandleFunc("POST /redis/start", outcome(c.Store.Start))
	mux.HandleFunc("POST /redis/crash", outcome(c.Store.Crash))
	mux.HandleFunc("POST /database/stop", outcome(func() error { c.Database.Stop(); return nil }))
	mux.HandleFunc("POST /database/start", outcome(func() error { c.Database.Start(); return nil }))
	return mux
}

func (c *Control) stats(w http.ResponseWriter, r *http.Request) {
	s, err := c.Stats(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	answer(w, http.StatusOK, s)
}

// putKV writes the body under the key: whatever it is, as Cloudflare would.
func (c *Control) putKV(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if key == "" || err != nil {
		fail(w, http.StatusBadRequest, errors.New("give PUT /kv?key=KEY, with up to 64 KiB of a value as the body"))
		return
	}
	c.KV.Put(kv.Parse(string(text)), key)
	w.WriteHeader(http.StatusNoContent)
}

// deleteBands answers POST /bands/delete?share=0.1; a share of 0 brings all of them back.
func (c *Control) deleteBands(w http.ResponseWriter, r *http.Request) {
	share, err := strconv.ParseFloat(r.URL.Query().Get("share"), 64)
	if err != nil || share < 0 || share > 1 {
		fail(w, http.StatusBadRequest, errors.New("give POST /bands/delete?share=SHARE, from 0 to 1"))
		return
	}
	n, err := c.Database.DeleteBands(r.Context(), share)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err)
		return
	}
	answer(w, http.StatusOK, map[string]int64{"deleted": n})
}

// replace reads a whole setting; what isn't named in it is none.
func replace[T any](set func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var next T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
		d.DisallowUnknownFields()
		err := d.Decode(&next)
		if err == nil {
			err = set(next)
		}
		if err != nil {
			fail(w, http.StatusBadRequest, err)
			return
		}
		answer(w, http.StatusOK, next)
	}
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
