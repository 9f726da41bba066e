package sparkmotion

import (
	"io"
	"net"
	"testing"
)

// BenchmarkTap is one tap of the fast lane, options to samples, against a server that answers from memory. Its
// allocations are the lane's and the server's, which makes none.
func BenchmarkTap(b *testing.B) {
	s := newProcess(b, map[string]string{"WORKER_URL": "http://" + redirects(b)}).start(1)
	s.module.tapper.burst = 1
	p, _, err := s.module.tapPlan("tap", nil)
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for range s.samples { // k6's outputs would take them
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if redirected, err := s.module.tapOnce(p, ""); err != nil || !redirected {
			b.Fatal(redirected, err)
		}
		s.module.push()
	}
}

// redirects serves one connection after another and allocates nothing for a request.
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
