package meter

import (
	"bufio"
	"context"
	"net"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
)

// canary is a Worker in this process, which answers immediately: what a tap takes there is what the generator adds to every latency. Its
// taps use a socket and the wire like all others. A nil canary, where listening is not possible, takes no time.
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
		_ = listener.Close() // without a connection it is useless
		return nil
	}
	return &canary{listener, tapwire.NewConn(conn), []byte("GET /e?bandId=CANARY HTTP/1.1\r\nHost: canary\r\n\r\n")}
}

// answer redirects all requests of one connection, and returns when that ends.
func answer(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }() // the other end has closed it
	requests := bufio.NewReader(conn)
	for {
		line, err := requests.ReadString('\n')
		if err != nil {
			return
		}
		if line != "\r\n" { // inside the request's header
			continue
		}
		if _, err := conn.Write([]byte("HTTP/1.1 302 Found\r\nLocation: https://canary/\r\nContent-Length: 0\r\n\r\n")); err != nil {
			return
		}
	}
}

// tap makes one tap, with the usual timeout.
func (c *canary) tap() {
	if c != nil {
		var response tapwire.Response
		_ = c.wire.Exchange(context.Background(), 10*time.Second, c.request, &response) // only how long it took matters
	}
}

func (c *canary) close() {
	if c != nil {
		_ = c.wire.Close() // both ends are ours
		_ = c.listener.Close()
	}
}
