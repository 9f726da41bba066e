package sparkmotion

import (
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/trpc"
)

// What is counted here is what the metrics count, kept by plateau for report: k6's summary has whole runs only.

// record counts what did not end with the VU, as k6 does with samples.
func (m *module) record(count func(r *capacity.Recorder)) {
	if m.context().Err() == nil {
		count(&m.run.recorder)
	}
}

// recordTap counts a tap. One that was cut off, which k6 does not count, is an iteration that did start.
func (m *module) recordTap(l *line, v tapVerdict, cutOff bool) {
	iteration := m.vu.State().Iteration + 1 // 0 is no iteration yet
	began := l.began
	if !l.due.IsZero() {
		began = l.due
	}
	ended := l.response.Done
	if cutOff {
		ended = time.Now()
	}
	m.run.recorder.Tap(capacity.Tap{
		Began: began, Ended: ended, Latency: l.latency(), Scenario: l.plateau.began,
		First: iteration != m.tapper.iteration, CutOff: cutOff,
		Redirected: v.redirected(), FromKV: v.redirected() && v.isPage,
	})
	m.tapper.iteration = iteration
}

// recordQueries counts a request of an admin, with n queries in it.
func (m *module) recordQueries(c trpc.Client, procedures string, n, failed int) {
	took := took(c)
	m.record(func(r *capacity.Recorder) {
		r.Query(capacity.Query{
			Began: time.Now().Add(-took), Took: took, Export: m.latencyOf(procedures) == m.metrics.exportLatency,
			Queries: int64(n), Failed: int64(failed),
		})
	})
}
