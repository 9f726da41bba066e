package search

import (
	"testing"
	"time"
)

// TestLoad: iterations that come as they like carry the probe's taps, each once and at its own time.
func TestLoad(t *testing.T) {
	t.Parallel()
	const period = 20 * time.Millisecond
	for _, rate := range []float64{1, 7, 70.7, 333, 6250} {
		began := time.Unix(1000, 0)
		var l Load
		l.Begin(Probe{Rate: rate, Settle: time.Second, Hold: 3 * time.Second}, began)
		due := began
		made := 0
		for i := range 250 {
			jitter := time.Duration(i%7) * time.Millisecond
			now := began.Add(time.Duration(i)*period + jitter)
			b := l.Claim(now, period, 1000)
			for k := range b.N {
				at := b.Due(k)
				if off := at.Sub(due); off.Abs() > time.Microsecond || at.Before(now) && i > 0 || b.Number+int64(k) != int64(made) {
					t.Fatalf("%v/s: tap %d is due %s after it should be, and %s after its iteration", rate, made, off, at.Sub(now))
				}
				made++
				due = began.Add(time.Duration(float64(made) / rate * float64(time.Second)))
			}
			l.Done(b.N)
		}
		if want := int(4 * rate); made < want || made > want+1 || l.Skipped() != 0 || l.Open() != 0 {
			t.Errorf("%v/s: %d taps, %d skipped, %d open", rate, made, l.Skipped(), l.Open())
		}
	}
}

// TestLoadWithoutIterations: what was due while none could start is left out, and counted.
func TestLoadWithoutIterations(t *testing.T) {
	t.Parallel()
	began := time.Unix(1000, 0)
	var l Load
	l.Begin(Probe{Rate: 100, Hold: 10 * time.Second}, began)
	first := l.Claim(began, 20*time.Millisecond, 1000)
	later := l.Claim(began.Add(time.Second), 20*time.Millisecond, 1000)
	if first.N != 3 || l.Skipped() != 87 || later.N != 13 || later.Number != 3 {
		t.Errorf("%+v, then %+v; %d skipped", first, later, l.Skipped())
	}
	if after := l.Claim(began.Add(11*time.Second), 20*time.Millisecond, 1000); after.N != 0 {
		t.Errorf("%+v after its end", after)
	}
}
