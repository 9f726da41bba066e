package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// Band is a band's row with what its event shows now.
type Band struct {
	Row, ID          string // the row's id, and the band's own
	EventID, OrgID   string
	Status           string // of the event
	OrgSlug, Website string // of the organization; Website "" for none
	Page             string // of the active window, else the event's fallback; "" for neither
	Mode, WindowID   string // "pre" and "" without an active window
}

// found selects bands with all of Band, and, of several active windows, the first.
const found = `SELECT b."id", b."bandId", e."id", e."orgId", e."status", o."slug", coalesce(o."websiteUrl", ''),
		coalesce(w."url", e."fallbackUrl", ''), coalesce(lower(w."windowType"), 'pre'), coalesce(w."id", '')
	FROM "Band" AS b JOIN "Event" AS e ON e."id" = b."eventId" JOIN "Organization" AS o ON o."id" = e."orgId"
	LEFT JOIN "EventWindow" AS w ON w."id" = (SELECT min("id") FROM "EventWindow" WHERE "eventId" = e."id" AND "isActive")
	WHERE b."bandId" = ?`

// BandOfEvent finds a band by its event; nil when it has none there.
func (db *DB) BandOfEvent(ctx context.Context, band, eventID string) (*Band, error) {
	return db.band(ctx, found+` AND b."eventId" = ? AND b."deletedAt" IS NULL`, band, eventID)
}

// BandOfOrg finds a band by its organization, or any band when slug is "", and says of how many events it is. Of several
// it's the oldest event's.
func (db *DB) BandOfOrg(ctx context.Context, band, slug string) (b *Band, events int, err error) {
	query, args := found+` AND b."deletedAt" IS NULL`, []any{band}
	if slug != "" {
		query, args = query+` AND o."slug" = ?`, append(args, slug)
	}
	if err := db.enter(ctx); err != nil {
		return nil, 0, err
	}
	err = db.each(ctx, query+` ORDER BY e."createdAt", e."id"`, args, func(rows *sql.Rows) error {
		events++
		next, err := scanBand(rows)
		if b == nil {
			b = next
		}
		return err
	})
	return b, events, err
}

func (db *DB) band(ctx context.Context, query string, args ...any) (b *Band, err error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	err = db.each(ctx, query, args, func(rows *sql.Rows) (err error) {
		b, err = scanBand(rows)
		return err
	})
	return b, err
}

func scanBand(rows *sql.Rows) (*Band, error) {
	b := &Band{}
	err := rows.Scan(&b.Row, &b.ID, &b.EventID, &b.OrgID, &b.Status, &b.OrgSlug, &b.Website, &b.Page, &b.Mode, &b.WindowID)
	return b, err
}

// Org is an organization.
type Org struct{ ID, Slug, Website string }

// FindOrg finds an organization by its slug or its ID; nil when there's none.
func (db *DB) FindOrg(ctx context.Context, slug, id string) (*Org, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	const query = `SELECT "id", "slug", coalesce("websiteUrl", '') FROM "Organization" WHERE ("slug" = ? OR "id" = ?) AND "deletedAt" IS NULL`
	o := &Org{}
	ok, err := db.row(ctx, query, []any{slug, id}, &o.ID, &o.Slug, &o.Website)
	if !ok {
		return nil, err
	}
	return o, nil
}

// Assign gives an unknown band to an event of the organization: the one asked for if it is an active one of theirs, else
// the oldest (no event here has a date or a place, by which the real one looks first). It returns the band's row, new or, of a band deleted there, restored;
// nil when the organization has no active event.
func (db *DB) Assign(ctx context.Context, band string, org *Org, eventID string) (*Band, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	event, err := db.eventFor(ctx, org.ID, eventID)
	if event == "" || err != nil {
		return nil, err
	}
	if err := db.addBand(ctx, band, event); err != nil {
		return nil, err
	}
	return db.BandOfEvent(ctx, band, event)
}

func (db *DB) eventFor(ctx context.Context, orgID, eventID string) (id string, err error) {
	const query = `SELECT "id" FROM "Event" WHERE "orgId" = ? AND "status" = 'ACTIVE' AND "deletedAt" IS NULL
		ORDER BY "id" = ? DESC, "createdAt", "id" LIMIT 1`
	_, err = db.row(ctx, query, []any{orgID, eventID}, &id)
	return id, err
}

// addBand makes a band's row, or brings it back.
func (db *DB) addBand(ctx context.Context, band, eventID string) error {
	const (
		restore = `UPDATE "Band" SET "deletedAt" = NULL, "autoAssigned" = TRUE, "firstTapAt" = ?, "tapCount" = 0
			WHERE "bandId" = ? AND "eventId" = ? AND "deletedAt" IS NOT NULL`
		insert = `INSERT INTO "Band" ("id", "bandId", "eventId", "autoAssigned", "firstTapAt", "updatedAt") VALUES (?, ?, ?, TRUE, ?, NOW)
			ON CONFLICT ("bandId", "eventId") DO NOTHING`
	)
	now := time.Now()
	var restored int64
	followed := func() {
		if restored > 0 {
			db.changed()
		}
	}
	return db.change(ctx, followed, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, db.sql(restore), db.at(now), band, eventID)
		if err != nil {
			return err
		}
		if restored, err = result.RowsAffected(); restored > 0 || err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, db.sql(insert), event.NewID(now), band, eventID, db.at(now))
		return err
	})
}

// DeleteBands marks a share (0 to 1) of the bands as deleted, evenly over each event, and brings the others back.
func (db *DB) DeleteBands(ctx context.Context, share float64) (deleted int64, err error) {
	const (
		restore = `UPDATE "Band" SET "deletedAt" = NULL WHERE "deletedAt" IS NOT NULL`
		mark    = `UPDATE "Band" SET "deletedAt" = NOW WHERE CAST(substr("id", 19) AS INTEGER) % 10000 < ? AND "id" LIKE 'cmloadtestband%'`
	)
	err = db.change(ctx, db.changed, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, restore); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, db.sql(mark), int(share*10_000))
		if err == nil {
			deleted, err = result.RowsAffected()
		}
		return err
	})
	return deleted, err
}
