package deploy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// twin is a running local SparkMotion: the settings that it wrote.
type twin map[string]string

// startTwin starts one with few bands and a small history, and stops it when the test ends.
func startTwin(t *testing.T) twin {
	t.Helper()
	file := filepath.Join(t.TempDir(), "twin.env")
	cmd := exec.Command("../bin/twin", "-history", "5000", "-bands", "2000", "-env-file", file)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: run `make build` first", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		if err := <-ended; err != nil {
			t.Errorf("the twin did not end cleanly: %v\n%s", err, log.String())
		}
	})
	for deadline := time.After(3 * time.Minute); ; {
		if text, err := os.ReadFile(file); err == nil { // it appears whole once everything listens
			env := parseEnv(string(text))
			delete(env, "DIRECT_URL") // with it, e2e-load.js makes twice the taps
			return env
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the twin ended: %v\n%s", err, log.String())
		case <-deadline:
			_ = cmd.Process.Kill()
			ended <- <-ended // then nobody writes its log
			t.Fatalf("the twin is not ready after three minutes\n%s", log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func parseEnv(text string) twin {
	env := twin{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	return env
}

// client has connections of the test's own: a server that ends closes the idle ones of http.DefaultTransport, under all tests
// that use it.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// hits is how many taps the twin's Worker has redirected.
func (tw twin) hits(t *testing.T) int {
	t.Helper()
	resp, err := client(t).Get(tw["TWIN_CONTROL_URL"] + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var stats struct{ Worker struct{ Hits int } }
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		t.Fatal(err)
	}
	return stats.Worker.Hits
}

// fault has the twin misbehave.
func (tw twin) fault(t *testing.T, faults string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, tw["TWIN_CONTROL_URL"]+"/faults", strings.NewReader(faults))
	must(t, err)
	resp, err := client(t).Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s: %s", faults, resp.Status)
	}
}
