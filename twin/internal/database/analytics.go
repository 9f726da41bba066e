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

// MarshalJSON writes the time as JavaScript does.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"`+event.ISO+`"`), nil
}

// Scan reads what either database keeps; NULL is the zero time.
func (t *Time) Scan(v any) error {
	if at, ok := v.(time.Time); ok {
		t.Time = at
		return nil
	}
	var ms sql.NullInt64
	if err := ms.Scan(v); err != nil {
		return err
	}
	if ms.Valid {
		t.Time = time.UnixMilli(ms.Int64)
	}
	return nil
}

// Totals are what the dashboard's first row adds up from taps.
type Totals struct {
	Taps, Bands, Events, PeakMinute int64
	Modes                           map[string]int64 // as the taps have them, in lower case
	Attendees                       int64            // as estimated, of the events
}

// tally counts taps.
type tally interface {
	// totals counts the taps in [from, to], of one event or, when eventID is "", of all.
	totals(ctx context.Context, eventID string, from, to time.Time) (*Totals, error)
	// uses counts an event's taps, those of a band at one time being one, their bands, and the bands with several.
	uses(ctx context.Context, eventID string, filter Filter) (taps, bands, repeats int64, err error)
	// summary counts an event's taps, and its bands by what they know of their taps.
	summary(ctx context.Context, eventID string) (Summary, error)
}

// Totals counts the taps in [from, to], of one event or, when eventID is "", of all.
func (db *DB) Totals(ctx context.Context, eventID string, from, to time.Time) (*Totals, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	t, err := db.totals(ctx, eventID, from, to)
	if err != nil {
		return nil, err
	}
	const attendees = `SELECT coalesce(sum("estimatedAttendees"), 0) FROM "Event" WHERE "deletedAt" IS NULL AND (? = '' OR "id" = ?)`
	_, err = db.row(ctx, attendees, []any{eventID, eventID}, &t.Attendees)
	return t, err
}

// Filter is what an event's summary may be narrowed to.
type Filter struct {
	WindowID string
	From, To time.Time // zero: open
}

// Summary is what an event's bands and taps come to.
type Summary struct {
	Bands, Taps, UniqueBands, RepeatBands int64
	Attendees                             *int64
}

// EventSummary counts an event's taps and bands; all is zero of an event that isn't there. Unfiltered, bands are counted
// by what they know of their taps, filtered by the taps.
func (db *DB) EventSummary(ctx context.Context, eventID string, filter Filter) (*Summary, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	var s Summary
	var err error
	if filter == (Filter{}) {
		s, err = db.summary(ctx, eventID)
	} else {
		s.Taps, s.UniqueBands, s.RepeatBands, err = db.uses(ctx, eventID, filter)
		s.Bands = s.UniqueBands
	}
	if err != nil {
		return nil, err
	}
	_, err = db.row(ctx, `SELECT "estimatedAttendees" FROM "Event" WHERE "id" = ?`, []any{eventID}, &s.Attendees)
	return &s, err
}

// Attendees is how many an event expects; nil when nobody has said, or the event isn't there.
func (db *DB) Attendees(ctx context.Context, eventID string) (n *int64, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	_, err = db.row(ctx, `SELECT "estimatedAttendees" FROM "Event" WHERE "id" = ?`, []any{eventID}, &n)
	return n, err
}

// Row is one tap in an export.
type Row struct {
	BandID      string  `json:"bandId"`
	EventName   string  `json:"eventName"`
	EventCity   *string `json:"eventCity"`
	EventState  *string `json:"eventState"`
	TappedAt    string  `json:"tappedAt"` // no Date: the procedure writes it as text
	ModeServed  string  `json:"modeServed"`
	RedirectURL string  `json:"redirectUrl"`
	IPAddress   *string `json:"ipAddress"`
	UserAgent   *string `json:"userAgent"`
}

// ExportTaps returns taps in [from, to], of one event or, when eventID is "", of all: the newest first, up to ExportLimit.
func (db *DB) ExportTaps(ctx context.Context, eventID string, from, to time.Time) ([]Row, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	of, args := "", []any{db.at(from), db.at(to)}
	if eventID != "" {
		of, args = ` AND t."eventId" = ?`, append(args, eventID)
	}
	query := `SELECT b."bandId", e."name", e."city", e."state", t."tappedAt", t."modeServed", t."redirectUrl", t."ipAddress", t."userAgent"
		FROM "TapLog" AS t JOIN "Band" AS b ON b."id" = t."bandId" JOIN "Event" AS e ON e."id" = t."eventId"
		WHERE t."tappedAt" >= ? AND t."tappedAt" <= ?` + of + ` AND b."deletedAt" IS NULL ORDER BY t."tappedAt" DESC LIMIT ?`
	taps := []Row{}
	err := db.each(ctx, query, append(args, ExportLimit), func(rows *sql.Rows) error {
		var r Row
		var at Time
		err := rows.Scan(&r.BandID, &r.EventName, &r.EventCity, &r.EventState, &at, &r.ModeServed, &r.RedirectURL, &r.IPAddress, &r.UserAgent)
		r.TappedAt = at.UTC().Format(event.ISO)
		taps = append(taps, r)
		return err
	})
	return taps, err
}
