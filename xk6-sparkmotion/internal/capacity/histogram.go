package capacity

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// histogram counts durations to three digits, from 1 µs to an hour, in an HdrHistogram: percentiles of several are those of their sum,
// never an average. In JSON it is HdrHistogram's compressed V2 encoding in base64, which other tools read too.
type histogram struct{ *hdrhistogram.Histogram }

const longest = time.Hour

func (h *histogram) add(d time.Duration) {
	_ = h.made().RecordValue(min(max(d, 0), longest).Microseconds()) // in its range, so it can't fail
}

// addZeros adds n durations of 0.
func (h *histogram) addZeros(n int64) {
	if n > 0 {
		_ = h.made().RecordValues(0, n) // in its range, so it can't fail
	}
}

// merge adds other's counts.
func (h *histogram) merge(other histogram) {
	if other.Histogram != nil {
		h.made().Merge(other.Histogram)
	}
}

// clone returns a copy, which does not change with the original.
func (h histogram) clone() histogram {
	if h.Histogram == nil {
		return h
	}
	return histogram{hdrhistogram.Import(h.Export())}
}

// made returns the histogram to count in. It is created when first needed, because many never are.
func (h *histogram) made() *hdrhistogram.Histogram {
	if h.Histogram == nil {
		h.Histogram = hdrhistogram.New(1, longest.Microseconds(), 3)
	}
	return h.Histogram
}

func (h histogram) count() int64 {
	if h.Histogram == nil {
		return 0
	}
	return h.TotalCount()
}

// at returns a percentile in ms.
func (h histogram) at(percentile float64) float64 {
	if h.count() == 0 {
		return 0
	}
	return float64(h.ValueAtPercentile(percentile)) / 1000
}

// MarshalText returns nothing if nothing was counted.
func (h histogram) MarshalText() ([]byte, error) {
	if h.count() == 0 {
		return nil, nil
	}
	return h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

// UnmarshalText reads what MarshalText wrote.
func (h *histogram) UnmarshalText(text []byte) error {
	h.Histogram = nil
	if len(text) == 0 {
		return nil
	}
	decoded, err := hdrhistogram.Decode(text)
	if err != nil {
		return fmt.Errorf("not an HdrHistogram: %w", err)
	}
	h.Histogram = decoded
	return nil
}
