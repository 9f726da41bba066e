// Package worker is the edge: it answers a tap with a redirect out of memory, and tells the store afterwards.
package worker

import (
	"context"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// Worker serves /e and /health.
type Worker struct {
	hub     *fasthttp.HostClient
	gate    *fault.Gate
	kv      map[string]*event.Event // by band ID
	backlog *backlog
	server  *fasthttp.Server
	closing chan struct{}

	requests, hits, misses, badRequests, notFound, redirects atomic.Int64
}

// Stats counts since the start.
type Stats struct {
	Requests    int64 `json:"requests"`
	Hits        int64 `json:"hits"`
	Misses      int64 `json:"misses"`
	BadRequests int64 `json:"badRequests"`
	NotFound    int64 `json:"notFound"`
	Redirects   int64 `json:"redirects302"` // served for hits and misses
	Faults      int64 `json:"faults"`
}

// New returns a worker that knows the first bands of every event, asks the hub at hubAddr about others, and
// records its taps in s.
func New(bands int, hubAddr string, s *store.Store, gate *fault.Gate) *Worker {
	w := &Worker{
		hub:     &fasthttp.HostClient{Addr: hubAddr, MaxConns: 1024, ReadTimeout: time.Minute},
		gate:    gate,
		kv:      make(map[string]*event.Event, bands*len(event.All)),
		backlog: newBacklog(s),
		closing: make(chan struct{}),
	}
	for _, e := range event.All {
		for n := range bands {
			w.kv[e.BandID(n+1)] = e
		}
	}
	w.server = &fasthttp.Server{
		Handler:               w.handle,
		NoDefaultServerHeader: true,
		CloseOnShutdown:       true,
		Logger:                log.New(discard{}, "", 0), // clients that go away are no news
	}
	return w
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// Serve answers on ln until Close.
func (w *Worker) Serve(ln net.Listener) error { return w.server.Serve(ln) }

// Drain waits until the store has every tap answered so far, or ctx ends.
func (w *Worker) Drain(ctx context.Context) error { return w.backlog.drain(ctx) }

// Close stops serving and brings the last taps into the store.
func (w *Worker) Close(ctx context.Context) error {
	close(w.closing)
	err := w.server.ShutdownWithContext(ctx)
	w.hub.CloseIdleConnections()
	w.backlog.close()
	return err
}

// Stats returns the counters.
func (w *Worker) Stats() Stats {
	return Stats{
		Requests: w.requests.Load(), Hits: w.hits.Load(), Misses: w.misses.Load(), BadRequests: w.badRequests.Load(),
		NotFound: w.notFound.Load(), Redirects: w.redirects.Load(), Faults: w.gate.Struck(),
	}
}

// Queue counts the taps that the store acknowledged, and those that it didn't take.
func (w *Worker) Queue() (queued, dropped int64) {
	return w.backlog.queued.Load(), w.backlog.dropped.Load()
}

func (w *Worker) handle(ctx *fasthttp.RequestCtx) {
	w.requests.Add(1)
	if v := w.gate.Enter(w.closing); v != (fault.Verdict{}) {
		w.misbehave(ctx, v)
		return
	}
	switch string(ctx.URI().PathOriginal()) { // as it came: //e is another path
	case "/e":
		w.tap(ctx)
	case "/health":
		ctx.SetContentType("application/json")
		ctx.SetBodyString(`{"status":"ok"}`)
	default:
		w.notFound.Add(1)
		ctx.Error("Not Found", fasthttp.StatusNotFound)
	}
}

func (w *Worker) misbehave(ctx *fasthttp.RequestCtx, v fault.Verdict) {
	if v.Reset {
		fault.Reset(ctx.Conn())
		return
	}
	ctx.SetStatusCode(v.Status)
	ctx.SetContentType("application/json")
	ctx.SetBodyString(fault.Message)
}

// forward answers a band that isn't in the KV with what the hub says about it.
func (w *Worker) forward(ctx *fasthttp.RequestCtx) {
	w.misses.Add(1)
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.SetRequestURI("http://" + w.hub.Addr + string(ctx.RequestURI()))
	request.Header.SetUserAgentBytes(ctx.UserAgent())
	request.Header.Set("X-Forwarded-For", ctx.RemoteIP().String())
	if err := w.hub.Do(request, response); err != nil {
		ctx.Error("The hub doesn't answer", fasthttp.StatusBadGateway)
		return
	}
	response.CopyTo(&ctx.Response)
	if response.StatusCode() == fasthttp.StatusFound {
		w.redirects.Add(1)
	}
}
