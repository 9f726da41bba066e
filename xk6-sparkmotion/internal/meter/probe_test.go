package meter

import (
	"runtime"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// eventually waits for a condition to hold.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

// TestLagProbe: a beat is collected once; the probe stops when nobody asks any more, and leaves nothing behind.
func TestLagProbe(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	var p lagProbe
	var recorder capacity.Recorder
	if _, ok := p.collect(&recorder); ok {
		t.Error("a beat before the first")
	}
	var lag time.Duration
	eventually(t, "a beat", func() (ok bool) { lag, ok = p.collect(&recorder); return ok })
	if lag <= 0 {
		t.Errorf("a tap at the canary took %s", lag)
	}
	eventually(t, "its rest", func() bool { return !p.running.Load() })
	if p.collect(&recorder); !p.running.Load() {
		t.Error("it does not start again")
	}
	eventually(t, "its rest again", func() bool { return !p.running.Load() })
	eventually(t, "its goroutines' end", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// TestLimitLag: the limits decide when a beat is late.
func TestLimitLag(t *testing.T) {
	t.Parallel()
	var p Process
	if p.probe.late(10*time.Millisecond) || !p.probe.late(11*time.Millisecond) {
		t.Error("a fifth of 50 ms is 10")
	}
	if p.LimitLag(40 * time.Millisecond); p.probe.late(40*time.Millisecond) || !p.probe.late(41*time.Millisecond) {
		t.Error("it does not go by what is set")
	}
}

// TestCanaryTap: the canary answers one tap after another on one connection, and a nil canary takes no time.
func TestCanaryTap(t *testing.T) {
	t.Parallel()
	c := newCanary()
	defer c.close()
	for range 3 { // on one connection
		began := time.Now()
		c.tap()
		if took := time.Since(began); took <= 0 || took > 10*time.Second {
			t.Errorf("a tap took %s", took)
		}
	}
	var none *canary
	none.tap()
	none.close()
}
