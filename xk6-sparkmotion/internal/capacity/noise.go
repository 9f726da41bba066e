package capacity

import "math"

// estimate is a figure, and how sure it is: the variance of its error, and the degrees of freedom by which that is known.
type estimate struct{ value, variance, freedom float64 }

const (
	// fewestParts is how many parts, or counts, tell how much they vary. With fewer, next to nothing is beyond noise.
	fewestParts = 5
	// fewestBeyond is how many of a sample must lie beyond a percentile for its error to be near normal.
	fewestBeyond = 5
)

// noise is the difference of two estimates that chance alone passes once in a hundred times. It is Welch's t-test, which
// lets each have a variance of its own (B. Welch, Biometrika 34, 1947).
func noise(a, b estimate) float64 {
	variance := a.variance + b.variance
	if variance == 0 {
		return 0
	}
	freedom := variance * variance / (a.variance*a.variance/a.freedom + b.variance*b.variance/b.freedom)
	return student(freedom) * math.Sqrt(variance)
}

// student is the 99.5 % quantile of Student's t, by its expansion around the normal one (Abramowitz and Stegun, 26.7.5):
// 0.3 % off at 4 degrees of freedom, the fewest that fewestParts leaves. A statistics library for one number would weigh
// more than this package.
func student(freedom float64) float64 {
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

// batched are a percentile of redirects in each tenth of a plateau, for the method of batch means. Successive taps wait in
// the same queues, so that they say less than their number promises; how much longer stretches differ gives the error of
// their mean (A. Law and W. Kelton, Simulation Modeling and Analysis; B. Schmeiser, Operations Research 30, 1982: ten to
// thirty batches are best). A tenth whose percentile is its maximum is left out.
func (c *Counts) batched(percentile float64) []float64 {
	var parts []float64
	for _, batch := range c.Redirect {
		if beyond(batch, percentile) >= 1 {
			parts = append(parts, batch.at(percentile))
		}
	}
	return parts
}

// beyond is how many samples lie past a percentile.
func beyond(h histogram, percentile float64) float64 {
	return float64(h.count()) * (100 - percentile) / 100
}

// mean is that of successive parts, if they are enough. When a part is still like the one before it, as where a plateau is
// short, they count for fewer (G. Bayley and J. Hammersley, Supplement to the Journal of the Royal Statistical Society 8, 1946).
func mean(parts []float64) (sure estimate, enough bool) {
	n := float64(len(parts))
	if n < fewestParts {
		return estimate{}, false
	}
	for _, part := range parts {
		sure.value += part / n
	}
	var squares, products, last float64
	for _, part := range parts {
		off := part - sure.value
		squares += off * off
		products += off * last
		last = off
	}
	sure.variance, sure.freedom = squares/(n-1)/n, n-1
	if alike := products / squares; alike > 0 {
		sure.variance *= (1 + alike) / (1 - alike)
	}
	return sure, true
}

// ranked is a percentile of requests that come too seldom for tenths. Its error comes from the ranks around it, whatever
// the distribution (R. Woodruff, Journal of the American Statistical Association 47, 1952), and takes them for independent.
func ranked(h histogram, percentile float64) (sure estimate, enough bool) {
	if beyond(h, percentile) < fewestBeyond {
		return estimate{}, false
	}
	share := percentile / 100
	off := 100 * math.Sqrt(share*(1-share)/float64(h.count())) // a standard error, in ranks
	deviation := (h.at(percentile+off) - h.at(percentile-off)) / 2
	return estimate{h.at(percentile), deviation * deviation, math.Inf(1)}, true
}

// counted is a share, whose error is near normal however few there are when one success and one failure are added (A. Agresti
// and B. Caffo, The American Statistician 54, 2000). It takes them for independent: failures in a burst count as a change.
func counted(some, all int64) estimate {
	n := float64(all)
	share, widened := (float64(some)+1)/(n+2), (n+2)/n
	return estimate{float64(some) / n, share * (1 - share) / (n + 2) * widened * widened, math.Inf(1)}
}

// flushed are, from what a flush left to what the next one did, how fast the queue grew and how fast it was drained.
func (p *Plateau) flushed(depths []Depth) (grown, drained []float64) {
	var last *Depth
	for i, d := range depths {
		if d.Flushed == 0 || d.At <= p.Start || d.At > p.Start+p.Seconds {
			continue
		}
		if last != nil && d.At > last.At {
			grown = append(grown, (d.Depth-last.Depth)/(d.At-last.At))
			drained = append(drained, float64(d.Flushed)/(d.At-last.At))
		}
		last = &depths[i]
	}
	return grown, drained
}
