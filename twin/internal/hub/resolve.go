package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const cacheTime = time.Minute

// CacheKeys are where the hub keeps a band's page: by its organization, and by its event.
func CacheKeys(slug, eventID, band string) (bySlug, byEvent string) {
	return "band:" + slug + ":" + band, "band:evt:" + eventID + ":" + band
}

// cached reads the page that the hub keeps; nil when it keeps none.
func (h *Hub) cached(ctx context.Context, q question) (*page, error) {
	key, byEvent := CacheKeys(q.slug, q.eventID, q.band)
	switch {
	case q.eventID != "":
		key = byEvent
	case q.slug == "":
		return nil, nil
	}
	var text []byte
	err := store.Natively(ctx, func(ctx context.Context) (err error) {
		text, err = h.Store.Get(ctx, key).Bytes()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &page{}
	return p, json.Unmarshal(text, p)
}

// keep has Redis keep a page for a minute: by the event that the link named, "" for none, and by the organization.
func (h *Hub) keep(p *page, slug, eventID string) {
	text, _ := json.Marshal(p) // plain strings always marshal
	key, eventKey := CacheKeys(slug, eventID, p.BandID)
	h.follow(func(ctx context.Context) error {
		_, err := h.Store.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			if eventID != "" {
				pipe.Set(ctx, eventKey, text, cacheTime)
			}
			if slug != "" {
				pipe.Set(ctx, key, text, cacheTime)
			}
			return nil
		})
		return err
	})
}

// resolve finds a band's page in the database, or says where else the tap leads.
func (h *Hub) resolve(ctx context.Context, q question) (p *page, other string) {
	find := h.byOrg
	if q.eventID != "" {
		find = h.byEvent
	}
	p, other, err := find(ctx, q)
	if err != nil {
		h.count(store.Failure{Kind: "hub_db_fallback", BandID: q.band, Reason: err.Error(), RedirectTo: fallback})
		return nil, fallback
	}
	return p, other
}

// byEvent finds a band by the event that the link names.
func (h *Hub) byEvent(ctx context.Context, q question) (*page, string, error) {
	band, err := h.Database.BandOfEvent(ctx, q.band, q.eventID)
	if err != nil {
		return nil, "", err
	}
	if band == nil {
		return h.assign(ctx, q)
	}
	if q.orgID != "" && q.orgID != band.OrgID {
		h.count(store.Failure{Kind: "invalid_event_org_mismatch", BandID: q.band, EventID: q.eventID, Reason: "another organization's event", RedirectTo: fallback})
		return nil, fallback, nil
	}
	if band.Status != "ACTIVE" || band.Page == "" {
		return nil, cmp.Or(band.Website, fallback), nil
	}
	p := pageOf(band)
	h.keep(p, cmp.Or(q.slug, band.OrgSlug), q.eventID)
	return p, "", nil
}

// byOrg finds a band by its organization, or whosever it is when none is known.
func (h *Hub) byOrg(ctx context.Context, q question) (*page, string, error) {
	band, events, err := h.Database.BandOfOrg(ctx, q.band, q.slug)
	if err != nil {
		return nil, "", err
	}
	if band == nil {
		return h.assign(ctx, q)
	}
	if band.Page == "" {
		return nil, cmp.Or(band.Website, fallback), nil
	}
	p := pageOf(band)
	if events == 1 && q.slug != "" {
		h.keep(p, q.slug, "")
	}
	return p, "", nil
}

// assign gives a band that isn't there to an event of its organization.
func (h *Hub) assign(ctx context.Context, q question) (*page, string, error) {
	if q.slug == "" && (q.eventID == "" || q.orgID == "") {
		return h.noOrg(q)
	}
	orgID := q.orgID
	if q.slug != "" {
		orgID = ""
	}
	org, err := h.Database.FindOrg(ctx, q.slug, orgID)
	if err != nil {
		return nil, "", err
	}
	if org == nil && q.slug == "" {
		return h.noOrg(q)
	}
	if org == nil {
		org = &database.Org{}
	}
	band, err := h.Database.Assign(ctx, q.band, org, q.eventID)
	if band == nil {
		reason := "no active event"
		if err != nil {
			reason = err.Error()
		}
		other := cmp.Or(org.Website, fallback)
		h.count(store.Failure{Kind: "auto_assign_failed", BandID: q.band, EventID: q.eventID, Reason: reason, RedirectTo: other})
		return nil, other, nil
	}
	h.assigned.Add(1)
	if band.Page == "" {
		return nil, cmp.Or(org.Website, fallback), nil
	}
	p := pageOf(band)
	if q.eventID != "" {
		h.keep(p, org.Slug, q.eventID)
	}
	return p, "", nil
}

func (h *Hub) noOrg(q question) (*page, string, error) {
	h.count(store.Failure{Kind: "no_org_slug", BandID: q.band, EventID: q.eventID, Reason: "the host names no organization", RedirectTo: fallback})
	return nil, fallback, nil
}

func pageOf(b *database.Band) *page {
	return &page{Row: b.Row, BandID: b.ID, EventID: b.EventID, CurrentMode: b.Mode, RedirectURL: b.Page, WindowID: b.WindowID}
}
