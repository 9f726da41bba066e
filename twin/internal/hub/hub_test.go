package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

type bench struct {
	*Hub
	gates *fault.Gates
	url   string
}

// serve serves a hub on an embedded Redis.
func serve(t *testing.T, flushTime time.Duration) bench { return serveOn(t, "", flushTime) }

// serveOn serves a hub on the Redis at url, or on an embedded one when url is "".
func serveOn(t *testing.T, url string, flushTime time.Duration) bench {
	t.Helper()
	s, err := store.Open(t.Context(), url, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gates := &fault.Gates{}
	db, err := database.Open(t.Context(), "", database.Seed{Bands: 10}, &gates.Database)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Store: s, Database: db, Gate: &gates.Hub, CronSecret: "secret", FlushTime: flushTime})
	server := httptest.NewServer(h.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := errors.Join(db.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return bench{h, gates, server.URL}
}

// push puts taps of bands numbered from first to last on the queue, in that order, one at a time.
func (b bench) push(t *testing.T, first, last int) {
	t.Helper()
	for _, entry := range entries(first, last) {
		if err := b.Store.LPush(t.Context(), store.Queue, entry).Err(); err != nil {
			t.Error(err)
		}
	}
}

func entries(first, last int) (all []any) {
	for i := first; i <= last; i++ {
		tap := event.Tap{BandID: fmt.Sprintf("band-%05d", i), EventID: event.All[0].ID, Mode: "live", TappedAt: time.UnixMilli(int64(i))}
		all = append(all, tap.AppendJSON(nil))
	}
	return all
}

func (b bench) cron(t *testing.T) result {
	t.Helper()
	status, body := get(t, b.url+"/api/cron/flush-taps", "Bearer secret")
	var r result
	if err := json.Unmarshal([]byte(body), &r); status != 200 || err != nil {
		t.Errorf("%d %s", status, body)
	}
	return r
}

func get(t *testing.T, url, authorization string) (int, string) {
	t.Helper()
	req, _ := http.NewRequest("GET", url, nil)
	req.Header.Set("Authorization", authorization)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body strings.Builder
	resp.Write(&body)
	_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
	return resp.StatusCode, resp.Header.Get("Location") + text
}

func TestSlowPath(t *testing.T) {
	b := serve(t, time.Second)
	for path, want := range map[string]string{
		"/e?bandId=LOADTEST-E2-000010":   "302 https://compassion.com/live",
		"/e?bandId=a%26b":                "302 https://sparkmotion.net/unknown-band?bandId=a%26b",
		"/e":                             "400 Missing bandId\n",
		"/e?bandId=LOADTEST-E2-000011&x": "302 https://sparkmotion.net/unknown-band?bandId=LOADTEST-E2-000011",
		"/nowhere":                       "404 404 page not found\n",
	} {
		if status, text := get(t, b.url+path, ""); fmt.Sprint(status, " ", text) != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func TestCronSecret(t *testing.T) {
	b := serve(t, time.Second)
	for _, authorization := range []string{"", "Bearer ", "Bearer secret2", "secret2", "Basic secret"} {
		if status, _ := get(t, b.url+"/api/cron/flush-taps", authorization); status != 401 {
			t.Errorf("%q: %d", authorization, status)
		}
	}
}

func TestFlush(t *testing.T) {
	b := serve(t, time.Minute)
	b.push(t, 1, batchSize+500)
	if r := b.cron(t); !r.Success || r.Flushed != batchSize+500 || r.Batches != 2 || r.FailedBatches != 0 || r.Remaining != 0 {
		t.Errorf("%+v", r)
	}
	b.expectRows(t, batchSize+500)
	if r := b.cron(t); r.Flushed != 0 || r.Batches != 0 {
		t.Errorf("an empty queue: %+v", r)
	}
}

// expectRows checks that the taps 1 to n are in the database, each once.
func (b bench) expectRows(t *testing.T, n int) {
	t.Helper()
	rows, err := b.Database.ExportTaps(t.Context(), event.All[0].ID, time.UnixMilli(0), time.Now())
	if err != nil || len(rows) != n {
		t.Fatalf("%d rows, want %d; %v", len(rows), n, err)
	}
	for i, row := range rows {
		if want := fmt.Sprintf("band-%05d", i+1); row.BandID != want {
			t.Fatalf("row %d is %s, want %s", i, row.BandID, want)
		}
	}
}

func TestOldestFirst(t *testing.T) {
	b := serve(t, 0)
	b.FlushTime = time.Millisecond // one batch at most
	b.push(t, 1, batchSize+10)
	b.cron(t)
	b.expectRows(t, batchSize)
}

func TestFailedBatchGoesBackInOrder(t *testing.T) {
	b := serve(t, time.Minute)
	b.push(t, 1, batchSize+100)
	before := b.Store.LRange(t.Context(), store.Queue, 0, -1).Val()
	b.Database.Stop()
	if r := b.cron(t); !r.Success || r.FailedBatches != 1 || r.Flushed != 0 || r.Remaining != batchSize+100 {
		t.Errorf("%+v", r)
	}
	after := b.Store.LRange(t.Context(), store.Queue, 0, -1).Val()
	if strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Error("the queue's order has changed")
	}
	b.Database.Start()
	if r := b.cron(t); r.Flushed != batchSize+100 {
		t.Errorf("%+v", r)
	}
	b.expectRows(t, batchSize+100)
}

func TestNothingLostNothingTwice(t *testing.T) {
	b := serve(t, time.Minute)
	const pushers, each = 4, 1500
	var pushing, flushing sync.WaitGroup
	for p := range pushers {
		pushing.Go(func() { b.push(t, p*each+1, (p+1)*each) })
	}
	done := make(chan struct{})
	for range 3 {
		flushing.Go(func() {
			for {
				b.cron(t)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	flushing.Go(func() { // and the database goes away again and again
		for {
			select {
			case <-done:
				b.Database.Start()
				return
			case <-time.After(3 * time.Millisecond):
				b.Database.Stop()
				time.Sleep(time.Millisecond)
				b.Database.Start()
			}
		}
	})
	pushing.Wait()
	close(done)
	flushing.Wait()
	b.cron(t)
	b.expectRows(t, pushers*each)
	if s := b.Stats(); s.Flushed != pushers*each || s.Rejected != 0 {
		t.Errorf("%+v", s)
	}
}

func TestRejectsWhatIsNoTap(t *testing.T) {
	b := serve(t, time.Minute)
	b.push(t, 1, 1)
	b.Store.LPush(t.Context(), store.Queue, "no JSON", "{}")
	b.push(t, 2, 2)
	b.cron(t)
	b.expectRows(t, 2)
	if n := b.Stats().Rejected; n != 2 {
		t.Errorf("%d rejected", n)
	}
}

func TestDrainRate(t *testing.T) {
	b := serve(t, time.Minute)
	b.push(t, 1, 2*batchSize)
	b.gates.Replace(fault.Set{Hub: fault.Fault{DrainRate: 10 * batchSize}})
	start := time.Now()
	b.cron(t)
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("drained %d rows in %v", 2*batchSize, took)
	}
}

func TestRedisAway(t *testing.T) {
	b := serve(t, time.Minute)
	b.Store.Stop()
	if status, body := get(t, b.url+"/api/cron/flush-taps", "Bearer secret"); status != 500 || !strings.HasPrefix(body, `{"error":`) {
		t.Errorf("%d %s", status, body)
	}
}

// TestDroppedConnection drops the connection to Redis once in a flush, at each command in turn: before Redis has it, or
// before the hub has the reply; with the database there, or away. The next flush makes up for it: every tap arrives once.
func TestDroppedConnection(t *testing.T) {
	for _, executed := range []bool{false, true} {
		for _, away := range []bool{false, true} {
			n := 1
			for dropped := true; dropped && !t.Failed(); n++ {
				t.Run(fmt.Sprintf("command %d, executed %t, database away %t", n, executed, away), func(t *testing.T) {
					dropped = flushDropped(t, int64(n), executed, away)
				})
			}
			if n < 5 {
				t.Errorf("a flush of %d commands", n-2)
			}
		}
	}
}

// flushDropped tells whether the connection was dropped: a flush may have fewer commands.
func flushDropped(t *testing.T, command int64, executed, away bool) bool {
	line, url := dropper(t)
	b := serveOn(t, url, time.Minute)
	if err := b.Store.LPush(t.Context(), store.Queue, entries(1, batchSize+10)...).Err(); err != nil {
		t.Fatal(err)
	}
	if away {
		b.Database.Stop()
	}
	line.executed = executed
	line.countdown.Store(command)
	status, body := get(t, b.url+"/api/cron/flush-taps", "Bearer secret")
	dropped := line.countdown.Swap(0) <= 0
	if want := map[bool]int{true: 500, false: 200}[dropped]; status != want {
		t.Errorf("%d %s", status, body)
	}
	b.Database.Start()
	if r := b.cron(t); r.FailedBatches != 0 || r.Remaining != 0 {
		t.Errorf("then %+v", r)
	}
	b.expectRows(t, batchSize+10)
	if left := b.Store.Exists(t.Context(), store.Queue, store.Taken).Val(); left != 0 {
		t.Errorf("%d lists left", left)
	}
	return dropped
}

// line forwards connections to a Redis, and drops one when the countdown of commands comes to nothing.
type line struct {
	redis     string
	countdown atomic.Int64
	executed  bool // dropped once Redis has answered the command, else before it gets it
}

// dropper puts a line before a Redis: TWIN_TEST_REDIS_URL's, or a plain miniredis.
func dropper(t *testing.T) (l *line, through string) {
	t.Helper()
	u, err := url.Parse(os.Getenv("TWIN_TEST_REDIS_URL"))
	if err != nil {
		t.Fatal(err)
	}
	if u.Host == "" {
		u = &url.URL{Scheme: "redis", Host: miniredis.RunT(t).Addr()}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l = &line{redis: u.Host}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.forward(conn)
		}
	}()
	u.Host = listener.Addr().String()
	return l, u.String()
}

// forward passes commands on, each sent in one piece once the last is answered.
func (l *line) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", l.redis)
	if err != nil {
		return
	}
	defer server.Close()
	dropped := make(chan struct{})
	go func() {
		defer client.Close()
		answers := make([]byte, 64<<10)
		for {
			n, err := server.Read(answers)
			if err != nil {
				return
			}
			select {
			case <-dropped:
				return
			default:
				client.Write(answers[:n])
			}
		}
	}()
	command := make([]byte, 64<<10)
	for {
		n, err := client.Read(command)
		if err != nil {
			return
		}
		if l.countdown.Add(-1) != 0 {
			server.Write(command[:n])
			continue
		}
		if !l.executed {
			return
		}
		close(dropped)
		server.Write(command[:n])
		client.Read(command) // ends when the answer has come and the client is closed
	}
}
