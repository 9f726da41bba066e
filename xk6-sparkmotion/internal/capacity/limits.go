package capacity

import "fmt"

// Limit is one metric's two tiers. A value past Warn is worth a warning; past Fail, k6 fails the run.
type Limit struct {
	Metric string  `json:"metric"`         // as k6 selects it, e.g. error_rate{part:admin}
	Label  string  `json:"label"`          // as a person reads it, e.g. admin error rate
	Part   string  `json:"part"`           // of the system that it speaks of
	Stat   string  `json:"stat"`           // p(95), or rate
	Above  bool    `json:"above"`          // all is well above the limit, not below it
	Warn   float64 `json:"warn"`           // ms, or a fraction
	Fail   float64 `json:"fail"`           // ms, or a fraction
	Enough int64   `json:"enough_samples"` // with fewer the metric is not judged: a p95 of 10 is their maximum
}

// The parts of the system; the tag part of error_rate has the first three.
const (
	Worker  = "worker"
	Admin   = "admin"
	Upstash = "upstash"
	Hub     = "hub"
)

// Limits are SparkMotion's.
var Limits = []Limit{
	{"redirect_latency", "redirect p95", Worker, "p(95)", false, 50, 100, 20},
	{"analytics_latency", "analytics p95", Admin, "p(95)", false, 5000, 8000, 20},
	{"csv_export_latency", "export p95", Admin, "p(95)", false, 10000, 15000, 20},
	{"error_rate", "error rate", "", "rate", false, 0.01, 0.03, 100},
	{"error_rate{part:worker}", "redirect error rate", Worker, "rate", false, 0.01, 0.03, 100},
	// A thousand times fewer than taps: lost in the sum of all.
	{"error_rate{part:admin}", "admin error rate", Admin, "rate", false, 0.01, 0.03, 100},
	// A run has 25 samples: a single one that fails is past the limit, so that a pass says that none did.
	{"error_rate{part:upstash}", "queue sample error rate", Upstash, "rate", false, 0.01, 0.03, 20},
	{"kv_hit_rate", "KV hit rate", Worker, "rate", true, 0.99, 0.99, 100},
	{"cron_errors", "flush error rate", Hub, "rate", false, 0.10, 0.10, 10},
}

// Status is what is known of a metric, a plateau, or a run.
type Status string

// From the best to the worst. The last two are no verdict on the system.
const (
	Pass      Status = "PASS"
	Warn      Status = "WARN"
	Fail      Status = "FAIL"
	NoData    Status = "NOT ENOUGH DATA"
	Generator Status = "GENERATOR"
)

// Threshold is k6's expression for the fail tier.
func (l Limit) Threshold() string {
	holds := "<"
	if l.Above {
		holds = ">"
	}
	return fmt.Sprintf("%s%s%v", l.Stat, holds, l.Fail)
}

// InPlateau is how k6 selects a limit's metric in one plateau, if it has a threshold there. Only taps carry a plateau's tag: errors
// with it are the Worker's.
func (l Limit) InPlateau(name string) (selector string, ok bool) {
	switch l.Metric {
	case "redirect_latency":
		return "redirect_latency{plateau:" + name + "}", true
	case "error_rate{part:worker}":
		return "error_rate{plateau:" + name + "}", true
	}
	return "", false
}

// WithFail gives the limit with another fail tier, and a warning no later than that; one that does not warn still doesn't.
func (l Limit) WithFail(fail float64) Limit {
	switch {
	case l.Warn == l.Fail:
		l.Warn = fail
	case l.Above:
		l.Warn = max(l.Warn, fail)
	default:
		l.Warn = min(l.Warn, fail)
	}
	l.Fail = fail
	return l
}

// tier tells on which side of the limits a value is.
func (l Limit) tier(value float64) Status {
	past := func(limit float64) bool {
		if l.Above {
			return value <= limit
		}
		return value >= limit
	}
	switch {
	case past(l.Fail):
		return Fail
	case past(l.Warn):
		return Warn
	}
	return Pass
}

// of gives a tier's limit.
func (l Limit) of(tier Status) float64 {
	if tier == Fail {
		return l.Fail
	}
	return l.Warn
}

// worse gives the worse of two verdicts on the system.
func worse(a, b Status) Status {
	order := map[Status]int{Pass: 1, Warn: 2, Fail: 3}
	if order[b] > order[a] {
		return b
	}
	return a
}
