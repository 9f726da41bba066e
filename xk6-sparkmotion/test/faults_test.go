package test

import (
	"bufio"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

var update = flag.Bool("update", false, "write testdata/faults.txt anew")

// faulty are the primitives, as scripts call them. URLs, secrets and the session's cookie all say hush.
var faulty = []struct{ name, js string }{
	{"login", "sm.login({timeout})"},
	{"tap", "sm.tap({timeout})"},
	{"tap by h2", "sm.tap({timeout, protocol: 'h2'})"},
	{"taps", "sm.taps(2, {timeout})"},
	{"query", "sm.query({cookie: 's=hush'}, 'analytics.kpis', {from: 'hush'}, {timeout})"},
	{"batch", "sm.batch({cookie: 's=hush'}, [['a', 'hush'], ['b', 'hush']], {timeout})"},
	{"flushTaps", "sm.flushTaps({timeout})"},
	{"queueDepth", "sm.queueDepth({timeout})"},
	{"queueDepth by Redis", "sm.queueDepth({timeout, redisURL})"},
	{"Upstash.command", "new sm.Upstash({timeout}).command(['SET', 'k', 'hush'])"},
	{"Upstash.pipeline", "new sm.Upstash({timeout}).pipeline([['INCR', 'a'], ['INCR', 'b'], ['LPUSH', 'c', 'hush'], ['GET', 'd'], ['GET', 'e']])"},
	{"Upstash.transaction", "new sm.Upstash({timeout}).transaction([['INCR', 'a'], ['INCR', 'b'], ['LPUSH', 'c', 'hush'], ['GET', 'd'], ['GET', 'e']])"},
	{"preflight", "sm.preflight({timeout})"}, // at a Worker with the fault; all else is well
}

// fault is what a server does to them.
type fault struct {
	name   string
	only   string                  // the primitives that can meet it, as a pattern; empty: all that speak HTTP
	server func(*testing.T) string // gives its URL
}

var faults = []fault{
	{"does not resolve", ".", func(*testing.T) string { return "http://sparkmotion.invalid" }},
	{"refuses", ".", func(*testing.T) string { return vutest.Refused() }},
	{"resets", ".", acts(func(c *net.TCPConn) { _ = c.SetLinger(0) })},
	{"closes without an answer", ".", says("")},
	{"hangs", ".", acts(func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })},
	{"speaks something else", ".", says("220 mail.example ESMTP\r\n")},
	{"has a certificate of an unknown authority", ".", secured("127.0.0.1")},
	{"has a certificate of another host", ".", secured("localhost")},
	{"speaks TLS, not HTTP", "tap$|^query$|by Redis|preflight", says("\x15\x03\x01\x00\x02\x02\x46")},
	{"speaks TLS 1.0 alone", "^tap$|^query$|by Redis", outdated},
	{"speaks HTTP, not HTTPS", "", func(t *testing.T) string {
		return strings.Replace(answers("200 OK", "")(t), "http:", "https:", 1)
	}},

	{"400", "", answers("400 Bad Request", "hush")},
	{"401", "", answers("401 Unauthorized", "hush")},
	{"403", "", answers("403 Forbidden", "<html>hush")},
	{"404", "", answers("404 Not Found", "<html>hush")},
	{"413", "", answers("413 Request Entity Too Large", `{"error":"ERR max request size exceeded"}`)},
	{"414", "", answers("414 Request-URI Too Long", "hush")},
	{"431", "", answers("431 Request Header Fields Too Large", "hush")},
	{"a header that is malformed", "", says("HTTP/1.1 302 Found\r\nLocation hush\r\n\r\n")},
	{"a redirect to the page for good", "tap", answers("301 Moved Permanently", "", "Location: https://compassion.com/live?t=hush")},
	{"a redirect to the fallback", "^tap$|preflight", answers("307 Temporary Redirect", "", "Location: https://sparkmotion.io/?t=hush")},
	{"a redirect to the page", "preflight", answers("301 Moved Permanently", "Hub's", "Vary: rsc", "Location: https://compassion.com/live?t=hush")},
	{"different Locations", "^tap$|^query$|flushTaps", answers("302 Found", "", "Location: https://compassion.com/live", "Location: https://other.example/")},
	{"a Location without a host", "^tap$", answers("302 Found", "", "Location: ?t=hush")},
	{"an opaque Location", "^tap$", answers("302 Found", "", "Location: https:compassion.com/live?t=hush")},
	{"a header over 64 KiB", "^tap$", answers("302 Found", "", "Location: https://compassion.com/live", "X-Big: "+strings.Repeat("hush", 20<<10))},
	{"407", "^tap$", answers("407 Proxy Authentication Required", "hush")},
	{"421", "^tap$|^query$", answers("421 Misdirected Request", "hush")},
	{"522", "^tap$|^query$", answers("522", "<html>hush")},
	{"530", "^tap$", answers("530", "error code: 1016")},
	{"429", "", answers("429 Too Many Requests", "hush")},
	{"429 with Retry-After", "", answers("429 Too Many Requests", "hush", "Retry-After: 30")},
	{"500 with HTML", "", answers("500 Internal Server Error", "<html>hush")},
	{"503 with Retry-After", "", answers("503 Service Unavailable", "hush", "Retry-After: 30")},
	{"200 with HTML", ".", answers("200 OK", "<html>hush", "Content-Type: text/html")},
	{"200 with cut JSON", "", answers("200 OK", `{"result": {"data": "hush`)},
	{"200 with other JSON", "", answers("200 OK", `{"hush":1}`)},
	{"200 with nothing", "", answers("200 OK", "")},
	{"204", "", says("HTTP/1.1 204 No Content\r\n\r\n")},
	{"a redirect to a login page", "", answers("302 Found", "", "Location: /login?callbackUrl=hush")},
	{"a redirect to https", "", answers("308 Permanent Redirect", "", "Location: https://user:hush@admin.example/x?hush#hush")},
	{"a redirect to nowhere", "", answers("302 Found", "")},
	{"a redirect to no URL", "", answers("302 Found", "", "Location: http://[hush")},
	{"a chunked body that is cut", "", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"res\r\n5\r\nul")},
	{"a body shorter than its Content-Length", "", says("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"result\"")},
	{"a body longer than its Content-Length", "", says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n{\"result\":1}")},
	{"a body that hangs", "", acts(func(c *net.TCPConn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"res")
		_, _ = io.Copy(io.Discard, c)
	})},
	{"a body that is no gzip", "", answers("200 OK", "hush", "Content-Encoding: gzip")},
	{"a Retry-After of the server's fancy", "", answers("429 Too Many Requests", "", "Retry-After: "+strings.Repeat("späten ", 20))},

	{"no CSRF cookie", "login", handler("/api/auth/csrf", vutest.Respond(200, `{"csrfToken":"hush"}`))},
	{"a wrong password", "login", handler("/api/auth/callback/credentials", redirect("/login?error=CredentialsSignin&code=hush"))},
	{"a refused CSRF token", "login", handler("/api/auth/callback/credentials", redirect("/login?error=MissingCSRF"))},
	{"a broken application", "login", handler("/api/auth/callback/credentials", redirect("/error?error=Configuration"))},
	{"a login that is 401", "login", handler("/api/auth/callback/credentials", vutest.Respond(401, "hush"))},
	{"a login that is 403", "login", handler("/api/auth/callback/credentials", vutest.Respond(403, "<html>hush"))},
	{"a login that is 404", "login", handler("/api/auth/callback/credentials", vutest.Respond(404, "<html>hush"))},
	{"a login that is 500", "login", handler("/api/auth/callback/credentials", vutest.Respond(500, "<html>hush"))},
	{"a login that redirects to no URL", "login", handler("/api/auth/callback/credentials", redirect("http://[hush"))},
	{"a login without a session cookie", "login", handler("/api/auth/callback/credentials", redirect("/"))},
	{"a session of nobody", "login", handler("/api/auth/session", vutest.Respond(200, "null"))},
	{"a session that fails", "login", handler("/api/auth/session", vutest.Respond(500, "hush"))},

	{"no session", "query|batch", answers("401 Unauthorized", trpcError("UNAUTHORIZED", 401, "UNAUTHORIZED"))},
	{"a role that may not", "query|batch", answers("403 Forbidden", trpcError("FORBIDDEN", 403, "admins only"))},
	{"no such procedure", "query|batch", answers("404 Not Found", trpcError("NOT_FOUND", 404, `No procedure found on path \"a\"`))},
	{"a wrong input", "query|batch", answers("400 Bad Request", trpcError("BAD_REQUEST", 400, zodText))},
	{"an error at length", "query|batch", answers("500 Internal Server Error", trpcError("INTERNAL_SERVER_ERROR", 500, strings.Repeat(`kein\n  Anschluß `, 40)))},
	{"one error of two", "batch", answers("207 Multi-Status", `[{"result":{"data":1}},`+trpcError("NOT_FOUND", 404, "no such event")+`]`)},
	{"one result to two", "batch", answers("200 OK", `[{"result":{"data":1}}]`)},

	{"a flush that fails", "flushTaps", answers("200 OK", `{"success":false,"flushed":0,"failedBatches":3,"remaining":60}`)},
	{"a flush that fails in part", "flushTaps", answers("200 OK", `{"success":true,"flushed":5,"failedBatches":1,"remaining":60}`)},

	{"an error for one command of five", "Upstash.pipeline|Upstash.tran", answers("200 OK", `[{"result":1},{"result":2},{"error":"WRONGTYPE Operation against a key holding the wrong kind of value"},{"result":null},{"result":"x"}]`)},
	{"an error for all, with 200", "Upstash.pipeline|queueDepth$", answers("200 OK", `{"error":"ERR max daily request limit exceeded"}`)},
	{"a token that may not", "Upstash|queueDepth$", answers("403 Forbidden", `{"error":"NOPERM this token is read-only"}`)},
	{"a database that is suspended", "Upstash.command|queueDepth$", answers("402 Payment Required", `{"error":"database suspended"}`)},
	{"an error for all", "Upstash.pipeline|Upstash.tran", answers("400 Bad Request", `{"error":"ERR `+strings.Repeat("lang und länger ", 40)+`"}`)},
	{"a key that is no list", "queueDepth$|Upstash.command", answers("400 Bad Request", `{"error":"WRONGTYPE Operation against a key holding the wrong kind of value"}`)},
	{"an error at length", "Upstash.command", answers("400 Bad Request", `{"error":"ERR `+strings.Repeat("lang und länger ", 40)+`"}`)},
	{"a key that is no list", "by Redis", redisSays("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")},
	{"no password", "by Redis", redisSays("-NOAUTH Authentication required.\r\n")},
	{"a Redis that is loading", "by Redis", redisSays("-LOADING Redis is loading the dataset in memory\r\n")},
	{"a Redis that does not know AUTH", "by Redis", acts(repeats)},
	{"drops the connection", "by Redis", redisSays("")},
	{"cuts its answer", "by Redis", redisSays(":4")},
}

