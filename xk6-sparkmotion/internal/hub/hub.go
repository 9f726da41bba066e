// Package hub triggers the flush of queued taps to the database, as SparkMotion's cron does.
package hub

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
)

// Flushed is the Hub's answer to a flush: counts of taps and batches, and how long it took in ms.
type Flushed struct {
	Success       bool  `json:"success"`
	Flushed       int64 `json:"flushed"`
	Batches       int64 `json:"batches"`
	FailedBatches int64 `json:"failedBatches"`
	Remaining     int64 `json:"remaining"`
	DurationMs    int64 `json:"durationMs"`
}

// FlushURL is where a Hub flushes its queue.
func FlushURL(origin string) string { return strings.TrimSuffix(origin, "/") + "/api/cron/flush-taps" }

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

// read reads the answer to a flush that was let in.
func read(a *answer.Answer) (*Flushed, error) {
	var f Flushed
	if err := a.JSON(&f); err != nil {
		return nil, err
	}
	var needed struct{ Success, Flushed, Remaining *json.RawMessage }
	if err := a.JSON(&needed); err != nil {
		return nil, err
	}
	switch {
	case needed.Success == nil || needed.Flushed == nil || needed.Remaining == nil:
		return nil, a.Wrong("Is HUB_URL the Hub's origin?", "JSON without success, flushed and remaining")
	case !f.Success:
		return nil, a.Wrong("The Hub's log says why", "success: false with %d failed batches", f.FailedBatches)
	}
	return &f, nil
}
