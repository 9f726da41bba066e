package answer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer/answertest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get asks a server that runs handler, by a URL with all that must not be shown, and puts HOST for its address.
func get(t *testing.T, handler http.HandlerFunc) (*Answer, error) {
	t.Helper()
	return ask(t, answertest.Serve(t, handler))
}

func ask(t *testing.T, host string) (*Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://user:hush@"+host+"/a%2Fb?token=hush#hush", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Get(answertest.Client(t), req, "WORKER_URL")
	if a != nil {
		a.Request = strings.ReplaceAll(a.Request, host, "HOST")
	}
	return a, err
}

func TestGet(t *testing.T) {
	t.Parallel()
	a, err := get(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Test", "yes")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if a.Request != "GET http://HOST/a%2Fb" || a.Status != 418 || a.Header.Get("X-Test") != "yes" || string(a.Body) != "short and stout" {
		t.Errorf("got %+v", a)
	}
}

// afterAnAnswer is how an error comes from a host that has answered, and not from others.
func afterAnAnswer(err error) error {
	var answered Answered
	if _, lost := answered.Note("HOST", err).(*Lost); lost {
		return errors.New("lost, though nothing had answered")
	}
	_ = answered.Note("HOST", nil)
	if _, lost := answered.Note("ANOTHER", err).(*Lost); lost {
		return errors.New("lost, though another had answered")
	}
	return answered.Note("HOST", err)
}

var errHeader = errors.New("bad header line")

func TestGetWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	_, refused := ask(t, answertest.Nobody)
	_, cut := get(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("not a hundred bytes"))
	})
	here := func(call string, why error) error {
		return Failed("GET http://HOST/a", "WORKER_URL", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError(call, why)})
	}
	for _, c := range []struct {
		name, want string
		err, is    error
		status     int
	}{
		{"no file left", "no answer: dial tcp: socket: too many open files. Each connection takes an open file, and k6 has " +
			"reached its limit: raise it with ulimit -n 65536", here("socket", syscall.EMFILE), syscall.EMFILE, 0},
		{"no port left", "no answer: dial tcp: connect: cannot assign requested address. This machine has no free local port: " +
			"keep connections open (noConnectionReuse, noVUConnectionReuse), or give k6 more addresses (--local-ips)",
			here("connect", syscall.EADDRNOTAVAIL), syscall.EADDRNOTAVAIL, 0},
		{"refused", "no answer: dial tcp " + answertest.Nobody + ": connect: connection refused. Is WORKER_URL right, and can this machine reach it?",
			refused, syscall.ECONNREFUSED, 0},
		{"lost", "no answer: dial tcp: connect: connection reset by peer. It answered earlier in this run, so WORKER_URL is right: is it " +
			"overloaded, or restarting?", Failed("GET http://HOST/a", "WORKER_URL", afterAnAnswer(&net.OpError{
			Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNRESET)})), syscall.ECONNRESET, 0},
		{"over", "answered 200, but its body can't be read: context canceled. The run ended before the answer was complete",
			Failed("GET http://HOST/a", "WORKER_URL", &Cut{Status: 200, Err: context.Canceled}), context.Canceled, 200},
		{"a header", "answered 302, but its header can't be read: bad header line. The server, or a proxy in between, truncates or corrupts it",
			Failed("GET http://HOST/a", "WORKER_URL", &Cut{Status: 302, Err: errHeader, Header: true}), errHeader, 302},
		{"cut", "answered 200, but its body can't be read: unexpected EOF. The server, or a proxy in between, truncates or corrupts it", cut, io.ErrUnexpectedEOF, 200},
	} {
		var wrong *Error
		if !errors.As(c.err, &wrong) {
			t.Fatalf("%s: not an *Error: %v", c.name, c.err)
		}
		if got := wrong.Got + ". " + wrong.Advice; wrong.Status != c.status || got != c.want {
			t.Errorf("%s: got %d: %s\nwant %s", c.name, wrong.Status, got, c.want)
		}
		if !errors.Is(c.err, c.is) {
			t.Errorf("%s: the cause is lost: %v", c.name, c.err)
		}
		if strings.Contains(c.err.Error(), "hush") {
			t.Errorf("%s: a secret in %q", c.name, c.err)
		}
	}
}