// TestFaults holds each primitive against each fault: what the script and the log say, and what is counted.
// testdata/faults.txt has it all, to be read; go test ./xk6-sparkmotion/test -run TestFaults -update writes it.
func TestFaults(t *testing.T) {
	t.Parallel()
	well, _ := vutest.Serve(t, system)
	cells := make([][]string, len(faulty))
	t.Run("cells", func(t *testing.T) {
		for p, primitive := range faulty {
			for _, f := range faults {
				if !meets(primitive.name, f.only) {
					continue
				}
				at := len(cells[p])
				cells[p] = append(cells[p], "")
				t.Run(primitive.name+"/"+f.name, func(t *testing.T) {
					t.Parallel()
					cells[p][at] = f.name + " | " + meet(t, primitive.name, primitive.js, f, well)
				})
			}
		}
	})
	golden(t, "testdata/faults.txt", cells)
}

func meets(primitive, only string) bool {
	if only == "" {
		return !strings.HasSuffix(primitive, "by Redis")
	}
	return regexp.MustCompile(only).MatchString(primitive)
}

// meet calls a primitive at a faulty server and gives what its user sees: what it returns or throws and logs, the
// module's samples, and the status of each request.
func meet(t *testing.T, primitive, js string, f fault, well string) string {
	t.Helper()
	link := f.server(t)
	s := configured(t, primitive, f, link, well)
	saw := s.Run(vutest.Shown + "(() => { try { return 'returns ' + show(" + js + `) }
		catch (e) { return e instanceof Error ? e.message : 'no Error: ' + e } })()`).String()
	if call, _, _ := strings.Cut(primitive, " by "); !strings.HasPrefix(saw, "returns ") && !strings.HasPrefix(saw, call+": ") {
		t.Errorf("%s does not say that it is from %s", saw, call)
	}
	for _, entry := range s.Log.AllEntries() {
		if primitive == "preflight" {
			mustNotTell(t, entry.Message) // the same as it throws
		} else {
			saw += " · logs: " + entry.Message
		}
	}
	mustNotTell(t, saw)
	own, requests := s.Drain()
	own = slices.DeleteFunc(own, func(sample string) bool { return strings.HasPrefix(sample, "checks") })
	for i, request := range requests {
		if requests[i] = strings.Fields(request)[2]; requests[i] == "0" {
			requests[i] = "none"
		}
	}
	_, host, _ := strings.Cut(link, "://")
	line := strings.Join([]string{saw, strings.Join(own, ", "), strings.Join(requests, ", ")}, " | ")
	return strings.NewReplacer(host, "HOST", "\n", " ⏎ ").Replace(line)
}

