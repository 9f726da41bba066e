package main

import (
	"fmt"
	"os"
	"strings"
)

// coreTime is what the generator's and the target's core have spent since the machine started, in seconds.
type coreTime struct{ total, idle float64 }

// readCores reads /proc/stat; of a machine without one, all is 0.
func readCores() coreTime {
	stat, _ := os.ReadFile("/proc/stat")
	return parseCores(string(stat), generatorCore, targetCore)
}

func parseCores(stat string, cores ...int) coreTime {
	const ticks = 100 // a second, for all that Linux tells programs
	var sum coreTime
	for _, core := range cores {
		_, line, _ := strings.Cut(stat, fmt.Sprintf("\ncpu%d ", core))
		var user, nice, system, idle, iowait, irq, softirq, steal float64
		_, _ = fmt.Sscan(line, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal)
		sum.idle += (idle + iowait) / ticks
		sum.total += (user + nice + system + idle + iowait + irq + softirq + steal) / ticks
	}
	return sum
}

// others is the share of both cores' time since an earlier look that went neither to us nor idle: to other programs, or
// to other machines on the same hardware.
func (c coreTime) others(earlier coreTime, ours float64) float64 {
	total := c.total - earlier.total
	if total <= 0 {
		return 0
	}
	return max(0, (total-(c.idle-earlier.idle)-ours)/total)
}
