package meter

import (
	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// Metrics are the module's own metrics. Their names are a contract with thresholds and dashboards.
type Metrics struct {
	redirectLatency  *metrics.Metric // Trend, ms: one tap, request sent to answer read
	connectLatency   *metrics.Metric // Trend, ms: TCP and TLS of a tap's new connection
	analyticsLatency *metrics.Metric // Trend, ms: one tRPC request
	exportLatency    *metrics.Metric // Trend, ms: one tRPC export
	errorRate        *metrics.Metric // Rate: taps, queries and queue samples that failed; the tag part says whose
	kvHitRate        *metrics.Metric // Rate: redirects that came from the Worker's KV
	cronErrors       *metrics.Metric // Rate: flushes that failed, whole or in part
	cronFlushed      *metrics.Metric // Counter: taps that flushes moved to the database
	cronDropped      *metrics.Metric // Counter: taps that flushes lost, because their band is not in the database
	cronDropRate     *metrics.Metric // Gauge, 0 to 1: share of the taps taken off the queue so far that flushes lost
	tapsLost         *metrics.Metric // Gauge, 0 to 1: share of the taps redirected so far that the system has not received
	capacity         *metrics.Metric // Gauge, taps/s: the rate that findCapacity() has confirmed
	queueDepth       *metrics.Metric // Gauge: taps waiting in tap-log:pending
	upstashLatency   *metrics.Metric // Trend, ms: one Upstash REST request
	audit            auditMetrics
	goalHeld         *metrics.Metric // Gauge, 0 or 1: the run has shown that its goal is held
	generatorLag     *metrics.Metric // Trend, ms: a tap at the canary in this process, counted from when it was due
	generatorLimited *metrics.Metric // Rate: generator_lag above a fifth of the redirects' warning limit
	generatorMemory  *metrics.Metric // Gauge, bytes: memory that Go's runtime holds in this process
}

// auditMetrics are Counters: what an audit found, over the taps that were redirected.
type auditMetrics struct {
	recorded   *metrics.Metric // taps recorded once, as they should be
	lost       *metrics.Metric // taps recorded nowhere
	duplicated *metrics.Metric // rows of a tap after its first
	otherEvent *metrics.Metric // taps recorded under another event than their band's
	otherMode  *metrics.Metric // taps recorded as another mode than their event shows
	unexpected *metrics.Metric // rows from the time of the run that belong to none of its taps
}

// Register registers the metrics. It must be called in the init context.
func Register(registry *metrics.Registry) (*Metrics, error) {
	var m Metrics
	for _, row := range []struct {
		into **metrics.Metric
		name string
		kind metrics.MetricType
		unit metrics.ValueType
	}{
		{&m.redirectLatency, "redirect_latency", metrics.Trend, metrics.Time},
		{&m.connectLatency, "connect_latency", metrics.Trend, metrics.Time},
		{&m.analyticsLatency, "analytics_latency", metrics.Trend, metrics.Time},
		{&m.exportLatency, "csv_export_latency", metrics.Trend, metrics.Time},
		{&m.errorRate, "error_rate", metrics.Rate, metrics.Default},
		{&m.kvHitRate, "kv_hit_rate", metrics.Rate, metrics.Default},
		{&m.cronErrors, "cron_errors", metrics.Rate, metrics.Default},
		{&m.cronFlushed, "cron_flushed", metrics.Counter, metrics.Default},
		{&m.cronDropped, "cron_dropped", metrics.Counter, metrics.Default},
		{&m.cronDropRate, "cron_drop_rate", metrics.Gauge, metrics.Default},
		{&m.tapsLost, "taps_lost", metrics.Gauge, metrics.Default},
		{&m.capacity, "capacity", metrics.Gauge, metrics.Default},
		{&m.queueDepth, "queue_depth", metrics.Gauge, metrics.Default},
		{&m.upstashLatency, "upstash_latency", metrics.Trend, metrics.Time},
		{&m.audit.recorded, "audit_recorded", metrics.Counter, metrics.Default},
		{&m.audit.lost, "audit_lost", metrics.Counter, metrics.Default},
		{&m.audit.duplicated, "audit_duplicated", metrics.Counter, metrics.Default},
		{&m.audit.otherEvent, "audit_other_event", metrics.Counter, metrics.Default},
		{&m.audit.otherMode, "audit_other_mode", metrics.Counter, metrics.Default},
		{&m.audit.unexpected, "audit_unexpected", metrics.Counter, metrics.Default},
		{&m.goalHeld, capacity.GoalHeld, metrics.Gauge, metrics.Default},
		{&m.generatorLag, "generator_lag", metrics.Trend, metrics.Time},
		{&m.generatorLimited, "generator_limited", metrics.Rate, metrics.Default},
		{&m.generatorMemory, "generator_memory", metrics.Gauge, metrics.Data},
	} {
		metric, err := registry.NewMetric(row.name, row.kind, row.unit)
		if err != nil {
			return nil, err
		}
		*row.into = metric
	}
	return &m, nil
}

// rate returns the value of a Rate's sample.
func rate(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
