package sparkmotion

import (
	"errors"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
)

// pendingKey is the list that taps wait in.
const pendingKey = "tap-log:pending"

type queueOptions struct {
	URL      string        `js:"url" env:"UPSTASH_REDIS_REST_URL" form:"url"`
	Token    string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" secret:"true"`
	RedisURL string        `js:"redisURL" env:"REDIS_URL" secret:"true"`
	Key      string        `js:"key" default:"tap-log:pending"`
	Timeout  time.Duration `js:"timeout" default:"60s" above:"0"`
}

// queueDepth returns how many taps wait in the queue: LLEN by native Redis when REDIS_URL is set, else by Upstash REST;
// null, and one line in the log a run, when neither is configured. It throws when the queue can't be read.
func (m *module) queueDepth(call sobek.FunctionCall) (any, error) {
	var o queueOptions
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	source := queue.Source(o)
	if err := source.Check(); err != nil {
		return nil, err
	}
	if !source.Configured() {
		m.process.notices.once("queueDepth", func() {
			m.logger().Info("queueDepth skips: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, to sample the queue")
		})
		return nil, nil
	}
	depth, took, err := m.depth(source)
	if errors.Is(err, errInit) {
		return nil, err
	}
	m.meter.UpstashRequest(took)
	sample := capacity.QueueSample{Failed: err != nil, Depth: depth}
	if err != nil {
		sample.Failure = failureOf("queue sample", err)
	}
	if m.meter.QueueSample(sample) && err != nil {
		err = m.counted(capacity.Upstash, sample.Failure, err)
	}
	return depth, err
}

// depth asks for the queue's length, and says how long Upstash took for it.
func (m *module) depth(source queue.Source) (int64, time.Duration, error) {
	c, err := m.client(source.URL, source.Timeout)
	if err != nil {
		return 0, 0, err
	}
	state := m.vu.State()
	depth, err := source.Depth(m.vu.Context(), queue.Network{HTTP: c, Dialer: state.Dialer, TLS: state.TLSConfig, Answered: &m.process.answered})
	return depth, c.Took(), err
}