func TestUnexpected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		header map[string]string
		hint   string
		want   string
	}{
		{"a limit", 429, map[string]string{"Retry-After": "30"}, "Check X",
			"429 Too Many Requests (Retry-After: 30). The server limits the rate: wait, or raise its limit for this test"},
		{"a long Retry-After", 503, map[string]string{"Retry-After": strings.Repeat("x", 50)}, "",
			"503 Service Unavailable (Retry-After: " + strings.Repeat("x", 40) + "…). The server failed: its log says why"},
		{"unauthorized", 401, nil, "", "401 Unauthorized. If a gateway asks for its own login, put user:password@ into HUB_URL"},
		{"forbidden", 403, nil, "", "403 Forbidden. A firewall or bot check may take the requests for an attack: exempt this machine's address. " +
			"If a gateway asks for its own login, put user:password@ into HUB_URL"},
		{"unauthorized, with a hint", 401, nil, "Check X", "401 Unauthorized. Check X"},
		{"forbidden, with a hint", 403, nil, "Check X", "403 Forbidden. Check X. Or does a gateway forbid it?"},
		{"a hint is for credentials", 404, nil, "Check X", "404 Not Found. Check HUB_URL: nothing is there"},
		{"a redirect", 308, map[string]string{"Location": "https://u:hush@there/login?token=hush#hush"}, "",
			"308 Permanent Redirect to https://there/login. Point HUB_URL at the URL that it redirects to"},
		{"a redirect, with a hint", 302, map[string]string{"Location": "/login"}, "Check X",
			"302 Found to /login. Point HUB_URL at the URL that it redirects to. If that is a login page, the request was not let in: check X"},
		{"a redirect by a query alone", 302, map[string]string{"Location": "?token=hush"}, "", `302 Found to "?…". Is HUB_URL the right application's origin?`},
		{"a redirect to a fragment", 302, map[string]string{"Location": "#hush"}, "", `302 Found to "#…". Is HUB_URL the right application's origin?`},
		{"a redirect to an opaque URL", 302, map[string]string{"Location": "https:there/live?hush"}, "",
			`302 Found to "https:there/live?…". Is HUB_URL the right application's origin?`},
		{"a redirect to a mailbox", 302, map[string]string{"Location": "mailto:hush@there"}, "", `302 Found to "mailto:…@there". Is HUB_URL the right application's origin?`},
		{"a redirect to a long opaque URL", 302, map[string]string{"Location": "x:" + strings.Repeat("y", 200)}, "",
			`302 Found to "x:` + strings.Repeat("y", 98) + `…". Is HUB_URL the right application's origin?`},
		{"a proxy's login", 407, nil, "", "407 Proxy Authentication Required. A proxy asks for its login: put user:password@ into HTTP_PROXY or HTTPS_PROXY, or name the host in NO_PROXY"},
		{"a host that is not the server's", 421, nil, "", "421 Misdirected Request. The server is not set up for this host: check the host in HUB_URL, and the server's hosts and certificates"},
		{"no money", 402, nil, "", "402 Payment Required. It asks for payment: see the account's plan and limits"},
		{"an origin that Cloudflare can't reach", 522, nil, "", "522. Cloudflare answered that, because it could not connect to the origin in time: see the origin behind it, and its address at Cloudflare"},
		{"an origin that Cloudflare can't find", 530, nil, "", "530. Cloudflare answered that, because it could not reach the origin, as the error 1xxx in the page says, " +
			"such as 1016 for a name that does not resolve: see the origin behind it, and its address at Cloudflare"},
		{"a redirect to no URL", 302, map[string]string{"Location": "http://[hush"}, "",
			"302 Found with a Location that is not a URL. Is HUB_URL the right application's origin?"},
		{"a redirect to nowhere", 302, nil, "", "302 Found without a Location. Is HUB_URL the right application's origin?"},
		{"a Location without a redirect", 201, map[string]string{"Location": "/made"}, "",
			"201 Created. Is HUB_URL the right application's origin?"},
		{"a status without a name", 599, nil, "", "599. The server failed: its log says why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := Answer{Request: "GET x", Setting: "HUB_URL", Status: c.status, Header: http.Header{}}
			for name, value := range c.header {
				a.Header.Set(name, value)
			}
			wrong := a.Unexpected(c.hint)
			if want := "GET x: answered " + c.want; wrong.Error() != want || wrong.Status != c.status {
				t.Errorf("got  %s\nwant %s", wrong, want)
			}
		})
	}
}

