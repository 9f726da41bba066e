package lane

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAlarm: an alarm never rings early, and rings immediately for a time in the past, also without a waker.
func TestAlarm(t *testing.T) {
	t.Parallel()
	for _, waker := range []*waker{takeWaker(), nil} {
		a := &alarm{time.NewTimer(0), waker}
		<-a.timer.C
		for _, wait := range []time.Duration{-time.Second, 0, 1, 300 * time.Microsecond, 5 * time.Millisecond} {
			at := time.Now().Add(wait)
			a.set(at)
			<-a.timer.C
			if early := time.Until(at); early > 0 {
				t.Errorf("%s too early for one in %s", early, wait)
			}
		}
		a.stop()
	}
}
