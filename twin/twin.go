package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/admin"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/control"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/worker"
)

// Twin is a running SparkMotion.
type Twin struct {
	config    Config
	gates     *fault.Gates
	kv        *kv.KV
	store     *store.Store
	database  *database.DB
	worker    *worker.Worker
	hub       *hub.Hub
	admin     *admin.Admin
	control   *control.Control
	listeners map[string]net.Listener // by part
	servers   []*server
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
	var filling sync.WaitGroup
	filling.Go(t.fillKV)
	c := t.config
	seed := database.Seed{Bands: c.Bands, History: c.History, Email: c.Email, Role: c.Role}
	t.database, err = database.Open(ctx, c.DatabaseURL, seed, &t.gates.Database)
	filling.Wait()
	if err != nil {
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

// fillKV writes what the Admin app would have written: every band's page, under both keys.
func (t *Twin) fillKV() {
	t.kv = kv.New(2 * t.config.Bands * len(event.All))
	for _, e := range event.All {
		live := e.Windows[1]
		bands := make([]string, t.config.Bands)
		for n := range bands {
			bands[n] = e.BandID(n + 1)
		}
		value := kv.NewValue(live.URL, e.ID, strings.ToLower(live.Type), live.ID)
		t.kv.PutBands(value, event.Org.Slug, e.ID, bands)
	}
}

// serve makes the parts and lets them answer.
func (t *Twin) serve() {
	c := t.config
	u := upstash.New(t.store.Client, c.UpstashToken, c.UpstashRate, &t.gates.Upstash)
	t.worker = worker.New(worker.Config{
		KV: t.kv, HubAddr: t.listeners["hub"].Addr().String(), Fallback: c.FallbackURL,
		Store: t.store, Upstash: u, Gate: &t.gates.Worker,
	})
	t.hub = hub.New(hub.Config{
		Store: t.store, Database: t.database, Gate: &t.gates.Hub,
		CronSecret: c.CronSecret, FlushTime: c.FlushTime, Closing: t.closing,
	})
	t.admin = admin.New(admin.Config{
		Store: t.store, Database: t.database, KV: t.kv, Gate: &t.gates.Admin,
		Password: c.Password, Secret: rand.Text(), CookiePrefix: c.CookiePrefix, Superjson: c.Superjson,
	})
	t.serving.Go(func() { _ = t.worker.Serve(t.listeners["worker"]) })
	hubServer := t.answer("hub", t.hub.Handler())
	t.answer("admin", t.admin.Handler())
	t.answer("upstash", u.Handler())
	t.control = &control.Control{
		KV: t.kv, Worker: t.worker, Hub: t.hub, HubSwitch: hubServer, Admin: t.admin, Upstash: u, Store: t.store,
		Database: t.database, Gates: t.gates, Others: &control.Others{Worker: t.url("worker"), Hub: t.url("hub"), CronSecret: c.CronSecret},
	}
	t.answer("control", t.control.Handler())
}

// answer serves one part over HTTP.
func (t *Twin) answer(part string, handler http.Handler) *server {
	s := serve(t.listeners[part], handler)
	t.servers = append(t.servers, s)
	return s
}

// StopServing ends every part's HTTP, lets what it has begun finish until ctx ends, and brings the last taps into
// the queue. The data can still be counted.
func (t *Twin) StopServing(ctx context.Context) {
	t.stop.Do(func() {
		close(t.closing)
		_ = t.gates.Replace(fault.Set{}) // lets go of what hangs
		if t.control != nil {
			_ = t.control.Others.Replace(control.Traffic{}) // none is always valid
			_ = t.worker.Close(ctx)
		}
		for _, s := range t.servers {
			s.shutdown(ctx)
		}
		if t.control != nil {
			t.hub.Close()
			t.admin.Close()
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
