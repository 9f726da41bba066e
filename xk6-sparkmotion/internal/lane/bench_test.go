package lane

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// BenchmarkPacer measures how late taps start, by rate and by taps per iteration: `-benchtime 2s` on a machine that does nothing else.
func BenchmarkPacer(b *testing.B) {
	worker := redirector(b)
	for _, rate := range []int{100, 1000, 10_000} {
		for _, n := range []int{1, 10} {
			b.Run(fmt.Sprintf("rate=%d/n=%d", rate, n), func(b *testing.B) {
				late := starts(b, worker, rate, n, b.N)
				b.ReportMetric(late(0.50), "p50-µs")
				b.ReportMetric(late(0.95), "p95-µs")
				b.ReportMetric(late(0.99), "p99-µs")
			})
		}
	}
}

// starts makes taps at a rate, with as many virtual users as that takes, and returns percentiles of how late they started, in µs.
func starts(t testing.TB, worker string, rate, n, taps int) func(quantile float64) float64 {
	const users = 20
	var pool Pool
	var mu sync.Mutex
	var late []time.Duration
	var running sync.WaitGroup
	period := time.Second * time.Duration(n) / time.Duration(rate)
	begin := time.Now().Add(20 * time.Millisecond)
	process := vutest.New(t, nil, nil)
	for user := range users {
		state := process.Start(uint64(user)).VU.Running
		target, err := NewTarget(Link{Origin: worker, Setting: "WORKER_URL", Protocol: HTTP1}, &state.Options, &pool)
		if err != nil {
			t.Fatal(err)
		}
		next := func() (Request, error) {
			return Request{Band: []byte("B"), Hosts: &Hosts{Page: "compassion.com"}, Timeout: 10 * time.Second}, nil
		}
		done := func(r Result) {
			if !r.Redirected() {
				t.Errorf("a tap failed: %v", r.Failure())
			}
			mu.Lock()
			defer mu.Unlock()
			late = append(late, r.Began.Sub(r.Due))
		}
		running.Go(func() {
			for i := user; i*n < taps; i += users {
				p := Pacer{N: n, Period: period, First: begin.Add(time.Duration(i) * period)}
				if err := p.Run(t.Context(), state, target, next, done); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	slices.Sort(late)
	return func(quantile float64) float64 {
		return float64(late[int(quantile*float64(len(late)-1))].Nanoseconds()) / 1000
	}
}

// redirector starts a Worker that answers immediately, and returns its origin.
func redirector(t testing.TB) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go redirect(conn, 0)
		}
	}()
	return "http://" + listener.Addr().String()
}

// redirect answers the requests of one connection, each after a delay.
func redirect(conn net.Conn, after time.Duration) {
	defer func() { _ = conn.Close() }() // the other end has closed it
	for requests := bufio.NewReader(conn); ; {
		line, err := requests.ReadString('\n')
		if err != nil {
			return
		}
		if line != "\r\n" { // inside the request's header
			continue
		}
		time.Sleep(after)
		if _, err := conn.Write([]byte("HTTP/1.1 302 Found\r\nLocation: https://compassion.com/live\r\nContent-Length: 0\r\n\r\n")); err != nil {
			return
		}
	}
}
