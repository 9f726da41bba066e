package test

import (
	"slices"
	"strings"
	"testing"

	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// httpMetrics are the names of the http_req* samples that a script has emitted, each as often as it was.
func httpMetrics(s *vutest.Script) []string {
	var names []string
	for _, container := range metrics.GetBufferedSamples(s.Samples) {
		for _, sample := range container.GetSamples() {
			if strings.HasPrefix(sample.Metric.Name, "http_req") {
				names = append(names, sample.Metric.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestParts(t *testing.T) {
	t.Parallel()
	w := newCountingWorker(t, false)
	all := []string{
		"http_req_blocked", "http_req_connecting", "http_req_duration", "http_req_failed", "http_req_receiving", "http_req_sending",
		"http_req_tls_handshaking", "http_req_waiting", "http_reqs",
	}
	two := []string{"http_req_duration", "http_req_failed", "http_reqs"}
	for name, c := range map[string]struct {
		call, setting string
		want          []string
	}{
		"as k6 has them":         {"sm.tap()", "", all},
		"some":                   {"sm.tap({parts: ['http_req_failed', 'http_req_duration']})", "", two},
		"none":                   {"sm.tap({parts: []})", "", []string{"http_reqs"}},
		"of the environment":     {"sm.tap()", "http_req_duration, http_req_failed", two},
		"a call's before it":     {"sm.tap({parts: []})", "http_req_duration", []string{"http_reqs"}},
		"of taps that follow on": {"sm.taps(2, {parts: ['http_req_waiting']})", "", []string{"http_req_waiting", "http_req_waiting", "http_reqs", "http_reqs"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newProcess(t, map[string]string{"WORKER_URL": w.URL, "PARTS": c.setting}).Start(1)
			s.Run(c.call)
			vutest.EqualLines(t, "samples", httpMetrics(s), c.want...)
		})
	}
}

func TestPartsRefused(t *testing.T) {
	t.Parallel()
	s := newProcess(t, map[string]string{"WORKER_URL": "http://127.0.0.1:1"}).Start(1)
	for options, want := range map[string]string{
		"{parts: ['http_reqs']}":         "a part is one of http_req_duration, http_req_blocked",
		"{parts: [], protocol: 'h2'}":    "the option parts needs protocol http/1.1 without a proxy or --http-debug",
		"{parts: 'http_req_duration,x'}": `got "x"`,
	} {
		if got := s.Fails("sm.tap(" + options + ")"); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", options, got, want)
		}
	}
}
