package port

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// TestHold: connections are refused and other servers too, although connections of before linger, until the address is released.
func TestHold(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		server, err := net.Listen("tcp", host+":0")
		if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			continue // a machine without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		address := server.Addr().String()
		client, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		served, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		served.Close() // who hangs up first is who lingers
		server.Close()

		release, err := Hold(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: a connection: %v", address, err)
		}
		if _, err := net.Listen("tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: another server: %v", address, err)
		}
		release()
		again, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	}
	if _, err := Hold("nowhere"); err == nil {
		t.Error("no address is held")
	}
}
