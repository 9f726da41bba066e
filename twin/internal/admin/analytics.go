package admin

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const (
	velocityBuckets = 180 // of ten seconds: half an hour, as long as Redis keeps them
	maxHours        = 24 * 7
)

// kpis are the figures of the dashboard's first row.
type kpis struct {
	TotalTaps           int64            `json:"totalTaps"`
	UniqueBands         int64            `json:"uniqueBands"`
	ActiveEvents        int64            `json:"activeEvents"`
	TPM                 float64          `json:"tpm"`
	PeakTPM             int64            `json:"peakTpm"`
	BandActivityPercent float64          `json:"bandActivityPercent"`
	AvgTapsPerBand      float64          `json:"avgTapsPerBand"`
	PostEventTaps       int64            `json:"postEventTaps"`
	ModeDistribution    map[string]int64 `json:"modeDistribution"`
}

// kpis answers out of Redis for one event and a time that includes now, else out of the database.
func (a *Admin) kpis(ctx context.Context, _ *database.User, in *input) (any, error) {
	from, to, eventID, orgID := in.time("from"), in.time("to"), in.optionalStr("eventId"), in.optionalStr("orgId")
	if err := in.err(); err != nil {
		return nil, err
	}
	now := time.Now()
	if eventID != "" && !to.Before(now) && !from.After(now) {
		return a.liveKPIs(ctx, eventID, now.Sub(from))
	}
	t, err := a.Database.Totals(ctx, eventID, from, to)
	if err != nil {
		return nil, err
	}
	if orgID != "" && orgID != event.Org.ID {
		t.Attendees = 0
	}
	// The taps' own modes are in lower case: they stand beside the three that are always there, which stay 0.
	t.Modes["PRE"], t.Modes["LIVE"], t.Modes["POST"] = 0, 0, 0
	k := kpis{TotalTaps: t.Taps, UniqueBands: t.Bands, ActiveEvents: t.Events, PeakTPM: t.PeakMinute, ModeDistribution: t.Modes}
	k.derive(to.Sub(from), t.Attendees)
	return k, nil
}

// liveKPIs answers with all that an event's counters have ever counted.
func (a *Admin) liveKPIs(ctx context.Context, eventID string, span time.Duration) (any, error) {
	attendees, err := a.Database.Attendees(ctx, eventID)
	if err != nil {
		return nil, err
	}
	var (
		counts []any
		unique int64
	)
	modes := []string{"pre", "live", "post"}
	err = store.Natively(ctx, func(ctx context.Context) (err error) {
		keys := []string{store.TotalKey(eventID)}
		for _, mode := range modes {
			keys = append(keys, store.ModeKey(eventID, mode))
		}
		pipe := a.Store.Pipeline()
		all, bands := pipe.MGet(ctx, keys...), pipe.PFCount(ctx, store.UniqueKey(eventID))
		_, err = pipe.Exec(ctx)
		counts, unique = all.Val(), bands.Val()
		return err
	})
	if err != nil {
		return nil, err
	}
	k := kpis{TotalTaps: count(counts[0]), UniqueBands: unique, ActiveEvents: 1, PostEventTaps: count(counts[3]),
		ModeDistribution: map[string]int64{"PRE": count(counts[1]), "LIVE": count(counts[2]), "POST": count(counts[3])}}
	expected := int64(0)
	if attendees != nil {
		expected = *attendees
	}
	k.derive(span, expected)
	return k, nil
}

// derive fills in what follows from the counts.
func (k *kpis) derive(span time.Duration, attendees int64) {
	k.TPM = hundredths(float64(k.TotalTaps) / max(1, span.Minutes()))
	if attendees > 0 {
		k.BandActivityPercent = math.Round(float64(k.UniqueBands) / float64(attendees) * 100)
	}
	if k.UniqueBands > 0 {
		k.AvgTapsPerBand = hundredths(float64(k.TotalTaps) / float64(k.UniqueBands))
	}
}

func hundredths(x float64) float64 { return math.Round(x*100) / 100 }

