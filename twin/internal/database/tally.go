package database

import (
	"context"
	"database/sql"
	"time"
)

// sqlTally counts taps by SQL, for a database that is quick at it.
type sqlTally struct{ *DB }

// there leaves out the taps of deleted bands.
const there = ` AND "bandId" NOT IN (SELECT "id" FROM "Band" WHERE "deletedAt" IS NOT NULL)`

func (s sqlTally) totals(ctx context.Context, eventID string, from, to time.Time) (*Totals, error) {
	where, span := ` FROM "TapLog" WHERE "tappedAt" >= ? AND "tappedAt" <= ?`, []any{s.at(from), s.at(to)}
	if eventID != "" {
		where, span = where+` AND "eventId" = ?`, append(span, eventID)
	}
	where += there
	t := &Totals{Modes: map[string]int64{}}
	counts := `SELECT count(DISTINCT "bandId"), count(DISTINCT "eventId")` + where
	if _, err := s.row(ctx, counts, span, &t.Bands, &t.Events); err != nil {
		return nil, err
	}
	peak := `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n` + where + ` GROUP BY date_trunc('minute', "tappedAt")) AS minutes`
	if _, err := s.row(ctx, peak, span, &t.PeakMinute); err != nil {
		return nil, err
	}
	modes := `SELECT "modeServed", count(*)` + where + ` GROUP BY "modeServed"`
	return t, s.each(ctx, modes, span, func(rows *sql.Rows) error {
		var mode string
		var n int64
		err := rows.Scan(&mode, &n)
		t.Modes[mode] = n
		t.Taps += n
		return err
	})
}

func (s sqlTally) uses(ctx context.Context, eventID string, f Filter) (taps, bands, repeats int64, err error) {
	where, args := ` FROM "TapLog" WHERE "eventId" = ?`, []any{eventID}
	if f.WindowID != "" {
		where, args = where+` AND "windowId" = ?`, append(args, f.WindowID)
	}
	if !f.From.IsZero() {
		where, args = where+` AND "tappedAt" >= ?`, append(args, s.at(f.From))
	}
	if !f.To.IsZero() {
		where, args = where+` AND "tappedAt" <= ?`, append(args, s.at(f.To))
	}
	query := `SELECT coalesce(sum(n), 0), count(*), count(CASE WHEN n > 1 THEN 1 END)
		FROM (SELECT count(DISTINCT "tappedAt") AS n` + where + there + ` GROUP BY "bandId") AS bands`
	_, err = s.row(ctx, query, args, &taps, &bands, &repeats)
	return taps, bands, repeats, err
}

func (s sqlTally) summary(ctx context.Context, eventID string) (sum Summary, err error) {
	if sum.Taps, _, _, err = s.uses(ctx, eventID, Filter{}); err != nil {
		return sum, err
	}
	return sum, s.countBands(ctx, eventID, &sum)
}

// countBands counts an event's bands by what they know of their taps.
func (db *DB) countBands(ctx context.Context, eventID string, s *Summary) error {
	const (
		all    = `SELECT count(*) FROM "Band" WHERE "eventId" = ? AND "deletedAt" IS NULL`
		tapped = `SELECT count(*), count(CASE WHEN "tapCount" > 1 THEN 1 END) FROM "Band"
			WHERE "eventId" = ? AND "firstTapAt" IS NOT NULL AND "deletedAt" IS NULL`
	)
	if _, err := db.row(ctx, all, []any{eventID}, &s.Bands); err != nil {
		return err
	}
	_, err := db.row(ctx, tapped, []any{eventID}, &s.UniqueBands, &s.RepeatBands)
	return err
}
