package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Scaling is the universal scalability law (N. Gunther) fitted to the plateaus: at a concurrency of N,
// X(N) = λN / (1 + σ(N-1) + κN(N-1)) taps a second. Omitted says why there is none.
type Scaling struct {
	Omitted string  `json:"omitted,omitempty"`
	Lambda  float64 `json:"lambda,omitempty"`   // taps/s of one at a time
	Sigma   float64 `json:"sigma,omitempty"`    // contention: the share that is serial
	Kappa   float64 `json:"kappa,omitempty"`    // coherency: what each pays for each other
	R2      float64 `json:"r2,omitempty"`       // of X
	Peak    float64 `json:"peak,omitempty"`     // the most taps/s that the law predicts
	PeakLow float64 `json:"peak_low,omitempty"` // the range of peaks when one plateau at a time is left out
	PeakTop float64 `json:"peak_high,omitempty"`
}

const (
	fewestPlateaus = 4
	worstResidual  = 0.10 // of a plateau's throughput
	widestPeak     = 0.25 // of the peak, to either side
	furthestPeak   = 2    // times the highest throughput that was measured
	leastBend      = 0.8  // of the throughput that there would be without contention, at the highest concurrency
)

// scale fits the law, or says why it deserves no trust.
func scale(plateaus []*Plateau) Scaling {
	var points []point
	for _, p := range plateaus {
		if p.Concurrency > 0 && p.Achieved > 0 {
			points = append(points, point{p.Concurrency, p.Achieved})
		}
	}
	if len(points) < fewestPlateaus {
		return Scaling{Omitted: fmt.Sprintf("it takes %d valid plateaus, not %d", fewestPlateaus, len(points))}
	}
	s := fit(points)
	if off := s.worst(points); off > worstResidual {
		return Scaling{Omitted: fmt.Sprintf("it misses a plateau by %.0f %%", 100*off)}
	}
	if s.Kappa <= 0 {
		return Scaling{Omitted: "throughput shows no peak yet"}
	}
	s.R2, s.Peak = s.r2(points), s.peak()
	s.PeakLow, s.PeakTop = s.Peak, s.Peak
	for i := range points {
		without := fit(slices.Delete(slices.Clone(points), i, i+1))
		peak := without.peak()
		if without.Kappa <= 0 || math.Abs(peak-s.Peak) > widestPeak*s.Peak {
			return Scaling{Omitted: "its peak hangs on a single plateau"}
		}
		s.PeakLow, s.PeakTop = min(s.PeakLow, peak), max(s.PeakTop, peak)
	}
	if why := s.farFetched(points); why != "" {
		return Scaling{Omitted: why}
	}
	return s
}

// farFetched tells why the peak is too far from what was measured. A system of a few servers holds its latency up to its
// capacity, and then queues: the law finds a peak for it beyond the first of these, or in the gap between them.
func (s Scaling) farFetched(points []point) string {
	most := slices.MaxFunc(points, func(a, b point) int { return cmp.Compare(a.n, b.n) })
	highest := slices.MaxFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) }).x
	switch {
	case most.x > leastBend*s.Lambda*most.n:
		return "throughput grows with concurrency as yet"
	case most.n >= s.best() && s.Peak > (1+widestPeak)*highest:
		return "its peak lies in a gap between two plateaus, far above both"
	case s.Peak > furthestPeak*highest:
		return "its peak is far beyond what was measured"
	}
	return ""
}

// point is a plateau's concurrency and throughput.
type point struct{ n, x float64 }

func (s Scaling) at(n float64) float64 {
	return s.Lambda * n / (1 + s.Sigma*(n-1) + s.Kappa*n*(n-1))
}

// peak is the throughput at the concurrency that the law likes best; of one at a time when it falls from there.
func (s Scaling) peak() float64 {
	return s.at(s.best())
}

func (s Scaling) best() float64 {
	if s.Sigma >= 1 {
		return 1
	}
	return max(1, math.Sqrt((1-s.Sigma)/s.Kappa))
}

func (s Scaling) worst(points []point) float64 {
	worst := 0.0
	for _, p := range points {
		worst = max(worst, math.Abs(s.at(p.n)/p.x-1))
	}
	return worst
}

func (s Scaling) r2(points []point) float64 {
	var mean, off, spread float64
	for _, p := range points {
		mean += p.x / float64(len(points))
	}
	for _, p := range points {
		off += (s.at(p.n) - p.x) * (s.at(p.n) - p.x)
		spread += (p.x - mean) * (p.x - mean)
	}
	if spread == 0 {
		return 0
	}
	return 1 - off/spread
}

// fit finds the law's coefficients by least squares on N/X = (1 + σ(N-1) + κN(N-1))/λ, which is linear in 1/λ, σ/λ and κ/λ.
// Each plateau weighs the same, whatever its throughput. Neither coefficient can be below 0: the one that would be is 0.
func fit(points []point) Scaling {
	terms := []func(n float64) float64{
		func(float64) float64 { return 1 },
		func(n float64) float64 { return n - 1 },
		func(n float64) float64 { return n * (n - 1) },
	}
	for _, use := range [][]int{{0, 1, 2}, {0, 2}, {0, 1}, {0}} {
		coefficients, ok := leastSquares(points, terms, use)
		if !ok || coefficients[0] <= 0 || coefficients[1] < 0 || coefficients[2] < 0 {
			continue
		}
		lambda := 1 / coefficients[0]
		return Scaling{Lambda: lambda, Sigma: coefficients[1] * lambda, Kappa: coefficients[2] * lambda}
	}
	return Scaling{} // no throughput at all
}

// leastSquares solves for the coefficients of the terms in use, by the normal equations; the others are 0.
func leastSquares(points []point, terms []func(float64) float64, use []int) ([3]float64, bool) {
	size := len(use)
	rows := make([][]float64, size) // augmented by the right-hand side
	for i := range rows {
		rows[i] = make([]float64, size+1)
	}
	for _, p := range points {
		weight := p.x / p.n * p.x / p.n // of relative errors
		for i, a := range use {
			for j, b := range use {
				rows[i][j] += weight * terms[a](p.n) * terms[b](p.n)
			}
			rows[i][size] += weight * terms[a](p.n) * p.n / p.x
		}
	}
	var solved [3]float64
	for i := range rows {
		for j := range rows {
			if i == j {
				continue
			}
			factor := rows[j][i] / rows[i][i]
			for k := range rows[j] {
				rows[j][k] -= factor * rows[i][k]
			}
		}
	}
	for i, term := range use {
		solved[term] = rows[i][size] / rows[i][i]
		if math.IsNaN(solved[term]) || math.IsInf(solved[term], 0) {
			return solved, false
		}
	}
	return solved, true
}
