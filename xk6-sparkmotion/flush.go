package sparkmotion

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

type flushOptions struct {
	URL     string        `js:"url" env:"HUB_URL" need:"true" form:"url"`
	Secret  string        `js:"secret" env:"CRON_SECRET" need:"true" secret:"true"`
	Timeout time.Duration `js:"timeout" default:"60s"`
}

// flushed is the Hub's answer to a flush: counts of taps and batches, and how long it took in ms.
type flushed struct {
	Success       *bool  `json:"success"`
	Flushed       *int64 `json:"flushed"`
	Batches       int64  `json:"batches"`
	FailedBatches int64  `json:"failedBatches"`
	Remaining     *int64 `json:"remaining"`
	DurationMs    int64  `json:"durationMs"`
}

// flushTaps triggers the cron that moves queued taps to the database and returns what it answered: {success, flushed,
// batches, failedBatches, remaining, durationMs}. A flush that fails counts in cron_errors and throws; one with failed
// batches counts in cron_errors too, and returns.
func (m *module) flushTaps(given sobek.Value) *sobek.Object {
	var o flushOptions
	if err := m.options("flushTaps", given, &o); err != nil {
		m.throw(err)
	}
	f, err := m.flush(o)
	if errors.Is(err, errInit) {
		m.throw(in("flushTaps", err))
	}
	m.emit(m.metrics.cronErrors, rate(err != nil || f.FailedBatches > 0))
	if err != nil {
		m.record(func(r *capacity.Recorder) { r.Flush(capacity.Flush{Ended: time.Now()}) })
		m.throw(in("flushTaps", err))
	}
	m.record(func(r *capacity.Recorder) {
		r.Flush(capacity.Flush{Ended: time.Now(), Answered: true, Flushed: *f.Flushed, Remaining: *f.Remaining, Failed: f.FailedBatches > 0})
	})
	m.emit(m.metrics.cronFlushed, float64(*f.Flushed))
	m.emit(m.metrics.queueDepth, float64(*f.Remaining))
	return m.object("success", *f.Success, "flushed", *f.Flushed, "batches", f.Batches,
		"failedBatches", f.FailedBatches, "remaining", *f.Remaining, "durationMs", f.DurationMs)
}

// flush makes the request, without the metrics of the cron.
func (m *module) flush(o flushOptions) (*flushed, error) {
	target := strings.TrimSuffix(o.URL, "/") + "/api/cron/flush-taps"
	c, err := m.client(target, o.Timeout)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(m.context(), http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+o.Secret)
	a, err := answer.Get(c, req, "HUB_URL")
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, a.Unexpected("Check CRON_SECRET")
	}
	var f flushed
	if err := a.JSON(&f); err != nil {
		return nil, err
	}
	switch {
	case f.Success == nil || f.Flushed == nil || f.Remaining == nil:
		return nil, a.Wrong("Is HUB_URL the Hub's origin?", "JSON without success, flushed and remaining")
	case !*f.Success:
		return nil, a.Wrong("The Hub's log says why", "success: false with %d failed batches", f.FailedBatches)
	}
	return &f, nil
}
