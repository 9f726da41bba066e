package deploy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// TestOpenTelemetry has k6 export by OTLP as README says, and wants of the last export what the system under test counted: a tap each.
func TestOpenTelemetry(t *testing.T) {
	t.Parallel()
	tw, c := startTwin(t), newCollector(t)
	script := filepath.Join(t.TempDir(), "taps.js")
	must(t, os.WriteFile(script, []byte(`
		import { plateaus, tap } from 'k6/x/sparkmotion';
		const how = { executor: 'ramping-arrival-rate', preAllocatedVUs: 10, ...plateaus({ rates: [20, 40], hold: '1s' }) };
		export const options = { scenarios: { taps: how } };
		export default () => tap({ band: 'LOADTEST-E1-000001' });
	`), 0o600))
	cmd := exec.CommandContext(t.Context(), absolute(t, "../k6"), "run", "--quiet", "--out", "opentelemetry", script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"HOME=" + cmd.Dir, "K6_NO_USAGE_REPORT=true",
		"K6_OTEL_EXPORTER_PROTOCOL=http/protobuf", "K6_OTEL_HTTP_EXPORTER_INSECURE=true", "K6_OTEL_EXPORT_INTERVAL=500ms",
		"K6_OTEL_HTTP_EXPORTER_ENDPOINT=" + strings.TrimPrefix(c.URL, "http://"), "K6_OTEL_SERVICE_NAME=sparkmotion",
	}
	for name, value := range tw {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	taps := uint64(tw.hits(t))
	if taps == 0 {
		t.Fatal("no tap was redirected")
	}
	for name, want := range map[string]uint64{
		"redirect_latency": taps, "redirect_latency plateau=settling,20,40,ramp-down": taps, "error_rate.total condition=zero": taps, "kv_hit_rate.total condition=nonzero": taps,
		"http_req_duration": taps, "error_rate.total condition=nonzero": 0,
	} {
		name, attribute, _ := strings.Cut(name, " ")
		if got := c.count(name, attribute); got != want {
			t.Errorf("%s %s: %d of %d", name, attribute, got, want)
		}
	}
}

// otlp is the receiver of an OpenTelemetry collector: it keeps the last export of each metric. k6's sums are since the run's start.
type otlp struct {
	*httptest.Server
	mu   sync.Mutex
	last map[string]*metrics.Metric
}

func newCollector(t *testing.T) *otlp {
	t.Helper()
	c := &otlp{last: map[string]*metrics.Metric{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var export collector.ExportMetricsServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &export)
		}
		if err != nil || r.URL.Path != "/v1/metrics" {
			t.Errorf("an export to %s: %v", r.URL, err)
		}
		c.keep(&export)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *otlp) keep(export *collector.ExportMetricsServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range export.GetResourceMetrics() {
		for _, scope := range resource.GetScopeMetrics() {
			for _, m := range scope.GetMetrics() {
				c.last[m.GetName()] = m
			}
		}
	}
}

// count is how many samples of a metric have an attribute, NAME=VALUE with values in commas; of all when it is empty.
func (c *otlp) count(name, attribute string) (n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.last[name].GetHistogram().GetDataPoints() {
		if has(p.GetAttributes(), attribute) {
			n += p.GetCount()
		}
	}
	for _, p := range c.last[name].GetSum().GetDataPoints() {
		if has(p.GetAttributes(), attribute) {
			n += uint64(p.GetAsInt())
		}
	}
	return n
}

func has(attributes []*common.KeyValue, wanted string) bool {
	name, values, _ := strings.Cut(wanted, "=")
	return wanted == "" || slices.ContainsFunc(attributes, func(a *common.KeyValue) bool {
		return a.GetKey() == name && slices.Contains(strings.Split(values, ","), a.GetValue().GetStringValue())
	})
}
