package admin

import (
	"context"
	"errors"
	"log"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/kv"
)

func (a *Admin) listWindows(ctx context.Context, _ *database.User, in *input) (any, error) {
	eventID := in.str("eventId")
	if err := in.err(); err != nil {
		return nil, err
	}
	return a.Database.Windows(ctx, eventID)
}

// toggleWindow makes a window active or inactive. What Redis and the KV hold of it follows after the answer.
func (a *Admin) toggleWindow(ctx context.Context, user *database.User, in *input) (any, error) {
	id, active := in.str("id"), in.boolean("isActive")
	if err := in.err(); err != nil {
		return nil, err
	}
	w, err := a.Database.Window(ctx, id)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, errors.New("No EventWindow found") //nolint:staticcheck // Prisma's words
	}
	if user.Role == customer && (user.OrgID == nil || *user.OrgID != event.Org.ID) {
		return nil, errForbidden
	}
	if err := a.Database.Toggle(ctx, w, active); err != nil {
		return nil, err
	}
	a.following.Go(func() {
		if err := errors.Join(a.forget(context.Background(), w.EventID), a.publish(context.Background(), w.EventID)); err != nil {
			log.Printf("admin: after a window's change: %v", err)
		}
	})
	return a.Database.Window(ctx, id)
}

// forget deletes what Redis holds of an event: the pages of its bands, and its counters too.
func (a *Admin) forget(ctx context.Context, eventID string) error {
	for _, pattern := range []string{"analytics:" + eventID + ":*", "band:" + event.Org.Slug + ":*", "band:evt:" + eventID + ":*"} {
		scan := a.Store.Scan(ctx, 0, pattern, 1000).Iterator()
		for scan.Next(ctx) {
			if err := a.Store.Del(ctx, scan.Val()).Err(); err != nil {
				return err
			}
		}
		if err := scan.Err(); err != nil {
			return err
		}
	}
	return nil
}

// publish writes an event's bands to the KV.
func (a *Admin) publish(ctx context.Context, eventID string) error {
	p, err := a.Database.Publish(ctx, eventID)
	if p == nil || err != nil {
		return err
	}
	a.KV.PutBands(kv.NewValue(p.URL, p.EventID, p.Mode, p.WindowID), p.Slug, p.EventID, p.Bands)
	return nil
}
