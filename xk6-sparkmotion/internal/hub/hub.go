// Package hub triggers the flush of queued taps to the database, as SparkMotion's cron does.
package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

// Flushed is the Hub's answer to a flush.
type Flushed struct {
	Success       bool    `json:"success"`
	Flushed       int64   `json:"flushed"`       // taps moved to the database
	Dropped       int64   `json:"dropped"`       // taps whose band is not in the database: gone
	Batches       float64 `json:"batches"`       // that were tried
	FailedBatches int64   `json:"failedBatches"` // that went back on the queue, each as often as it failed
	Remaining     int64   `json:"remaining"`     // taps still queued
	DurationMs    float64 `json:"durationMs"`
}

// InPart is the error of a flush with failed batches.
func (f *Flushed) InPart() string {
	return fmt.Sprintf("answered that %d of %v batches failed and went back on the queue. See the Hub's log", f.FailedBatches, f.Batches)
}

// FlushURL returns the URL at which a Hub flushes its queue.
func FlushURL(origin string) string { return strings.TrimRight(origin, "/") + "/api/cron/flush-taps" }

// Flush flushes the queue of the Hub at an origin. Its errors are an [*answer.Error].
func Flush(ctx context.Context, doer answer.Doer, origin, secret string) (*Flushed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, FlushURL(origin), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	a, err := answer.Get(doer, req, "HUB_URL")
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, a.Unexpected("Check CRON_SECRET")
	}
	return read(a)
}

// read reads the answer to a flush that was let in. What only informs may be missing, or anything.
func read(a *answer.Answer) (*Flushed, error) {
	fields := fields{answer: a}
	if err := a.JSON(&fields.values); err != nil {
		return nil, err
	}
	if !fields.has("success") || !fields.has("flushed") || !fields.has("remaining") {
		return nil, a.Wrong("Is HUB_URL the Hub's origin?", "JSON without success, flushed and remaining")
	}
	f := Flushed{
		Success:       fields.boolean("success"),
		Flushed:       fields.count("flushed"),
		Dropped:       fields.count("dropped"),
		Batches:       fields.informs("batches"),
		FailedBatches: fields.count("failedBatches"),
		Remaining:     fields.count("remaining"),
		DurationMs:    fields.informs("durationMs"),
	}
	switch {
	case fields.err != nil:
		return nil, fields.err
	case !f.Success:
		return nil, a.Wrong("The Hub's log says why", "success: false with %d failed batches", f.FailedBatches)
	}
	return &f, nil
}

// fields are an answer's, by name; err is about the first that is of the wrong kind.
type fields struct {
	answer *answer.Answer
	values map[string]json.RawMessage
	err    error
}

func (f *fields) has(name string) bool {
	value, ok := f.values[name]
	return ok && string(value) != "null"
}

// informs reads a number that nothing depends on; 0 when it is missing, or something else.
func (f *fields) informs(name string) (value float64) {
	if json.Unmarshal(f.values[name], &value) != nil {
		return 0
	}
	return value
}

// count reads a whole number that is not below 0; 0 when it is missing.
func (f *fields) count(name string) int64 {
	const wanted = "a whole number from 0"
	var value float64
	f.decode(name, &value, wanted)
	if value < 0 || value != math.Trunc(value) || value > 1<<53 {
		f.wrong(name, wanted)
	}
	return int64(value)
}

func (f *fields) boolean(name string) (value bool) {
	f.decode(name, &value, "true or false")
	return value
}

func (f *fields) decode(name string, into any, wanted string) {
	if value, ok := f.values[name]; ok && json.Unmarshal(value, into) != nil {
		f.wrong(name, wanted)
	}
}

// wrong names a field of the wrong kind, as it came.
func (f *fields) wrong(name, wanted string) {
	if f.err == nil {
		f.err = f.answer.Wrong("Is this the version of the Hub that you expect?", "JSON in which %s is %s instead of %s",
			name, answer.Clip(string(f.values[name]), 40), wanted)
	}
}
