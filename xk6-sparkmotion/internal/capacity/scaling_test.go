package capacity

import (
	"math"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/stats"
)

// The law is recovered from its own points, and trusted only if it deserves it.
func TestScaling(t *testing.T) {
	t.Parallel()
	law := stats.Law{Lambda: 1000, Sigma: 0.02, Kappa: 0.0005}
	made := func(concurrencies ...float64) []*Plateau {
		var plateaus []*Plateau
		for i, n := range concurrencies {
			noise := 1 + 0.005*math.Sin(float64(i)) // half a percent
			plateaus = append(plateaus, &Plateau{Figures: Figures{Concurrency: n, Achieved: noise * law.At(n)}})
		}
		return plateaus
	}
	for _, law.Lambda = range []float64{0.05, 1000} { // however slow the system is
		s := scaleOf(made(1, 5, 10, 20, 40, 60))
		if s.Omitted != "" || math.Abs(s.Peak/law.Peak()-1) > 0.03 || s.R2 < 0.99 || s.PeakLow > s.Peak || s.PeakHigh < s.Peak {
			t.Errorf("got %+v, a peak of %v is right", s, law.Peak())
		}
	}
	eight := []*Plateau{pointAt(0.4968, 50), pointAt(0.9733, 100), pointAt(2.5013, 250), pointAt(5.0338, 500), pointAt(7.7644, 750), pointAt(188.1333, 895.2)}
	for want, plateaus := range map[string][]*Plateau{
		"it takes 4 valid plateaus, not 3": made(1, 10, 40),
		"throughput shows no peak yet":     {pointAt(1, 100), pointAt(2, 200), pointAt(4, 400), pointAt(8, 800)},
		// Eight servers of 9 ms, as measured: they can serve no more than 889 taps/s.
		"its peak hangs on a single plateau":                          eight[:5],
		"its peak lies in a gap between two plateaus, far above both": eight,
		"throughput grows with concurrency as yet":                    {pointAt(1, law.At(1)), pointAt(2, law.At(2)), pointAt(4, law.At(4)), pointAt(6, law.At(6))},
		"it misses a plateau by 427 %":                                {pointAt(1, 100), pointAt(2, 40), pointAt(4, 400), pointAt(8, 100)},
	} {
		if got := scaleOf(plateaus).Omitted; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Throughput that falls from the first plateau on peaks there.
func TestScalingThatFalls(t *testing.T) {
	t.Parallel()
	falling := scaleOf([]*Plateau{pointAt(1, 100), pointAt(2, 90), pointAt(4, 80), pointAt(8, 70)})
	if falling.Peak != 0 && math.Abs(falling.Peak-100) > 10 {
		t.Errorf("got %+v", falling)
	}
}

func pointAt(n, x float64) *Plateau { return &Plateau{Figures: Figures{Concurrency: n, Achieved: x}} }
