package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// rowsPerStatement keeps one statement's parameters (nine a row) below both databases' limits.
const rowsPerStatement = 500

// BandRows finds the rows of bands that aren't deleted, by band. Of a band of several events it's the row made last.
func (db *DB) BandRows(ctx context.Context, bands []string) (map[string]string, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	args := make([]any, len(bands))
	for i, band := range bands {
		args[i] = band
	}
	ids := make(map[string]string, len(bands))
	query := `SELECT "bandId", "id" FROM "Band" WHERE "deletedAt" IS NULL AND "bandId" IN (?` + strings.Repeat(",?", len(bands)-1) +
		`) ORDER BY "createdAt"`
	err := db.each(ctx, query, args, func(rows *sql.Rows) error {
		var band, id string
		err := rows.Scan(&band, &id)
		ids[band] = id
		return err
	})
	return ids, err
}

// TapRow is a tap with the row of its band.
type TapRow struct {
	event.Tap
	Band string
}

// use is what the taps of a batch say about one band: how many, and between when and when.
type use struct {
	band        string
	taps        int
	first, last time.Time
}

// errReplyLost is what a client learns of a commit whose reply is lost: not whether it was done, though it was.
var errReplyLost = errors.New("database: the connection ended before the commit was answered (replyLostRate, see /faults)")

// InsertTaps writes taps in one transaction, with what they say about their bands: all of it, or on an error none, unless that
// is the loss of the commit's reply.
func (db *DB) InsertTaps(ctx context.Context, taps []TapRow) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	if err := db.insertTaps(ctx, taps); err != nil {
		return err
	}
	if lost := db.gate.LosesReply(); db.repeats.committed(taps, lost) {
		return errReplyLost
	}
	return nil
}

func (db *DB) insertTaps(ctx context.Context, taps []TapRow) error {
	return db.change(ctx, func() { db.committed(taps) }, func(tx *sql.Tx) error {
		if err := db.insertRows(ctx, tx, taps); err != nil {
			return err
		}
		return db.countUses(ctx, tx, usesOf(taps)) // two updates
	})
}

func (db *DB) insertRows(ctx context.Context, tx *sql.Tx, taps []TapRow) error {
	const columns = `INSERT INTO "TapLog" ("id", "bandId", "eventId", "windowId", "tappedAt", "modeServed", "redirectUrl", "userAgent", "ipAddress") VALUES `
	now := time.Now()
	return inPieces(len(taps), func(from, to int) error {
		args := make([]any, 0, 9*(to-from))
		for _, t := range taps[from:to] {
			args = append(args, event.NewID(now), t.Band, t.EventID, optional(t.WindowID), db.at(t.TappedAt), t.Mode, t.RedirectURL,
				optional(t.UserAgent), optional(t.IPAddress))
		}
		_, err := tx.ExecContext(ctx, db.sql(columns+tuples("(?,?,?,?,?,?,?,?,?)", to-from)), args...) // #nosec G701 -- our own statements
		return err
	})
}

// usesOf adds taps up by band.
func usesOf(taps []TapRow) []use {
	all := make([]use, 0, len(taps))
	index := make(map[string]int, len(taps))
	for _, t := range taps {
		i, ok := index[t.Band]
		if !ok {
			i = len(all)
			index[t.Band] = i
			all = append(all, use{band: t.Band, first: t.TappedAt, last: t.TappedAt})
		}
		u := &all[i]
		u.taps++
		if t.TappedAt.Before(u.first) {
			u.first = t.TappedAt
		}
		if t.TappedAt.After(u.last) {
			u.last = t.TappedAt
		}
	}
	return all
}

func inPieces(n int, f func(from, to int) error) error {
	for from := 0; from < n; from += rowsPerStatement {
		if err := f(from, min(from+rowsPerStatement, n)); err != nil {
			return err
		}
	}
	return nil
}

func tuples(tuple string, n int) string { return tuple + strings.Repeat(","+tuple, n-1) }

// optional is a text that may be NULL.
func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}
