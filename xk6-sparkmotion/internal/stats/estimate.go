// Package stats has the mathematics of what a run's figures are worth: how sure a figure is, when two differ beyond noise,
// and the scalability law fitted to throughputs. It knows nothing but numbers.
package stats

import "math"

// Estimate is a figure, and how sure it is: the variance of its error, and the degrees of freedom by which that is known.
type Estimate struct{ Value, Variance, Freedom float64 }

const (
	// FewestParts is how many parts, or counts, show how much they vary. With fewer, next to nothing is beyond noise.
	FewestParts = 5
	// fewestBeyond is how many of a sample must lie beyond a percentile for its error to be near normal.
	fewestBeyond = 5
)

// Noise is the difference of two estimates that chance alone passes once in a hundred times. It is Welch's t-test, which
// lets each have a variance of its own (B. Welch, Biometrika 34, 1947).
func Noise(a, b Estimate) float64 {
	variance := a.Variance + b.Variance
	if variance == 0 {
		return 0
	}
	freedom := variance * variance / (a.Variance*a.Variance/a.Freedom + b.Variance*b.Variance/b.Freedom)
	return studentQuantile(freedom) * math.Sqrt(variance)
}

// studentQuantile is the 99.5 % quantile of Student's t, by its expansion around the normal one (Abramowitz and Stegun,
// 26.7.5): 0.3 % off at 4 degrees of freedom, the fewest that FewestParts leaves.
func studentQuantile(freedom float64) float64 {
	const z = 2.5758293035489004 // the normal one
	const z2 = z * z
	terms := [...]float64{
		z,
		z * (z2 + 1) / 4,
		z * (5*z2*z2 + 16*z2 + 3) / 96,
		z * (3*z2*z2*z2 + 19*z2*z2 + 17*z2 - 15) / 384,
		z * (79*z2*z2*z2*z2 + 776*z2*z2*z2 + 1482*z2*z2 - 1920*z2 - 945) / 92160,
	}
	t, power := 0.0, 1.0
	for _, term := range terms {
		t += term * power
		power /= freedom
	}
	return t
}

// BatchMeans estimates a figure by successive parts of its time, if they are enough (A. Law and W. Kelton, Simulation
// Modeling and Analysis; B. Schmeiser, Operations Research 30, 1982: ten to thirty parts are best). When a part is still like
// the one before it, as where the whole is short, they count for fewer (G. Bayley and J. Hammersley, Supplement to the
// Journal of the Royal Statistical Society 8, 1946).
func BatchMeans(parts []float64) (sure Estimate, enough bool) {
	n := float64(len(parts))
	if n < FewestParts {
		return Estimate{}, false
	}
	for _, part := range parts {
		sure.Value += part / n
	}
	var squares, products, last float64
	for _, part := range parts {
		off := part - sure.Value
		squares += off * off
		products += off * last
		last = off
	}
	sure.Variance, sure.Freedom = squares/(n-1)/n, n-1
	if alike := products / squares; alike > 0 {
		sure.Variance *= (1 + alike) / (1 - alike)
	}
	return sure, true
}

// Beyond is how many of n samples lie past a percentile.
func Beyond(n int64, percentile float64) float64 { return float64(n) * (100 - percentile) / 100 }

// Percentile estimates a percentile of n samples. Its error comes from the ranks around it, whatever the distribution
// (R. Woodruff, Journal of the American Statistical Association 47, 1952), and takes the samples for independent.
func Percentile(percentile float64, n int64, valueAt func(percentile float64) float64) (sure Estimate, enough bool) {
	if Beyond(n, percentile) < fewestBeyond {
		return Estimate{}, false
	}
	share := percentile / 100
	off := 100 * math.Sqrt(share*(1-share)/float64(n)) // a standard error, in ranks
	deviation := (valueAt(percentile+off) - valueAt(percentile-off)) / 2
	return Estimate{valueAt(percentile), deviation * deviation, math.Inf(1)}, true
}

// Share estimates a share, whose error is near normal however few there are when one success and one failure are added
// (A. Agresti and B. Caffo, The American Statistician 54, 2000). It takes them for independent: failures in a burst count as
// a change.
func Share(some, all int64) Estimate {
	n := float64(all)
	share, widened := (float64(some)+1)/(n+2), (n+2)/n
	return Estimate{float64(some) / n, share * (1 - share) / (n + 2) * widened * widened, math.Inf(1)}
}
