// Package database holds bands, events and taps: in an embedded SQLite, or in PostgreSQL.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
)

// ErrStopped is every query's answer while the database is stopped.
var ErrStopped = errors.New("the database is stopped (POST /database/start on the control address)")

// DB is an open, seeded database.
type DB struct {
	pool    *sql.DB
	gate    *fault.Gate
	stopped atomic.Bool
	history int64        // taps seeded at the start
	writing sync.Locker  // held around a write: SQLite has one writer
	numbers bool         // parameters are $1, $2, … rather than ?
	remove  func() error // deletes what Open made
}

// Seed is how much data a new database gets.
type Seed struct {
	Bands   int // of each event
	History int // past taps, over all events
}

// Open makes a database and seeds it: in the PostgreSQL at url, in a schema of its own that Close drops, or, when
// url is "", in a SQLite file that Close deletes. gate's faults hold for every query.
func Open(ctx context.Context, url string, seed Seed, gate *fault.Gate) (*DB, error) {
	open := openSQLite
	if url != "" {
		open = openPostgres
	}
	db, err := open(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	db.gate = gate
	if err := db.seed(ctx, seed); err != nil {
		return nil, errors.Join(fmt.Errorf("seed the database: %w", err), db.Close())
	}
	return db, nil
}

func openSQLite(context.Context, string) (*DB, error) {
	folder, err := os.MkdirTemp("", "sparkmotion-twin-")
	if err != nil {
		return nil, err
	}
	// Readers don't wait for the writer (WAL), and nothing here needs to outlive a power cut (synchronous).
	dsn := "file:" + filepath.Join(folder, "twin.db") +
		"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)" +
		"&_pragma=cache_size(-32000)&_pragma=temp_store(MEMORY)&_txlock=immediate"
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	remove := func() error { return os.RemoveAll(folder) }
	return &DB{pool: pool, writing: new(sync.Mutex), remove: remove}, nil
}

// Stop makes every query fail until Start; the data stays.
func (db *DB) Stop() { db.stopped.Store(true) }

// Start undoes Stop.
func (db *DB) Start() { db.stopped.Store(false) }

// Close closes the database and deletes what Open made.
func (db *DB) Close() error {
	if db.numbers { // a schema is dropped over the connection, a file is deleted without it
		return errors.Join(db.remove(), db.pool.Close())
	}
	return errors.Join(db.pool.Close(), db.remove())
}

// History is how many taps were seeded.
func (db *DB) History() int64 { return db.history }

// Rows counts all taps, whatever faults are set.
func (db *DB) Rows(ctx context.Context) (n int64, err error) {
	err = db.pool.QueryRowContext(ctx, "SELECT count(*) FROM taps").Scan(&n)
	return n, err
}

// enter passes the gate before a query.
func (db *DB) enter(ctx context.Context) error {
	if v := db.gate.Enter(ctx.Done()); v != (fault.Verdict{}) {
		return errors.New("database: error injected by the twin (see /faults)")
	}
	if db.stopped.Load() {
		return ErrStopped
	}
	return ctx.Err()
}

// bind writes the query's ? the way the database wants its parameters.
func (db *DB) bind(query string) string {
	if !db.numbers {
		return query
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c == '?' {
			n++
			fmt.Fprintf(&b, "$%d", n)
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}
