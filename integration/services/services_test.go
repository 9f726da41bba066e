package main

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// begin has no services given, and data in a folder of the test's own; it wants nothing left there in the end.
func begin(t *testing.T) {
	t.Helper()
	if os.Getenv("SERVICES_URL") == "" {
		t.Skip("needs Debian's redis-server and postgresql: `make test-services` says so, and runs it")
	}
	t.Setenv("REDIS_URL", "")
	t.Setenv("DATABASE_URL", "")
	folder, err := os.MkdirTemp("", "services-test-") //nolint:usetesting // t.TempDir is closed to PostgreSQL's user
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o711); err != nil { // for the same reason
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", folder)
	t.Cleanup(func() {
		if err := os.Remove(folder); err != nil { // if it's empty
			t.Error(err)
		}
	})
}

// settings are what the command wrote of its environment.
func settings(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	return env
}

// silent wants nobody at the addresses that the command was given.
func silent(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{"REDIS_URL", "REDISS_URL", "DATABASE_URL", "SERVICES_URL"} {
		u, err := url.Parse(env[name])
		if err != nil || u.Host == "" {
			t.Fatal(name, env[name], err)
		}
		if conn, err := net.Dial("tcp", u.Host); err == nil {
			conn.Close() // nothing was said
			t.Errorf("%s still answers", name)
		}
	}
}

func TestCommand(t *testing.T) {
	begin(t)
	file := filepath.Join(t.TempDir(), "env")
	code, err := run([]string{"sh", "-c", `env >` + file + `
		redis-cli -u "$REDIS_URL" set key value && redis-cli --insecure -u "$REDISS_URL" get key | grep -qx value || exit 3
		psql -q "$DATABASE_URL" -c 'CREATE TABLE answers AS SELECT 42' || exit 4
		exit 99`})
	if code != 99 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	silent(t, settings(t, file))
}

// TestCrash brings the servers back with what they had acknowledged.
func TestCrash(t *testing.T) {
	begin(t)
	for _, part := range parts {
		folder := filepath.Join(os.Getenv("TMPDIR"), part.name)
		if err := os.Mkdir(folder, 0o711); err != nil { // as run does
			t.Fatal(err)
		}
		defer os.RemoveAll(folder) // begin looks
		s, given, err := part.make(folder)
		if err != nil {
			t.Fatal(err)
		}
		defer s.stop() // it always does
		sh := func(command string) (string, error) {
			cmd := exec.Command("sh", "-c", command)
			cmd.Env = append(os.Environ(), given...)
			output, err := cmd.CombinedOutput()
			return string(output), err
		}
		write, read := `redis-cli -u "$REDIS_URL" set key 42`, `redis-cli -u "$REDIS_URL" get key`
		if part.name == "database" {
			write, read = `psql -q "$DATABASE_URL" -c 'CREATE TABLE answers AS SELECT 42'`, `psql -qt "$DATABASE_URL" -c 'SELECT * FROM answers'`
		}
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
		if output, err := sh(write); err != nil {
			t.Fatal(err, output)
		}
		for range 2 {
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			if output, err := sh(read); err == nil && strings.Contains(output, "42") {
				t.Errorf("%s answers while it's stopped: %s", part.name, output)
			}
			if err := s.start(); err != nil {
				t.Fatal(err)
			}
			if output, err := sh(read); err != nil || !strings.Contains(output, "42") {
				t.Errorf("%s forgot: %s, %v", part.name, output, err)
			}
		}
	}
}

// TestInterrupted passes the signal on to the command, and ends with it.
func TestInterrupted(t *testing.T) {
	begin(t)
	file := filepath.Join(t.TempDir(), "env")
	ended := make(chan int)
	go func() {
		code, err := run([]string{"sh", "-c", `trap 'exit 5' INT; env >` + file + `.new; mv ` + file + `.new ` + file + `; while :; do sleep 0.05; done`})
		if err != nil {
			t.Error(err)
		}
		ended <- code
	}()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the command isn't there after a minute")
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != 5 {
		t.Errorf("exit code %d", code)
	}
	silent(t, settings(t, file))
}

// TestGiven starts nothing in place of what is there.
func TestGiven(t *testing.T) {
	begin(t)
	t.Setenv("REDIS_URL", "redis://given")
	t.Setenv("DATABASE_URL", "postgres://given")
	file := filepath.Join(t.TempDir(), "env")
	if code, err := run([]string{"sh", "-c", "env >" + file}); code != 0 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	if env := settings(t, file); env["REDIS_URL"] != "redis://given" || env["DATABASE_URL"] != "postgres://given" {
		t.Errorf("%v", env)
	}
}

func TestCannotRun(t *testing.T) {
	begin(t)
	if code, err := run([]string{"./no-such-command"}); code != exitNotFound || err == nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	t.Setenv("PATH", "/nowhere")
	code, err := run([]string{"/bin/true"})
	const want = "there is no redis-server: apt-get install redis-server; or set REDIS_URL to use a server that runs already"
	if code != 1 || err == nil || err.Error() != want {
		t.Errorf("exit code %d, %v", code, err)
	}
}
