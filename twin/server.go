package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/port"
)

// server serves one part over HTTP. It can go away and come back at the same address.
type server struct {
	handler http.Handler

	mu      sync.Mutex
	address string
	http    *http.Server // nil while it's away
	release func()       // gives up the address, which nobody else gets meanwhile; nil unless it's away
	serving sync.WaitGroup
}

// serve starts to answer on ln.
func serve(ln net.Listener, handler http.Handler) *server {
	s := &server{handler: handler, address: ln.Addr().String()}
	s.answer(ln)
	return s
}

func (s *server) answer(ln net.Listener) {
	h := &http.Server{Handler: s.handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	s.http = h
	s.serving.Go(func() { _ = h.Serve(ln) })
}

// Stop drops every connection and refuses new ones.
func (s *server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http == nil {
		return nil
	}
	err := s.http.Close()
	s.http = nil
	s.serving.Wait()
	var held error
	s.release, held = port.Hold(s.address)
	return errors.Join(err, held)
}

// Start undoes Stop.
func (s *server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	s.letGo()
	ln, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.answer(ln)
	return nil
}

// letGo gives up the address of a server that's away.
func (s *server) letGo() {
	if s.release != nil {
		s.release()
		s.release = nil
	}
}

// shutdown lets open requests finish until ctx ends.
func (s *server) shutdown(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil && s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.letGo()
	s.serving.Wait()
}
