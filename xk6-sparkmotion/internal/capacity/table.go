package capacity

import "github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"

// Two runs of one system differ by a few per cent, and by how late a healthy generator's timers are: smaller changes don't matter.
var (
	latencyMatters = Matters{Part: 0.05, Least: 0.1}
	shareMatters   = Matters{Least: 0.001} // a tenth of the tightest limit on a share
	growthMatters  = Matters{Part: 0.05, Least: 1}
)

// Metrics are all figures of a run, in the order in which they are shown. A new metric is a row here and, if counts lack what it needs, a
// field in [Counts].
var Metrics = []Metric{
	Metric{
		Limit:  Limit{Label: "achieved", Unit: units.PerSecond, Above: true},
		Column: Column{TapsTable, "Achieved taps/s"}, Matters: Matters{Part: maxDropped},
	}.derived(func(p *Plateau) *float64 { return &p.Achieved }).surely((*Plateau).achievedEstimate),
	Metric{
		Limit:  Limit{Metric: "redirect_latency", Stat: "p(50)", Label: "redirect p50", Part: Worker},
		Column: Column{TapsTable, "Redirect p50"}, Matters: latencyMatters,
	}.redirects(50),
	Metric{
		Limit:     Limit{Metric: "redirect_latency", Stat: "p(95)", Label: "redirect p95", Part: Worker, Warn: 50, Fail: 100, Enough: 20},
		Of:        RedirectsPart,
		InPlateau: "redirect_latency", Column: Column{TapsTable, "Redirect p95"}, Matters: latencyMatters,
	}.redirects(95),
	Metric{
		Limit:  Limit{Metric: "redirect_latency", Stat: "p(99)", Label: "redirect p99", Part: Worker},
		Column: Column{TapsTable, "Redirect p99"}, Matters: latencyMatters,
	}.redirects(99),
	Metric{
		Limit:  Limit{Metric: "redirect_latency", Stat: "max", Label: "redirect max", Part: Worker},
		Column: Column{TapsTable, "Redirect max"},
	}.redirects(100).alone(),
	Metric{
		Limit: Limit{
			Metric: "error_rate{part:worker}", Stat: "rate", Label: "redirect error rate", Part: Worker, Warn: 0.01, Fail: 0.03, Enough: 100,
		},
		Of:        RedirectsPart,
		InPlateau: "error_rate", // only taps carry a plateau's tag
		Column:    Column{TapsTable, "Errors"}, Failures: "Taps", Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.Taps - p.Counts.Redirected, p.Counts.Taps }),
	Metric{
		Limit: Limit{
			Metric: "kv_hit_rate", Stat: "rate", Label: "KV hit rate", Part: Worker, Above: true, Warn: 0.99, Fail: 0.99, Enough: 100,
		},
		Of:     RedirectsPart,
		Column: Column{TapsTable, "KV hits"}, Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.Hits, p.Counts.Told }),
	Metric{
		Limit:  Limit{Metric: "connect_latency", Stat: "p(95)", Label: "connect p95", Part: Worker},
		Column: Column{TapsTable, "Connect p95"}, Rare: true, Matters: latencyMatters,
	}.requests(func(c *Counts) histogram { return c.Connect }),
	Metric{
		Limit: Limit{Label: "settling p95", Unit: units.Time}, Column: Column{TapsTable, "Settling p95"}, Rare: true,
	}.derived(func(p *Plateau) *float64 { return p.settled().p95() }),
	Metric{
		// RFC 9112 allows it, so it is not an error, and has no limit in k6; maxRepeated is what is worth a warning.
		Limit: Limit{Label: "sent again"}, Column: Column{TapsTable, "Sent again"}, Rare: true, Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.Repeated, p.Counts.Taps }),

	Metric{
		Limit: Limit{Label: "dropped", Unit: units.Count}, Column: Column{SystemTable, "Dropped"},
	}.derived(func(p *Plateau) *float64 { dropped := float64(p.Dropped); return &dropped }),
	Metric{
		Limit: Limit{Label: "iterations dropped"}, Matters: Matters{Least: maxDropped},
	}.share(func(p *Plateau) (int64, int64) { return p.Dropped, p.Dropped + p.Started }),
	Metric{
		Limit: Limit{Metric: "generator_lag", Stat: "p(95)", Label: "generator lag p95"}, Column: Column{SystemTable, "Generator lag p95"},
	}.requests(func(c *Counts) histogram { return c.Lag }).alone(),
	Metric{
		Limit: Limit{Label: delayLabel}, Column: Column{SystemTable, "Start delay p95"}, Rare: true,
	}.requests(func(c *Counts) histogram { return c.Delay }).alone(),
	Metric{
		Limit: Limit{Metric: "generator_limited", Stat: "rate", Label: "generator late"},
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.Late, p.Counts.Lag.count() }).alone(),

	Metric{
		Limit: Limit{
			Metric: "analytics_latency", Stat: "p(95)", Label: "analytics p95", Part: Admin, Warn: 5000, Fail: 8000, Enough: 20,
		},
		Of:     DashboardsPart,
		Column: Column{SystemTable, "Analytics p95"}, Matters: latencyMatters,
	}.requests(func(c *Counts) histogram { return c.Analytics }),
	Metric{
		Limit: Limit{
			Metric: "csv_export_latency", Stat: "p(95)", Label: "export p95", Part: Admin, Warn: 10_000, Fail: 15_000, Enough: 20,
		},
		Of:     ExportsPart,
		Column: Column{SystemTable, "Export p95"}, Matters: latencyMatters,
	}.requests(func(c *Counts) histogram { return c.Exports }),
	Metric{
		Limit: Limit{Label: "export rows", Unit: units.Rows}, Column: Column{VolumeTable, "Rows an export"},
	}.mean(func(c *Counts) (int64, int64) { return c.ExportRows, c.Exports.count() }),
	Metric{
		Limit: Limit{Label: "export size", Unit: units.Bytes}, Column: Column{VolumeTable, "Size of an export"},
	}.mean(func(c *Counts) (int64, int64) { return c.ExportBytes, c.Exports.count() }),
	Metric{
		Limit: Limit{Label: "empty exports"}, Column: Column{VolumeTable, "Empty exports"}, Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.ExportsEmpty, p.Counts.exports() }),
	Metric{
		// A thousand times fewer than taps, they would be lost in the total.
		Limit: Limit{
			Metric: "error_rate{part:admin}", Stat: "rate", Label: "admin error rate", Part: Admin, Warn: 0.01, Fail: 0.03, Enough: 100,
		},
		Of:       DashboardsPart,
		Failures: "Admin queries", Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.QueriesFailed, p.Counts.Queries }),

	Metric{
		Limit: Limit{Label: "queued", Unit: units.PerSecond}, Column: Column{SystemTable, "Queued taps/s"},
	}.derived(func(p *Plateau) *float64 { return p.Queued }),
	Metric{
		Limit: Limit{Label: "flushed", Unit: units.PerSecond}, Column: Column{SystemTable, "Flushed taps/s"},
	}.derived(func(p *Plateau) *float64 { return p.Flushed }),
	Metric{
		Limit: Limit{Label: "queue growth", Unit: units.PerSecond}, Column: Column{SystemTable, "Growth taps/s"}, Signed: true, Of: FlushPart, Matters: growthMatters,
	}.derived(func(p *Plateau) *float64 { return p.Growth }).surely((*Plateau).growthEstimate),
	Metric{
		// A Gauge in k6: its Rates count events, and the system's counters are not events of ours.
		Limit: Limit{
			Metric: "taps_lost", Stat: "value", Label: "taps lost", Part: Recorded, Warn: 0.001, Fail: 0.01, Enough: 100,
		},
		Of: RecordingPart, Column: Column{TapsTable, "Lost"}, Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Ledger.Loss() }),
	Metric{
		// A run has 25 samples: a single failure is past the limit, so a pass says that there was none.
		Limit: Limit{
			Metric: "error_rate{part:upstash}", Stat: "rate", Label: "queue sample error rate", Part: Upstash, Warn: 0.01, Fail: 0.03, Enough: 20,
		},
		Of:       RecordingPart,
		Failures: "Queue samples", Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.SamplesFailed, p.Counts.Samples }),
	Metric{
		Limit:    Limit{Metric: "cron_errors", Stat: "rate", Label: "flush error rate", Part: Hub, Warn: 0.10, Fail: 0.10, Enough: 10},
		Of:       FlushPart,
		Failures: "Flushes", Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.FlushesFailed, p.Counts.Flushes }),
	Metric{
		// A dropped tap is lost, so any is worth a warning. A Gauge in k6: its Rates count events, not taps.
		Limit:  Limit{Metric: "cron_drop_rate", Stat: "value", Label: "flush drop rate", Part: Hub, Fail: 0.01, Enough: 100},
		Of:     FlushPart,
		Column: Column{VolumeTable, "Dropped by flushes"}, Matters: shareMatters,
	}.share(func(p *Plateau) (int64, int64) { return p.Counts.FlushDropped, p.Counts.drained() }),

	Metric{
		Limit: Limit{Metric: "error_rate", Stat: "rate", Label: "error rate", Warn: 0.01, Fail: 0.03, Enough: 100},
	}.share(func(p *Plateau) (int64, int64) {
		c := &p.Counts
		return c.Taps - c.Redirected + c.QueriesFailed + c.SamplesFailed, c.Taps + c.Queries + c.Samples
	}).alone(),
}

// drainMetric is about the whole run: no single plateau shows what the cron can drain.
var drainMetric = Metric{Limit: Limit{Label: "drain", Unit: units.PerSecond, Above: true}, Matters: Matters{Part: growthMatters.Part}}
