package integration

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// settled is a folder for make: the Makefile, the scripts and ./k6 are links to ours, .env.test has the settings.
func settled(t *testing.T, settings map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"Makefile", "scripts", "k6"} {
		if err := os.Symlink(absolute(t, "../"+name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	lines := "# of a test\n\n"
	for name, value := range settings {
		lines += name + "=" + value + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, ".env.test"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runMake runs make there, with ./k6 and the twin as they are.
func runMake(t *testing.T, dir string, args ...string) run {
	t.Helper()
	return runCommand(t, nil, "make", append([]string{"--directory", dir, "--old-file", "k6", "--old-file", "build"}, args...)...)
}

// TestMakeCloud: make e2e CLOUD=1 gets as far as Grafana Cloud, which here refuses the run.
func TestMakeCloud(t *testing.T) {
	t.Parallel()
	var lock sync.Mutex
	var asked []string
	cloud := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		lock.Lock()
		defer lock.Unlock()
		asked = append(asked, r.URL.Path+" "+string(body))
		w.WriteHeader(http.StatusForbidden)
	})
	dir := settled(t, map[string]string{
		"K6_CLOUD_HOST": cloud, "K6_CLOUD_HOST_V6": cloud, "K6_CLOUD_TOKEN": "5up3r-token", "K6_CLOUD_STACK_ID": "1", "K6_CLOUD_PROJECT_ID": "4711",
	})
	r := runMake(t, dir, "e2e", "ENV=test", "CLOUD=1")
	r.wants(2, "not allowed to upload result to k6 Cloud")
	lock.Lock()
	defer lock.Unlock()
	if len(asked) != 1 || !strings.Contains(asked[0], "/projects/4711/") || !strings.Contains(asked[0], "SparkMotion end to end") {
		t.Errorf("it asked %q", asked)
	}
}
