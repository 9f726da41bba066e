package stats

import "math"

// Law is the universal scalability law (N. Gunther): at a concurrency of N, X(N) = λN / (1 + σ(N-1) + κN(N-1)) a second.
type Law struct{ Lambda, Sigma, Kappa float64 }

// Point is a concurrency and the throughput at it.
type Point struct{ N, X float64 }

// At is the throughput at a concurrency.
func (l Law) At(n float64) float64 {
	return l.Lambda * n / (1 + l.Sigma*(n-1) + l.Kappa*n*(n-1))
}

// Best is the concurrency with the highest throughput; 1 when it falls from there.
func (l Law) Best() float64 {
	if l.Sigma >= 1 {
		return 1
	}
	return max(1, math.Sqrt((1-l.Sigma)/l.Kappa))
}

// Peak is the highest throughput.
func (l Law) Peak() float64 { return l.At(l.Best()) }

// Worst is how far the law is off at most, as a part of a point's throughput.
func (l Law) Worst(points []Point) float64 {
	worst := 0.0
	for _, p := range points {
		worst = max(worst, math.Abs(l.At(p.N)/p.X-1))
	}
	return worst
}

// R2 is the share of the throughput's variance that the law explains.
func (l Law) R2(points []Point) float64 {
	var mean, off, spread float64
	for _, p := range points {
		mean += p.X / float64(len(points))
	}
	for _, p := range points {
		off += (l.At(p.N) - p.X) * (l.At(p.N) - p.X)
		spread += (p.X - mean) * (p.X - mean)
	}
	if spread == 0 {
		return 0
	}
	return 1 - off/spread
}

// FitLaw finds the law's coefficients by least squares on N/X = (1 + σ(N-1) + κN(N-1))/λ, which is linear in 1/λ, σ/λ and κ/λ.
// Each point weighs the same, whatever its throughput. Neither coefficient can be below 0: the one that would be is 0.
func FitLaw(points []Point) Law {
	terms := []func(n float64) float64{
		func(float64) float64 { return 1 },
		func(n float64) float64 { return n - 1 },
		func(n float64) float64 { return n * (n - 1) },
	}
	for _, use := range [][]int{{0, 1, 2}, {0, 2}, {0, 1}, {0}} {
		rows, right := make([][]float64, len(points)), make([]float64, len(points))
		for i, p := range points {
			weight := p.X / p.N // of relative errors
			right[i] = 1
			for _, term := range use {
				rows[i] = append(rows[i], weight*terms[term](p.N))
			}
		}
		solved, ok := leastSquares(rows, right)
		if !ok {
			continue
		}
		var coefficients [3]float64
		for i, term := range use {
			coefficients[term] = solved[i]
		}
		if coefficients[0] > 0 && coefficients[1] >= 0 && coefficients[2] >= 0 {
			lambda := 1 / coefficients[0]
			return Law{lambda, coefficients[1] * lambda, coefficients[2] * lambda}
		}
	}
	return Law{} // no throughput at all
}

// leastSquares solves rows · x = right as nearly as can be, by the normal equations; it reports whether there is one x.
func leastSquares(rows [][]float64, right []float64) ([]float64, bool) {
	if len(rows) == 0 {
		return nil, false
	}
	size := len(rows[0])
	normal := make([][]float64, size) // augmented by the right-hand side
	for i := range normal {
		normal[i] = make([]float64, size+1)
		for k, row := range rows {
			for j := range size {
				normal[i][j] += row[i] * row[j]
			}
			normal[i][size] += row[i] * right[k]
		}
	}
	eliminate(normal)
	solved := make([]float64, size)
	for i := range solved {
		solved[i] = normal[i][size] / normal[i][i]
		if math.IsNaN(solved[i]) || math.IsInf(solved[i], 0) {
			return nil, false
		}
	}
	return solved, true
}

// eliminate leaves the diagonal and the right-hand side alone (Gauss and Jordan).
func eliminate(rows [][]float64) {
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
}
