package tapwire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers connections to the address it returns with handle, until the
// test is over. Then nothing may be left of them, on either side: no
// goroutine, no open file.
func serve(t *testing.T, handle func(*net.TCPConn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	var handlers sync.WaitGroup
	handlers.Go(func() {
		for {
			s, err := l.Accept()
			if err != nil {
				return
			}
			handlers.Go(func() {
				defer s.Close()
				handle(s.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		handlers.Wait()
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > goroutines || files > 0 && openFiles() >= files { // files counts the listener
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines and %d files left behind", runtime.NumGoroutine()-goroutines, openFiles()-files+1)
			}
			runtime.Gosched()
		}
	})
	return l.Addr().String()
}

// openFiles counts this process's open files; 0 where the system doesn't show
// them.
func openFiles() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// How a server goes on after what it sent.
func closes(*net.TCPConn)   {}
func hangs(s *net.TCPConn)  { io.Copy(io.Discard, s) }
func resets(s *net.TCPConn) { s.SetLinger(0) }
func repeats(part string) func(*net.TCPConn) {
	part = strings.Repeat(part, 100)
	return func(s *net.TCPConn) {
		for {
			if _, err := io.WriteString(s, part); err != nil {
				return
			}
		}
	}
}

// drips sends part a byte a millisecond, over and over.
func drips(part string) func(*net.TCPConn) {
	return func(s *net.TCPConn) {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			<-tick.C
			if _, err := s.Write([]byte{part[i%len(part)]}); err != nil {
				return
			}
		}
	}
}

func TestHostileServers(t *testing.T) {
	const (
		chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		head    = "HTTP/1.1 200 OK\r\nX: y\r\n"
		reset   = syscall.ECONNRESET
	)
	late := os.ErrDeadlineExceeded // such an exchange gets half a second, in which what is sent arrives, and has to use it
	for _, test := range []struct {
		name string
		send string
		then func(*net.TCPConn)
		want error
	}{
		{"closes before answering", "", closes, io.EOF},
		{"resets before answering", "", resets, reset},
		{"hangs before answering", "", hangs, late},
		{"closes in status line", "HTTP/1.1 30", closes, io.ErrUnexpectedEOF},
		{"closes in header", head + "Locat", closes, io.ErrUnexpectedEOF},
		{"closes after header", head, closes, io.ErrUnexpectedEOF},
		{"closes in body", head + "Content-Length: 5\r\n\r\nabc", closes, io.ErrUnexpectedEOF},
		{"closes in chunk size", chunked + "1", closes, io.ErrUnexpectedEOF},
		{"closes in chunk", chunked + "5\r\nabc", closes, io.ErrUnexpectedEOF},
		{"closes in trailer", chunked + "0\r\nX: y\r\n", closes, io.ErrUnexpectedEOF},
		{"closes after an interim response", "HTTP/1.1 100 Continue\r\n\r\n", closes, io.ErrUnexpectedEOF},
		{"resets in header", head + "Locat", resets, reset},
		{"resets in body", head + "Content-Length: 5\r\n\r\nabc", resets, reset},
		{"resets a body that ends with the connection", head + "\r\nabc", resets, reset},
		{"hangs in header", head, hangs, late},
		{"hangs in body", head + "Content-Length: 5\r\n\r\nabc", hangs, late},
		{"drips a header", head, drips("X: y\r\n"), late},
		{"drips a body", head + "Content-Length: 9999\r\n\r\n", drips("x"), late},
		{"endless status line", "HTTP/1.1 200 ", repeats("OK"), ErrHeadTooLarge},
		{"endless header", head, repeats("X: y\r\n"), ErrHeadTooLarge},
		{"endless header line", head + "X: ", repeats("y"), ErrHeadTooLarge},
		{"endless folded line", head, repeats(" y\r\n"), ErrHeadTooLarge},
		{"endless interim responses", "", repeats("HTTP/1.1 100 Continue\r\n\r\n"), ErrTooManyInterim},
		{"endless trailer", chunked + "0\r\n", repeats("X: y\r\n"), ErrHeadTooLarge},
		{"endless chunk extension", chunked + "5;", repeats("x"), ErrChunkLine},
		{"endless chunk size", chunked, repeats("0"), ErrChunkLine},
		{"negative length", head + "Content-Length: -1\r\n\r\n", hangs, ErrContentLength},
		{"length with a sign", head + "Content-Length: +1\r\n\r\n", hangs, ErrContentLength},
		{"hexadecimal length", head + "Content-Length: 0x1\r\n\r\n", hangs, ErrContentLength},
		{"empty length", head + "Content-Length: \r\n\r\n", hangs, ErrContentLength},
		{"length over 63 bits", head + "Content-Length: 9223372036854775808\r\n\r\n", hangs, ErrContentLength},
		{"conflicting lengths", head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", hangs, ErrContentLength},
		{"conflicting lengths in a list", head + "Content-Length: 1, 2\r\n\r\n", hangs, ErrContentLength},
		{"folded length", head + "Content-Length: 1\r\n 2\r\n\r\n", hangs, ErrHeaderLine},
		{"chunked twice", head + "Transfer-Encoding: chunked, chunked\r\n\r\n", hangs, ErrTransferEncoding},
		{"a coding after chunked", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", hangs, ErrTransferEncoding},
		{"no chunk size", chunked + "\r\n", hangs, ErrChunk},
		{"negative chunk size", chunked + "-1\r\n", hangs, ErrChunk},
		{"chunk size that is no number", chunked + "xyz\r\n", hangs, ErrChunk},
		{"chunk size over 63 bits", chunked + "10000000000000002\r\n", hangs, ErrChunk},
		{"chunk longer than its size", chunked + "2\r\nabc\r\n", hangs, ErrChunk},
		{"bad trailer", chunked + "0\r\nabc\r\n", hangs, ErrHeaderLine},
		{"header line without colon", head + "abc\r\n\r\n", hangs, ErrHeaderLine},
		{"space before the colon", head + "Content-Length : 1\r\n\r\n", hangs, ErrHeaderLine},
		{"header line without a name", head + ": x\r\n\r\n", hangs, ErrHeaderLine},
		{"fold before any header line", "HTTP/1.1 200 OK\r\n X: y\r\n\r\n", hangs, ErrHeaderLine},
		{"NUL in header", head + "A: b\x00c\r\n", hangs, ErrControlCharacter},
		{"bare CR in header", head + "A: b\rContent-Length: 1\r\n", hangs, ErrControlCharacter},
		{"status that is no number", "HTTP/1.1 2x0 OK\r\n\r\n", hangs, ErrStatusLine},
		{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", hangs, ErrStatusLine},
		{"status of four digits", "HTTP/1.1 2000\r\n\r\n", hangs, ErrStatusLine},
		{"status under 100", "HTTP/1.1 099 OK\r\n\r\n", hangs, ErrStatusLine},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", hangs, ErrNotHTTP},
		{"HTTP/2 settings frame", "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", hangs, ErrNotHTTP},
		{"HTTP/2 status line", "HTTP/2.0 200 OK\r\n\r\n", hangs, ErrNotHTTP},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x46", hangs, ErrTLS},
		{"NUL bytes", "", repeats("\x00"), ErrNotHTTP},
		{"another protocol", "220 mail.example.com ESMTP\r\n", hangs, ErrNotHTTP},
		{"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", hangs, ErrNotHTTP},

		// A fine response all the same, on a connection that isn't kept.
		{"two responses at once", redirect + redirect, hangs, nil},
		{"a body after no content", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", hangs, nil},
		{"endless body", head + "\r\n", repeats("x"), nil},
		{"endless chunks", chunked, repeats("2;ext\r\nok\r\n"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := NewConn(dial(t, serve(t, func(s *net.TCPConn) {
				if _, err := io.ReadFull(s, make([]byte, len(request))); err == nil {
					io.WriteString(s, test.send)
					test.then(s)
				}
			})))
			timeout, atLeast := time.Minute, time.Duration(0)
			if test.want == late {
				timeout, atLeast = 500*time.Millisecond, 500*time.Millisecond
			}
			var r Response
			err := c.Exchange(t.Context(), timeout, request, &r)
			if !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if took := r.Done.Sub(r.Start); took < atLeast || took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			if r.Answered() == strings.HasSuffix(test.name, "before answering") {
				t.Errorf("answered: %v", r.Answered())
			}
			if r.KeepAlive {
				t.Error("kept alive")
			}
			checkType(t, err)
			if err := c.Exchange(t.Context(), timeout, request, &r); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection isn't closed: %v", err)
			}
		})
	}
}

// checkType checks that an error's type shows without unwrapping.
func checkType(t *testing.T, err error) {
	t.Helper()
	switch err := err.(type) {
	case nil:
	case ProtocolError:
		if !strings.HasPrefix(err.Error(), "malformed response: ") {
			t.Errorf("error %v doesn't say what it is", err)
		}
	case *net.OpError:
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("network error %v", err)
		}
	case net.Error:
		if !err.Timeout() {
			t.Errorf("net.Error %v, not a timeout", err)
		}
	default:
		if err != io.EOF && err != io.ErrUnexpectedEOF {
			t.Errorf("error %v of type %T", err, err)
		}
	}
}

// answers reads requests and sends one redirect for each.
func answers(s net.Conn) error {
	in := make([]byte, len(request))
	for {
		if _, err := io.ReadFull(s, in); err != nil {
			return err
		}
		if _, err := io.WriteString(s, redirect); err != nil {
			return err
		}
	}
}

func TestKeptConnection(t *testing.T) {
	c := NewConn(dial(t, serve(t, func(s *net.TCPConn) { answers(s) })))
	defer c.Close()
	var r Response
	for range 100 {
		if err := c.Exchange(t.Context(), time.Minute, request, &r); err != nil || r.Status != 302 || !r.KeepAlive {
			t.Fatal(err, r)
		}
	}
}

// TestIdleConnection has a server do something between two exchanges.
func TestIdleConnection(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no look into a socket's queue")
	}
	for _, test := range []struct {
		name string
		do   func(*net.TCPConn)
		want error
	}{
		{"closes", closes, io.EOF},
		{"resets", resets, io.EOF},
		{"sends a late second response", func(s *net.TCPConn) { io.WriteString(s, redirect); hangs(s) }, ErrUnsolicited},
	} {
		t.Run(test.name, func(t *testing.T) {
			answered := make(chan struct{})
			c := NewConn(dial(t, serve(t, func(s *net.TCPConn) {
				io.ReadFull(s, make([]byte, len(request)))
				io.WriteString(s, redirect)
				<-answered
				test.do(s)
			})))
			var r Response
			if err := c.Exchange(t.Context(), time.Minute, request, &r); err != nil || !r.KeepAlive {
				t.Fatal(err, r)
			}
			close(answered)
			for !c.peek() || time.Since(c.idleSince) < idleCheck {
				runtime.Gosched()
			}
			if err := c.Exchange(t.Context(), time.Minute, request, &r); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if r.Answered() || r.KeepAlive || !r.Wrote.IsZero() {
				t.Errorf("a request went out: %+v", r)
			}
		})
	}
}

// TestCancelMidRead cancels on a real socket; the clock tests say how late it
// may be noticed.
func TestCancelMidRead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := NewConn(dial(t, serve(t, func(s *net.TCPConn) {
		io.ReadFull(s, make([]byte, len(request)))
		io.WriteString(s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
		cancel()
		hangs(s)
	})))
	var r Response
	if err := c.Exchange(ctx, time.Minute, request, &r); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if took := r.Done.Sub(r.Start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := NewConn(dial(t, serve(t, func(s *net.TCPConn) {
		if b, _ := io.ReadAll(s); len(b) > 0 {
			t.Errorf("got %q", b)
		}
	})))
	var r Response
	if err := c.Exchange(ctx, time.Minute, request, &r); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestTLS(t *testing.T) {
	config := tlsConfig(t)
	c := NewConn(tls.Client(dial(t, serve(t, func(s *net.TCPConn) {
		secure := tls.Server(s, config)
		defer secure.Close()
		answers(secure)
	})), config))
	defer c.Close()
	var r Response
	for i := range 5 {
		if i == 3 {
			c.peek = func() bool { return true } // as when a session ticket came
		}
		c.idleSince = c.idleSince.Add(-idleCheck)
		if err := c.Exchange(t.Context(), time.Minute, request, &r); err != nil || r.Status != 302 || !r.KeepAlive {
			t.Fatal(err, r)
		}
	}
}

func TestTLSCloses(t *testing.T) {
	config := tlsConfig(t)
	c := NewConn(tls.Client(dial(t, serve(t, func(s *net.TCPConn) {
		secure := tls.Server(s, config)
		defer secure.Close()
		io.ReadFull(secure, make([]byte, len(request)))
		io.WriteString(secure, redirect)
	})), config))
	var r Response
	if err := c.Exchange(t.Context(), time.Minute, request, &r); err != nil {
		t.Fatal(err)
	}
	for !c.peek() || time.Since(c.idleSince) < idleCheck {
		runtime.Gosched()
	}
	if err := c.Exchange(t.Context(), time.Minute, request, &r); err != io.EOF || r.Answered() || !r.Wrote.IsZero() {
		t.Errorf("got %v, want EOF: %+v", err, r)
	}
}

func TestTLSToPlainServer(t *testing.T) {
	c := NewConn(tls.Client(dial(t, serve(t, func(s *net.TCPConn) {
		io.WriteString(s, "HTTP/1.1 400 Bad Request\r\n\r\n")
		hangs(s)
	})), &tls.Config{ServerName: "example.com"}))
	var r Response
	err := c.Exchange(t.Context(), time.Minute, request, &r)
	if _, ok := err.(tls.RecordHeaderError); !ok || r.Answered() {
		t.Errorf("got %v of type %T", err, err)
	}
}

// tlsConfig is one for both sides.
func tlsConfig(t *testing.T) *tls.Config {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.Certificates, config.ServerName = s.TLS.Certificates, "example.com"
	return config
}

// TestClock runs exchanges over a pipe, in a bubble where time is exact.
func TestClock(t *testing.T) {
	const minute, never = time.Minute, 24 * time.Hour
	config := tlsConfig(t)
	config.Time = func() time.Time { return config.Certificates[0].Leaf.NotBefore }
	config.SessionTicketsDisabled = true // a pipe has no room for what isn't read
	plain := func(c net.Conn) net.Conn { return c }
	sides := map[string][2]func(net.Conn) net.Conn{
		"plain": {plain, plain},
		"TLS": {
			func(c net.Conn) net.Conn { return tls.Client(c, config) },
			func(c net.Conn) net.Conn { return tls.Server(c, config) },
		},
	}
	for _, test := range []struct {
		name             string
		answer, cancel   time.Duration // after the request
		timeout          time.Duration
		want             error
		earliest, latest time.Duration
	}{
		{"slow answer", 59 * time.Second, never, minute, nil, 59 * time.Second, 59 * time.Second},
		{"too slow an answer", 61 * time.Second, never, minute, os.ErrDeadlineExceeded, minute, minute},
		{"timeout under a step", minute, never, 30 * time.Millisecond, os.ErrDeadlineExceeded, 30 * time.Millisecond, 30 * time.Millisecond},
		{"cancelled", minute, 10 * time.Second, minute, context.Canceled, 10 * time.Second, 10*time.Second + step},
	} {
		for name, side := range sides {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					client, server := net.Pipe()
					c, s := NewConn(side[0](client)), side[1](server)
					var serving sync.WaitGroup
					defer serving.Wait()
					defer c.Close()
					serving.Go(func() {
						defer server.Close()
						in := make([]byte, len(request))
						for _, wait := range []time.Duration{0, test.answer} {
							if _, err := io.ReadFull(s, in); err != nil {
								return
							}
							time.Sleep(wait)
							io.WriteString(s, redirect)
						}
					})
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var r Response
					// The second exchange meets the deadlines that the first left behind.
					if err := c.Exchange(ctx, minute, request, &r); err != nil || !r.KeepAlive {
						t.Fatal(err, r)
					}
					time.Sleep(step / 3)
					time.AfterFunc(test.cancel, cancel)
					err := c.Exchange(ctx, test.timeout, request, &r)
					if took := r.Done.Sub(r.Start); err != test.want || took < test.earliest || took > test.latest {
						t.Errorf("%v after %v, want %v after %v to %v", err, took, test.want, test.earliest, test.latest)
					}
				})
			})
		}
	}
}

// TestWriteBlocks has a server that doesn't read: the timeout holds, a step
// late at most.
func TestWriteBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		var r Response
		err := NewConn(client).Exchange(t.Context(), time.Minute, request, &r)
		if took := r.Done.Sub(r.Start); err != os.ErrDeadlineExceeded || took < time.Minute || took > time.Minute+step {
			t.Errorf("%v after %v", err, took)
		}
	})
}
