package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lanes taps the same target through the fast lane and through the VU's own transport, which "h2" asks for: over plain
// HTTP it speaks HTTP/1.1 too.
const lanes = `
	import { tap } from 'k6/x/sparkmotion';
	const scenario = (lane) => ({ executor: 'per-vu-iterations', vus: 1, iterations: 3, exec: lane, tags: { lane } });
	export const options = {
		scenarios: { fast: scenario('fast'), slow: scenario('slow') },
		...JSON.parse(__ENV.OPTIONS || '{}'),
	};
	const given = JSON.parse(__ENV.TAP || '{}');
	export const fast = () => tap({ ...given });
	export const slow = () => tap({ ...given, protocol: 'h2' });`

// TestLanes wants the same metrics with the same tags, as often, from both lanes, whatever the target does; and k6's
// own error_code for it.
func TestLanes(t *testing.T) {
	t.Parallel()
	redirect := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://compassion.com/live?x=1")
		w.WriteHeader(http.StatusFound)
	}
	plain := serve(t, redirect)
	secure := serveTLS(t, redirect)
	for _, one := range []struct {
		name    string
		url     string
		options string
		tap     string
		code    string // k6's error_code, none when empty
		args    []string
	}{
		{name: "a redirect", url: plain},
		{name: "all system tags", url: plain, args: []string{"--system-tags",
			"proto,subproto,status,method,url,name,group,check,error,error_code,tls_version,scenario,service,expected_response,iter,vu,ocsp_status,ip"}},
		{name: "few system tags", url: plain, args: []string{"--system-tags", "status"}},
		{name: "tags of the run", url: plain, args: []string{"--tag", "city=nashville"}},
		{name: "a name of one's own", url: plain, options: `{"tags": {"name": "tap"}}`},
		{name: "a password in the URL", url: strings.Replace(plain, "://", "://crew:5ecret-word@", 1)},
		{name: "TLS", url: secure, options: `{"insecureSkipTLSVerify": true}`},
		{name: "no connection reuse", url: plain, options: `{"noConnectionReuse": true}`},
		{name: "no reuse between iterations", url: plain, options: `{"noVUConnectionReuse": true}`},
		{name: "404", url: serve(t, http.NotFound), code: "1404"},
		{name: "500 with a page", url: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("<p>", 4000), http.StatusInternalServerError)
		}), code: "1500"},
		{name: "no Location", url: serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })},
		{name: "another page", url: serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://hub.example/unknown", http.StatusFound)
		})},
		{name: "nobody there", url: "http://127.0.0.1:1", code: "1212"},
		{name: "a blocked address", url: plain, options: `{"blacklistIPs": ["127.0.0.0/8"]}`, code: "1110"},
		{name: "a blocked name", url: "http://worker.example", options: `{"blockHostnames": ["*.example"]}`, code: "1111"},
		{name: "another host's address", url: "http://worker.example", options: `{"hosts": {"worker.example": "` + strings.TrimPrefix(plain, "http://") + `"}}`},
		{name: "an unknown certificate", url: secure, code: "1310"},
		{name: "TLS to a plain server", url: strings.Replace(plain, "http:", "https:", 1)},
		{name: "no answer in time", url: raw(t, func(conn net.Conn, _ string) { _, _ = io.Copy(io.Discard, conn) }),
			tap: `{"timeout": 150}`, code: "1050"},
		{name: "a reset", url: raw(t, func(conn net.Conn, _ string) { _ = conn.(*net.TCPConn).SetLinger(0) }), code: "1220"},
		{name: "a Location that is no URL", url: serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://[5ecret")
			w.WriteHeader(http.StatusFound)
		})},
		{name: "cut in the body", url: raw(t, func(conn net.Conn, _ string) {
			_, _ = io.WriteString(conn, "HTTP/1.1 302 Found\r\nLocation: https://compassion.com/live\r\nContent-Length: 9\r\n\r\nlive")
		}), code: "1000"},
		{name: "cut in the header", url: raw(t, func(conn net.Conn, _ string) { _, _ = io.WriteString(conn, "HTTP/1.1 302 Fo") })},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"WORKER_URL": one.url, "OPTIONS": one.options, "TAP": one.tap}
			maps.DeleteFunc(env, func(_, value string) bool { return value == "" })
			args := append([]string{"run", "--quiet", "--no-usage-report", "--out", "json=samples.json"}, one.args...)
			r := runK6(t, env, append(args, script(t, lanes))...)
			r.wants(0)
			fast, slow := laneSamples(t, r, "fast"), laneSamples(t, r, "slow")
			if !maps.Equal(fast, slow) {
				t.Errorf("the fast lane and the VU's transport differ:\n%s", diff(fast, slow))
			}
			if n := count(fast, "http_reqs "); n != 3 {
				t.Errorf("%d requests counted for 3 taps", n)
			}
			if one.code != "" && count(fast, "http_reqs ", `"error_code":"`+one.code+`"`) != 3 {
				t.Errorf("not error_code %s:\n%s", one.code, strings.Join(slices.Sorted(maps.Keys(fast)), "\n"))
			}
			if strings.Contains(r.output, "5ecret") || count(fast, "5ecret") > 0 {
				t.Error("the URL's password shows")
			}
		})
	}
}

