package tapwire

import (
	"bytes"
	"testing"
)

func TestAppendRequest(t *testing.T) {
	h, err := NewHeader("tap.example.com:8443", "k6/2", [2]string{"X-Test", "a\tb é"}, [2]string{"Connection", "close"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "GET /r/SM-1?utm_source=nfc HTTP/1.1\r\nHost: tap.example.com:8443\r\n" +
		"User-Agent: k6/2\r\nX-Test: a\tb é\r\nConnection: close\r\n\r\n"
	if got := AppendRequest([]byte("x"), h, "/r/", "SM-1", "?utm_source=nfc"); string(got) != "x"+want {
		t.Errorf("got %q\nwant %q", got, "x"+want)
	}
	h = mustHeader("a", "")
	for target, want := range map[string]string{
		"":                       "/",
		"?q=1":                   "/?q=1",
		"r/x":                    "/r/x",
		"/a%20b%2f":              "/a%20b%2f",
		"/a b":                   "/a%20b",
		"/x HTTP/1.1\r\nEvil: 1": "/x%20HTTP/1.1%0D%0AEvil:%201",
		"/é#f\x00\x7f":           "/%C3%A9%23f%00%7F",
		"/?a=\"<>\"":             "/?a=%22%3C%3E%22",
	} {
		if got := string(AppendRequest(nil, h, target)); got != "GET "+want+" HTTP/1.1\r\nHost: a\r\n\r\n" {
			t.Errorf("target %q: got %q", target, got)
		}
	}
}

func TestNewHeaderRefuses(t *testing.T) {
	for _, test := range []struct {
		host, userAgent, name, value string
	}{
		{"", "", "A", "b"},
		{"a b", "", "A", "b"},
		{"a\r\nEvil: 1", "", "A", "b"},
		{"a", "k6\r\nEvil: 1", "A", "b"},
		{"a", "", "", "b"},
		{"a", "", "A B", "b"},
		{"a", "", "A:", "b"},
		{"a", "", "A\n", "b"},
		{"a", "", "É", "b"},
		{"a", "", "A", "b\rc"},
		{"a", "", "A", "b\nc"},
		{"a", "", "A", "b\x00c"},
		{"a", "", "hOST", "b"},
		{"a", "", "Content-Length", "1"},
		{"a", "", "transfer-encoding", "chunked"},
	} {
		if _, err := NewHeader(test.host, test.userAgent, [2]string{test.name, test.value}); err == nil {
			t.Errorf("%+v: no error", test)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add("/r/", "SM-1", "a", "k6", "X", "y")
	f.Add("\r\n\r\nGET / HTTP/1.1", " ", "a\r\n", "\n", "X: y\r\nZ", "\x00")
	f.Fuzz(func(t *testing.T, path, query, host, userAgent, name, value string) {
		h, err := NewHeader(host, userAgent, [2]string{name, value})
		if err != nil {
			return
		}
		wire := AppendRequest(nil, h, path, query)
		fields := 3
		if userAgent == "" {
			fields = 2
		}
		if n := bytes.Count(wire, []byte("\n")); n != fields+2 || bytes.Count(wire, []byte("\r\n")) != n {
			t.Fatalf("%d lines in %q", n, wire)
		}
		if line, _, _ := bytes.Cut(wire, []byte("\r\n")); bytes.Count(line, []byte(" ")) != 2 {
			t.Fatalf("not three words in %q", line)
		}
	})
}
