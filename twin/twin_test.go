package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/control"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
)

// small is a twin with ten bands an event.
func small() Config {
	c := Config{Email: "loadtest@sparkmotion.net", Password: "p4ssw0rd", CronSecret: "cr0n", UpstashToken: "t0ken",
		CookiePrefix: "admin-auth", Superjson: true, Role: "ADMIN",
		FlushTime: 200 * time.Millisecond, Bands: 10, History: 30}
	for _, a := range c.addresses() {
		*a.value = "127.0.0.1:0"
	}
	return c
}

func start(t *testing.T) *Twin {
	t.Helper()
	twin, err := Start(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := twin.Close(); err != nil {
			t.Error(err)
		}
	})
	return twin
}

func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, _ := http.NewRequest(method, url, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer cr0n")
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func stats(t *testing.T, twin *Twin) (s control.Stats) {
	t.Helper()
	status, body := call(t, "GET", twin.url("control")+"/stats", "")
	if err := json.Unmarshal([]byte(body), &s); status != 200 || err != nil {
		t.Fatal(status, body)
	}
	return s
}

// balanced checks that every tap that was redirected to its page is accounted for, once.
func balanced(t *testing.T, s control.Stats) {
	t.Helper()
	l := s.Ledger
	if l.KV+l.Hub != l.Received+l.Lost+l.Waiting || l.Received != l.Flushed+l.Dropped+l.Pending || l.Flushed != l.Rows {
		t.Errorf("the ledger isn't balanced: %+v", l)
	}
}

// ledger is what the system itself counts.
func ledger(t *testing.T, twin *Twin) (received, flushed, dropped int64) {
	t.Helper()
	read := func(key string) int64 {
		n, _ := twin.store.Get(t.Context(), key).Int64()
		return n
	}
	return read("monitoring:taps:received"), read("monitoring:taps:flushed"), read("monitoring:taps:dropped")
}

func TestEveryTapArrivesOnce(t *testing.T) {
	twin := start(t)
	const phones, taps = 8, 150
	done := make(chan struct{})
	var tapping, flushing sync.WaitGroup
	for p := range phones {
		tapping.Go(func() {
			for i := range taps {
				call(t, "GET", twin.url("worker")+"/e?bandId="+event.All[p%3].BandID(i%10+1), "")
			}
		})
	}
	for range 2 {
		flushing.Go(func() {
			for {
				call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	tapping.Wait()
	close(done)
	flushing.Wait()
	balanced(t, stats(t, twin))
	call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
	s := stats(t, twin)
	balanced(t, s)
	if s.Worker.Hits != phones*taps || s.Queue.Depth != 0 || s.Hub.Flushed != phones*taps || s.Database.History != 30 {
		t.Errorf("%+v", s)
	}
	waitFor(t, func() bool { // the counters follow the flush
		received, flushed, dropped := ledger(t, twin)
		return received == phones*taps && flushed == phones*taps && dropped == 0
	})
}

// waitFor waits for a condition, up to a deadline.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for start := time.Now(); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatal("never so")
		}
	}
}

func TestUnknownBandTakesTheSlowPath(t *testing.T) {
	twin := start(t)
	if status, _ := call(t, "GET", twin.url("worker")+"/e?bandId=nobody", ""); status != 302 {
		t.Errorf("status %d", status)
	}
	s := stats(t, twin)
	if s.Worker.Misses != 1 || s.Hub.SlowPath != 1 || s.Hub.Assigned != 1 || s.Worker.Redirects != 1 {
		t.Errorf("%+v", s)
	}
	balanced(t, s)
	call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
	if s := stats(t, twin); s.Ledger.Hub != 1 || s.Ledger.Flushed != 1 || s.Ledger.Dropped != 0 {
		t.Errorf("%+v", s.Ledger)
	}
}

// TestControl does to the twin what its control can, and looks at the ledger.
func TestControl(t *testing.T) {
	tap := func(t *testing.T, twin *Twin, band string) {
		t.Helper()
		if status, _ := call(t, "GET", twin.url("worker")+"/e?bandId="+band, ""); status != 302 {
			t.Errorf("%s: %d", band, status)
		}
	}
	const band = "LOADTEST-E1-000001"
	for name, c := range map[string]struct {
		method, path, body string
		taps               []string
		want               control.Ledger
	}{
		"an empty KV":     {"DELETE", "/kv", "", []string{band, band}, control.Ledger{Hub: 2, Received: 2, Flushed: 2, Rows: 2}},
		"a bad value":     {"PUT", "/kv?key=127:" + band, "no JSON", []string{band}, control.Ledger{Fallback: 1}},
		"a value":         {"PUT", "/kv?key=127:X", `{"url":"https://x.example/","eventId":"` + event.All[0].ID + `","mode":"live"}`, []string{"X"}, control.Ledger{KV: 1, Received: 1, Dropped: 1}},
		"no hub":          {"POST", "/hub/stop", "", []string{band, "nobody"}, control.Ledger{KV: 1, Fallback: 1, Received: 1, Pending: 1}},
		"deleted bands":   {"POST", "/bands/delete?share=1", "", []string{band}, control.Ledger{KV: 1, Received: 1, Dropped: 1}},
		"errors upstream": {"PUT", "/faults", `{"upstash":{"errorRate":1,"status":429}}`, []string{band, "nobody"}, control.Ledger{KV: 1, Hub: 1, Received: 1, Lost: 1, Flushed: 1, Rows: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			twin := start(t)
			if status, body := call(t, c.method, twin.url("control")+c.path, c.body); status/100 != 2 {
				t.Fatal(status, body)
			}
			for _, b := range c.taps {
				tap(t, twin, b)
			}
			stats(t, twin) // all is recorded
			if name != "no hub" {
				call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
			}
			s := stats(t, twin)
			if s.Ledger != c.want {
				t.Errorf("got  %+v\nwant %+v", s.Ledger, c.want)
			}
			balanced(t, s)
		})
	}
}

func TestHubComesBack(t *testing.T) {
	twin := start(t)
	for _, path := range []string{"/hub/stop", "/hub/start"} {
		if status, body := call(t, "POST", twin.url("control")+path, ""); status != 204 {
			t.Fatal(status, body)
		}
	}
	call(t, "GET", twin.url("worker")+"/e?bandId=nobody", "")
	if s := stats(t, twin); s.Ledger.Hub != 1 {
		t.Errorf("%+v", s.Ledger)
	}
}

func TestOthers(t *testing.T) {
	twin := start(t)
	url := twin.url("control") + "/others"
	if status, body := call(t, "PUT", url, `{"flushEveryMs":20,"tapsPerSecond":100}`); status != 200 {
		t.Fatal(status, body)
	}
	waitFor(t, func() bool {
		s := stats(t, twin)
		return s.Others.Taps > 5 && s.Others.Flushes > 1 && s.Ledger.Flushed > 5
	})
	call(t, "DELETE", url, "")
	before := stats(t, twin)
	balanced(t, before)
	if after := stats(t, twin); after.Others != before.Others {
		t.Error("they go on")
	}
}

func TestCrash(t *testing.T) {
	twin := start(t)
	call(t, "GET", twin.url("worker")+"/e?bandId=LOADTEST-E1-000001", "")
	stats(t, twin)
	if status, body := call(t, "POST", twin.url("control")+"/redis/crash", ""); status != 204 {
		t.Fatal(status, body)
	}
	if received, _, _ := ledger(t, twin); received != 0 || stats(t, twin).Ledger.Pending != 0 {
		t.Error("something is left")
	}
}

func TestFaultsByControl(t *testing.T) {
	twin := start(t)
	url := twin.url("control") + "/faults"
	for _, c := range []struct {
		method, body string
		status       int
		want         string
	}{
		{"GET", ``, 200, `{}`},
		{"PUT", `{"worker":{"errorRate":1,"status":500},"database":{"latencyMs":1.5}}`, 200, `{"worker":{"errorRate":1,"status":500},"database":{"latencyMs":1.5}}`},
		{"PUT", `{"worker":{"errorRat":1}}`, 400, `{"error":"json: unknown field \"errorRat\""}`},
		{"PUT", `{"kv":{}}`, 400, `{"error":"json: unknown field \"kv\""}`},
		{"PUT", `{"hub":{"errorRate":2}}`, 400, `{"error":"hub: errorRate is 2; give a share from 0 to 1"}`},
		{"GET", ``, 200, `{"worker":{"errorRate":1,"status":500},"database":{"latencyMs":1.5}}`},
	} {
		if status, body := call(t, c.method, url, c.body); status != c.status || strings.TrimSpace(body) != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.body, status, body)
		}
	}
	if status, _ := call(t, "GET", twin.url("worker")+"/health", ""); status != 500 {
		t.Errorf("a faulty worker answers %d", status)
	}
	call(t, "DELETE", url, "")
	if status, _ := call(t, "GET", twin.url("worker")+"/health", ""); status != 200 {
		t.Errorf("a worker that is well again answers %d", status)
	}
	if s := stats(t, twin); s.Worker.Faults != 1 {
		t.Errorf("%d faults counted", s.Worker.Faults)
	}
}

