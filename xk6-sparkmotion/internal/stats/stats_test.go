package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// The quantile is gonum's, from the fewest degrees of freedom that FewestParts leaves.
func TestStudentQuantile(t *testing.T) {
	t.Parallel()
	for _, freedom := range []float64{FewestParts - 1, 5, 7.5, 9, 12, 18, 40, 1000} {
		want := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile(0.995)
		if got := studentQuantile(freedom); math.Abs(got/want-1) > 0.004 {
			t.Errorf("at %v degrees of freedom: got %v, want %v", freedom, got, want)
		}
	}
	if got, want := studentQuantile(math.Inf(1)), distuv.UnitNormal.Quantile(0.995); math.Abs(got-want) > 1e-9 {
		t.Errorf("normal: got %v, want %v", got, want)
	}
}

// Mean and variance of parts that have nothing to do with each other are gonum's; of parts that follow each other, wider.
func TestBatchMeans(t *testing.T) {
	t.Parallel()
	parts := []float64{5, 3, 6, 2, 7, 4, 5, 1}
	mean, variance := stat.MeanVariance(parts, nil)
	sure, enough := BatchMeans(parts)
	if !enough || math.Abs(sure.Value-mean) > 1e-12 || math.Abs(sure.Variance-variance/8) > 1e-12 || sure.Freedom != 7 {
		t.Errorf("got %+v, want a mean of %v with a variance of %v", sure, mean, variance/8)
	}
	slices.Sort(parts)
	if wide, _ := BatchMeans(parts); wide.Variance < 2*sure.Variance {
		t.Errorf("in order: %+v", wide)
	}
	if _, enough := BatchMeans(parts[:FewestParts-1]); enough {
		t.Error("four parts are enough")
	}
}

// Noise is passed as seldom as it promises, by every kind of estimate.
func TestNoise(t *testing.T) {
	t.Parallel()
	// Two samples of 15 of which Welch's test has 25.0 degrees of freedom; the quantile there is 2.787.
	if got := Noise(Estimate{0, 7.9 / 15, 14}, Estimate{0, 3.8 / 15, 14}); math.Abs(got-2.787*math.Sqrt(11.7/15)) > 0.005 {
		t.Errorf("Welch: %v", got)
	}
	for name, draw := range map[string]func(random *rand.Rand) Estimate{
		"p95 of 300": func(random *rand.Rand) Estimate { e, _ := Percentile(95, 300, percentiles(random, 300)); return e },
		"2 % of 500": func(random *rand.Rand) Estimate { return Share(binomial(random, 500, 0.02), 500) },
		"0.5 % of 8": func(random *rand.Rand) Estimate { return Share(binomial(random, 8, 0.005), 8) },
		"mean of 10": func(random *rand.Rand) Estimate {
			parts := make([]float64, 10)
			for i := range parts {
				parts[i] = random.NormFloat64()
			}
			e, _ := BatchMeans(parts)
			return e
		},
	} {
		const pairs = 1000
		random, passed := rand.New(rand.NewPCG(1, 1)), 0
		for range pairs {
			a, b := draw(random), draw(random)
			if math.Abs(a.Value-b.Value) > Noise(a, b) {
				passed++
			}
		}
		if passed > pairs*3/100 {
			t.Errorf("%s: %d of %d pass", name, passed, pairs)
		}
	}
	if _, enough := Percentile(95, 99, percentiles(rand.New(rand.NewPCG(1, 1)), 99)); enough {
		t.Error("a p95 of 99 is sure")
	}
}

// percentiles are those of an exponential sample, by gonum.
func percentiles(random *rand.Rand, n int) func(percentile float64) float64 {
	sample := make([]float64, n)
	for i := range sample {
		sample[i] = random.ExpFloat64()
	}
	slices.Sort(sample)
	return func(percentile float64) float64 { return stat.Quantile(percentile/100, stat.Empirical, sample, nil) }
}

func binomial(random *rand.Rand, n int, p float64) (some int64) {
	for range n {
		if random.Float64() < p {
			some++
		}
	}
	return some
}

// The solution is what gonum finds by QR factorization.
func TestLeastSquares(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 4))
	for range 100 {
		rows, right, flat := make([][]float64, 6), make([]float64, 6), []float64(nil)
		for i := range rows {
			rows[i] = []float64{1, random.Float64(), random.NormFloat64()}
			right[i], flat = random.NormFloat64(), append(flat, rows[i]...)
		}
		var want mat.VecDense
		if err := want.SolveVec(mat.NewDense(6, 3, flat), mat.NewVecDense(6, right)); err != nil {
			continue // as good as singular
		}
		got, ok := leastSquares(rows, right)
		for i := range got {
			if !ok || math.Abs(got[i]-want.AtVec(i)) > 1e-6*(1+math.Abs(want.AtVec(i))) {
				t.Fatalf("got %v, want %v", got, want.RawVector().Data)
			}
		}
	}
	for name, rows := range map[string][][]float64{"nothing": nil, "one twice": {{1, 1}, {1, 1}}} {
		if got, ok := leastSquares(rows, make([]float64, len(rows))); ok {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// The law is found again in what it has made, and the throughput that it likes best is no lower than any other.
func TestLaw(t *testing.T) {
	t.Parallel()
	for _, law := range []Law{{1000, 0.02, 0.0005}, {0.05, 0.3, 0.01}, {10, 0, 0.001}, {10, 1.5, 0.2}} {
		var points []Point
		for _, n := range []float64{1, 5, 10, 20, 40, 60} {
			points = append(points, Point{n, law.At(n)})
		}
		got := FitLaw(points)
		if math.Abs(got.Lambda/law.Lambda-1) > 1e-6 || math.Abs(got.Sigma-law.Sigma) > 1e-6 || math.Abs(got.Kappa-law.Kappa) > 1e-6 {
			t.Errorf("got %+v, want %+v", got, law)
		}
		if got.Worst(points) > 1e-6 || got.R2(points) < 0.999999 {
			t.Errorf("%+v: off by %v, R² %v", law, got.Worst(points), got.R2(points))
		}
		for n := 1.0; n < 200; n++ {
			if law.At(n) > law.Peak()*(1+1e-9) {
				t.Errorf("%+v: more at %v than at its best, %v", law, n, law.Best())
			}
		}
	}
	if got := FitLaw(nil); got != (Law{}) {
		t.Errorf("of nothing: %+v", got)
	}
}
