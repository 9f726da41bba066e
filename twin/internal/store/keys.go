package store

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// The ledger: the list that taps wait in, pushed and taken on the left, and the system's own counters.
const (
	Queue    = "tap-log:pending"
	Received = "monitoring:taps:received"
	Flushed  = "monitoring:taps:flushed"
	Dropped  = "monitoring:taps:dropped"
	errorLog = "monitoring:errors:log"
)

// ErrorKey counts errors of a kind.
func ErrorKey(kind string) string { return "monitoring:errors:" + kind }

// TotalKey counts an event's taps.
func TotalKey(eventID string) string { return "analytics:" + eventID + ":taps:total" }

// UniqueKey counts an event's bands.
func UniqueKey(eventID string) string { return "analytics:" + eventID + ":taps:unique" }

// ModeKey counts an event's taps in a mode.
func ModeKey(eventID, mode string) string { return "analytics:" + eventID + ":mode:" + mode }

// VelocityKey counts an event's taps in one ten-second bucket: Unix time / 10.
func VelocityKey(eventID string, bucket int64) string {
	return "analytics:" + eventID + ":velocity:" + strconv.FormatInt(bucket, 10)
}

// HourlyKey counts an event's taps in the hour of t.
func HourlyKey(eventID string, t time.Time) string {
	return "analytics:" + eventID + ":taps:hourly:" + t.UTC().Format("2006-01-02T15")
}

// Failure is an error that the system counts and remembers, with the tap that met it.
type Failure struct {
	Kind               string // as in monitoring:errors:{kind}
	BandID, EventID    string
	Reason, RedirectTo string
}

// CountFailure counts a failure and puts it on the list of the last 200.
func (s *Store) CountFailure(ctx context.Context, f Failure) error {
	optional := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	entry, _ := json.Marshal(map[string]any{ // strings always marshal
		"ts": time.Now().UTC().Format(event.ISO), "type": f.Kind, "bandId": optional(f.BandID), "eventId": optional(f.EventID),
		"reason": f.Reason, "redirectTo": optional(f.RedirectTo),
	})
	pipe := s.Pipeline()
	pipe.Incr(ctx, ErrorKey(f.Kind))
	pipe.LPush(ctx, errorLog, entry)
	pipe.LTrim(ctx, errorLog, 0, 199)
	_, err := pipe.Exec(ctx)
	return err
}

// CountLogFailed counts a tap that the Worker couldn't record.
func (s *Store) CountLogFailed(ctx context.Context, eventID string) error {
	const kind = "worker_log_failed"
	pipe := s.Pipeline()
	pipe.Incr(ctx, ErrorKey(kind))
	pipe.HIncrBy(ctx, ErrorKey("event:"+eventID), kind, 1)
	_, err := pipe.Exec(ctx)
	return err
}
