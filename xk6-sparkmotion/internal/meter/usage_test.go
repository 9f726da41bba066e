//go:build linux

package meter

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What Usage returns agrees with what the system says elsewhere.
func TestUsage(t *testing.T) {
	t.Parallel()
	before := Usage()
	if before == nil {
		t.Fatal("not measured")
	}
	taken := make([]byte, 64<<20)
	for i := range taken {
		taken[i] = 1 // a page takes memory only once it is written to
	}
	for begun := time.Now(); Usage().CPU-before.CPU < 0.05; {
		if time.Since(begun) > time.Minute {
			t.Fatal("a minute of work is no CPU time")
		}
	}
	u := Usage()
	runtime.KeepAlive(taken)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var peak int64 // kB
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &peak)
	}
	if u.PeakRSS < 64<<20 || u.PeakRSS > 1024*peak+(1<<20) || u.PeakRSS < 1024*peak*9/10 {
		t.Errorf("a peak of %d bytes, and the system says %d kB", u.PeakRSS, peak)
	}
	if u.Cores != runtime.GOMAXPROCS(0) || u.Seconds <= 0 || u.CPU > u.Seconds*float64(runtime.NumCPU()) {
		t.Errorf("got %+v", u)
	}
}
