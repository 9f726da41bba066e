package fault

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter lets through up to perSecond arrivals/s, with a tenth of a second's worth of burst; any number when that's 0.
func Limiter(perSecond float64) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

// servers is a first-come first-served queue before some equal servers, in virtual time: it knows when each is
// free again, so its capacity is exact whatever the timers of the machine do.
type servers struct {
	mu      sync.Mutex
	service time.Duration
	freeAt  []time.Time
}

func newServers(n int, service time.Duration) servers {
	return servers{service: service, freeAt: make([]time.Time, n)}
}

// next gives an arrival at now to the server that is free first, and returns its time in the system.
func (s *servers) next(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := 0
	for i, t := range s.freeAt {
		if t.Before(s.freeAt[first]) {
			first = i
		}
	}
	start := now
	if s.freeAt[first].After(now) {
		start = s.freeAt[first]
	}
	s.freeAt[first] = start.Add(s.service)
	return s.freeAt[first].Sub(now)
}
