package meter

import (
	"runtime"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// started is when this process started, apart from what Go does first.
var started = time.Now()

// Usage returns what this process has used of its machine so far, or nil if the system does not tell.
func Usage() *capacity.Usage {
	cpu, peak, ok := used()
	if !ok {
		return nil
	}
	return &capacity.Usage{Cores: runtime.GOMAXPROCS(0), CPU: cpu.Seconds(), Seconds: time.Since(started).Seconds(), PeakRSS: peak}
}
