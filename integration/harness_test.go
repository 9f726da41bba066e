// Package integration runs the built ./k6 against the local twin and checks what came out of it: k6's own counts
// against the twin's.
package integration

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	twinBinary = "../bin/twin"
	mainScript = "../scripts/e2e-load.js"
)

// k6Binary is what is under test: `make test-race` sets one that watches for data races.
var k6Binary = cmp.Or(os.Getenv("K6"), "../k6")

func TestMain(m *testing.M) {
	play(os.Getenv("TEST_ROLE"))
	for _, binary := range []string{k6Binary, twinBinary} {
		if _, err := os.Stat(binary); err != nil {
			os.Stderr.WriteString("integration: " + binary + " is missing: run `make build` first, or `make test`\n")
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// twin is a running local SparkMotion; env are the settings that it wrote.
type twin struct {
	t      *testing.T
	env    map[string]string
	client *http.Client
}

// The real servers that twins use instead of what is embedded in them, when set: `make test-services` does it.
var (
	realRedis    = os.Getenv("TWIN_TEST_REDIS_URL")
	realDatabase = os.Getenv("TWIN_TEST_DATABASE_URL")
)

// redisDatabases are the numbers of those in the real Redis that nobody uses: each twin needs one of its own.
var redisDatabases = func() chan int {
	numbers := make(chan int, 15)
	for n := range cap(numbers) {
		numbers <- n + 1
	}
	return numbers
}()

// redisDatabase is the URL of one that is empty, as it has to be again when the test ends; "" without a real Redis.
func redisDatabase(t *testing.T) string {
	t.Helper()
	if realRedis == "" {
		return ""
	}
	options, err := redis.ParseURL(realRedis)
	if err != nil {
		t.Fatal(err)
	}
	options.DB = <-redisDatabases
	t.Cleanup(func() {
		client := redis.NewClient(options)
		defer client.Close()
		if left, err := client.Keys(context.Background(), "*").Result(); err != nil || len(left) > 0 {
			t.Errorf("left in the real Redis: %v, %v", left, err)
		}
		redisDatabases <- options.DB
	})
	own, err := url.Parse(realRedis)
	if err != nil {
		t.Fatal(err)
	}
	own.Path = strconv.Itoa(options.DB)
	return own.String()
}

// startTwin starts a twin with few bands and a small history, which is soon ready, and stops it when the test ends.
func startTwin(t *testing.T, flags ...string) *twin {
	t.Helper()
	return startTwinWith(t, nil, flags...)
}

// startTwinWith starts one whose secrets are given.
func startTwinWith(t *testing.T, secrets map[string]string, flags ...string) *twin {
	t.Helper()
	file := filepath.Join(t.TempDir(), "twin.env")
	cmd := exec.Command(twinBinary, append([]string{"-history", "5000", "-bands", "2000", "-env-file", file}, flags...)...)
	cmd.Env = append(os.Environ(), "REDIS_URL="+redisDatabase(t), "DATABASE_URL="+realDatabase)
	for name, value := range secrets {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := <-ended; err != nil {
			t.Errorf("the twin did not end cleanly: %v\n%s", err, log.String())
		}
	})
	deadline := time.After(3 * time.Minute) // 200,000 bands take half a minute where all processors are busy
	for {
		if env := readEnv(file); env != nil {
			delete(env, "DIRECT_URL") // with it, e2e-load.js makes twice the taps
			return &twin{t, env, &http.Client{Transport: transport(t)}}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the twin ended: %v\n%s", err, log.String())
		case <-deadline:
			_ = cmd.Process.Kill()
			ended <- <-ended // then nobody writes its log
			t.Fatalf("the twin is not ready after three minutes\n%s", log.String())
		case <-time.After(20 * time.Millisecond): // the file appears whole once everything listens
		}
	}
}

func readEnv(file string) map[string]string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	env := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	return env
}

// transport has connections of the test's own: a server that ends closes the idle ones of http.DefaultTransport, under all
// tests that use it.
func transport(t *testing.T) *http.Transport {
	t.Helper()
	own := &http.Transport{}
	t.Cleanup(own.CloseIdleConnections)
	return own
}

// stats are the twin's own counts.
type stats struct {
	Ledger   twinLedger
	Worker   struct{ Requests, Hits, Misses, Faults, Resets int64 }
	Queue    struct{ Queued, Lost, Depth int64 }
	Hub      struct{ Flushes, Flushed, Dropped, FailedBatches, SlowPath, Assigned int64 }
	Database struct{ Rows, History int64 }
	Upstash  struct{ Requests, Commands int64 }
	Admin    struct {
		Logins, FailedLogins, Unauthorized int64
		Queries                            map[string]int64
	}
	Others struct{ Taps, Flushes int64 }
}

func (tw *twin) stats() stats {
	tw.t.Helper()
	var s stats
	if err := json.Unmarshal(tw.control(http.MethodGet, "/stats", ""), &s); err != nil {
		tw.t.Fatal(err)
	}
	return s
}

// control asks the twin's control endpoint, as to misbehave: PUT /faults.
func (tw *twin) control(method, path, body string) []byte {
	tw.t.Helper()
	answer, err := tw.ask(method, path, body)
	if err != nil {
		tw.t.Fatal(err)
	}
	return answer
}

// ask is control for goroutines, which must not end the test.
func (tw *twin) ask(method, path, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(tw.t.Context(), method, tw.env["TWIN_CONTROL_URL"]+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := tw.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s %s %v", method, path, resp.Status, answer, err)
	}
	return answer, nil
}

// run is a finished k6: its exit code, all it printed, and the folder that it ran in.
type run struct {
	t      *testing.T
	code   int
	output string
	dir    string
}

// runK6 runs ./k6 with env alone as its settings, in a folder of its own.
func runK6(t *testing.T, env map[string]string, args ...string) run {
	t.Helper()
	return runCommand(t, env, absolute(t, k6Binary), args...)
}

// runCommand runs a command as runK6 does.
func runCommand(t *testing.T, env map[string]string, binary string, args ...string) run {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "NO_COLOR=1", "K6_NO_USAGE_REPORT=true", "PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if _, race, found := strings.Cut(string(output), "WARNING: DATA RACE"); found { // by a k6 that watches for them
		t.Errorf("a data race in k6:%.4000s", race)
	}
	return run{t, cmd.ProcessState.ExitCode(), string(output), cmd.Dir}
}

// script writes a k6 script and gives its path.
func script(t *testing.T, source string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.js")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

// wants fails the test unless k6 exited with code and printed every text.
func (r run) wants(code int, texts ...string) {
	r.t.Helper()
	if r.code != code {
		r.t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.output, text) {
			r.t.Errorf("the output lacks %q", text)
		}
	}
	if r.t.Failed() {
		r.t.Fatal(r.output)
	}
}

// errors are the log's, but k6's own on thresholds, which the exit code tells.
func (r run) errors() (lines []string) {
	for line := range strings.Lines(r.output) {
		if strings.Contains(line, "level=error") && !crossed.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// summary is what report() wrote.
type summary struct {
	Metrics map[string]struct {
		Type   string
		Values map[string]float64
	}
}

func (r run) summary() summary {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "results", "e2e-load-summary.json"))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.output)
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// samples is how many samples a metric has.
func (s summary) samples(metric string) int64 {
	m := s.Metrics[metric]
	switch m.Type {
	case "trend", "counter":
		return int64(m.Values["count"])
	case "rate":
		return int64(m.Values["passes"] + m.Values["fails"])
	case "gauge":
		if len(m.Values) > 0 {
			return 1 // k6 keeps a gauge's last value, not how many there were
		}
	}
	return 0
}
