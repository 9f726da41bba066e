package meter_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/lane"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/meter"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

// BenchmarkTap measures one tap of the fast lane, from request to samples, against a server that answers from memory. Its allocations are
// those of the lane and the meter; the server makes none.
func BenchmarkTap(b *testing.B) {
	s := vutest.New(b, nil, nil).Start(1)
	registered, err := meter.Register(s.Registry)
	if err != nil {
		b.Fatal(err)
	}
	m := meter.New(s.VU, new(meter.Process), registered)
	target, err := lane.NewTarget(lane.Link{Origin: "http://" + redirects(b), Protocol: lane.HTTP1}, &s.VU.Running.Options, new(lane.Pool))
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for range s.Samples { // stands in for k6's outputs
		}
	}()
	r := lane.Request{Band: []byte("LOADTEST-E1-000001"), Hosts: &lane.Hosts{Page: "compassion.com"}, Timeout: time.Minute}
	parts, err := meter.Parts(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		result := target.Do(s.VU.Ctx, s.VU.Running, r)
		if result.Led != lane.Page {
			b.Fatal(result.Failure())
		}
		counted := m.Taps(1, 1, parts)
		counted.Add(result)
		counted.Push()
	}
}

// redirects serves one connection after another, and allocates nothing for a request.
func redirects(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // closed with the benchmark
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	answer := []byte("HTTP/1.1 302 Found\r\nLocation: https://compassion.com/live\r\nContent-Length: 0\r\n\r\n")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for request := make([]byte, 4096); ; {
					if _, err := conn.Read(request); err != nil {
						return
					}
					if _, err := conn.Write(answer); err == io.EOF {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}
