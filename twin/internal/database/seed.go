package database

import (
	"context"
	"fmt"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// Times are milliseconds since 1970, which both databases group and compare the same way.
var tables = []string{
	`CREATE TABLE events (id TEXT PRIMARY KEY, name TEXT NOT NULL, redirect_url TEXT NOT NULL)`,
	`CREATE TABLE bands (id TEXT PRIMARY KEY, event_id TEXT NOT NULL)`,
	`CREATE TABLE taps (band_id TEXT NOT NULL, event_id TEXT NOT NULL, mode TEXT NOT NULL, redirect_url TEXT NOT NULL,
		user_agent TEXT NOT NULL, ip_address TEXT NOT NULL, tapped_at BIGINT NOT NULL)`,
}

// indexes come after the rows, which makes seeding several times faster.
var indexes = []string{
	`CREATE INDEX taps_by_event ON taps (event_id, tapped_at)`,
	`CREATE INDEX taps_by_time ON taps (tapped_at)`,
	`CREATE INDEX taps_by_band ON taps (band_id)`,
}

// seedBands makes bands: how many, their prefix, their event.
const seedBands = `INSERT INTO bands (id, event_id)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS INTEGER))
	SELECT CAST(? AS TEXT) || substr(CAST(1000000 + i AS TEXT), 2), CAST(? AS TEXT) FROM n`

// seedHistory makes past taps of one event over a day: one half evenly, the other half in the hour in the middle,
// which is what an event looks like. The large primes stand for chance and make each start the same.
const seedHistory = `INSERT INTO taps (band_id, event_id, mode, redirect_url, user_agent, ip_address, tapped_at)
	WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS INTEGER))
	SELECT CAST(? AS TEXT) || substr(CAST(1000001 + (i * CAST(7919 AS BIGINT)) % CAST(? AS INTEGER) AS TEXT), 2), CAST(? AS TEXT),
		CASE WHEN i % 20 = 0 THEN 'pre' WHEN i % 20 = 1 THEN 'post' ELSE 'live' END,
		CAST(? AS TEXT),
		CASE WHEN i % 3 = 0 THEN 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Mobile Safari/537.36'
			ELSE 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148' END,
		'10.0.' || CAST(i % 251 AS TEXT) || '.' || CAST(i % 241 AS TEXT),
		CAST(? AS BIGINT) + CASE WHEN i % 2 = 0 THEN (i * CAST(1046527 AS BIGINT)) % 86400000
			ELSE 41400000 + (i * CAST(1046527 AS BIGINT)) % 3600000 END
	FROM n`

func (db *DB) seed(ctx context.Context, seed Seed) error {
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	run := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, db.bind(query), args...)
		}
	}
	for _, table := range tables {
		run(table)
	}
	dayAgo := time.Now().Add(-24 * time.Hour).UnixMilli()
	for i, e := range event.All {
		run(`INSERT INTO events (id, name, redirect_url) VALUES (?, ?, ?)`, e.ID, e.Name, e.URL)
		run(seedBands, seed.Bands, e.Prefix, e.ID)
		if n := share(seed.History, i); n > 0 {
			run(seedHistory, n, e.Prefix, max(1, seed.Bands/4), e.ID, e.URL, dayAgo) // a quarter of the bands has been used
		}
	}
	for _, index := range indexes {
		run(index)
	}
	run(`ANALYZE`)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	db.history = int64(seed.History)
	return nil
}

// share is event number i's part of n past taps.
func share(n, i int) int {
	events := len(event.All)
	return n*(i+1)/events - n*i/events
}
