package meter

import (
	"bufio"
	"context"
	"net"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
)

// canary is a Worker in the process itself, which answers at once: what a tap takes there is what the generator adds to every latency. Its
// taps go over a socket and the wire of all others. One that is nil, where nobody may listen, takes no time.
type canary struct {
	listener net.Listener
	wire     *tapwire.Conn
	request  []byte
}

func newCanary() *canary {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil
	}
	go answer(listener)
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", listener.Addr().String())
	if err != nil {
		_ = listener.Close() // there is no more to be had of it
		return nil
	}
	return &canary{listener, tapwire.NewConn(conn), []byte("GET /e?bandId=CANARY HTTP/1.1\r\nHost: canary\r\n\r\n")}
}

// answer redirects all requests of one connection, and ends with it.
func answer(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }() // the other end has
	requests := bufio.NewReader(conn)
	for {
		line, err := requests.ReadString('\n')
		if err != nil {
			return
		}
		if line != "\r\n" { // of the request's header
			continue
		}
		if _, err := conn.Write([]byte("HTTP/1.1 302 Found\r\nLocation: https://canary/\r\nContent-Length: 0\r\n\r\n")); err != nil {
			return
		}
	}
}

// tap makes a tap, which waits no longer than any.
func (c *canary) tap() {
	if c != nil {
		var response tapwire.Response
		_ = c.wire.Exchange(context.Background(), 10*time.Second, c.request, &response) // how long it took is all there is to it
	}
}

func (c *canary) close() {
	if c != nil {
		_ = c.wire.Close() // both ends are ours
		_ = c.listener.Close()
	}
}