// TestConnections looks at the other end: how many requests and connections k6's options make of the taps, and from
// where they come. Each lane makes three taps in three iterations of one VU.
func TestConnections(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name        string
		options     string
		args        []string
		connections int
		from        string
	}{
		{name: "kept", connections: 2, from: "127.0.0.1"},
		{name: "no reuse", options: `{"noConnectionReuse": true}`, connections: 6, from: "127.0.0.1"},
		{name: "no reuse between iterations", options: `{"noVUConnectionReuse": true}`, connections: 6, from: "127.0.0.1"},
		{name: "a local address", args: []string{"--local-ips", "127.0.0.9"}, connections: 2, from: "127.0.0.9"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			requests := map[string]int{} // by the client's address and port
			target := serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				requests[r.RemoteAddr]++
				mu.Unlock()
				http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
			})
			env := map[string]string{"WORKER_URL": target}
			if one.options != "" {
				env["OPTIONS"] = one.options
			}
			runK6(t, env, append(append([]string{"run", "--quiet"}, one.args...), script(t, lanes))...).wants(0)
			total := 0
			for address, n := range requests {
				total += n
				if host, _, _ := net.SplitHostPort(address); host != one.from {
					t.Errorf("a tap came from %s", address)
				}
			}
			if total != 6 || len(requests) != one.connections {
				t.Errorf("%d requests on %d connections, want 6 on %d", total, len(requests), one.connections)
			}
		})
	}
}

// TestRPS: --rps bounds both lanes: 40 taps at 40 a second can't take less than most of a second.
func TestRPS(t *testing.T) {
	t.Parallel()
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	})
	for _, protocol := range []string{"http/1.1", "h2"} {
		limited := script(t, `
			import { tap } from 'k6/x/sparkmotion';
			export const options = { vus: 4, iterations: 40, rps: 40, summaryTrendStats: ['count'] };
			export default () => tap({ protocol: '`+protocol+`' });
			export const handleSummary = (data) => ({ stdout: 'ms=' + Math.round(data.state.testRunDurationMs) });`)
		r := runK6(t, map[string]string{"WORKER_URL": target}, "run", "--quiet", limited)
		var ms int
		if _, err := fmt.Sscanf(r.output[strings.Index(r.output, "ms="):], "ms=%d", &ms); err != nil || ms < 900 {
			t.Errorf("%s: 40 taps at 40 a second took %d ms (%v)", protocol, ms, err)
		}
	}
}

