package fault

import (
	"sync"
	"time"
)

// bucket lets through up to rate arrivals/s, with a tenth of a second's worth of burst.
type bucket struct {
	mu     sync.Mutex
	rate   float64
	tokens float64
	last   time.Time
}

// take reports whether an arrival at now is within the rate.
func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	burst := max(1, b.rate/10)
	if b.last.IsZero() {
		b.tokens = burst
	} else {
		b.tokens = min(burst, b.tokens+b.rate*now.Sub(b.last).Seconds())
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
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
