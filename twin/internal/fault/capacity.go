package fault

import (
	"sync"
	"sync/atomic"
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

// crowd is the taps that arrive, of which a part that shares a database with them has more or less to bear.
type crowd struct {
	limiter *rate.Limiter
	over    atomic.Int64 // when a tap was last one too many
}

func newCrowd(perSecond float64) *crowd { return &crowd{limiter: Limiter(perSecond)} }

func (c *crowd) add() {
	if !c.limiter.Allow() {
		c.over.Store(time.Now().UnixNano())
	}
}

// large reports whether more taps than the rate arrived in the last second.
func (c *crowd) large() bool { return time.Since(time.Unix(0, c.over.Load())) < time.Second }