// summary is what eventSummary answers.
type summary struct {
	BandCount          int64   `json:"bandCount"`
	TapCount           int64   `json:"tapCount"`
	UniqueBands        int64   `json:"uniqueBands"`
	RepeatBands        int64   `json:"repeatBands"`
	EngagementPercent  float64 `json:"engagementPercent"`
	EstimatedAttendees *int64  `json:"estimatedAttendees"`
}

func (a *Admin) eventSummary(ctx context.Context, _ *database.User, in *input) (any, error) {
	eventID := in.str("eventId")
	filter := database.Filter{WindowID: in.optionalStr("windowId"), From: in.optionalTime("from"), To: in.optionalTime("to")}
	if err := in.err(); err != nil {
		return nil, err
	}
	s, err := a.Database.EventSummary(ctx, eventID, filter)
	if err != nil {
		return nil, err
	}
	answer := summary{BandCount: s.Bands, TapCount: s.Taps, UniqueBands: s.UniqueBands, RepeatBands: s.RepeatBands, EstimatedAttendees: s.Attendees}
	if s.Attendees != nil && *s.Attendees > 0 {
		share := float64(s.UniqueBands) / float64(*s.Attendees)
		answer.EngagementPercent = min(100, math.Round(share*100))
		if filter != (database.Filter{}) {
			answer.EngagementPercent = hundredths(share * 100)
		}
	}
	return answer, nil
}

func (a *Admin) exportTaps(ctx context.Context, user *database.User, in *input) (any, error) {
	from, to, eventID := in.time("from"), in.time("to"), in.optionalStr("eventId")
	if err := in.err(); err != nil {
		return nil, err
	}
	if user.Role == customer {
		eventID = "" // a customer gets all events of the organization, whichever they ask for
	}
	return a.Database.ExportTaps(ctx, eventID, from, to)
}

func (a *Admin) velocityHistory(ctx context.Context, user *database.User, in *input) (any, error) {
	eventID := in.str("eventId")
	if err := in.err(); err != nil {
		return nil, err
	}
	if user.Role == customer {
		org, err := a.Database.EventOrg(ctx, eventID)
		if err != nil {
			return nil, err
		}
		if user.OrgID == nil || org != *user.OrgID {
			return nil, errForbidden
		}
	}
	type point struct {
		Bucket int64 `json:"bucket"`
		Count  int64 `json:"count"`
	}
	first := time.Now().Unix()/10 - velocityBuckets + 1
	counts, err := a.counts(ctx, velocityBuckets, func(i int) string { return store.VelocityKey(eventID, first+int64(i)) })
	points := make([]point, len(counts))
	for i, n := range counts {
		points[i] = point{first + int64(i), n}
	}
	return points, err
}

func (a *Admin) tapsByHour(ctx context.Context, _ *database.User, in *input) (any, error) {
	eventID, hours := in.str("eventId"), int(in.number("hours", 1, maxHours, 24))
	if err := in.err(); err != nil {
		return nil, err
	}
	type point struct {
		Hour  string `json:"hour"`
		Count int64  `json:"count"`
	}
	now := time.Now().UTC()
	hour := func(i int) time.Time { return now.Add(time.Duration(i-hours+1) * time.Hour) }
	counts, err := a.counts(ctx, hours, func(i int) string { return store.HourlyKey(eventID, hour(i)) })
	points := make([]point, len(counts))
	for i, n := range counts {
		points[i] = point{hour(i).Format("2006-01-02T15"), n}
	}
	return points, err
}

// counts reads n counters out of Redis; one that isn't there is 0.
func (a *Admin) counts(ctx context.Context, n int, key func(i int) string) ([]int64, error) {
	keys, counts := make([]string, n), make([]int64, n)
	for i := range n {
		keys[i] = key(i)
	}
	err := store.Natively(ctx, func(ctx context.Context) error {
		values, err := a.Store.MGet(ctx, keys...).Result()
		for i, v := range values {
			counts[i] = count(v)
		}
		return err
	})
	if err != nil && err != redis.Nil {
		return nil, fmt.Errorf("read the counters from Redis: %w", err)
	}
	return counts, nil
}

// count is a counter as Redis gives it.
func count(v any) int64 {
	s, _ := v.(string)
	n, _ := strconv.ParseInt(s, 10, 64) // INCR has made sure that it's a number
	return n
}
