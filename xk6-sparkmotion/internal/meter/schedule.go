package meter

import (
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// Schedule is the plan of the plateaus, known to every VU once the script has called plateaus.
type Schedule struct{ atomic.Pointer[capacity.Plan] }

// rampDown tags the taps after the last plateau.
const rampDown = "ramp-down"

// name returns the plateau's at a time since the scenario's start; empty when the script has no plateaus.
func (s *Schedule) name(elapsed time.Duration) string {
	plan := s.Load()
	if plan == nil {
		return ""
	}
	if i := int(elapsed / plan.Hold); i < len(plan.Names) {
		return plan.Names[i]
	}
	return rampDown
}
