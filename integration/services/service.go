package main

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// startTime is how long a server may take to answer.
const startTime = 30 * time.Second

// service is a server that runs as our child, on the same port and data each time it's started.
type service struct {
	name    string
	command func() *exec.Cmd
	ready   func() error   // whether it answers
	crash   syscall.Signal // ends it at once

	mu    sync.Mutex
	child *exec.Cmd // nil while stopped
	ended chan struct{}
}

// start returns when the server answers.
func (s *service) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil {
		return nil
	}
	var output bytes.Buffer
	cmd := s.command()
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr.Setpgid = true // Ctrl-C isn't for it
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // why it ended is in its output
		close(ended)
	}()
	s.child, s.ended = cmd, ended
	for deadline := time.Now().Add(startTime); ; {
		err := s.ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			s.kill()
			return fmt.Errorf("%s doesn't answer after %v: %w\n%s", s.name, startTime, err, &output)
		}
		select {
		case <-ended:
			s.child = nil
			return fmt.Errorf("%s ended while it started:\n%s", s.name, &output)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop crashes the server; it returns when the server has ended.
func (s *service) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil {
		s.kill()
	}
	return nil
}

func (s *service) kill() {
	_ = s.child.Process.Signal(s.crash) // fails if it has ended
	<-s.ended
	s.child = nil
}

// freePort is one that nobody listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close() // it was never used
	return listener.Addr().(*net.TCPAddr).Port, nil
}
