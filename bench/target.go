package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// targetCommand is the argument that makes this program the target.
const targetCommand = "target"

// page is where the target sends every tap.
const page = "https://compassion.com/live"

// Served is what the target saw between two questions.
type Served struct {
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"` // from the first request to the last
	CPU      float64 `json:"cpu"`     // seconds of its core's time

	Seen Seen `json:"seen,omitzero"` // by the distant target
}

// serveTarget answers every request with a 302 until stdin ends. It prints its address, and for each line that it
// reads what it has served since the last.
func serveTarget(stdin io.Reader, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var seen counter
	return serve(listener, func(c *fasthttp.RequestCtx) {
		seen.count()
		redirect(c)
	}, seen.take, stdin, stdout)
}

func redirect(c *fasthttp.RequestCtx) {
	c.SetStatusCode(fasthttp.StatusFound)
	c.Response.Header.Set(fasthttp.HeaderLocation, page)
}

// serve answers what comes to a listener, and the questions of what it has served.
func serve(listener net.Listener, handler fasthttp.RequestHandler, take func() Served, stdin io.Reader, stdout io.Writer) error {
	server := fasthttp.Server{
		Handler: handler, NoDefaultServerHeader: true, NoDefaultDate: true, NoDefaultContentType: true,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go func() {
		questions := bufio.NewScanner(stdin)
		for questions.Scan() {
			_ = json.NewEncoder(stdout).Encode(take())
		}
		failed <- nil
	}()
	fmt.Fprintln(stdout, listener.Addr())
	return <-failed
}

// counter counts requests, and keeps when the first and the last came, in ns.
type counter struct {
	requests, first, last atomic.Int64
	cpu                   float64 // seconds, at the last take
}

func (c *counter) count() {
	now := time.Now().UnixNano()
	if c.requests.Add(1) == 1 {
		c.first.Store(now)
	}
	c.last.Store(now)
}

func (c *counter) take() Served {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	before := c.cpu
	c.cpu = cpuSeconds(&usage)
	return Served{
		Requests: int(c.requests.Swap(0)),
		Seconds:  time.Duration(c.last.Load() - c.first.Load()).Seconds(),
		CPU:      c.cpu - before,
	}
}

// target is the running server, in a process and on a core of its own.
type target struct {
	url       string
	cmd       *exec.Cmd
	questions io.WriteCloser
	answers   *bufio.Reader
}

// startTarget starts the target that a command names, in an environment, at a URL of that scheme.
func startTarget(ctx context.Context, command, scheme string, env []string) (*target, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	t := &target{cmd: pinned(ctx, targetCore, env, program, command)}
	t.cmd.Stderr = os.Stderr
	if t.questions, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := t.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t.answers = bufio.NewReader(stdout)
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	var address string
	if _, err := fmt.Fscanln(t.answers, &address); err != nil {
		t.stop()
		return nil, fmt.Errorf("the target did not start: %w", err)
	}
	t.url = scheme + "://" + address
	return t, nil
}

// take asks what the target has served since it was asked last.
func (t *target) take() (served Served, err error) {
	if _, err = fmt.Fprintln(t.questions); err != nil {
		return served, fmt.Errorf("the target is gone: %w", err)
	}
	line, err := t.answers.ReadBytes('\n')
	if err != nil {
		return served, fmt.Errorf("the target is gone: %w", err)
	}
	return served, json.Unmarshal(line, &served)
}

func (t *target) stop() {
	_ = t.questions.Close() // the target ends with its stdin
	_ = t.cmd.Wait()
}
