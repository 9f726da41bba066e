package capacity

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// A script's own limit keeps the proportion of its warning; one without a warning gets none.
func TestWithFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit      Limit
		fail, warn float64
	}{
		{Limit{Warn: 50, Fail: 100}, 200, 100},
		{Limit{Warn: 50, Fail: 100}, 40, 20},
		{Limit{Warn: 0.1, Fail: 0.1}, 0.5, 0.5},
		{Limit{Above: true, Warn: 0.99, Fail: 0.95}, 0.9, 0.98},
		{Limit{Above: true, Warn: 0.99, Fail: 0.95}, 0.995, 0.999},
		{Limit{Above: true, Warn: 0.99, Fail: 0.99}, 0.96, 0.96},
	} {
		if got := c.limit.WithFail(c.fail); got.Fail != c.fail || got.Warn != c.warn || got.Above != c.limit.Above {
			t.Errorf("%+v: got %+v, want a warning at %v", c.limit, got, c.warn)
		}
	}
}

func TestLimitsWith(t *testing.T) {
	t.Parallel()
	number := func(value float64) *float64 { return &value }
	limits, err := LimitsWith(map[string]*Tiers{
		"redirect_latency": {Warn: number(70), Fail: number(80)}, "error_rate": {Fail: number(0.5)}, "cron_errors": nil, "cron_drop_rate": {Fail: number(0.02)},
		"analytics_latency": {Warn: number(100)},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, warns := make(map[string]float64), make(map[string]float64)
	for _, l := range limits {
		got[l.Metric], warns[l.Metric] = l.Fail, l.Warn
	}
	if warns["redirect_latency"] != 70 || warns["error_rate"] != 0.166666666667 || warns["cron_drop_rate"] != 0 || warns["analytics_latency"] != 100 || got["analytics_latency"] != 8000 {
		t.Errorf("warnings %v", warns)
	}
	if _, ok := got["cron_errors"]; ok || len(got) != len(Limits)-1 || got["redirect_latency"] != 80 || got["error_rate{part:admin}"] != 0.5 || got["cron_drop_rate"] != 0.02 {
		t.Errorf("got %v", got)
	}
	for metric, fail := range map[string]float64{
		"redirect": 5, "error_rate": 3, "csv_export_latency": 0, "kv_hit_rate": 99, "redirect_latency": -1, "analytics_latency": math.Inf(1), "cron_errors": math.NaN(),
	} {
		if _, err := LimitsWith(map[string]*Tiers{metric: {Fail: &fail}}); err == nil || !strings.Contains(err.Error(), metric) {
			t.Errorf("%s of %v: got %v", metric, fail, err)
		}
	}
}

// What the generator may add depends on the redirects' warning as it is set; without a limit for redirects, on the default one.
func TestMaxLag(t *testing.T) {
	t.Parallel()
	warn := 200.0
	for want, own := range map[time.Duration]map[string]*Tiers{
		10 * time.Millisecond: {"error_rate": nil}, 40 * time.Millisecond: {"redirect_latency": {Warn: &warn, Fail: &warn}},
	} {
		limits, err := LimitsWith(own)
		if err != nil || MaxLag(limits) != want {
			t.Errorf("%v: %s, %v", own, MaxLag(limits), err)
		}
	}
	if got := MaxLag(nil); got != 10*time.Millisecond {
		t.Errorf("without limits: %s", got)
	}
}

func TestThresholds(t *testing.T) {
	t.Parallel()
	limits := []Limit{limitOf(t, "redirect p95"), limitOf(t, "redirect error rate"), limitOf(t, "KV hit rate"), limitOf(t, "flush drop rate")}
	want := "[{redirect_latency p(95)<100} {error_rate{part:worker} rate<0.03} {kv_hit_rate rate>0.99} {cron_drop_rate value<0.01} " +
		"{redirect_latency{plateau:50} p(95)<100} {error_rate{plateau:50} rate<0.03}]"
	if got := fmt.Sprint(Thresholds(limits, []string{"50"})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Anything but 0 is past a tier of 0, and anything but 1 past one of 1 from above, for k6 and for us.
func TestAny(t *testing.T) {
	t.Parallel()
	l := limitOf(t, "flush drop rate")
	none, all := l.WithFail(0), limitOf(t, "KV hit rate").WithFail(1)
	for _, c := range []struct {
		limit Limit
		value float64
		want  Status
	}{{l, 0, Pass}, {l, 1e-9, Warn}, {l, 0.01, Fail}, {none, 0, Pass}, {none, 1e-9, Fail}, {all, 1, Pass}, {all, 0.999999, Fail}} {
		if got := c.limit.tier(c.value); got != c.want {
			t.Errorf("%v with a limit of %v is %s, want %s", c.value, c.limit.Fail, got, c.want)
		}
	}
	if got := none.expression(); got != "value<=0" {
		t.Errorf("k6 holds it to %s", got)
	}
	if got := all.expression(); got != "rate>=1" {
		t.Errorf("k6 holds it to %s", got)
	}
	for metric, want := range map[string]string{"error_rate": "{error_rate{part:admin} rate<=0}", "cron_errors": "{cron_errors rate<=0}", "kv_hit_rate": "above 0"} {
		zero := 0.0
		limits, err := LimitsWith(map[string]*Tiers{metric: {Fail: &zero}})
		if got := fmt.Sprint(Thresholds(limits, nil), err); !strings.Contains(got, want) {
			t.Errorf("%s of 0: %s", metric, got)
		}
	}
}

func limitOf(t *testing.T, label string) Limit {
	t.Helper()
	m, ok := Find(label)
	if !ok {
		t.Fatalf("no metric is called %s", label)
	}
	return m.Limit
}
