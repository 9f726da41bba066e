package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/admin"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/control"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/worker"
)

// Twin is a running SparkMotion.
type Twin struct {
	config    Config
	gates     *fault.Gates
	store     *store.Store
	database  *database.DB
	worker    *worker.Worker
	control   *control.Control
	listeners map[string]net.Listener // by part
	servers   []*http.Server
	serving   sync.WaitGroup
	closing   chan struct{} // tells long requests to end
	stop      sync.Once
}

// Start brings up every part; when it returns, all of them answer.
func Start(ctx context.Context, config Config) (*Twin, error) {
	t := &Twin{config: config, gates: &fault.Gates{}, listeners: make(map[string]net.Listener), closing: make(chan struct{})}
	if err := t.start(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Twin) start(ctx context.Context) error {
	for _, a := range t.config.addresses() {
		if a.name == "redis" {
			continue // listens by itself
		}
		ln, err := net.Listen("tcp", *a.value)
		if err != nil {
			return fmt.Errorf("-%s: %w", a.name, err)
		}
		t.listeners[a.name] = ln
	}
	var err error
	if t.store, err = store.Open(ctx, t.config.RedisURL, t.config.Redis); err != nil {
		return err
	}
	seed := database.Seed{Bands: t.config.Bands, History: t.config.History}
	if t.database, err = database.Open(ctx, t.config.DatabaseURL, seed, &t.gates.Database); err != nil {
		return err
	}
	t.serve()
	if t.config.EnvFile != "" {
		if err := t.writeSettings(t.config.EnvFile); err != nil {
			return fmt.Errorf("-env-file: %w", err)
		}
	}
	return nil
}

// serve makes the parts and lets them answer.
func (t *Twin) serve() {
	c := t.config
	t.worker = worker.New(c.Bands, t.listeners["hub"].Addr().String(), t.store, &t.gates.Worker)
	h := hub.New(hub.Config{
		Store: t.store, Database: t.database, Gate: &t.gates.Hub,
		CronSecret: c.CronSecret, FlushTime: c.FlushTime, Closing: t.closing,
	})
	a := admin.New(admin.Config{
		Store: t.store, Database: t.database, Gate: &t.gates.Admin,
		Email: c.Email, Password: c.Password, Secret: rand.Text(), CookiePrefix: c.CookiePrefix, Superjson: c.Superjson,
	})
	u := upstash.New(t.store.Client, c.UpstashToken, &t.gates.Upstash)
	t.control = &control.Control{
		Worker: t.worker, Hub: h, Admin: a, Upstash: u, Store: t.store, Database: t.database, Gates: t.gates,
	}
	t.serving.Go(func() { _ = t.worker.Serve(t.listeners["worker"]) })
	t.answer("hub", h.Handler())
	t.answer("admin", a.Handler())
	t.answer("upstash", u.Handler())
	t.answer("control", t.control.Handler())
}

// answer serves one part over HTTP.
func (t *Twin) answer(part string, handler http.Handler) {
	s := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	t.servers = append(t.servers, s)
	t.serving.Go(func() { _ = s.Serve(t.listeners[part]) })
}

// StopServing ends every part's HTTP, lets what it has begun finish until ctx ends, and brings the last taps into
// the queue. The data can still be counted.
func (t *Twin) StopServing(ctx context.Context) {
	t.stop.Do(func() {
		close(t.closing)
		_ = t.gates.Replace(fault.Set{}) // lets go of what hangs
		if t.worker != nil {
			_ = t.worker.Close(ctx)
		}
		for _, s := range t.servers {
			if s.Shutdown(ctx) != nil {
				_ = s.Close()
			}
		}
		for _, ln := range t.listeners {
			_ = ln.Close() // for a start that failed before it served; else closed already
		}
		t.serving.Wait()
	})
}

// Close ends the twin and deletes its data.
func (t *Twin) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	t.StopServing(ctx)
	var errs []error
	if t.store != nil {
		errs = append(errs, t.store.Close())
	}
	if t.database != nil {
		errs = append(errs, t.database.Close())
	}
	return errors.Join(errs...)
}

func (t *Twin) url(part string) string { return "http://" + t.listeners[part].Addr().String() }

// table prints where the parts are. Secrets stay in the settings.
func (t *Twin) table(w io.Writer, took time.Duration) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "twin: a local SparkMotion, ready in %.1f s\n", took.Seconds())
	for _, part := range []string{"worker", "hub", "admin", "upstash", "control"} {
		fmt.Fprintf(tab, "  %s\t%s\n", part, t.url(part))
	}
	redis, data := t.store.URL, "SQLite, embedded"
	if t.config.RedisURL != "" {
		redis = "of REDIS_URL" // which may hold a password
	}
	if t.config.DatabaseURL != "" {
		data = "PostgreSQL, of DATABASE_URL"
	}
	fmt.Fprintf(tab, "  redis\t%s\n  database\t%s\n", redis, data)
	fmt.Fprintf(tab, "  settings\t%s\n", cmp.Or(t.config.EnvFile, "in the command's environment; -env-file FILE writes them"))
	_ = tab.Flush()
}