// Locations that differ lead nowhere; the same one twice is one.
func TestUnexpectedLocations(t *testing.T) {
	t.Parallel()
	for other, want := range map[string]string{
		"/a": "answered 301 Moved Permanently to /a. Point HUB_URL at the URL that it redirects to",
		"/b": "answered 301 Moved Permanently with different Locations. Browsers refuse that (ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION): does a proxy in between add one?",
	} {
		a := Answer{Request: "GET x", Setting: "HUB_URL", Status: 301, Header: http.Header{"Location": {"/a", other}}}
		if got := a.Unexpected("").Error(); got != "GET x: "+want {
			t.Errorf("%s: %s", other, got)
		}
	}
}

// secure serves TLS, and returns its address and a client that trusts it and offers TLS 1.2 and 1.3.
func secure(t *testing.T, config *tls.Config) (host string, client *http.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS, server.Config.ErrorLog = config, log.New(io.Discard, "", 0) // handshakes that fail are the test
	server.StartTLS()
	t.Cleanup(server.Close)
	client = server.Client()
	t.Cleanup(client.CloseIdleConnections)
	return server.Listener.Addr().String(), client
}

// raw answers each connection's first bytes with a text, and closes it.
func raw(t *testing.T, text string) (host string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := conn.Read(make([]byte, 1<<16)); err == nil {
				_, _ = io.WriteString(conn, text)
			}
			_ = conn.Close()
		}
	})
	return listener.Addr().String()
}

