package sparkmotion

import (
	"errors"
	"time"

	"github.com/grafana/sobek"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/queue"
)

type reconcileOptions struct {
	URL      string        `js:"url" env:"UPSTASH_REDIS_REST_URL" form:"url"`
	Token    string        `js:"token" env:"UPSTASH_REDIS_REST_TOKEN" secret:"true"`
	RedisURL string        `js:"redisURL" env:"REDIS_URL" secret:"true"`
	Timeout  time.Duration `js:"timeout" above:"0"` // by default what k6's teardownTimeout leaves
}

const (
	// pollTime is the interval of checks whether all taps have arrived.
	pollTime = 250 * time.Millisecond
	// blindTime is how long the queue may be unreadable before reconcile gives up.
	blindTime = 15 * time.Second
	// unseenTime is how long readings may fail before the quiet time starts again: a system that came back gets another chance.
	unseenTime = 2 * time.Second
	// quietTime is how long no tap must arrive before the missing ones count as lost: longer than a client waits before a retry.
	quietTime = 6 * time.Second
	// longestFlush is how long a flush may take. It counts what it has moved only when it ends.
	longestFlush = 60 * time.Second
	// margin is how much of k6's time for teardown() stays unused.
	margin = 5 * time.Second
)

// reconcile, in teardown(), waits until all redirected taps have been received and running flushes have ended, or have had their time, and
// returns what became of the taps: {redirected, received, flushed, dropped, waiting, waitingBefore, lost, flushing,
// unaccounted, otherTraffic}. It returns null, and logs that, when no queue is configured, and throws when the queue can't be read.
func (m *module) reconcile(call sobek.FunctionCall) (any, error) {
	if m.vu.State() == nil {
		return nil, errInit
	}
	defer m.holdsGoal()
	o := reconcileOptions{Timeout: max(margin, m.vu.State().Options.TeardownTimeout.TimeDuration()-margin)}
	if err := m.settings.Read(call.Argument(0), &o); err != nil {
		return nil, err
	}
	source := queue.Source{URL: o.URL, Token: o.Token, RedisURL: o.RedisURL, Key: pendingKey, Timeout: lookTime}
	if err := source.Check(); err != nil {
		return nil, err
	}
	if !source.Configured() {
		m.process.notices.once("reconcile", func() {
			m.logger().Info("reconcile is skipped: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, to check that every tap is recorded")
		})
		return nil, nil
	}
	s := settling{module: m, source: source, deadline: time.Now().Add(o.Timeout)}
	err := s.wait()
	switch {
	case errors.Is(err, errInit):
		return nil, err
	case err != nil:
		kind := failureOf("queue sample", err)
		if m.meter.QueueSample(capacity.QueueSample{Failed: true, Failure: kind}) {
			err = m.counted(capacity.Upstash, kind, err)
		}
		return nil, err
	}
	m.meter.Settle(s.last, s.received(), s.flushing())
	l := m.process.meter.Recorder.Ledger()
	if l == nil {
		return nil, errors.New("there is no earlier reading to compare with: call preflight() in setup(), or queueDepth() in the run")
	}
	return object(m.vu.Runtime(), "redirected", l.Redirected, "received", l.Received, "flushed", l.Flushed, "dropped", l.Dropped,
		"waiting", l.Waiting, "waitingBefore", l.WaitingBefore, "lost", *l.Lost, "flushing", *l.Flushing, "unaccounted", l.Unaccounted, "otherTraffic", max(0, l.Received-l.Redirected))
}

// settling waits until nothing is under way.
type settling struct {
	*module
	source   queue.Source
	deadline time.Time

	last           capacity.Reading
	arrived, moved time.Time // when a tap was last received, and when a flush last moved some
	missing, taken int64     // redirected and not received; received and nowhere
}

// wait reads until it is clear what became of all taps, or time is up. It returns the last reading's error.
func (s *settling) wait() error {
	seen := time.Now()
	s.arrived, s.moved = seen, seen
	for {
		reading, _, err := s.read(s.source)
		switch {
		case err == nil:
			seen = time.Now()
			s.note(reading)
			if s.received() && !s.flushing() {
				return nil
			}
		case time.Since(seen) >= blindTime:
			return err
		case time.Since(seen) >= unseenTime:
			s.arrived, s.moved = time.Now(), time.Now()
		}
		if time.Now().After(s.deadline) {
			return err
		}
		if err := s.until(time.Now().Add(pollTime)); err != nil {
			return err
		}
	}
}

// note adds a reading.
func (s *settling) note(reading capacity.Reading) {
	if reading.Received != s.last.Received {
		s.arrived = time.Now()
	}
	if reading.Flushed != s.last.Flushed || reading.Dropped != s.last.Dropped || reading.Waiting != s.last.Waiting {
		s.moved = time.Now()
	}
	s.last, s.missing, s.taken = reading, 0, 0
	if l := s.process.meter.Recorder.Against(reading); l != nil {
		s.missing, s.taken = l.Redirected-l.Received, l.Unaccounted
	}
}

// received reports whether no tap is on its way to the queue any more. This process doesn't know what other processes of the run have seen
// redirected, so it gives them time.
func (s *settling) received() bool {
	return s.missing <= 0 && !s.segment() || time.Since(s.arrived) >= quietTime
}

// segment reports whether other processes share the run.
func (m *module) segment() bool {
	segment := m.vu.State().Options.ExecutionSegment
	return segment != nil && segment.FloatLength() < 1
}

// flushing reports whether a flush may be running. What Redis held when it lost its data is not in a flush, as long as none moves any.
func (s *settling) flushing() bool {
	longest := longestFlush
	if s.process.meter.Recorder.Resets() > 0 {
		longest = quietTime
	}
	return s.taken > 0 && time.Since(s.moved) < longest
}
