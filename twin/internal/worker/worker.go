// Package worker is the edge: it answers a tap with a redirect out of the KV, and records it afterwards.
package worker

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/headers"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
)

// Config is what a worker needs.
type Config struct {
	KV       *kv.KV
	HubAddr  string
	Fallback string // FALLBACK_URL; "" for none
	Store    *store.Store
	Upstash  *upstash.REST // by which the worker reaches the store
	Gate     *fault.Gate
}

// Worker serves /e and /health.
type Worker struct {
	Config
	hub      *fasthttp.HostClient
	recorder *recorder
	server   *fasthttp.Server
	closing  chan struct{}

	requests, hits, misses, scans, badRequests, notFound, redirects, fallbacks, unhandled, resets atomic.Int64
}

// Stats counts since the start.
type Stats struct {
	Requests    int64 `json:"requests"`
	Hits        int64 `json:"hits"`   // redirected to a page out of the KV
	Misses      int64 `json:"misses"` // the Hub was asked
	Scans       int64 `json:"scans"`  // staff's
	BadRequests int64 `json:"badRequests"`
	NotFound    int64 `json:"notFound"`
	Redirects   int64 `json:"redirects302"` // answers of 302, of every kind
	Fallbacks   int64 `json:"fallbacks"`    // the Hub couldn't be reached
	Unhandled   int64 `json:"unhandled"`    // errors that led to the fallback
	Faults      int64 `json:"faults"`
	Resets      int64 `json:"resets"` // of these, connections that were reset
}

// New returns a worker.
func New(c Config) *Worker {
	w := &Worker{
		Config: c,
		hub: &fasthttp.HostClient{
			Addr: c.HubAddr, MaxConns: 4096, ReadTimeout: time.Minute, NoDefaultUserAgentHeader: true, RetryIfErr: retry,
		},
		recorder: newRecorder(c.Store, c.Upstash),
		closing:  make(chan struct{}),
	}
	w.server = &fasthttp.Server{
		Handler:               w.handle,
		NoDefaultServerHeader: true,
		NoDefaultDate:         true, // workerd sends none; what the Hub answers keeps its own
		NoDefaultContentType:  true,
		CloseOnShutdown:       true,
		Logger:                log.New(io.Discard, "", 0), // clients that go away are no news
	}
	return w
}

// retry has a request tried again whose kept connection the hub had closed before; any other error is the hub's answer.
func retry(_ *fasthttp.Request, attempts int, err error) (resetTimeout, again bool) {
	return false, attempts < 2 && (errors.Is(err, io.EOF) || errors.Is(err, fasthttp.ErrConnectionClosed))
}

// Serve answers on ln until Close.
func (w *Worker) Serve(ln net.Listener) error { return w.server.Serve(ln) }

// Drain waits until what follows every tap answered so far is over, or ctx ends.
func (w *Worker) Drain(ctx context.Context) error { return w.recorder.drain(ctx) }

// Close stops serving and ends what follows the answers.
func (w *Worker) Close(ctx context.Context) error {
	close(w.closing)
	err := w.server.ShutdownWithContext(ctx)
	w.hub.CloseIdleConnections()
	w.recorder.close()
	return err
}

// Stats returns the counters.
func (w *Worker) Stats() Stats {
	return Stats{
		Requests: w.requests.Load(), Hits: w.hits.Load(), Misses: w.misses.Load(), Scans: w.scans.Load(),
		BadRequests: w.badRequests.Load(), NotFound: w.notFound.Load(), Redirects: w.redirects.Load(),
		Fallbacks: w.fallbacks.Load(), Unhandled: w.unhandled.Load(), Faults: w.Gate.Struck(), Resets: w.resets.Load(),
	}
}

// Recorded counts the taps that the store has, those that are lost, and those whose recording isn't over.
func (w *Worker) Recorded() (queued, lost, waiting int64) {
	return w.recorder.queued.Load(), w.recorder.lost.Load(), w.recorder.waiting.Load()
}

func (w *Worker) handle(ctx *fasthttp.RequestCtx) {
	w.requests.Add(1)
	if v := w.Gate.Enter(w.closing); v != (fault.Verdict{}) {
		w.misbehave(ctx, v)
		return
	}
	switch string(ctx.URI().PathOriginal()) { // as it came: //e is another path
	case "/e":
		if err := w.tap(ctx); err != nil {
			w.fail(ctx, err)
		}
	case "/health":
		answerJSON(ctx, fasthttp.StatusOK, `{"status":"ok"}`)
	default:
		w.notFound.Add(1)
		answerJSON(ctx, fasthttp.StatusNotFound, `{"error":"Not found"}`)
	}
	for _, h := range headers.Security {
		ctx.Response.Header.Set(h[0], h[1])
	}
}

// redirect answers 302.
func (w *Worker) redirect(ctx *fasthttp.RequestCtx, url string) {
	w.redirects.Add(1)
	ctx.SetStatusCode(fasthttp.StatusFound)
	ctx.Response.Header.Set(fasthttp.HeaderLocation, url)
}

func answerJSON(ctx *fasthttp.RequestCtx, status int, body string) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBodyString(body)
}

func (w *Worker) misbehave(ctx *fasthttp.RequestCtx, v fault.Verdict) {
	if v.Reset {
		w.resets.Add(1)
		fault.Reset(ctx.Conn())
		return
	}
	answerJSON(ctx, v.Status, fault.Message)
}
