package main

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// server serves one part over HTTP. It can go away and come back at the same address.
type server struct {
	handler http.Handler

	mu      sync.Mutex
	address string
	http    *http.Server // nil while it's away
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
	return err
}

// Start undoes Stop.
func (s *server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	ln, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.answer(ln)
	return nil
}

// shutdown lets open requests finish until ctx ends.
func (s *server) shutdown(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil && s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.serving.Wait()
}
