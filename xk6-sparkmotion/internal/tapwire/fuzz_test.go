package tapwire

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// errPending stands for a server that has sent all it will, and hangs.
var errPending = errors.New("nothing more yet")

// FuzzResponse feeds the reader a response and what may follow it. The verdict
// must rest on no more bytes than are consumed, whatever comes behind them and
// however they are cut into reads, and net/http must agree with it.
func FuzzResponse(f *testing.F) {
	for _, a := range []string{
		redirect, chunkedPage, "", "\n", "HTTP/1.1 200", "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\nConnection: keep-alive, x\nContent-Length: 2\n\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2 ;x=\"y\"\r\nok\r\n000\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: y\r\n z\r\nConnection: close\r\n\r\nto the end",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x15\x03\x01\x00\x02\x02\x46",
	} {
		f.Add(a, "", uint16(4096))
		f.Add(a, redirect, uint16(3))
	}
	f.Fuzz(func(t *testing.T, a, b string, chunk uint16) {
		if len(a)+len(b) > maxDrain {
			return // where a body that ends with the connection is given up depends on the reads
		}
		v, consumed, keep, toEnd := judge(a+b, 1<<20, io.EOF)
		if v.err != nil && keep {
			t.Fatalf("kept after %v", v.err)
		}
		if cut, _, _, _ := judge(a+b, int(chunk)+1, io.EOF); cut != v {
			t.Fatalf("%+v, but %+v when read in pieces of %d", v, cut, int(chunk)+1)
		}
		if v.err == nil && !toEnd {
			checkConsumed(t, (a + b)[:consumed], v)
		}
		if alone, n, _, _ := judge(a, 1<<20, errPending); alone.err == nil {
			if v != alone || consumed != n {
				t.Fatalf("%+v, %d bytes alone; %+v, %d bytes before %q", alone, n, v, consumed, b)
			}
			if keep && consumed < len(a+b) {
				t.Fatal("kept with bytes left over")
			}
		}
		checkOracle(t, a+b, v, consumed, toEnd)
	})
}

// checkConsumed checks that v needs all of the bytes consumed, and no others.
func checkConsumed(t *testing.T, consumed string, v verdict) {
	if same, n, _, _ := judge(consumed, 1<<20, errPending); same != v || n != len(consumed) {
		t.Fatalf("%+v, but %+v of only what it consumed", v, same)
	}
	if short, _, _, _ := judge(consumed[:len(consumed)-1], 1<<20, errPending); short.err != errPending {
		t.Fatalf("%+v, but %+v with one byte less", v, short)
	}
}

// wellFormed is a final response's head by the letter of RFC 9112, in ASCII;
// oursOnly what net/http refuses: most codings, lists of lengths, control
// characters, and ends of bodies that are too large for us to look at.
var (
	wellFormed = regexp.MustCompile("^HTTP/1\\.[01] [2-9][0-9]{2}( [\t -~]*)\r\n([!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)*\r\n")
	oursOnly   = regexp.MustCompile(`(?i)\ntransfer-encoding:|\ncontent-length:[^\n]*(,|[0-9]{6})|[^\t\r\n -~]`)
)

// checkOracle compares v with what net/http makes of the same bytes.
func checkOracle(t *testing.T, data string, v verdict, consumed int, toEnd bool) {
	want, n := oracle(data)
	switch {
	case v.err == nil && want.err != nil:
		if !oursOnly.MatchString(data) {
			t.Fatalf("%+v, but net/http: %v", v, want.err)
		}
	case v.err != nil && want.err == nil:
		inTrailer := v.err == ErrHeaderLine || v.err == ErrControlCharacter // net/http is laxer there
		if wellFormed.MatchString(data) && !inTrailer {
			t.Fatalf("%v, but net/http: %+v", v.err, want)
		}
	case v.err == nil && (v != want || !toEnd && consumed != n):
		t.Fatalf("%+v, %d bytes; net/http: %+v, %d bytes", v, consumed, want, n)
	}
}

func oracle(data string) (v verdict, consumed int) {
	all := strings.NewReader(data)
	br := bufio.NewReader(all)
	for {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			return verdict{err: err}, 0
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err != nil {
			return verdict{err: err}, 0
		}
		if resp.StatusCode >= 200 || resp.StatusCode == 101 {
			v = verdict{resp.StatusCode, "HTTP/1.1", resp.Header.Get("Location"), n, nil}
			if !resp.ProtoAtLeast(1, 1) {
				v.proto = "HTTP/1.0"
			}
			return v, len(data) - all.Len() - br.Buffered()
		}
	}
}
