package lane

import (
	"context"
	"math"
	"sync"
	"time"

	"go.k6.io/k6/v2/lib"
)

const (
	// WarmTime is how long before a rate begins its connections are opened, at most: servers close those that wait too long.
	WarmTime = 5 * time.Second
	// mostWarm bounds the connections that exist before they are needed.
	mostWarm = 2000
	// warmEvery is the shortest time between two of them: a handshake costs both ends as much as many taps.
	warmEvery = 5 * time.Millisecond
	// warmRoom allows for taps that take longer than most.
	warmRoom = 4. / 3
	// warmSpare is how many more there would be time for, so that the last one is ready in time.
	warmSpare = 10
	// dialTime is how long each of them may take.
	dialTime = 10 * time.Second
)

// Warm opens the connections that a higher rate, in taps a second, needs from begins on, so that its first taps don't wait for handshakes.
// Connections that can't be shared or kept are left to the taps. Those opened here count for no tap and in no metric; if one can't be made,
// or has died when a tap wants it, the tap makes its own.
func (t *Target) Warm(ctx context.Context, state *lib.State, rate float64, begins time.Time) {
	if t.Fast && t.kept == Kept && t.idle.shared && !state.Options.NoConnectionReuse.Bool {
		go t.warm(ctx, state, rate, begins)
	}
}

// warm spreads them over the time until begins.
func (t *Target) warm(ctx context.Context, state *lib.State, rate float64, begins time.Time) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !until(ctx, begins.Add(-WarmTime)) {
		return
	}
	missing := max(0, t.idle.missing(rate))
	start := time.Now()
	gap := max(warmEvery, begins.Sub(start)/time.Duration(missing+warmSpare))
	var dialing sync.WaitGroup
	defer dialing.Wait()
	for i := range missing {
		if !until(ctx, start.Add(gap*time.Duration(i))) || !time.Now().Before(begins) {
			return
		}
		dialing.Go(func() {
			ctx, done := context.WithTimeout(ctx, dialTime)
			defer done()
			c := &conn{target: t}
			if err := c.dial(ctx, state, new(Result)); err != nil {
				cancel() // a tap will report the same error
				return
			}
			t.idle.warmed(c)
		})
	}
}

// until waits for a time, and reports whether it came before ctx was done.
func until(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// missing returns how many more connections a rate needs, judging by how long answers take.
func (i *idle) missing(rate float64) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return int(min(math.Ceil(rate*i.lately.Seconds()*warmRoom), mostWarm)) - int(i.open.Load())
}

// warmed adds a connection that no tap has used.
func (i *idle) warmed(c *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c.used = time.Now()
	i.offer(c)
}
