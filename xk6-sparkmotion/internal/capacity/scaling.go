package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
)

// Scaling is the universal scalability law (N. Gunther) fitted to the plateaus: at a concurrency of N,
// X(N) = λN / (1 + σ(N-1) + κN(N-1)) taps a second. Omitted says why there is none.
type Scaling struct {
	Omitted  string  `json:"omitted,omitempty"`
	Lambda   float64 `json:"lambda,omitempty"`   // taps/s at a concurrency of 1
	Sigma    float64 `json:"sigma,omitempty"`    // contention: the serial share
	Kappa    float64 `json:"kappa,omitempty"`    // coherency: what each pays for every other
	R2       float64 `json:"r2,omitempty"`       // of X
	Peak     float64 `json:"peak,omitempty"`     // the most taps/s that the law predicts
	PeakLow  float64 `json:"peak_low,omitempty"` // range of peaks with one plateau left out at a time
	PeakHigh float64 `json:"peak_high,omitempty"`
}

const (
	fewestPlateaus = 4
	worstResidual  = 0.10 // of a plateau's throughput
	widestPeak     = 0.25 // of the peak, to either side
	furthestPeak   = 2    // times the highest measured throughput
	leastBend      = 0.8  // of the throughput without contention, at the highest concurrency
)

// scaleOf fits the law, or says why it can't be trusted.
func scaleOf(plateaus []*Plateau) Scaling {
	var points []stats.Point
	for _, p := range plateaus {
		if p.Concurrency > 0 && p.Achieved > 0 {
			points = append(points, stats.Point{N: p.Concurrency, X: p.Achieved})
		}
	}
	if len(points) < fewestPlateaus {
		return Scaling{Omitted: fmt.Sprintf("it takes %d valid plateaus, not %d", fewestPlateaus, len(points))}
	}
	law := stats.FitLaw(points)
	if off := law.Worst(points); off > worstResidual {
		return Scaling{Omitted: fmt.Sprintf("it misses a plateau by %.0f %%", 100*off)}
	}
	if law.Kappa <= 0 {
		return Scaling{Omitted: "throughput shows no peak yet"}
	}
	peak := law.Peak()
	s := Scaling{
		Lambda: law.Lambda, Sigma: law.Sigma, Kappa: law.Kappa, R2: law.R2(points), Peak: peak, PeakLow: peak, PeakHigh: peak,
	}
	for i := range points {
		without := stats.FitLaw(slices.Delete(slices.Clone(points), i, i+1))
		other := without.Peak()
		if without.Kappa <= 0 || math.Abs(other-peak) > widestPeak*peak {
			return Scaling{Omitted: "its peak hangs on a single plateau"}
		}
		s.PeakLow, s.PeakHigh = min(s.PeakLow, other), max(s.PeakHigh, other)
	}
	if why := farFetched(law, points); why != "" {
		return Scaling{Omitted: why}
	}
	return s
}

// farFetched returns why the peak is too far from what was measured. A system of a few servers holds its latency up to its capacity, and
// then queues: the law finds a peak beyond the former range, or in the gap between the two.
func farFetched(law stats.Law, points []stats.Point) string {
	most := slices.MaxFunc(points, func(a, b stats.Point) int { return cmp.Compare(a.N, b.N) })
	highest := slices.MaxFunc(points, func(a, b stats.Point) int { return cmp.Compare(a.X, b.X) }).X
	switch {
	case most.X > leastBend*law.Lambda*most.N:
		return "throughput grows with concurrency as yet"
	case most.N >= law.Best() && law.Peak() > (1+widestPeak)*highest:
		return "its peak lies in a gap between two plateaus, far above both"
	case law.Peak() > furthestPeak*highest:
		return "its peak is far beyond what was measured"
	}
	return ""
}
