package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// ExportLimit is the most rows an export answers.
const ExportLimit = 50_000

// Time is a time as the API shows it: an ISO string, a Date under superjson.
type Time struct{ time.Time }

func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"`+event.ISO+`"`), nil
}

// Scan reads milliseconds since 1970; NULL is the zero time.
func (t *Time) Scan(v any) error {
	var ms sql.NullInt64
	if err := ms.Scan(v); err != nil {
		return err
	}
	if ms.Valid {
		t.Time = time.UnixMilli(ms.Int64)
	}
	return nil
}

// KPIs are the figures of the dashboard's first row.
type KPIs struct {
	Taps              int64            `json:"taps"`
	DistinctBands     int64            `json:"distinctBands"`
	PeakTapsPerMinute int64            `json:"peakTapsPerMinute"`
	ByMode            map[string]int64 `json:"byMode"`
}

// KPIs counts the taps of all events in [from, to).
func (db *DB) KPIs(ctx context.Context, from, to time.Time) (*KPIs, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	const (
		totals = `SELECT count(*), count(DISTINCT band_id) FROM taps WHERE tapped_at >= ? AND tapped_at < ?`
		peak   = `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM taps WHERE tapped_at >= ? AND tapped_at < ?
			GROUP BY tapped_at / 60000) AS minutes`
		modes = `SELECT mode, count(*) FROM taps WHERE tapped_at >= ? AND tapped_at < ? GROUP BY mode`
	)
	k := &KPIs{ByMode: map[string]int64{}}
	span := []any{from.UnixMilli(), to.UnixMilli()}
	if err := db.pool.QueryRowContext(ctx, db.bind(totals), span...).Scan(&k.Taps, &k.DistinctBands); err != nil {
		return nil, err
	}
	if err := db.pool.QueryRowContext(ctx, db.bind(peak), span...).Scan(&k.PeakTapsPerMinute); err != nil {
		return nil, err
	}
	err := db.each(ctx, modes, span, func(rows *sql.Rows) error {
		var mode string
		var n int64
		err := rows.Scan(&mode, &n)
		k.ByMode[mode] = n
		return err
	})
	return k, err
}

// Summary is one event's line in the overview.
type Summary struct {
	EventID       string `json:"eventId"`
	Name          string `json:"name"`
	Taps          int64  `json:"taps"`
	DistinctBands int64  `json:"distinctBands"`
	FirstTapAt    *Time  `json:"firstTapAt"` // null before the first tap
	LastTapAt     *Time  `json:"lastTapAt"`
}

// EventSummary returns a line for every event.
func (db *DB) EventSummary(ctx context.Context) ([]Summary, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	const query = `SELECT events.id, events.name, count(taps.band_id), count(DISTINCT taps.band_id),
		min(taps.tapped_at), max(taps.tapped_at)
		FROM events LEFT JOIN taps ON taps.event_id = events.id GROUP BY events.id, events.name ORDER BY events.name`
	lines := []Summary{}
	err := db.each(ctx, query, nil, func(rows *sql.Rows) error {
		var s Summary
		err := rows.Scan(&s.EventID, &s.Name, &s.Taps, &s.DistinctBands, &s.FirstTapAt, &s.LastTapAt)
		lines = append(lines, s)
		return err
	})
	return lines, err
}

// Row is one tap in an export.
type Row struct {
	BandID      string `json:"bandId"`
	Mode        string `json:"mode"`
	RedirectURL string `json:"redirectUrl"`
	UserAgent   string `json:"userAgent"`
	IPAddress   string `json:"ipAddress"`
	TappedAt    Time   `json:"tappedAt"`
}

// ExportTaps returns an event's taps in [from, to), oldest first, up to ExportLimit.
func (db *DB) ExportTaps(ctx context.Context, eventID string, from, to time.Time) ([]Row, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	const query = `SELECT band_id, mode, redirect_url, user_agent, ip_address, tapped_at FROM taps
		WHERE event_id = ? AND tapped_at >= ? AND tapped_at < ? ORDER BY tapped_at LIMIT ?`
	taps := []Row{}
	args := []any{eventID, from.UnixMilli(), to.UnixMilli(), ExportLimit}
	err := db.each(ctx, query, args, func(rows *sql.Rows) error {
		var r Row
		err := rows.Scan(&r.BandID, &r.Mode, &r.RedirectURL, &r.UserAgent, &r.IPAddress, &r.TappedAt)
		taps = append(taps, r)
		return err
	})
	return taps, err
}

// each runs a query and calls scan at every row.
func (db *DB) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := db.pool.QueryContext(ctx, db.bind(query), args...)
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
