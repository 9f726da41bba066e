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
	c := Config{Email: "loadtest@sparkmotion.net", Password: "p4ss", CronSecret: "cr0n", UpstashToken: "t0ken",
		CookiePrefix: "admin-auth", FlushTime: time.Minute, Bands: 10, History: 30}
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
	resp, err := http.DefaultTransport.RoundTrip(req)
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

// balanced checks that every tap served is in the queue or in the database.
func balanced(t *testing.T, s control.Stats) {
	t.Helper()
	if s.Worker.Hits != s.Queue.Queued || s.Queue.Queued != s.Database.Rows-s.Database.History+s.Queue.Depth {
		t.Errorf("%d hits, %d queued, %d rows - %d seeded + %d deep", s.Worker.Hits, s.Queue.Queued, s.Database.Rows, s.Database.History, s.Queue.Depth)
	}
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
}

func TestUnknownBandTakesTheSlowPath(t *testing.T) {
	twin := start(t)
	if status, _ := call(t, "GET", twin.url("worker")+"/e?bandId=nobody", ""); status != 302 {
		t.Errorf("status %d", status)
	}
	if s := stats(t, twin); s.Worker.Misses != 1 || s.Hub.SlowPath != 1 || s.Worker.Redirects != 1 {
		t.Errorf("%+v", s)
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
	if s := stats(t, twin); s.Queue.Queued != 1 || s.Queue.Dropped != 1 || s.Queue.Depth != 1 {
		t.Errorf("%+v", s.Queue)
	}
	post("/redis/start")
	post("/database/stop")
	_, body := call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
	if !strings.Contains(body, `"flushed":0,"batches":0,"failedBatches":1,"remaining":1`) {
		t.Error(body)
	}
	post("/database/start")
	_, body = call(t, "GET", twin.url("hub")+"/api/cron/flush-taps", "")
	if !strings.Contains(body, `"success":true,"flushed":1,"batches":1,"failedBatches":0,"remaining":0,"durationMs":`) {
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
		"has settings": {[]string{"sh", "-c", `test "$TEST_PASSWORD/$LOADTEST_EVENT_ID/$CRON_SECRET" = p4ss/loadtest-nashville/cr0n && echo "$WORKER_URL$TWIN_REDIS_URL" | grep -q 127.0.0.1`}, 0},
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
		"passed on to a command": {[]string{"sh", "-c", "trap 'exit 5' INT; while :; do sleep 0.05; done"}, syscall.SIGINT, 5},
	} {
		t.Run(name, func(t *testing.T) {
			config := small()
			config.EnvFile = filepath.Join(t.TempDir(), "env")
			code := make(chan int)
			go func() { code <- run(config, c.command, io.Discard) }()
			for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
				if _, err := os.Stat(config.EnvFile); err == nil {
					break
				} else if time.Since(start) > 20*time.Second {
					t.Fatal("never ready")
				}
			}
			time.Sleep(200 * time.Millisecond) // for the shell to set its trap
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
	t.Setenv("TEST_PASSWORD", "given")
	c, command, err := parse([]string{"-worker", "localhost:7001", "-history", "5", "-superjson", "--", "k6", "run", "-q"}, io.Discard)
	if err != nil || c.Worker != "localhost:7001" || c.Hub != "127.0.0.1:0" || c.History != 5 || !c.Superjson || c.Password != "given" || len(c.CronSecret) < 20 {
		t.Errorf("%+v, %v", c, err)
	}
	if fmt.Sprint(command) != "[k6 run -q]" {
		t.Error(command)
	}
	for _, args := range []string{"-worker 0.0.0.0:80", "-redis :6379", "-hub 192.168.1.2:1", "-admin example.com:1", "-control 7000", "-history -1", "-nonsense"} {
		if _, _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s is accepted", args)
		}
	}
}

func TestShutdownLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // other packages' tests come and go in the common one
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
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
	for _, part := range []string{"worker", "hub"} { // requests that hang until the end
		go http.Get(twin.url(part) + "/e?bandId=LOADTEST-E1-000001")
	}
	time.Sleep(100 * time.Millisecond)
	begin := time.Now()
	if err := twin.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
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
