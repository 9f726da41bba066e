package sparkmotion

import (
	"time"

	"go.k6.io/k6/v2/metrics"
)

// customMetrics are the metrics of the module. Their names are a contract with thresholds and dashboards.
type customMetrics struct {
	redirectLatency  *metrics.Metric // Trend, ms: one tap, request sent to answer read
	analyticsLatency *metrics.Metric // Trend, ms: one tRPC request
	exportLatency    *metrics.Metric // Trend, ms: one tRPC export
	errorRate        *metrics.Metric // Rate: taps, queries and queue samples that failed; tag part says whose
	kvHitRate        *metrics.Metric // Rate: redirects that came from the Worker's KV
	cronErrors       *metrics.Metric // Rate: flushes that failed, whole or in part
	cronFlushed      *metrics.Metric // Counter: taps that flushes moved to the database
	queueDepth       *metrics.Metric // Gauge: taps waiting in tap-log:pending
	upstashLatency   *metrics.Metric // Trend, ms: one Upstash REST request
	generatorLag     *metrics.Metric // Trend, ms: how late a timer fires in this process
	generatorLimited *metrics.Metric // Rate: of generator_lag above maxLag
}

func registerMetrics(registry *metrics.Registry) (*customMetrics, error) {
	var m customMetrics
	for _, one := range []struct {
		into **metrics.Metric
		name string
		kind metrics.MetricType
		unit metrics.ValueType
	}{
		{&m.redirectLatency, "redirect_latency", metrics.Trend, metrics.Time},
		{&m.analyticsLatency, "analytics_latency", metrics.Trend, metrics.Time},
		{&m.exportLatency, "csv_export_latency", metrics.Trend, metrics.Time},
		{&m.errorRate, "error_rate", metrics.Rate, metrics.Default},
		{&m.kvHitRate, "kv_hit_rate", metrics.Rate, metrics.Default},
		{&m.cronErrors, "cron_errors", metrics.Rate, metrics.Default},
		{&m.cronFlushed, "cron_flushed", metrics.Counter, metrics.Default},
		{&m.queueDepth, "queue_depth", metrics.Gauge, metrics.Default},
		{&m.upstashLatency, "upstash_latency", metrics.Trend, metrics.Time},
		{&m.generatorLag, "generator_lag", metrics.Trend, metrics.Time},
		{&m.generatorLimited, "generator_limited", metrics.Rate, metrics.Default},
	} {
		metric, err := registry.NewMetric(one.name, one.kind, one.unit)
		if err != nil {
			return nil, err
		}
		*one.into = metric
	}
	return &m, nil
}

// emit pushes one sample with the VU's tags and those given as name, value pairs.
func (m *module) emit(metric *metrics.Metric, value float64, tags ...string) {
	state := m.vu.State()
	current := state.Tags.GetCurrentValues()
	for i := 0; i < len(tags); i += 2 {
		current.SetTag(tags[i], tags[i+1]) // #nosec G602 -- in pairs
	}
	metrics.PushIfNotDone(m.vu.Context(), state.Samples, metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: metric, Tags: current.Tags},
		Time:       time.Now(),
		Metadata:   current.Metadata,
		Value:      value,
	})
}

// emitTook emits how long a request took, unless it was never sent.
func (m *module) emitTook(metric *metrics.Metric, took time.Duration, tags ...string) {
	if took > 0 {
		m.emit(metric, metrics.D(took), tags...)
	}
}

// rate is the value of a Rate's sample.
func rate(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