// configured gives a VU whose settings all lead to link; preflight's only the Worker's.
func configured(t *testing.T, primitive string, f fault, link, well string) *vutest.Script {
	t.Helper()
	scheme, host, _ := strings.Cut(link, "://")
	secret := scheme + "://user:hush@" + host
	env := preflightEnv(secret)
	if primitive == "preflight" {
		env = preflightEnv(well)
		env["WORKER_URL"], env["ALLOWED_HOSTS"] = secret, "sparkmotion.invalid"
	}
	s := newProcess(t, env).Start(1)
	timeout := "30s"
	if strings.Contains(f.name, "hangs") {
		timeout = "1s" // of which a busy machine may take most until the first byte
	}
	redis := strings.Replace(strings.Replace(secret, "https:", "rediss:", 1), "http:", "redis:", 1)
	s.Run("var timeout = '" + timeout + "', redisURL = '" + redis + "'")
	return s
}

func mustNotTell(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "hush") {
		t.Errorf("a secret in: %s", text)
	}
}

// golden compares what was seen with the file of what is wanted, a block a primitive.
func golden(t *testing.T, file string, blocks [][]string) {
	t.Helper()
	text := "What the server does | what the script gets, and the log | the module's samples | the status of each request\n"
	for i, block := range blocks {
		text += "\n" + faulty[i].name + "\n" + strings.Join(block, "\n") + "\n"
	}
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(want), "\n")
	for i, got := range strings.Split(text, "\n") {
		if i >= len(lines) || got != lines[i] {
			t.Errorf("line %d of %s:\ngot  %s\nwant %s", i+1, file, got, strings.Join(lines[min(i, len(lines)):min(i+1, len(lines))], ""))
		}
	}
}

