package lane

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestWakersAreClosed: each alarm in use has a timerfd, and some time after the last one none is left.
func TestWakersAreClosed(t *testing.T) {
	const inUse = 50
	for range 3 {
		var alarms []*alarm
		for range inUse {
			alarms = append(alarms, newAlarm(time.Now().Add(time.Millisecond)))
		}
		if n := timerfds(t); n < inUse {
			t.Errorf("%d timerfds for %d alarms", n, inUse)
		}
		for _, a := range alarms {
			<-a.timer.C
			a.set(time.Now().Add(time.Millisecond))
			<-a.timer.C
			a.stop()
		}
	}
	for deadline := time.Now().Add(time.Minute); timerfds(t) > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("%d timerfds are left", timerfds(t))
		}
	}
}

// timerfds returns how many this process has open.
func timerfds(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if opened, _ := os.Readlink(file); strings.Contains(opened, "timerfd") { // empty if it was closed since
			n++
		}
	}
	return n
}
