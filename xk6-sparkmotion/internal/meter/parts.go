package meter

import (
	"fmt"
	"slices"
	"strings"

	"go.k6.io/k6/v2/metrics"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
)

// Part is one of the http_req_* metrics that k6 emits for each request.
type Part struct {
	name   string
	metric func(*metrics.BuiltinMetrics) *metrics.Metric
	value  func(*lane.Result) float64
}

var allParts = []Part{
	{
		metrics.HTTPReqDurationName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqDuration },
		func(r *lane.Result) float64 { return metrics.D(r.Duration()) },
	},
	{
		metrics.HTTPReqBlockedName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqBlocked },
		func(r *lane.Result) float64 { return metrics.D(r.Blocked) },
	},
	{
		metrics.HTTPReqConnectingName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqConnecting },
		func(r *lane.Result) float64 { return metrics.D(r.Connecting) },
	},
	{
		metrics.HTTPReqTLSHandshakingName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqTLSHandshaking },
		func(r *lane.Result) float64 { return metrics.D(r.Handshaking) },
	},
	{
		metrics.HTTPReqSendingName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqSending },
		func(r *lane.Result) float64 { return metrics.D(r.Sending) },
	},
	{
		metrics.HTTPReqWaitingName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqWaiting },
		func(r *lane.Result) float64 { return metrics.D(r.Waiting) },
	},
	{
		metrics.HTTPReqReceivingName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqReceiving },
		func(r *lane.Result) float64 { return metrics.D(r.Receiving) },
	},
	{
		metrics.HTTPReqFailedName, func(b *metrics.BuiltinMetrics) *metrics.Metric { return b.HTTPReqFailed },
		func(r *lane.Result) float64 { return rate(!r.Expected()) },
	},
}

// Parts returns the parts with these names: all of them for nil, none for an empty list. It fails on an unknown name.
func Parts(names []string) ([]Part, error) {
	if names == nil {
		return allParts, nil
	}
	var parts []Part
	for _, part := range allParts {
		if slices.Contains(names, part.name) {
			parts = append(parts, part)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(allParts, func(p Part) bool { return p.name == name }) {
			return nil, fmt.Errorf("a part is one of %s, got %q", partNames(), name)
		}
	}
	return parts, nil
}

func partNames() string {
	names := make([]string, len(allParts))
	for i, part := range allParts {
		names[i] = part.name
	}
	return strings.Join(names, ", ")
}
