package tapwire

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// memConn is a connection whose server has sent data and then does what end
// says. It hands out at most chunk bytes a read, and notes that it was read to
// its end.
type memConn struct {
	net.Conn
	data  string
	chunk int
	end   error
	ended bool
}

func (c *memConn) Read(b []byte) (int, error) {
	if c.data == "" {
		c.ended = true
		return 0, c.end
	}
	n := copy(b, c.data[:min(c.chunk, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}
func (c *memConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c *memConn) Close() error                     { return nil }
func (c *memConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }

// verdict is what an exchange made of a response.
type verdict struct {
	status          int
	proto, location string
	body            int64
	err             error
}

// judge runs one exchange with a server that sends data, chunk bytes at a time.
func judge(data string, chunk int, end error) (v verdict, consumed int, keep, toEnd bool) {
	m := &memConn{data: data, chunk: chunk, end: end}
	c := NewConn(m)
	var r Response
	err := c.Exchange(context.Background(), time.Minute, request, &r)
	v = verdict{err: err}
	if err == nil {
		v = verdict{r.Status, r.Proto, string(r.Location), r.Body, nil}
	}
	return v, len(data) - len(m.data) - (c.w - c.r), r.KeepAlive, m.ended
}

func TestResponse(t *testing.T) {
	const h11 = "HTTP/1.1"
	ok := func(status int, body int64) verdict { return verdict{status: status, proto: h11, body: body} }
	long := strings.Repeat("x", 20_000)
	for _, test := range []struct {
		name, data string
		want       verdict
		keep       bool
	}{
		{"redirect", redirect, verdict{302, h11, "https://hub.example.com/e/summer-2025?band=SM-0001234&utm_source=nfc&utm_medium=band", 0, nil}, true},
		{"chunked with extension and trailer", chunkedPage, ok(200, 42), true},
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ok(200, 2), true},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", ok(200, 2), true},
		{"chunked, bare LF", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", ok(200, 2), true},
		{"no reason phrase", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", ok(200, 2), true},
		{"empty reason phrase", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", ok(200, 2), true},
		{"names in any case", "HTTP/1.1 302 Found\r\nCONTENT-length:0\r\nlOCATION:\t/x \r\n\r\n", verdict{302, h11, "/x", 0, nil}, true},
		{"the first Location counts", "HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", verdict{302, h11, "/a", 0, nil}, true},
		{"folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", ok(200, 0), true},
		{"header line longer than the buffer", "HTTP/1.1 302 Found\r\nX: " + long + "\r\nLocation: /" + long + "\r\nContent-Length: 2\r\n\r\nok", verdict{302, h11, "/" + long, 2, nil}, true},
		{"interim responses", "HTTP/1.1 100 Continue\r\nLocation: /no\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ok(200, 2), true},
		{"switching protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", ok(101, 0), false},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", ok(204, 0), true},
		{"not modified, with the length it would have", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", ok(304, 0), true},
		{"length repeated", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2, 2\r\n\r\nok", ok(200, 2), true},
		{"chunked and length", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ok(200, 2), false},
		{"gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ok(200, 2), true},
		{"another coding, to the end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nokay", ok(200, 4), false},
		{"to the end", "HTTP/1.1 200 OK\r\n\r\nokay", ok(200, 4), false},
		{"close", "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok", ok(200, 2), false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", verdict{200, "HTTP/1.0", "", 2, nil}, false},
		{"HTTP/1.0 to the end", "HTTP/1.0 200 OK\r\n\r\nokay", verdict{200, "HTTP/1.0", "", 4, nil}, false},
		{"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", verdict{200, "HTTP/1.0", "", 2, nil}, true},
		{"HTTP/1.0 knows no chunks", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok", verdict{200, "HTTP/1.0", "", 2, nil}, false},
		{"body at the drain limit", "HTTP/1.1 200 OK\r\nContent-Length: 262144\r\n\r\n" + strings.Repeat("x", maxDrain), ok(200, maxDrain), true},
		{"body over the drain limit", "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n", ok(200, 0), false},
		{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n", ok(200, 0), false},
		{"chunk over the drain limit", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nfffffffffffffff\r\n", ok(200, 2), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, chunk := range []int{1, 7, 1 << 20} {
				v, _, keep, _ := judge(test.data, chunk, io.EOF)
				if v != test.want || keep != test.keep {
					t.Errorf("in pieces of %d bytes: got %+v, keep-alive %v; want %+v, %v", chunk, v, keep, test.want, test.keep)
				}
			}
		})
	}
}

// Browsers refuse Locations that differ; the same one twice is fine.
func TestLocations(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]bool{
		"Location: /a\r\n":                                          false,
		"Location: /a\r\nlocation:  /a\r\n":                         false,
		"Location: /a\r\nLocation: /b\r\n":                          true,
		"Location: /a\r\nLocation: /b\r\nLocation: /b\r\n":          true,
		"Location: /a\r\nLocation: /b\r\nLocation: /a\r\n":          true,
		"Location:\r\nLocation: /a\r\n":                             true,
		"Location: /a\r\nLocation:\r\n":                             true,
		"Location: /a\r\nX: /b\r\nContent-Location: /b\r\n":         false,
		"Location: /a\r\nLOCATION: /A\r\nContent-Length: 0\r\n\r\n": true,
	} {
		c := NewConn(&memConn{data: "HTTP/1.1 103 Early Hints\r\nLocation: /early\r\n\r\nHTTP/1.1 302 Found\r\n" + fields + "\r\n", chunk: 4096, end: io.EOF})
		var r Response
		if err := c.Exchange(t.Context(), time.Minute, request, &r); err != nil || r.Differs != want {
			t.Errorf("%q: %v, %v", fields, r.Differs, err)
		}
	}
}

func TestResponseIsReset(t *testing.T) {
	m := &memConn{data: redirect, chunk: 4096, end: io.EOF}
	c := NewConn(m)
	var r Response
	for range 2 {
		if err := c.Exchange(t.Context(), time.Minute, request, &r); err != nil {
			t.Fatal(err)
		}
		if r.Start.After(r.Wrote) || r.Wrote.After(r.FirstByte) || r.FirstByte.After(r.Done) {
			t.Errorf("times out of order: %+v", r)
		}
		m.data = redirect
	}
	m.data = ""
	if err := c.Exchange(t.Context(), time.Minute, request, &r); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
	if r.Status != 0 || len(r.Location) != 0 || r.Answered() || r.KeepAlive || r.Done.IsZero() {
		t.Errorf("something is left of the response before: %+v", r)
	}
}

func TestExchangeAllocatesNothing(t *testing.T) {
	for name, answer := range map[string]string{"redirect": redirect, "chunked": chunkedPage} {
		c := NewConn(&cannedConn{answer: answer})
		ctx, cancel := context.WithCancel(t.Context())
		var r Response
		var buf []byte
		h := mustHeader("tap.example.com", "k6")
		allocs := testing.AllocsPerRun(100, func() {
			buf = AppendRequest(buf[:0], h, "/r/", "SM-0001234", "?utm_source=nfc")
			if err := c.Exchange(ctx, time.Minute, buf, &r); err != nil {
				t.Error(err)
			}
		})
		cancel()
		if allocs != 0 {
			t.Errorf("%s: %v allocations an exchange", name, allocs)
		}
	}
}
