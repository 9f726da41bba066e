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
// null, and one line in the log a run, when neither is configured. It throws when the queue can't be read. In the same pipeline it reads
// the system's own counters of taps, by which the report tells what became of each.
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

// look takes a sample of the queue and of the system's counters, and counts it.
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

// read reads the queue's length and the system's counters, and says how long Upstash took for it.
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

// lookTime is how long a look at the queue may take that nobody has asked for.
const lookTime = 5 * time.Second

// glance takes a sample that nobody has asked for, of the queue that preflight has tried or the script has asked for: of no other. Its
// error is counted, and logged once.
func (m *module) glance() {
	watched := m.process.queue.Load()
	if watched == nil {
		return
	}
	source := *watched
	source.Timeout = lookTime
	var counted *failure
	if _, err := m.look(source); errors.As(err, &counted) {
		m.tell(counted.kind, from("the ledger", err).Error)
	}
}
