package hub

import (
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// line forwards connections to a Redis, and drops one when the countdown of commands comes to nothing.
type line struct {
	redis     string
	countdown atomic.Int64
	executed  bool // dropped once Redis has answered the command, else before it gets it
}

// dropper puts a line before a Redis: TWIN_TEST_REDIS_URL's, or a plain miniredis.
func dropper(t *testing.T) (l *line, through string) {
	t.Helper()
	u, err := url.Parse(os.Getenv("TWIN_TEST_REDIS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	if u.Host == "" {
		u = &url.URL{Scheme: "redis", Host: miniredis.RunT(t).Addr()}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l = &line{redis: u.Host}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.forward(conn)
		}
	}()
	u.Host = listener.Addr().String()
	return l, u.String()
}

// forward passes commands on, each sent in one piece once the last is answered.
func (l *line) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.redis)
	if err != nil {
		return
	}
	defer server.Close()
	dropped := make(chan struct{})
	go func() {
		defer client.Close()
		answers := make([]byte, 64<<10)
		for {
			n, err := server.Read(answers)
			if err != nil {
				return
			}
			select {
			case <-dropped:
				return
			default:
				client.Write(answers[:n])
			}
		}
	}()
	command := make([]byte, 64<<10)
	for {
		n, err := client.Read(command)
		if err != nil {
			return
		}
		if l.countdown.Add(-1) != 0 {
			server.Write(command[:n])
			continue
		}
		if !l.executed {
			return
		}
		close(dropped)
		server.Write(command[:n])
		client.Read(command) // ends when the answer has come and the client is closed
	}
}
