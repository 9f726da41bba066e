package database

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// rowsPerInsert keeps one statement's parameters (seven a row) below both databases' limits.
const rowsPerInsert = 500

// Page returns where a band leads; ok is false for a band that nobody has registered.
func (db *DB) Page(ctx context.Context, bandID string) (url string, ok bool, err error) {
	if err := db.enter(ctx); err != nil {
		return "", false, err
	}
	const query = `SELECT redirect_url FROM bands JOIN events ON events.id = bands.event_id WHERE bands.id = ?`
	err = db.pool.QueryRowContext(ctx, db.bind(query), bandID).Scan(&url)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return url, err == nil, err
}

// InsertTaps writes taps in one transaction: all of them, or on an error none.
func (db *DB) InsertTaps(ctx context.Context, taps []event.Tap) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for len(taps) > 0 {
		n := min(len(taps), rowsPerInsert)
		if err := db.insert(ctx, tx, taps[:n]); err != nil {
			return err
		}
		taps = taps[n:]
	}
	return tx.Commit()
}

func (db *DB) insert(ctx context.Context, tx *sql.Tx, taps []event.Tap) error {
	query := `INSERT INTO taps (band_id, event_id, mode, redirect_url, user_agent, ip_address, tapped_at) VALUES ` +
		strings.Repeat("(?,?,?,?,?,?,?),", len(taps)-1) + "(?,?,?,?,?,?,?)"
	args := make([]any, 0, 7*len(taps))
	for _, t := range taps {
		args = append(args, t.BandID, t.EventID, t.Mode, t.RedirectURL, t.UserAgent, t.IPAddress, t.TappedAt.UnixMilli())
	}
	_, err := tx.ExecContext(ctx, db.bind(query), args...)
	return err
}
