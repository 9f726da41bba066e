package tapwire

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// redirect is what a Worker behind a CDN answers a tap with.
const redirect = "HTTP/1.1 302 Found\r\nDate: Sat, 01 Feb 2025 10:00:00 GMT\r\n" +
	"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 0\r\nConnection: keep-alive\r\n" +
	"Location: https://hub.example.com/e/summer-2025?band=SM-0001234&utm_source=nfc&utm_medium=band\r\n" +
	"Cache-Control: no-store\r\nServer: cloudflare\r\nCF-Ray: 8f1e2d3c4b5a6978-FRA\r\n\r\n"

const chunkedPage = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n" +
	"1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n10\r\n0123456789abcdef\r\n0\r\nExpires: 0\r\n\r\n"

var request = AppendRequest(nil, mustHeader("tap.example.com", "k6"), "/r/SM-0001234", "?utm_source=nfc")

func mustHeader(host, userAgent string) Header {
	h, err := NewHeader(host, userAgent)
	if err != nil {
		panic(err)
	}
	return h
}

// cannedConn answers each write with the same bytes.
type cannedConn struct {
	net.Conn
	answer string
	unread string
}

func (c *cannedConn) Write(b []byte) (int, error) { c.unread = c.answer; return len(b), nil }
func (c *cannedConn) Close() error                { return nil }
func (c *cannedConn) Read(b []byte) (int, error) {
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}
func (c *cannedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *cannedConn) SetWriteDeadline(time.Time) error { return nil }

func benchExchange(b *testing.B, conn net.Conn) {
	c := NewConn(conn)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var r Response
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Exchange(ctx, time.Minute, request, &r); err != nil || !r.KeepAlive {
			b.Fatal(err, r)
		}
	}
	c.Close()
}

func BenchmarkExchangeMemory(b *testing.B) {
	b.Run("redirect", func(b *testing.B) { benchExchange(b, &cannedConn{answer: redirect}) })
	b.Run("chunked", func(b *testing.B) { benchExchange(b, &cannedConn{answer: chunkedPage}) })
}

func BenchmarkExchangeLoopback(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		s, err := l.Accept()
		if err != nil {
			return
		}
		defer s.Close()
		in, out := make([]byte, len(request)), []byte(redirect)
		for {
			if _, err := io.ReadFull(s, in); err != nil {
				return
			}
			if _, err := s.Write(out); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	benchExchange(b, conn)
}

func BenchmarkParse(b *testing.B) {
	for name, answer := range map[string]string{"redirect": redirect, "chunked": chunkedPage} {
		b.Run(name, func(b *testing.B) {
			c := NewConn(nil)
			var r Response
			b.ReportAllocs()
			for b.Loop() {
				c.r, c.w = 0, copy(c.buf, answer)
				if err := c.readResponse(&r); err != nil || c.r != c.w {
					b.Fatal(err, r)
				}
			}
		})
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	h := mustHeader("tap.example.com", "k6")
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRequest(buf[:0], h, "/r/", "SM-0001234", "?utm_source=nfc")
	}
	if !bytes.Equal(buf, request) {
		b.Fatalf("%q", buf)
	}
}
