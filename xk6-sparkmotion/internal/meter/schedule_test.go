package meter

import (
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	var s Schedule
	if name := s.name(time.Second); name != "" {
		t.Errorf("without plateaus: %q", name)
	}
	s.Store(&capacity.Plan{Rates: []float64{10, 20}, Names: []string{"10", "20"}, Hold: time.Minute})
	for elapsed, want := range map[time.Duration]string{
		0: "10", time.Minute - 1: "10", time.Minute: "20", 2*time.Minute - 1: "20", 2 * time.Minute: "ramp-down", time.Hour: "ramp-down",
	} {
		if name := s.name(elapsed); name != want {
			t.Errorf("after %s: %q, want %q", elapsed, name, want)
		}
	}
}
