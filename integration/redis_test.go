package integration

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// sampled asks for the queue's depth three times, natively.
const sampled = `
	import { queueDepth } from 'k6/x/sparkmotion';
	export const options = { iterations: 3, vus: 1, ...JSON.parse(__ENV.OPTIONS || '{}') };
	const asked = { key: 'tap-log:pending', ...JSON.parse(__ENV.ASKED || '{}') };
	export default () => console.log('depth=' + queueDepth({ ...asked }) + '.');`

// TestRealQueueDepth reads the queue of a real Redis, with the settings right and wrong: by password and over TLS.
func TestRealQueueDepth(t *testing.T) {
	t.Parallel()
	if realRedis == "" {
		t.Skip("needs a real Redis: `make test-services` starts one")
	}
	if os.Getenv("REDISS_URL") == "" {
		t.Fatal("REDISS_URL is missing: set it beside REDIS_URL to the same server's TLS address, or neither")
	}
	plain, err := url.Parse(redisDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	secure, err := url.Parse(os.Getenv("REDISS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	secure.Path = plain.Path
	fillRedis(t, plain.String())
	with := func(u *url.URL, scheme string, user *url.Userinfo) string {
		return (&url.URL{Scheme: scheme, User: user, Host: u.Host, Path: u.Path}).String()
	}
	const trusting = `{"insecureSkipTLSVerify": true}`
	for _, one := range []struct {
		name    string
		url     string
		options string // of k6
		asked   string // of queueDepth
		depth   string
		error   string
	}{
		{name: "a password", url: plain.String(), depth: "depth=2."},
		{name: "a wrong password", url: with(plain, "redis", url.UserPassword("default", "nope-5up3r")), error: "WRONGPASS"},
		{name: "no password", url: with(plain, "redis", nil), error: "NOAUTH"},
		{name: "no such key", url: plain.String(), asked: `{"key": "none"}`, depth: "depth=0."},
		{name: "a key of the wrong type", url: plain.String(), asked: `{"key": "text"}`, error: "WRONGTYPE"},
		{name: "TLS", url: secure.String(), options: trusting, depth: "depth=2."},
		{name: "TLS, a wrong password", url: with(secure, "rediss", url.UserPassword("default", "nope-5up3r")), options: trusting, error: "WRONGPASS"},
		{name: "TLS, an unknown certificate", url: secure.String(), error: "x509: certificate signed by unknown authority"},
		{name: "TLS to the plain port", url: with(plain, "rediss", plain.User), options: trusting, asked: `{"timeout": "1s"}`, error: "no answer: request timeout after 1s"},
		{name: "no TLS to the TLS port", url: with(secure, "redis", secure.User), error: "A server with TLS needs rediss://"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"REDIS_URL": one.url, "OPTIONS": one.options, "ASKED": one.asked}
			r := runK6(t, env, "run", "--quiet", "--out", "json=samples.json", script(t, sampled))
			if one.error == "" {
				r.wants(0, one.depth)
				r.wantsSamples(3, 0, plain, secure)
			} else {
				r.wants(0, "queueDepth: LLEN ", one.error)
				r.wantsSamples(3, 3, plain, secure)
			}
		})
	}
}

// fillRedis leaves a queue of two and a key that is no list, until the test ends.
func fillRedis(t *testing.T, link string) {
	t.Helper()
	options, err := redis.ParseURL(link)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() {
		client.FlushDB(context.Background())
		client.Close()
	})
	if err := client.RPush(t.Context(), "tap-log:pending", "one", "two").Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(t.Context(), "text", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestDroppedSample drops the second sample's connection once it has asked: that sample is counted as failed, once, and
// the third is read.
func TestDroppedSample(t *testing.T) {
	t.Parallel()
	server, err := url.Parse(startTwin(t).env["TWIN_REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	through := *server
	through.Host = dropping(t, server.Host, 2, "llen")
	r := runK6(t, map[string]string{"REDIS_URL": through.String()}, "run", "--quiet", "--out", "json=samples.json", script(t, sampled))
	r.wants(0, "depth=0.", "queueDepth: LLEN tap-log:pending on "+through.Host+": no answer: the connection was closed")
	if read, failed := strings.Count(r.output, "depth=0."), strings.Count(r.output, "queueDepth: "); read != 2 || failed != 1 {
		t.Errorf("%d samples read, %d failed", read, failed)
	}
	r.wantsSamples(3, 1, server)
}

// wantsSamples wants so many samples of the queue, so many of them failed, and no server's password in all that k6 wrote.
func (r run) wantsSamples(all, failed int, servers ...*url.URL) {
	r.t.Helper()
	file := filepath.Join(r.dir, "samples.json")
	failures := 0
	judged := points(r.t, file, "error_rate")
	for _, p := range judged {
		if p.Tags["part"] == "upstash" && p.Value == 1 {
			failures++
		}
	}
	if depths := len(points(r.t, file, "queue_depth")); len(judged) != all || failures != failed || depths != all-failed {
		r.t.Errorf("%d samples judged, %d as failed, %d depths; want %d, %d failed", len(judged), failures, depths, all, failed)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	secrets := []string{"nope-5up3r"}
	for _, server := range servers {
		if password, ok := server.User.Password(); ok {
			secrets = append(secrets, password)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(r.output+string(written), secret) {
			r.t.Errorf("a password shows:\n%s", r.output)
		}
	}
}

// dropping forwards connections to a server, and drops the nth once the client has said word.
func dropping(t *testing.T, server string, nth int, word string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for n := 1; ; n++ {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(client, server, func(said []byte) bool { return n == nth && bytes.Contains(said, []byte(word)) })
		}
	}()
	return listener.Addr().String()
}

// forward passes on what client and server say, until one of them hangs up or drop says so of the client's words.
func forward(client net.Conn, server string, drop func(said []byte) bool) {
	defer client.Close()
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer conn.Close()
	go func() {
		defer client.Close()
		_, _ = io.Copy(client, conn)
	}()
	said := make([]byte, 4096)
	for {
		n, err := client.Read(said)
		if err != nil || drop(said[:n]) {
			return
		}
		if _, err := conn.Write(said[:n]); err != nil {
			return
		}
	}
}
