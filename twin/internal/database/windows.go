package database

import (
	"context"
	"database/sql"
)

// Window is a window as the API shows it.
type Window struct {
	ID         string  `json:"id"`
	EventID    string  `json:"eventId"`
	WindowType string  `json:"windowType"`
	Title      *string `json:"title"`
	URL        string  `json:"url"`
	StartTime  *Time   `json:"startTime"`
	EndTime    *Time   `json:"endTime"`
	IsManual   bool    `json:"isManual"`
	IsActive   bool    `json:"isActive"`
	CreatedAt  Time    `json:"createdAt"`
	UpdatedAt  Time    `json:"updatedAt"`
}

const windows = `SELECT "id", "eventId", "windowType", "title", "url", "startTime", "endTime", "isManual", "isActive", "createdAt", "updatedAt"
	FROM "EventWindow" WHERE `

func scanWindow(rows *sql.Rows) (w Window, err error) {
	err = rows.Scan(&w.ID, &w.EventID, &w.WindowType, &w.Title, &w.URL, &w.StartTime, &w.EndTime, &w.IsManual, &w.IsActive, &w.CreatedAt, &w.UpdatedAt)
	return w, err
}

// Windows are an event's windows, in the order of their times.
func (db *DB) Windows(ctx context.Context, eventID string) ([]Window, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	all := []Window{}
	err := db.each(ctx, windows+`"eventId" = ? ORDER BY "startTime", "createdAt", "id"`, []any{eventID}, func(rows *sql.Rows) error {
		w, err := scanWindow(rows)
		all = append(all, w)
		return err
	})
	return all, err
}

// Window is one window; nil when it isn't there.
func (db *DB) Window(ctx context.Context, id string) (found *Window, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	err = db.each(ctx, windows+`"id" = ?`, []any{id}, func(rows *sql.Rows) error {
		w, err := scanWindow(rows)
		found = &w
		return err
	})
	return found, err
}

// Toggle makes a window active, and the event's others inactive, or makes it inactive.
func (db *DB) Toggle(ctx context.Context, w *Window, active bool) error {
	if err := db.enter(ctx); err != nil {
		return err
	}
	return db.change(ctx, func() {}, func(tx *sql.Tx) error {
		if active {
			if _, err := tx.ExecContext(ctx, db.sql(`UPDATE "EventWindow" SET "isActive" = FALSE WHERE "eventId" = ?`), w.EventID); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, db.sql(`UPDATE "EventWindow" SET "isActive" = ?, "updatedAt" = NOW WHERE "id" = ?`), active, w.ID)
		return err
	})
}

// Published is what the KV says of an active event's bands.
type Published struct {
	EventID, Slug       string
	URL, Mode, WindowID string
	Bands               []string // also those deleted, as the real one has it
}

// Publish reads what the KV should say of an event; nil when its bands lead nowhere.
func (db *DB) Publish(ctx context.Context, eventID string) (*Published, error) {
	const query = `SELECT e."id", o."slug", coalesce(w."url", e."fallbackUrl", ''), coalesce(lower(w."windowType"), 'pre'), coalesce(w."id", '')
		FROM "Event" AS e JOIN "Organization" AS o ON o."id" = e."orgId"
		LEFT JOIN "EventWindow" AS w ON w."id" = (SELECT min("id") FROM "EventWindow" WHERE "eventId" = e."id" AND "isActive")
		WHERE e."id" = ? AND e."status" = 'ACTIVE' AND e."deletedAt" IS NULL`
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	p := &Published{}
	ok, err := db.row(ctx, query, []any{eventID}, &p.EventID, &p.Slug, &p.URL, &p.Mode, &p.WindowID)
	if !ok || p.URL == "" {
		return nil, err
	}
	err = db.each(ctx, `SELECT "bandId" FROM "Band" WHERE "eventId" = ?`, []any{eventID}, func(rows *sql.Rows) error {
		var band string
		err := rows.Scan(&band)
		p.Bands = append(p.Bands, band)
		return err
	})
	return p, err
}
