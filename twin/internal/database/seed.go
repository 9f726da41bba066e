package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// pastTaps are the past taps of one event, over a day: one half evenly, the other half in the hour in the middle, which is
// what an event looks like. The large primes stand for chance and make each start the same.
const pastTaps = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(? AS INTEGER)),
	taps(i, band, at) AS (SELECT i, (i * CAST(7919 AS BIGINT)) % CAST(? AS INTEGER) + 1,
		CAST(? AS TIME) + (CASE WHEN i % 2 = 0 THEN (i * CAST(1046527 AS BIGINT)) % 86400000
			ELSE 41400000 + (i * CAST(1046527 AS BIGINT)) % 3600000 END) * MS
		FROM n WHERE i <= CAST(? AS INTEGER))`

// seedBands makes an event's bands, with what its past taps say about them. The IDs are cuids by their form.
const seedBands = `INSERT INTO "Band" ("id", "bandId", "eventId", "firstTapAt", "lastTapAt", "tapCount", "updatedAt") ` + pastTaps + `,
	bands(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM bands WHERE i < CAST(? AS INTEGER))
	SELECT CAST(? AS TEXT) || substr(CAST(10000000000 + i AS TEXT), 2), CAST(? AS TEXT) || substr(CAST(1000000 + i AS TEXT), 2),
		CAST(? AS TEXT), first, last, coalesce(count, 0), NOW
	FROM bands LEFT JOIN (SELECT band, min(at) AS first, max(at) AS last, count(*) AS count FROM taps GROUP BY band) AS used ON band = i`

// seedTaps makes an event's past taps.
const seedTaps = `INSERT INTO "TapLog" ("id", "bandId", "eventId", "windowId", "tappedAt", "modeServed", "redirectUrl", "userAgent", "ipAddress") ` + pastTaps + `
	SELECT CAST(? AS TEXT) || substr(CAST(10000000000 + i AS TEXT), 2), CAST(? AS TEXT) || substr(CAST(10000000000 + band AS TEXT), 2),
		CAST(? AS TEXT), CAST(? AS TEXT), at,
		CASE WHEN i % 20 = 0 THEN 'pre' WHEN i % 20 = 1 THEN 'post' ELSE 'live' END,
		CAST(? AS TEXT),
		CASE WHEN i % 3 = 0 THEN 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Mobile Safari/537.36'
			ELSE 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148' END,
		'10.0.' || CAST(i % 251 AS TEXT) || '.' || CAST(i % 241 AS TEXT)
	FROM taps`

func (db *DB) seed(ctx context.Context, seed Seed) error {
	for _, table := range tables {
		if _, err := db.pool.ExecContext(ctx, db.sql(table)); err != nil {
			return err
		}
	}
	db.history = int64(seed.History)
	return db.change(ctx, func() {}, func(tx *sql.Tx) (err error) {
		run := func(query string, args ...any) {
			if err == nil {
				_, err = tx.ExecContext(ctx, db.sql(query), args...)
			}
		}
		o := event.Org
		run(`INSERT INTO "Organization" ("id", "name", "slug", "updatedAt") VALUES (?, ?, ?, NOW)`, o.ID, o.Name, o.Slug)
		run(`INSERT INTO "User" ("id", "email", "name", "role", "orgId", "updatedAt") VALUES (?, ?, ?, ?, ?, NOW)`,
			event.User.ID, seed.Email, event.User.Name, seed.Role, o.ID)
		for i, e := range event.All {
			db.seedEvent(run, e, seed.Bands, share(seed.History, i))
		}
		for _, index := range indexes {
			run(index)
		}
		run(db.analyze)
		return err
	})
}

func (db *DB) seedEvent(run func(query string, args ...any), e *event.Event, bands, history int) {
	run(`INSERT INTO "Event" ("id", "orgId", "name", "city", "state", "status", "estimatedAttendees", "updatedAt")
		VALUES (?, ?, ?, ?, ?, 'ACTIVE', ?, NOW)`, e.ID, event.Org.ID, e.Name, e.City, e.State, e.Attendees)
	for _, w := range e.Windows {
		run(`INSERT INTO "EventWindow" ("id", "eventId", "windowType", "url", "isActive", "updatedAt") VALUES (?, ?, ?, ?, ?, NOW)`,
			w.ID, e.ID, w.Type, w.URL, w.Active)
	}
	if bands == 0 {
		return
	}
	number, live := e.Prefix[len(e.Prefix)-2:len(e.Prefix)-1], e.Windows[1]
	band, tap := "cmloadtestband"+number, "cmloadtesttaps"+number
	used := max(1, bands/4) // a quarter of the bands has been used
	past := []any{history, used, db.at(time.Now().Add(-24 * time.Hour)), history}
	run(seedBands, append(past, bands, band, e.Prefix, e.ID)...)
	run(seedTaps, append(past, tap, band, e.ID, live.ID, live.URL)...)
}

// share is event number i's part of n past taps.
func share(n, i int) int {
	events := len(event.All)
	return n*(i+1)/events - n*i/events
}
