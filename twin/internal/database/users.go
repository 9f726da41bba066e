package database

import "context"

// User is who logs in.
type User struct {
	ID                 string  `json:"id"`
	Email              string  `json:"email"`
	Name               *string `json:"name"`
	Role               string  `json:"role"`
	OrgID              *string `json:"orgId"`
	ForcePasswordReset bool    `json:"forcePasswordReset"`
}

// UserByEmail finds a user; nil when there's none.
func (db *DB) UserByEmail(ctx context.Context, email string) (*User, error) {
	if err := db.enter(ctx); err != nil {
		return nil, err
	}
	const query = `SELECT "id", "email", "name", "role", "orgId", "forcePasswordReset" FROM "User" WHERE "email" = ?`
	u := &User{}
	ok, err := db.row(ctx, query, []any{email}, &u.ID, &u.Email, &u.Name, &u.Role, &u.OrgID, &u.ForcePasswordReset)
	if !ok {
		return nil, err
	}
	return u, nil
}

// EventOrg is the organization of an event; "" when it isn't there.
func (db *DB) EventOrg(ctx context.Context, eventID string) (orgID string, err error) {
	if err := db.enter(ctx); err != nil {
		return "", err
	}
	_, err = db.row(ctx, `SELECT "orgId" FROM "Event" WHERE "id" = ? AND "deletedAt" IS NULL`, []any{eventID}, &orgID)
	return orgID, err
}
