package lane

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/guregu/null.v3"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// road is a dialer to a Worker that answers after 40 ms. It completes only the first few connections.
type road struct {
	takes time.Duration // to make a connection
	first int

	mu          sync.Mutex
	begun       int
	under, most int // connections being made now, and at most
}

func (r *road) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	made := r.begin()
	defer r.end()
	if !made {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(r.takes)
	here, there := net.Pipe()
	go redirect(there, 40*time.Millisecond)
	return here, nil
}

func (r *road) begin() (made bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	r.under++
	r.most = max(r.most, r.under)
	return r.begun <= r.first
}

func (r *road) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.under--
}

// TestConnect: a tap that finds no idle connection takes the first that another is done with, or makes one. How many are made at once
// depends on how long that takes. One that never completes costs only its own tap, at its timeout.
func TestConnect(t *testing.T) {
	const all = 1 << 20
	for name, c := range map[string]struct {
		takes      time.Duration
		first      int
		taps       int
		connection string
		own        bool // --no-vu-connection-reuse
		most       int  // connections under way at once
		begun      int  // at most
		failed     int
	}{
		"near":                      {takes: time.Millisecond, first: all, taps: 1000, most: leastDialing, begun: 400},
		"far":                       {takes: 60 * time.Millisecond, first: all, taps: 1000, most: 30, begun: 250},
		"only the first is made":    {takes: time.Millisecond, first: 1, taps: 10, most: leastDialing, begun: leastDialing + 1, failed: leastDialing},
		"none is made":              {first: 0, taps: 10, most: leastDialing, begun: 10, failed: 10},
		"a new one for each":        {takes: time.Millisecond, first: all, taps: 100, connection: New, most: 100, begun: 100},
		"the VU's own":              {takes: time.Millisecond, first: all, taps: 100, own: true, most: 100, begun: 100},
		"one of them is never made": {takes: time.Millisecond, first: 99, taps: 100, connection: New, most: 100, begun: 100, failed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			state := vutest.New(t, nil, nil).Start(1).VU.Running
			synctest.Test(t, func(t *testing.T) {
				way := &road{takes: c.takes, first: c.first}
				state.Dialer, state.Options.NoVUConnectionReuse = way, null.BoolFrom(c.own)
				link := Link{Form: Subdomain, Origin: "http://worker", Protocol: HTTP1, Connection: c.connection}
				target, err := NewTarget(link, &state.Options, new(Pool))
				if err != nil {
					t.Fatal(err)
				}
				vutest.Equal(t, "failed taps", tapTogether(t, target, state, c.taps), c.failed)
				vutest.Equal(t, "connections under way at once", way.most, c.most)
				if way.begun > c.begun {
					t.Errorf("%d connections were begun, want %d at most", way.begun, c.begun)
				}
				vutest.Equal(t, "open connections", int(target.idle.open.Load()), len(target.idle.conns))
				for _, idle := range target.idle.conns {
					idle.drop()
				}
			})
		})
	}
}

// TestConnectEnds: a tap that waits for a connection ends with its iteration.
func TestConnectEnds(t *testing.T) {
	state := vutest.New(t, nil, nil).Start(1).VU.Running
	synctest.Test(t, func(t *testing.T) {
		state.Dialer = new(road)
		target, err := NewTarget(Link{Form: Subdomain, Origin: "http://worker", Protocol: HTTP1}, &state.Options, new(Pool))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ended := make(chan Result)
		for range 2 * leastDialing {
			go func() { ended <- target.Do(ctx, state, Request{Timeout: time.Minute, Hosts: new(Hosts)}) }()
		}
		for range 2 * leastDialing {
			r := <-ended
			vutest.Equal(t, "after", r.Ended.Sub(r.Began), time.Second)
			vutest.Equal(t, "its failure", r.Err.Error(), context.DeadlineExceeded.Error())
		}
	})
}
