package sparkmotion

import (
	"errors"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hub"
)

type flushOptions struct {
	URL     string        `js:"url" env:"HUB_URL" need:"true" form:"url"`
	Secret  string        `js:"secret" env:"CRON_SECRET" need:"true" secret:"true"`
	Timeout time.Duration `js:"timeout" default:"60s" above:"0"`
}

// flushTaps triggers the cron that moves queued taps to the database and returns its answer: {success, flushed, dropped,
// batches, failedBatches, remaining, durationMs}. A flush that fails counts in cron_errors and throws; one with failed
// batches counts in cron_errors as well, but returns.
func (m *module) flushTaps(call sobek.FunctionCall) (any, error) {
	var o flushOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	f, err := m.countedFlush(o)
	if err != nil {
		return nil, err
	}
	return object(m.vu.Runtime(), "success", f.Success, "flushed", f.Flushed, "dropped", f.Dropped, "batches", f.Batches,
		"failedBatches", f.FailedBatches, "remaining", f.Remaining, "durationMs", f.DurationMs)
}

// countedFlush flushes, and counts the flush.
func (m *module) countedFlush(o flushOptions) (*hub.Flushed, error) {
	f, err := m.flush(o)
	switch {
	case errors.Is(err, errInit):
		return nil, err
	case err != nil:
		kind := failureOf("flush-taps", err)
		if m.meter.Flush(capacity.Flush{Failure: kind}) {
			err = m.counted(capacity.Hub, kind, err)
		}
		return nil, err
	}
	done := capacity.Flush{Answered: true, Failed: f.FailedBatches > 0, Flushed: f.Flushed, Dropped: f.Dropped, Remaining: f.Remaining}
	if done.Failed {
		done.Failure = "flush-taps: batches failed"
	}
	if m.meter.Flush(done) && done.Failed {
		m.process.meter.Recorder.Failed(capacity.Hub, done.Failure, f.InPart)
	}
	if m.process.glances.due(time.Second) {
		m.glance()
	}
	return f, nil
}

// flush makes the request without counting it, for preflight.
func (m *module) flush(o flushOptions) (*hub.Flushed, error) {
	c, err := m.client(hub.FlushURL(o.URL), o.Timeout)
	if err != nil {
		return nil, err
	}
	return hub.Flush(m.vu.Context(), c, o.URL, o.Secret)
}
