//go:build unix

package meter

import (
	"runtime"
	"syscall"
	"time"
)

// used returns the CPU time of this process and its peak memory in bytes; ok is false if the system does not tell.
func used() (cpu time.Duration, peak int64, ok bool) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, 0, false
	}
	unit := int64(1024)
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		unit = 1
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), r.Maxrss * unit, true
}