// Where one end speaks TLS and the other does not, or both do and can't agree, the advice says what to change.
func TestAdviceOnTLS(t *testing.T) {
	t.Parallel()
	const alert = "\x15\x03\x01\x00\x02\x02"
	trusted := func(config *tls.Config) func(*testing.T) (string, *http.Client) {
		return func(t *testing.T) (string, *http.Client) {
			host, client := secure(t, config)
			return "https://" + host, client
		}
	}
	plain := func(scheme, text string) func(*testing.T) (string, *http.Client) {
		return func(t *testing.T) (string, *http.Client) { return scheme + raw(t, text), answertest.Client(t) }
	}
	for name, c := range map[string]struct {
		serve func(*testing.T) (string, *http.Client)
		want  string
	}{
		"a client's certificate, TLS 1.3": {trusted(&tls.Config{ClientAuth: tls.RequireAnyClientCert}),
			"The server wants a client's certificate: give k6 one in its option tlsAuth"},
		"a client's certificate, TLS 1.2": {trusted(&tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}),
			"The server agrees to no version or cipher of TLS that k6 offers, or wants a client's certificate: see k6's options tlsVersion, tlsCipherSuites and tlsAuth"},
		"TLS 1.0 alone": {trusted(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}),
			"The server speaks another version of TLS: allow it in k6's option tlsVersion, or have the server speak TLS 1.2 or 1.3"},
		"no cipher in common": {trusted(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}), // #nosec G402 -- to fail
			"The server agrees to no version or cipher of TLS that k6 offers, or wants a client's certificate: see k6's options tlsVersion, tlsCipherSuites and tlsAuth"},
		"a host without a certificate": {plain("https://", alert+"\x70"), "The server has no certificate for that host: check the host in HUB_URL"},
		"HTTP/2 alone":                 {plain("https://", alert+"\x78"), "It speaks only HTTP/2: set the option protocol to 'h2', for k6's own transport"},
		"TLS where http:// is asked":   {plain("http://", alert+"\x46"), "It speaks TLS there: write https:// in HUB_URL, or check its port"},
		"a TLS server that says so": {func(t *testing.T) (string, *http.Client) {
			host, client := secure(t, nil)
			return "http://" + host, client
		}, "It speaks TLS there: write https:// in HUB_URL, or check its port"},
		"a server that closes, asked by http":  {plain("http://", ""), "Is HUB_URL right? A server with TLS needs https://"},
		"a server that closes, asked by https": {plain("https://", ""), "Is HUB_URL right? A server without TLS needs http://"},
		"HTTP where https:// is asked":         {plain("https://", "HTTP/1.1 400 Bad Request\r\n\r\n"), "It doesn't speak TLS there: check the scheme and the port in HUB_URL"},
		"no port": {func(t *testing.T) (string, *http.Client) { return "http://127.0.0.1:65536", answertest.Client(t) },
			"Check the host and the port in HUB_URL: a port is 1 to 65535"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, client := c.serve(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link+"/a", nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := Get(client, req, "HUB_URL")
			if err == nil {
				err = a.Unexpected("")
			}
			if wrong := (*Error)(nil); !errors.As(err, &wrong) || wrong.Advice != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, body, want string }{
		{"an object", "", ` {"n": 9007199254740993} `, ""},
		{"empty", "", " \n", "200 with an empty body instead of JSON"},
		{"a page", "text/html", "<!doctype html><p>hush", "200 with an HTML page instead of JSON (22 bytes)"},
		{"cut", "", `{"n": 1, "hush`, "200 with truncated or invalid JSON (14 bytes)"},
		{"text", "text/plain", "hush", "200 with a body that is not JSON (text/plain, 4 bytes)"},
		{"text of no type", "", "hush", "200 with a body that is not JSON (no Content-Type, 4 bytes)"},
		{"two values", "", `{"n": 1} {"n": 2}`, "200 with truncated or invalid JSON (17 bytes)"},
		{"a bracket too many", "", `{"n": 1}}`, "200 with truncated or invalid JSON (9 bytes)"},
		{"another shape", "", `["hush"]`, "200 with JSON of an unexpected shape (8 bytes)"},
		{"a string", "", `"hush"`, "200 with JSON of an unexpected shape (6 bytes)"},
		{"another type", "", `{"n": "hush"}`, "200 with JSON of an unexpected shape (13 bytes)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := Answer{Request: "GET x", Setting: "HUB_URL", Status: 200, Header: http.Header{}, Body: []byte(c.body)}
			if c.kind != "" {
				a.Header.Set("Content-Type", c.kind)
			}
			var got struct{ N json.Number }
			err := a.JSON(&got)
			if c.want == "" {
				if err != nil || got.N != "9007199254740993" { // as the server wrote it, not as a float64 holds it
					t.Errorf("got %v, %v", got.N, err)
				}
				return
			}
			advice := ". Is HUB_URL the right application's origin?"
			if strings.Contains(c.want, "truncated") {
				advice = ". See the log of the server, or of a proxy in between"
			}
			if want := "GET x: answered " + c.want + advice; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://u:hush@host:8443/a%2Fb/c?token=hush#hush": "https://host:8443/a%2Fb/c",
		"https://hush@host":          "https://host",
		"/api/auth/error?error=hush": "/api/auth/error",
	} {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatal(err)
		}
		if got := Show(u); got != want {
			t.Errorf("Show(%q) = %q, want %q", given, got, want)
		}
	}
}

// FuzzJSON holds that JSON takes what is JSON and nothing else.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{"", "{}", "[1] ]", "null", `{"a":1}{}`, "<html>", "\xff", "1e999"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got any
		err := (&Answer{Body: body}).JSON(&got)
		if (err == nil) != json.Valid(body) {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"ERR no.":                      "ERR no",
		" [\n  {\t\"a\": 1}\r\n] ":     `[ { "a": 1} ]`,
		"\x1b[31mred\x00\u202Eder":     "[31mred der",
		"cut \xff short":               "cut \uFFFD short",
		strings.Repeat("ä", 150):       strings.Repeat("ä", 150),
		strings.Repeat("ä", 151):       strings.Repeat("ä", 150) + "…",
		"a" + strings.Repeat("ä", 150): "a" + strings.Repeat("ä", 149) + "…", // 300 bytes would cut the last in two
	} {
		if got := Words(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

// FuzzWords holds that a server's words stay a line that can be printed.
func FuzzWords(f *testing.F) {
	f.Add("a\nb\xff\u202E" + strings.Repeat("😀", 100))
	f.Fuzz(func(t *testing.T, text string) {
		got := Words(text)
		unfit := func(r rune) bool { return r != ' ' && (unicode.IsSpace(r) || !unicode.IsGraphic(r)) }
		if len(got) > 300+len("…") || !utf8.ValidString(got) || strings.ContainsFunc(got, unfit) {
			t.Errorf("%q became %q", text, got)
		}
	})
}