// TestClientCertificate: the script's tlsAuth is shown to a server that asks for it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://compassion.com/live", http.StatusFound)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	options, err := json.Marshal(map[string]any{
		"insecureSkipTLSVerify": true,
		"tlsAuth":               []map[string]string{{"cert": pemOf(t, "CERTIFICATE"), "key": pemOf(t, "PRIVATE KEY")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := runK6(t, map[string]string{"WORKER_URL": server.URL, "OPTIONS": string(options)}, "run", "--quiet",
		"--out", "json=samples.json", script(t, lanes))
	r.wants(0)
	for _, lane := range []string{"fast", "slow"} {
		if n := count(laneSamples(t, r, lane), "http_reqs ", `"status":"302"`); n != 3 {
			t.Errorf("%s: %d of 3 taps were redirected", lane, n)
		}
	}
}

// crew is a client's key pair.
var crew = sync.OnceValues(func() (map[string]string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	return map[string]string{
		"CERTIFICATE": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		"PRIVATE KEY": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	}, err
})

func pemOf(t *testing.T, kind string) string {
	t.Helper()
	pair, err := crew()
	if err != nil {
		t.Fatal(err)
	}
	return pair[kind]
}

// TestGracefulStop: taps that nobody answers end with the VU, and are counted by neither lane.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	hung := raw(t, func(conn net.Conn, _ string) { _, _ = io.Copy(io.Discard, conn) })
	stopped := script(t, `
		import { tap } from 'k6/x/sparkmotion';
		const scenario = (lane) => ({ executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '0s', exec: lane, tags: { lane } });
		export const options = { scenarios: { fast: scenario('fast'), slow: scenario('slow') } };
		export const fast = () => tap();
		export const slow = () => tap({ protocol: 'h2' });`)
	r := runK6(t, map[string]string{"WORKER_URL": hung}, "run", "--quiet", "--out", "json=samples.json", stopped)
	r.wants(0)
	for _, lane := range []string{"fast", "slow"} {
		if seen := laneSamples(t, r, lane); len(seen) != 0 {
			t.Errorf("%s: %v", lane, seen)
		}
	}
}

// laneSamples are how often each metric was seen with which tags in one scenario, the lane's own names left out. An
// error's text may differ between the lanes; its code may not.
func laneSamples(t *testing.T, r run, lane string) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	for _, metric := range []string{
		"http_reqs", "http_req_duration", "http_req_blocked", "http_req_connecting", "http_req_tls_handshaking",
		"http_req_sending", "http_req_waiting", "http_req_receiving", "http_req_failed", "checks",
		"redirect_latency", "error_rate", "kv_hit_rate",
	} {
		for _, p := range points(t, filepath.Join(r.dir, "samples.json"), metric) {
			if p.Tags["lane"] != lane {
				continue
			}
			delete(p.Tags, "lane")
			delete(p.Tags, "scenario")
			delete(p.Tags, "error")
			tags, err := json.Marshal(p.Tags)
			if err != nil {
				t.Fatal(err)
			}
			seen[metric+" "+string(tags)]++
		}
	}
	return seen
}

func count(seen map[string]int, parts ...string) int {
	total := 0
	for key, n := range seen {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(key, part) }) {
			total += n
		}
	}
	return total
}

func diff(a, b map[string]int) string {
	var text strings.Builder
	for _, side := range []struct {
		name      string
		one, than map[string]int
	}{{"fast", a, b}, {"slow", b, a}} {
		for _, key := range slices.Sorted(maps.Keys(side.one)) {
			if side.one[key] != side.than[key] {
				fmt.Fprintf(&text, "%s %d × %s\n", side.name, side.one[key], key)
			}
		}
	}
	return text.String()
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func serveTLS(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are the test
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// raw serves each request's connection by a function, then closes it.
func raw(t *testing.T, answer func(conn net.Conn, request string)) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				request := make([]byte, 4096)
				n, err := conn.Read(request)
				if err == nil {
					answer(conn, string(request[:n]))
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}
