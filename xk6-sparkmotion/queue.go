package sparkmotion

import (
	"errors"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
)

// pendingKey is the list in which taps wait.
const pendingKey = "tap-log:pending"

type queueOptions struct {
	URL      string        `js:"url" env:"UPSTASH_REDIS_REST_URL" form:"url"`
	Token    string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" secret:"true"`
	RedisURL string        `js:"redisURL" env:"REDIS_URL" secret:"true"`
	Key      string        `js:"key" default:"tap-log:pending"`
	Timeout  time.Duration `js:"timeout" default:"60s" above:"0"`
}

// queueDepth returns how many taps wait in the queue: LLEN by native Redis when REDIS_URL is set, otherwise by Upstash REST. It returns null,
// and logs that once per run, when neither is configured. It throws when the queue can't be read. The same pipeline reads the system's own
// counters of taps, from which the report says what became of each tap.
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
			m.logger().Info("queueDepth is skipped: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, to sample the queue")
		})
		return nil, nil
	}
	if source.Key == pendingKey {
		m.process.queue.Store(&source)
	}
	return m.look(source)
}

// look samples the queue and the system's counters, and counts the sample.
func (m *module) look(source queue.Source) (depth int64, err error) {
	reading, took, err := m.read(source)
	if errors.Is(err, errInit) {
		return 0, err
	}
	m.meter.UpstashRequest(took)
	sample := capacity.QueueSample{Failed: err != nil, Depth: reading.Waiting}
	switch {
	case err != nil:
		sample.Failure = failureOf("queue sample", err)
	case source.Key == pendingKey:
		sample.Reading = &reading
	}
	if m.meter.QueueSample(sample) && err != nil {
		err = m.counted(capacity.Upstash, sample.Failure, err)
	}
	return reading.Waiting, err
}

// read reads the queue's length and the system's counters, and returns how long Upstash took.
func (m *module) read(source queue.Source) (capacity.Reading, time.Duration, error) {
	c, err := m.client(source.URL, source.Timeout)
	if err != nil {
		return capacity.Reading{}, 0, err
	}
	state := m.vu.State()
	asked := time.Now()
	r, err := source.Read(m.vu.Context(), queue.Network{HTTP: c, Dialer: state.Dialer, TLS: state.TLSConfig, Answered: &m.process.answered})
	return capacity.Reading{
		Asked: asked, Received: r.Received, Flushed: r.Flushed, Dropped: r.Dropped, Waiting: r.Pending, Errors: r.Errors,
	}, c.Took(), err
}

// lookTime is how long a sample may take that the script didn't request.
const lookTime = 5 * time.Second

// glance takes a sample that the script didn't request, but only of a queue that preflight has tried or the script has read. Its error is
// counted, and logged once.
func (m *module) glance() {
	watched := m.process.queue.Load()
	if watched == nil {
		return
	}
	source := *watched
	source.Timeout = lookTime
	var counted *failure
	if _, err := m.look(source); errors.As(err, &counted) {
		m.tell(counted.kind, from("reading the system's counters", err).Error)
	}
}
