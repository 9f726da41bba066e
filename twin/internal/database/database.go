// Package database holds the organization's events, bands and taps in Prisma's tables: in an embedded SQLite, or in
// PostgreSQL.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
)

// ErrStopped is every query's answer while the database is stopped.
var ErrStopped = errors.New("the database is stopped (POST /database/start on the control address)")

// refusal is how long a stopped database takes to say so, as a refused connection does.
const refusal = time.Millisecond

// DB is an open, seeded database.
type DB struct {
	URL string // of the twin's own tables, for any PostgreSQL client; "" for SQLite

	dialect
	tally
	pool    *sql.DB
	gate    *fault.Gate
	stopped atomic.Bool
	history int64 // taps seeded at the start
	repeats repeats
	writing sync.Locker  // held around a write: SQLite has one writer
	seeded  func() error // follows the seed

	committed func([]TapRow) // follows taps, before the next write
	changed   func()         // follows what deletes bands or brings them back
	written   func()         // follows every commit
	remove    func() error   // deletes what Open made
}

// Seed is what a new database gets.
type Seed struct {
	Bands   int // of each event
	History int // past taps, over all events
	Email   string
	Role    string // of the user
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
	if err := db.seeded(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the seeded database: %w", err), db.remove())
	}
	return db, nil
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

// Duplicated is how many rows were written of taps that were there already, as the reply to their commit had been lost.
func (db *DB) Duplicated() int64 { return db.repeats.rows.Load() }

// Rows counts all taps, whatever faults are set.
func (db *DB) Rows(ctx context.Context) (n int64, err error) {
	err = db.pool.QueryRowContext(ctx, `SELECT count(*) FROM "TapLog"`).Scan(&n)
	return n, err
}

// enter passes the gate before a query.
func (db *DB) enter(ctx context.Context) error {
	if v := db.gate.Enter(ctx.Done()); v != (fault.Verdict{}) {
		return errors.New("database: error injected by the twin (see /faults)")
	}
	if db.stopped.Load() {
		time.Sleep(refusal)
		return ErrStopped
	}
	return ctx.Err()
}

// at is a time as a parameter.
func (d dialect) at(t time.Time) any {
	if d.numbers {
		return t.UTC()
	}
	return t.UnixMilli()
}

// numbered writes a query's ? as $1, $2, ….
func numbered(query string) string {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, more := strings.Cut(query, "?")
		b.WriteString(before)
		if !more {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// errNUL is PostgreSQL's error for a text that SQLite would take.
var errNUL = errors.New(`invalid byte sequence for encoding "UTF8": 0x00`)

// check refuses a query's parameters that PostgreSQL can't take.
func check(args []any) error {
	for _, arg := range args {
		if text, ok := arg.(string); ok && strings.ContainsRune(text, 0) {
			return errNUL
		}
	}
	return nil
}

// row runs a query for one row; ok is false when there's none.
func (db *DB) row(ctx context.Context, query string, args []any, into ...any) (ok bool, err error) {
	if err := check(args); err != nil {
		return false, err
	}
	err = db.pool.QueryRowContext(ctx, db.sql(query), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// each runs a query and calls scan at every row.
func (db *DB) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	if err := check(args); err != nil {
		return err
	}
	rows, err := db.pool.QueryContext(ctx, db.sql(query), args...) // #nosec G701 -- our own statements
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// change runs f in a transaction, and then, before another write, what follows it.
func (db *DB) change(ctx context.Context, then func(), f func(*sql.Tx) error) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // an error once it is committed
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	then()
	db.written()
	return nil
}
