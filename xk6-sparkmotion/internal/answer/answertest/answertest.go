// Package answertest is the other end of the packages that ask over HTTP: servers of a test's own, and a client.
package answertest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Nobody is an address where nobody listens, and never will.
const Nobody = "127.0.0.1:1"

// Serve serves handler until the test ends, and returns its address.
func Serve(t *testing.T, handler http.Handler) (host string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// Client returns a client that follows no redirects, as k6's doesn't, with connections of its own: a server that ends closes
// the idle ones of http.DefaultTransport, under all tests that use it.
func Client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