func TestOutages(t *testing.T) {
	twin := start(t)
	tap := func() { call(t, "GET", twin.url("worker")+"/e?bandId=LOADTEST-E1-000001", "") }
	post := func(path string) {
		if status, body := call(t, "POST", twin.url("control")+path, ""); status != 204 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	tap()
	balanced(t, stats(t, twin))
	post("/redis/stop")
	tap()
	if s := stats(t, twin); s.Queue.Queued != 1 || s.Queue.Lost != 1 || s.Queue.Depth != 1 {
		t.Errorf("%+v", s.Queue)
	}
	post("/redis/start")
	post("/database/stop")
	_, body := call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
	if !strings.Contains(body, `"flushed":0,"dropped":0,"batches":0,"failedBatches":`) || !strings.Contains(body, `"remaining":1`) {
		t.Error(body)
	}
	post("/database/start")
	_, body = call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
	if !strings.Contains(body, `"success":true,"flushed":1,"dropped":0,"batches":1,"failedBatches":0,"remaining":0,"durationMs":`) {
		t.Error(body)
	}
}

func TestCommand(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		code    int
	}{
		"ends well":    {[]string{"true"}, 0},
		"its own code": {[]string{"sh", "-c", "exit 99"}, 99},
		"has settings": {[]string{"sh", "-c", `test "$TEST_PASSWORD/$LOADTEST_EVENT_ID/$CRON_SECRET" = p4ssw0rd/` + event.All[0].ID + `/cr0n && test "$LOADTEST_EVENT_IDS" = ` + event.All[0].ID + "," + event.All[1].ID + "," + event.All[2].ID + ` && echo "$DIRECT_URL$LOADTEST_ORG_ID$WORKER_URL$TWIN_REDIS_URL" | grep -q "127.0.0.1.*` + event.Org.ID + `.*127.0.0.1"`}, 0},
		"by a signal":  {[]string{"sh", "-c", "kill -9 $$"}, 137},
		"not there":    {[]string{"./no-such-command"}, 127},
		"not runnable": {[]string{"./internal"}, 126},
	} {
		t.Run(name, func(t *testing.T) {
			var messages bytes.Buffer
			if code := run(small(), c.command, &messages); code != c.code {
				t.Errorf("exit code %d\n%s", code, &messages)
			}
			if strings.Contains(messages.String(), "p4ss") || strings.Contains(messages.String(), "cr0n") {
				t.Errorf("a secret in %s", &messages)
			}
		})
	}
}

