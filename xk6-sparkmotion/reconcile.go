package sparkmotion

import (
	"errors"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
)

type reconcileOptions struct {
	URL      string        `js:"url" env:"UPSTASH_REDIS_REST_URL" form:"url"`
	Token    string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" secret:"true"`
	RedisURL string        `js:"redisURL" env:"REDIS_URL" secret:"true"`
	Timeout  time.Duration `js:"timeout" default:"45s" above:"0"` // k6 gives teardown() 60 s
}

const (
	// pollTime is between two looks at whether all has arrived.
	pollTime = 250 * time.Millisecond
	// quietTime is how long nothing must move for what is missing to be lost: longer than a client waits before it tries again.
	quietTime = 6 * time.Second
	// blindTime is for how long readings may fail until what was seen before counts no more: a system that is back is tried again.
	blindTime = 2 * time.Second
)

// reconcile is for teardown(): it waits until the taps that were redirected have all been received and flushes under way have ended, or
// nothing moves any more, and returns what became of them: {redirected, received, flushed, dropped, waiting, lost, unaccounted,
// otherTraffic}. null, and one line in the log, when no queue is configured.
func (m *module) reconcile(call sobek.FunctionCall) (any, error) {
	var o reconcileOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	source := queue.Source{URL: o.URL, Token: o.Token, RedisURL: o.RedisURL, Key: pendingKey, Timeout: lookTime}
	if err := source.Check(); err != nil {
		return nil, err
	}
	if !source.Configured() {
		m.process.notices.once("reconcile", func() {
			m.logger().Info("reconcile skips: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, to tell whether every tap is recorded")
		})
		return nil, nil
	}
	reading, settled, err := m.settle(source, time.Now().Add(o.Timeout))
	if err != nil {
		return nil, err
	}
	m.meter.Settle(reading, settled)
	l := m.process.meter.Recorder.Ledger()
	if l == nil {
		return nil, errors.New("there is no earlier reading to compare with: call preflight() in setup(), or queueDepth() in the run")
	}
	return object(m.vu.Runtime(), "redirected", l.Redirected, "received", l.Received, "flushed", l.Flushed, "dropped", l.Dropped,
		"waiting", l.Waiting, "lost", *l.Lost, "unaccounted", l.Unaccounted, "otherTraffic", max(0, l.Received-l.Redirected))
}

// settle reads until nothing is under way, or time is up; the error is that of the last reading, if there was none for a while.
func (m *module) settle(source queue.Source, deadline time.Time) (last capacity.Reading, settled bool, err error) {
	var seen, moved time.Time
	for {
		reading, _, err := m.read(source)
		now := time.Now()
		switch {
		case errors.Is(err, errInit):
			return last, false, err
		case err != nil:
		case m.arrived(reading):
			return reading, true, nil
		default:
			if !reading.Same(last) || now.Sub(seen) > blindTime {
				moved = now
			}
			last, seen = reading, now
		}
		switch {
		case err == nil && now.Sub(moved) >= quietTime:
			return last, true, nil
		case now.After(deadline) && now.Sub(seen) > blindTime:
			return last, false, err
		case now.After(deadline):
			return last, false, nil
		}
		select {
		case <-time.After(pollTime):
		case <-m.vu.Context().Done():
			return last, false, m.vu.Context().Err()
		}
	}
}

// arrived reports whether a reading accounts for all taps.
func (m *module) arrived(reading capacity.Reading) bool {
	l := m.process.meter.Recorder.Against(reading)
	return l == nil || l.Received >= l.Redirected && l.Unaccounted == 0
}

// mark reads the system's counters when the first tap of a plateau has ended, so that what is lost is told of the plateau that lost it.
func (m *module) mark(p lane.Plateau) {
	if p.Name == m.marked.Name && p.Scenario == m.marked.Scenario {
		return
	}
	m.marked = p
	if p.Name != "" && m.vu.Context().Err() == nil {
		m.process.marks.once(p.Scenario+" "+p.Name, m.glance)
	}
}
