package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vutest"
)

func TestQueueDepth(t *testing.T) {
	t.Parallel()
	const caught = "(() => { try { return sm.queueDepth() } catch (e) { return [e, e.status, e.command] } })()"
	for _, c := range []struct {
		name    string
		status  int
		body    string
		want    string
		emitted []string
	}{
		{"some", 200, counted(42, 7), "42", []string{"error_rate{part:upstash} 0", "queue_depth{} 42", "upstash_latency{} time"}},
		{"none", 200, counted(0, 0), "0", []string{"error_rate{part:upstash} 0", "queue_depth{} 0", "upstash_latency{} time"}},
		{"no list", 200, `[{"error":"WRONGTYPE no list"},{"result":[]}]`, `[Error(queueDepth: POST SHOWN/pipeline: LLEN answered WRONGTYPE no list. Is tap-log:pending the queue's key?),undefined,"LLEN"]`, []string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"a whole number with a fraction", 200, strings.Replace(counted(7, 7), ":7}", ":7.0}", 1), "7", []string{"error_rate{part:upstash} 0", "queue_depth{} 7", "upstash_latency{} time"}},
		{"a fraction", 200, strings.Replace(counted(7, 7), ":7}", ":7.5}", 1), "[Error(queueDepth: LLEN tap-log:pending answered 7.5 instead of a whole number from 0. Is UPSTASH_REDIS_REST_URL a Redis?),undefined,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"no number", 200, `[{"result":"many"},{"result":[]}]`, "[Error(queueDepth: LLEN tap-log:pending answered \"many\" instead of a whole number from 0. Is UPSTASH_REDIS_REST_URL a Redis?),undefined,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"null", 200, `[{"result":null},{"result":[]}]`, "[Error(queueDepth: LLEN tap-log:pending answered null instead of a whole number from 0. Is UPSTASH_REDIS_REST_URL a Redis?),undefined,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"fewer than none", 200, counted(-1, 0), "[Error(queueDepth: LLEN tap-log:pending answered -1 instead of a whole number from 0. Is UPSTASH_REDIS_REST_URL a Redis?),undefined,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"an error instead of results", 200, `{"error":"ERR max daily request limit exceeded"}`,
			"[Error(queueDepth: POST SHOWN/pipeline: answered 200: ERR max daily request limit exceeded),200,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"too few counters", 200, `[{"result":1},{"result":["1"]}]`, "[Error(queueDepth: MGET of 9 counters answered [\"1\"]. Is UPSTASH_REDIS_REST_URL a Redis?),undefined,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"a counter that is none", 200, `[{"result":1},{"result":["x",null,null,null,null,null,null,null,null]}]`,
			"[Error(queueDepth: monitoring:taps:received holds \"x\", which is not a whole number from 0. Is this the system's Redis?),undefined,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
		{"a failure", 500, "", "[Error(queueDepth: POST SHOWN/pipeline: answered 500 Internal Server Error. The server failed: its log says why),500,undefined]",
			[]string{"error_rate{part:upstash} 1", "upstash_latency{} time"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := &rest{status: c.status, body: c.body}
			s, shown := u.start(t)
			vutest.Equal(t, "result", s.Show(caught), strings.Replace(c.want, "SHOWN", shown, 1))
			vutest.Equal(t, "sent", u.sent, `[["LLEN","tap-log:pending"],["MGET","monitoring:taps:received","monitoring:taps:flushed","monitoring:taps:dropped",`+
				`"monitoring:errors:worker_log_failed","monitoring:errors:worker_unhandled","monitoring:errors:hub_db_fallback",`+
				`"monitoring:errors:auto_assign_failed","monitoring:errors:no_org_slug","monitoring:errors:cron_batch_failed"]]`)
			own, requests := s.Drain()
			vutest.EqualLines(t, "emitted", own, c.emitted...)
			vutest.Equal(t, "requests", len(requests), 1)
		})
	}
}

func TestQueueDepthOfAnotherKey(t *testing.T) {
	t.Parallel()
	u := &rest{status: 200, body: counted(1, 0)}
	s, _ := u.start(t)
	s.Run("sm.queueDepth({key: 'other'})")
	vutest.Equal(t, "asked for", strings.HasPrefix(u.sent, `[["LLEN","other"],`), true)
}

// Without a queue to ask, there is no depth: null, no samples, and one line in the log for all VUs.
func TestQueueDepthWithoutAQueue(t *testing.T) {
	t.Parallel()
	p := newProcess(t, nil)
	for id := range uint64(3) {
		s := p.Start(id)
		vutest.Equal(t, "result", s.Show("[sm.queueDepth(), sm.queueDepth()]"), "[null,null]")
		vutest.EqualLines(t, "emitted", s.Emitted())
	}
	vutest.Equal(t, "lines in the log", len(p.Log.AllEntries()), 1)
	vutest.Equal(t, "the line", p.Log.LastEntry().Message,
		"queueDepth is skipped: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL, to sample the queue")
}

// Half a configuration is a mistake, not a wish to skip.
func TestQueueDepthHalfConfigured(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"UPSTASH_REDIS_REST_URL": "http://host", "UPSTASH_REDIS_REST_TOKEN": "hush"} {
		s := newProcess(t, map[string]string{name: value}).Start(1)
		vutest.Equal(t, name, s.Fails("sm.queueDepth()"), "queueDepth: UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together: "+
			"one of them is missing")
	}
}

// redisServer is a Redis of one answer to LLEN that keeps the commands it is sent, on one connection at a time.
func redisServer(t *testing.T, answer string) (address string, commands chan []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() }) // the test is over
	commands = make(chan []string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for {
				command, err := readCommand(in)
				if err != nil {
					break
				}
				commands <- command
				switch strings.ToUpper(command[0]) {
				case "LLEN":
					_, _ = io.WriteString(conn, answer)
					if !strings.HasSuffix(answer, "\n") { // an answer that breaks off
						conn.Close() // the next read tells
					}
				case "MGET":
					_, _ = fmt.Fprintf(conn, "*%d\r\n%s", len(command)-1, strings.Repeat("$-1\r\n", len(command)-1))
				case "HELLO":
					_, _ = io.WriteString(conn, "-ERR unknown command 'HELLO'\r\n") // a Redis before 6, so that RESP2 does
				default:
					_, _ = io.WriteString(conn, "+OK\r\n")
				}
			}
			commands <- []string{"closed"}
			conn.Close() // it is closed
		}
	}()
	return listener.Addr().String(), commands
}

// readCommand reads an array of bulk strings.
func readCommand(in *bufio.Reader) ([]string, error) {
	number := func() (int, error) {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	n, err := number()
	if err != nil {
		return nil, err
	}
	command := make([]string, n)
	for i := range command {
		length, err := number()
		if err != nil {
			return nil, err
		}
		text := make([]byte, length+2)
		if _, err := io.ReadFull(in, text); err != nil {
			return nil, err
		}
		command[i] = string(text[:length])
	}
	return command, nil
}

func TestQueueDepthByRedis(t *testing.T) {
	t.Parallel()
	address, commands := redisServer(t, ":42\r\n")
	s := newProcess(t, map[string]string{
		"REDIS_URL":              "redis://user:hush@" + address + "/3",
		"UPSTASH_REDIS_REST_URL": vutest.Refused(), "UPSTASH_REDIS_REST_TOKEN": "hush", // REDIS_URL comes first
	}).Start(1)
	vutest.Equal(t, "result", s.Show("sm.queueDepth()"), "42")
	vutest.EqualLines(t, "emitted", s.Emitted(), "error_rate{part:upstash} 0", "queue_depth{} 42")
	var sent, mget []string
	for command := range commands {
		if command[0] == "closed" { // nothing is left open between samples
			break
		}
		if command[0] == "mget" {
			mget = command
		}
		if command[0] != "hello" {
			sent = append(sent, strings.ToLower(strings.Join(command, " ")))
		}
	}
	vutest.Equal(t, "sent", strings.Join(sent, ", "), "auth user hush, select 3, llen tap-log:pending, mget "+strings.Join(mget[1:], " "))
}

func TestQueueDepthByRedisFails(t *testing.T) {
	t.Parallel()
	address, _ := redisServer(t, "-WRONGTYPE no list\r\n")
	gone := strings.TrimPrefix(vutest.Refused(), "http://")
	const form = "queueDepth: REDIS_URL must be redis://[:password@]host:port[/db], or rediss:// for TLS"
	for link, want := range map[string]string{
		"redis://user:hush@" + address: "queueDepth: LLEN tap-log:pending on " + address + ": answered WRONGTYPE no list. Is tap-log:pending the queue's key?",
		"redis://user:hush@" + gone: fmt.Sprintf("queueDepth: LLEN tap-log:pending on %s: no answer: dial tcp %s: connect: connection refused. "+
			"Is REDIS_URL right, and can this machine reach it?", gone, gone),
		"http://user:hush@host":       form,
		"redis://user:hush@host:port": form + ", and this is not a URL. In a password, characters such as / ? # and % must be percent-encoded: %2F %3F %23 %25",
		"redis://user:hu/sh@host:1":   form + ", and this is not a URL. In a password, characters such as / ? # and % must be percent-encoded: %2F %3F %23 %25",
		"redis://user:hu%sh@host:1":   form + ", and this is not a URL. In a password, characters such as / ? # and % must be percent-encoded: %2F %3F %23 %25",
		"redis://host?family=0&x=1":   form + ". The parameter family, x is not supported: leave it out",
		"redis://:5?hush@host:1":      form, // the rest of a password, not a parameter
	} {
		s := newProcess(t, map[string]string{"REDIS_URL": link}).Start(1)
		vutest.Equal(t, link, s.Fails("sm.queueDepth()"), want)
		if strings.HasPrefix(want, form) { // nobody was asked, nobody failed
			vutest.EqualLines(t, "emitted", s.Emitted())
		} else {
			vutest.EqualLines(t, "emitted", s.Emitted(), "error_rate{part:upstash} 1")
		}
	}
}

// A server that takes the connection and then is silent holds a sample until its timeout or the end of the run, in a TLS
// handshake as well.
func TestQueueDepthByASilentRedis(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the kernel connects; nobody reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() }) // the test is over
	address := listener.Addr().String()
	for _, scheme := range []string{"redis", "rediss"} {
		failed := "queueDepth: LLEN tap-log:pending on " + address + ": no answer: %s"
		s := newProcess(t, map[string]string{"REDIS_URL": scheme + "://user:hush@" + address}).Start(1)
		advice := "Is it overloaded, or does a firewall drop the request? The option timeout sets how long to wait"
		if scheme == "rediss" {
			advice = "It doesn't speak TLS: use redis:// instead of rediss://"
		}
		vutest.Equal(t, scheme, s.Fails("sm.queueDepth({timeout: 100})"), fmt.Sprintf(failed, "request timeout after 100ms. "+advice))
		vutest.EqualLines(t, "emitted", s.Emitted(), "error_rate{part:upstash} 1")

		ctx, cancel := context.WithCancel(t.Context())
		s.VU.Ctx = ctx
		time.AfterFunc(100*time.Millisecond, cancel)
		vutest.Equal(t, scheme, s.Fails("sm.queueDepth()"), fmt.Sprintf(failed,
			"context canceled. The run ended before the answer was complete"))
		vutest.EqualLines(t, "emitted", s.Emitted())
	}
}
