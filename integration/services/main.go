// Command services runs a command beside a real Redis and a real PostgreSQL, from Debian's packages:
//
//	bin/services COMMAND ARGS…
//
// The command finds them in REDIS_URL, REDISS_URL (the same Redis over TLS, its certificate self-signed) and
// DATABASE_URL; one that is set already is used as it is, and nothing started for it. POST /redis/stop, /redis/start,
// /database/stop and /database/start at SERVICES_URL crash a server and bring it back, with all that it acknowledged.
// When the command ends, by itself or by a signal, so do the servers, and their data is deleted; the exit code is the
// command's.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes of a command that didn't end by itself, as shells have them.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128 // plus the signal's number
)

// parts are the services, the setting that names each, and what makes one.
var parts = []struct {
	name, setting string
	make          func(folder string) (s *service, settings []string, err error)
}{
	{"redis", "REDIS_URL", newRedis},
	{"database", "DATABASE_URL", newPostgres},
}

var errNotOurs = errors.New("a server that isn't ours to stop")

func main() {
	log.SetFlags(0)
	log.SetPrefix("services: ")
	if len(os.Args) < 2 {
		log.Print("usage: services COMMAND ARGS…")
		os.Exit(2)
	}
	code, err := run(os.Args[1:])
	if err != nil {
		log.Print(err)
	}
	os.Exit(code)
}

// run starts what isn't there, runs the command and returns its exit code. All it started has ended then.
func run(command []string) (code int, err error) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	folder, err := os.MkdirTemp("", "sparkmotion-services-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := os.Chmod(folder, 0o711); err != nil { // #nosec G302 -- PostgreSQL's user passes through to a folder of its own
		return 1, err
	}

	mux := http.NewServeMux()
	env := os.Environ()
	for _, part := range parts {
		start := func() error { return fmt.Errorf("%s was set: %w", part.setting, errNotOurs) }
		stop := start
		if os.Getenv(part.setting) == "" {
			s, settings, err := part.make(folder)
			if err != nil {
				return 1, fmt.Errorf("%w; or set %s to use a server that runs already", err, part.setting)
			}
			start, stop = s.start, s.stop
			defer stop() // it ends in any case
			if err := start(); err != nil {
				return 1, err
			}
			env = append(env, settings...)
		}
		mux.HandleFunc("POST /"+part.name+"/start", outcome(start))
		mux.HandleFunc("POST /"+part.name+"/stop", outcome(stop))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1, err
	}
	control := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	defer control.Close()
	go control.Serve(listener) // ends by Close
	return execute(command, append(env, "SERVICES_URL=http://"+listener.Addr().String()), signals)
}

func outcome(do func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		switch err := do(); {
		case errors.Is(err, errNotOurs):
			http.Error(w, err.Error(), http.StatusForbidden)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

// execute runs the command, passes signals on to it and returns its exit code.
func execute(command, env []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...) // #nosec G204 G702 -- the caller's, which signals end
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Ctrl-C reaches it once, through us
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return exitNotFound, err
		}
		return exitCannotRun, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its outcome is in ProcessState
		close(ended)
	}()
	for {
		select {
		case s := <-signals:
			_ = syscall.Kill(-cmd.Process.Pid, s.(syscall.Signal)) // to its children too, as a terminal would
		case <-ended:
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
				return exitSignal + int(status.Signal()), nil
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}
