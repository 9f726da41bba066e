package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const (
	velocityBuckets = 180 // of ten seconds: half an hour, as long as Redis keeps them
	maxHours        = 24 * 7
)

func (a *Admin) kpis(ctx context.Context, in *input) (any, error) {
	from, to := in.time("from"), in.time("to")
	if err := in.err(); err != nil {
		return nil, err
	}
	return a.Database.KPIs(ctx, from, to)
}

func (a *Admin) eventSummary(ctx context.Context, _ *input) (any, error) {
	return a.Database.EventSummary(ctx)
}

func (a *Admin) exportTaps(ctx context.Context, in *input) (any, error) {
	eventID, from, to := in.str("eventId"), in.time("from"), in.time("to")
	if err := in.err(); err != nil {
		return nil, err
	}
	return a.Database.ExportTaps(ctx, eventID, from, to)
}

// point is one bucket of a series.
type point struct {
	At   database.Time `json:"at"` // the bucket's start
	Taps int64         `json:"taps"`
}

func (a *Admin) velocityHistory(ctx context.Context, in *input) (any, error) {
	eventID := in.str("eventId")
	if err := in.err(); err != nil {
		return nil, err
	}
	first := time.Now().Unix()/10 - velocityBuckets + 1
	return a.series(ctx, velocityBuckets, func(i int) (string, time.Time) {
		bucket := first + int64(i)
		return store.VelocityKey(eventID, bucket), time.Unix(bucket*10, 0)
	})
}

func (a *Admin) tapsByHour(ctx context.Context, in *input) (any, error) {
	eventID, hours := in.str("eventId"), in.integer("hours", 1, maxHours)
	if err := in.err(); err != nil {
		return nil, err
	}
	first := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(hours-1) * time.Hour)
	return a.series(ctx, hours, func(i int) (string, time.Time) {
		hour := first.Add(time.Duration(i) * time.Hour)
		return store.HourlyKey(eventID, hour), hour
	})
}

// series reads n counters out of Redis, oldest first; one that isn't there is 0.
func (a *Admin) series(ctx context.Context, n int, bucket func(i int) (key string, at time.Time)) ([]point, error) {
	keys, points := make([]string, n), make([]point, n)
	for i := range n {
		key, at := bucket(i)
		keys[i], points[i].At.Time = key, at
	}
	counts, err := a.Store.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, fmt.Errorf("read the counters from Redis: %w", err)
	}
	for i, count := range counts {
		if s, ok := count.(string); ok {
			points[i].Taps, _ = strconv.ParseInt(s, 10, 64) // INCR has made sure that it's a number
		}
	}
	return points, nil
}
