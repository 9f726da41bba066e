package capacity

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// Limit is a metric's name, and its two tiers. A value past Warn is worth a warning; past Fail, k6 fails the run. Any value but 0 is past a
// tier of 0; where good values are above it, any but 1 is past a tier of 1.
type Limit struct {
	Metric string     `json:"metric"` // as k6 selects it, such as error_rate{part:admin}
	Label  string     `json:"label"`  // for people, such as admin error rate
	Part   string     `json:"part"`   // of the system that it concerns
	Stat   string     `json:"stat"`   // p(95), rate or value
	Unit   units.Unit `json:"unit"`   // of Warn and Fail
	Above  bool       `json:"above"`  // good values are above the limit, not below it
	Warn   float64    `json:"warn"`
	Fail   float64    `json:"fail"`
	Enough int64      `json:"enough_samples"` // with fewer the metric is not judged: a p95 of 10 is their maximum
}

// Parts of the system; the first three are values of error_rate's tag part.
const (
	Worker  = "worker"
	Admin   = "admin"
	Upstash = "upstash"
	Hub     = "hub"
	// Recorded is what follows a redirect: only the ledger shows it, and not whether the Worker or Upstash was to blame.
	Recorded = "recording"
)

// Limits are SparkMotion's limits.
var Limits = limitsOf(Metrics)

// Origin is what set a limit.
type Origin string

// The origins of limits.
const (
	FromDefault Origin = "default"
	FromScript  Origin = "script"
)

// origin returns what set the limit: one that equals SparkMotion's is the default, even if a script repeats it.
func (l Limit) origin() Origin {
	if slices.Contains(Limits, l) {
		return FromDefault
	}
	return FromScript
}

// generatorShare is the share of the redirects' warning limit that may be the generator's own.
const generatorShare = 0.2

// MaxLag returns how long a tap at the canary may take under these limits: longer, and too much of the redirects' latency would be the
// generator's own. Without a limit for redirects, the default one applies.
func MaxLag(limits []Limit) time.Duration {
	redirects := func(l Limit) bool { return l.Label == "redirect p95" }
	i := slices.IndexFunc(limits, redirects)
	if i < 0 {
		limits, i = Limits, slices.IndexFunc(Limits, redirects)
	}
	return time.Duration(generatorShare * limits[i].Warn * float64(time.Millisecond))
}

func limitsOf(metrics []Metric) []Limit {
	var limits []Limit
	for _, m := range metrics {
		if m.limited() {
			limits = append(limits, m.Limit)
		}
	}
	return limits
}

// limited reports whether the limit has tiers.
func (l Limit) limited() bool { return l.Enough > 0 }

// Tiers are the tiers that a script gives a limit; a nil one is left to the limit.
type Tiers struct{ Warn, Fail *float64 }

// LimitsWith returns the limits with a script's tiers, by metric; nil drops a limit. Tiers of error_rate apply to its parts too.
func LimitsWith(own map[string]*Tiers) ([]Limit, error) {
	var limits []Limit
	known := make(map[string]bool)
	for _, l := range Limits {
		metric, _, _ := strings.Cut(l.Metric, "{")
		known[metric] = true
		tiers, given := own[metric]
		if given && tiers == nil {
			continue
		}
		if given {
			var err error
			if l, err = l.with(metric, *tiers); err != nil {
				return nil, err
			}
		}
		limits = append(limits, l)
	}
	for _, metric := range slices.Sorted(maps.Keys(own)) {
		if !known[metric] {
			return nil, fmt.Errorf("no limit is known for %q; a metric of the script's own takes k6's syntax beside these", metric)
		}
	}
	return limits, nil
}

// with returns the limit with other tiers. A fail tier alone scales the warning too.
func (l Limit) with(metric string, tiers Tiers) (Limit, error) {
	for _, tier := range []*float64{tiers.Warn, tiers.Fail} {
		if tier == nil {
			continue
		}
		if err := l.accepts(metric, *tier); err != nil {
			return l, err
		}
	}
	if tiers.Fail != nil {
		l = l.WithFail(*tiers.Fail)
	}
	if tiers.Warn == nil {
		return l, nil
	}
	l.Warn = *tiers.Warn
	if late := l.Warn > l.Fail; late != l.Above && l.Warn != l.Fail {
		return l, fmt.Errorf("the warning of %s, %v, must come before it fails, at %v", metric, l.Warn, l.Fail)
	}
	return l, nil
}

func (l Limit) accepts(metric string, fail float64) error {
	switch {
	case math.IsNaN(fail) || math.IsInf(fail, 0):
		return fmt.Errorf("the limit of %s must be a number, got %v", metric, fail)
	case l.Unit == units.Share && (fail < 0 || fail > 1):
		return fmt.Errorf("the limit of %s is a share, 0 to 1, such as 0.03 for 3 %%, got %v; null drops it", metric, fail)
	case l.Unit == units.Share && l.Above && fail == 0:
		return fmt.Errorf("the limit of %s must be above 0, which nothing falls below; null drops it", metric)
	case l.Unit != units.Share && fail <= 0:
		return fmt.Errorf("the limit of %s is in milliseconds above 0, got %v; null drops it", metric, fail)
	}
	return nil
}

// GoalHeld is the k6 metric that says whether the goal is held, 0 or 1.
const GoalHeld = "goal_held"

// GoalThreshold is k6's only threshold in a run with a goal: in most metrics, k6 can't leave out what is above the goal.
var GoalThreshold = Threshold{GoalHeld, "value>0"}

// Threshold is a threshold of k6: an expression that a metric must satisfy.
type Threshold struct{ Metric, Expression string }

// Thresholds returns k6's thresholds for the limits' fail tier, for the whole run and for each plateau where k6 can select it.
func Thresholds(limits []Limit, plateaus []string) []Threshold {
	var thresholds []Threshold
	for _, l := range limits {
		thresholds = append(thresholds, Threshold{l.Metric, l.expression()})
	}
	for _, plateau := range plateaus {
		for _, l := range limits {
			if selector, ok := l.inPlateau(plateau); ok {
				thresholds = append(thresholds, Threshold{selector, l.expression()})
			}
		}
	}
	return thresholds
}

func (l Limit) expression() string {
	holds := "<"
	switch {
	case l.Above && l.Fail == 1:
		holds = ">="
	case l.Above:
		holds = ">"
	case l.Fail == 0:
		holds = "<="
	}
	return fmt.Sprintf("%s%s%v", l.Stat, holds, l.Fail)
}

// WithFail returns the limit with another fail tier, and its warning in proportion; one that does not warn still doesn't.
func (l Limit) WithFail(fail float64) Limit {
	if l.Above { // shares, which fall from 1
		l.Warn = 1 - (1-l.Warn)*(1-fail)/(1-l.Fail)
	} else {
		l.Warn *= fail / l.Fail
	}
	l.Warn = units.Significant(l.Warn, 12) // 0.6, not 0.6000000000000001
	l.Fail = fail
	return l
}

// tier returns whether a value passes, warns or fails.
func (l Limit) tier(value float64) Status {
	past := func(limit float64) bool {
		switch {
		case l.Above && limit == 1:
			return value < 1
		case l.Above:
			return value <= limit
		case limit == 0:
			return value > 0
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

// ofTier returns the limit of a tier.
func (l Limit) ofTier(tier Status) float64 {
	if tier == Fail {
		return l.Fail
	}
	return l.Warn
}