func TestSignals(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		signal  syscall.Signal
		code    int
	}{
		"serving, interrupted":   {nil, syscall.SIGINT, 0},
		"serving, terminated":    {nil, syscall.SIGTERM, 0},
		"passed on to a command": {[]string{"sh", "-c", `trap 'exit 5' INT; : >"$0"; while :; do sleep 0.05; done`}, syscall.SIGINT, 5},
	} {
		t.Run(name, func(t *testing.T) {
			config := small()
			config.EnvFile = filepath.Join(t.TempDir(), "env")
			command, ready := c.command, config.EnvFile
			if command != nil {
				ready = filepath.Join(t.TempDir(), "trapped")
				command = append(command, ready)
			}
			code := make(chan int)
			go func() { code <- run(config, command, io.Discard) }()
			waitFor(t, func() bool { _, err := os.Stat(ready); return err == nil })
			syscall.Kill(os.Getpid(), c.signal)
			if got := <-code; got != c.code {
				t.Errorf("exit code %d", got)
			}
		})
	}
}

func TestEnvFile(t *testing.T) {
	config := small()
	config.EnvFile = filepath.Join(t.TempDir(), "env")
	twin, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	info, err := os.Stat(config.EnvFile)
	if err != nil || info.Mode() != 0o600 {
		t.Error(info.Mode(), err)
	}
	text, _ := os.ReadFile(config.EnvFile)
	if want := strings.Join(twin.Settings(), "\n") + "\n"; string(text) != want {
		t.Errorf("%s", text)
	}
	config.EnvFile = filepath.Join(t.TempDir(), "no", "such", "folder")
	if _, err := Start(t.Context(), config); err == nil || !strings.HasPrefix(err.Error(), "-env-file: ") {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	t.Setenv("TEST_PASSWORD", "given secret")
	c, command, err := parse([]string{"-worker", "localhost:7001", "-history", "5", "-superjson=false", "-upstash-rate", "0", "--", "k6", "run", "-q"}, io.Discard)
	if err != nil || c.Worker != "localhost:7001" || c.Hub != "127.0.0.1:0" || c.History != 5 || c.Superjson || c.UpstashRate != 0 || c.Bands != event.Bands || c.Password != "given secret" || len(c.CronSecret) < 20 {
		t.Errorf("%+v, %v", c, err)
	}
	if fmt.Sprint(command) != "[k6 run -q]" {
		t.Error(command)
	}
	for _, args := range []string{"-worker 0.0.0.0:80", "-redis :6379", "-hub 192.168.1.2:1", "-admin example.com:1", "-control 7000", "-history -1", "-bands -1", "-upstash-rate -1", "-role OWNER", "-nonsense"} {
		if _, _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s is accepted", args)
		}
	}
}

func TestShutdownLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // other packages' tests come and go in the common one
	before := len(goroutines())
	folders := func() int {
		found, _ := filepath.Glob(filepath.Join(os.TempDir(), "sparkmotion-twin-*"))
		return len(found)
	}
	folder := folders()
	twin, err := Start(t.Context(), small())
	if err != nil {
		t.Fatal(err)
	}
	call(t, "PUT", twin.url("control")+"/faults", `{"worker":{"hangRate":1},"hub":{"hangRate":1}}`)
	client := &http.Client{Transport: &http.Transport{}}
	for _, part := range []string{"worker", "hub"} { // requests that hang until the end
		go client.Get(twin.url(part) + "/e?bandId=LOADTEST-E1-000001")
	}
	waitFor(t, func() bool { return strings.Count(strings.Join(goroutines(), "\n"), "(*plan).hold(") == 2 })
	begin := time.Now()
	if err := twin.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
	client.CloseIdleConnections()
	if n := folders(); n != folder {
		t.Errorf("%d folders left", n-folder)
	}
	for start := time.Now(); len(goroutines()) > before; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatalf("%d goroutines before, now:\n%s", before, strings.Join(goroutines(), "\n\n"))
		}
	}
}

// goroutines are the stacks of all goroutines but fasthttp's own housekeeping, which sleeps for up to ten seconds
// before it sees that it's over.
func goroutines() (stacks []string) {
	text := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(text[:runtime.Stack(text, true)]), "\n\n") {
		if !strings.Contains(stack, "valyala/fasthttp.") || strings.Contains(stack, "sparkmotion") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
