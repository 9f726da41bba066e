package control

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// Traffic is what others do to the system beside a load test.
type Traffic struct {
	FlushEveryMs  float64 `json:"flushEveryMs,omitzero"`  // a second cron, as Vercel's own
	TapsPerSecond float64 `json:"tapsPerSecond,omitzero"` // of the last event's bands
}

// OthersStats count what others did.
type OthersStats struct {
	Flushes int64 `json:"flushes"`
	Taps    int64 `json:"taps"`
}

// Others makes the traffic of others, over HTTP as they would.
type Others struct {
	Worker, Hub string // URLs
	CronSecret  string

	mu      sync.Mutex
	now     Traffic
	stop    context.CancelFunc
	running sync.WaitGroup

	flushes, taps atomic.Int64
}

// Stats returns the counters.
func (o *Others) Stats() OthersStats { return OthersStats{o.flushes.Load(), o.taps.Load()} }

// Replace ends the traffic that there is and starts another; none, when that's zero.
func (o *Others) Replace(next Traffic) error {
	if next.FlushEveryMs < 0 || next.TapsPerSecond < 0 || next.TapsPerSecond > 1000 {
		return errors.New("give flushEveryMs from 0 and tapsPerSecond from 0 to 1000")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stop != nil {
		o.stop()
		o.running.Wait()
	}
	var ctx context.Context
	ctx, o.stop = context.WithCancel(context.Background())
	o.now = next
	if next.FlushEveryMs > 0 {
		o.every(ctx, time.Duration(next.FlushEveryMs*float64(time.Millisecond)), o.flush)
	}
	if next.TapsPerSecond > 0 {
		o.every(ctx, time.Duration(float64(time.Second)/next.TapsPerSecond), o.tap)
	}
	return nil
}

// Current returns the traffic that there is.
func (o *Others) Current() Traffic {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// every asks again and again, one request at a time.
func (o *Others) every(ctx context.Context, pause time.Duration, do func(context.Context, *http.Client)) {
	o.running.Go(func() {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do(context.WithoutCancel(ctx), client) // a flush that is cut off goes on at the Hub, and would not be over with the traffic
			}
		}
	})
}

func (o *Others) flush(ctx context.Context, client *http.Client) {
	if get(ctx, client, o.Hub+"/api/cron/flush-taps", o.CronSecret) == http.StatusOK {
		o.flushes.Add(1)
	}
}

func (o *Others) tap(ctx context.Context, client *http.Client) {
	last := event.All[len(event.All)-1]
	if get(ctx, client, o.Worker+"/e?bandId="+last.BandID(1), "") == http.StatusFound {
		o.taps.Add(1)
	}
}

// get returns a request's status, 0 for no answer.
func get(ctx context.Context, client *http.Client, url, token string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}
