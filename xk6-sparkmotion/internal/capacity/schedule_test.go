package capacity

import (
	"testing"
	"time"
)

func TestScheduleAt(t *testing.T) {
	t.Parallel()
	s := Schedule{Rates: []float64{10, 20}, Names: []string{"10", "20"}, Hold: time.Minute}
	for elapsed, want := range map[time.Duration]string{
		0: "10", time.Minute - 1: "10", time.Minute: "20", 2*time.Minute - 1: "20", 2 * time.Minute: "ramp-down", time.Hour: "ramp-down",
	} {
		if name := s.At(elapsed); name != want {
			t.Errorf("after %s: %q, want %q", elapsed, name, want)
		}
	}
}