// acts serves each connection by a function, once a first request is there, and closes it.
func acts(act func(*net.TCPConn)) func(*testing.T) string {
	return func(t *testing.T) string {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() }) // the test is over
		go func() {
			for {
				conn, err := listener.AcceptTCP()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close() // it is done with
					if _, err := conn.Read(make([]byte, 64<<10)); err == nil {
						act(conn)
					}
				}()
			}
		}()
		return "http://" + listener.Addr().String()
	}
}

// says answers each connection with a text, and ends it in good order.
func says(text string) func(*testing.T) string {
	return acts(func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, text)
		_ = conn.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	})
}

// answers is an HTTP answer to everything.
func answers(status, body string, header ...string) func(*testing.T) string {
	head := append([]string{"HTTP/1.1 " + status, "Connection: close", fmt.Sprintf("Content-Length: %d", len(body))}, header...)
	return says(strings.Join(head, "\r\n") + "\r\n\r\n" + body)
}

// handler is an admin application that is well but for one path.
func handler(path string, instead http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string {
		_, shown := vutest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				instead(w, r)
			} else {
				admin(w, r)
			}
		})
		return shown
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

// secured is a server with a certificate that nobody knows, for 127.0.0.1 and not for localhost.
func secured(host string) func(*testing.T) string {
	return func(t *testing.T) string {
		server := httptest.NewUnstartedServer(nil)
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are the test
		server.StartTLS()
		t.Cleanup(server.Close)
		return strings.Replace(server.URL, "127.0.0.1", host, 1)
	}
}

// outdated is a server of TLS 1.0.
func outdated(t *testing.T) string {
	server := httptest.NewUnstartedServer(nil)
	server.TLS, server.Config.ErrorLog = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// redisSays is a Redis of one answer to LLEN, after which it closes.
func redisSays(answer string) func(*testing.T) string {
	return func(t *testing.T) string {
		address, _ := redisServer(t, answer)
		return "http://" + address
	}
}

// repeats is a Redis that knows no command: it says so in Redis's words, which have the arguments in them.
func repeats(conn *net.TCPConn) {
	_, _ = io.WriteString(conn, "-ERR unknown command 'hello'\r\n")
	for in := bufio.NewReader(conn); ; {
		command, err := readCommand(in)
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(conn, "-ERR unknown command '%s', with args beginning with: '%s' \r\n", command[0], strings.Join(command[1:], "' '"))
	}
}

func trpcError(code string, status int, message string) string {
	return fmt.Sprintf(`{"error":{"message":"%s","code":-32000,"data":{"code":"%s","httpStatus":%d}}}`, message, code, status)
}

// zodText is how Zod says that an input is wrong.
var zodText = strings.ReplaceAll(`[\n  {\n    'code': 'invalid_format',\n    'path': [\n 'from'\n ],\n    'message': 'Invalid ISO datetime'\n  }\n]`, "'", `\"`)
