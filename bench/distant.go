package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"
)

// distantCommand is the argument that makes this program the target at a distance.
const distantCommand = "distant-target"

// Seen is what the target at a distance saw. Latencies are in ms by its own clock, from when it had read a request until its answer was
// written, without connecting.
type Seen struct {
	P50         float64 `json:"p50_ms"`
	P95         float64 `json:"p95_ms"`
	P99         float64 `json:"p99_ms"`
	Connections float64 `json:"connections"` // that were opened
}

// serveDistant answers over TLS with a 302, as serveTarget does, after the time that a path begins with, such as /40/e after 40 ms.
func serveDistant(stdin io.Reader, stdout io.Writer) error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	clock := new(clock)
	listener = &clockedListener{tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}), clock}
	lines := make(map[string]chan answer)
	for _, ms := range distanceDefaults.Delays {
		if lines[delayPath(ms)], err = newLine(time.Duration(ms) * time.Millisecond); err != nil {
			return err
		}
	}
	var seen counter
	return serve(listener, func(c *fasthttp.RequestCtx) {
		seen.count()
		arrived := c.Conn().(*clockedConn).arrived
		path := string(c.Path())
		line, ok := lines[path[:max(0, strings.LastIndexByte(path, '/'))]]
		if !ok {
			c.Error("the path begins with none of the delays", fasthttp.StatusNotFound)
			return
		}
		a := answer{arrived, make(chan struct{})}
		line <- a
		<-a.due
		redirect(c)
	}, func() Served {
		served := seen.take()
		served.Seen = clock.take()
		return served
	}, stdin, stdout)
}

// answer waits for its moment in a line.
type answer struct {
	arrived time.Time // its request
	due     chan struct{}
}

// newLine starts a line in which each answer waits for so long after its request. As all wait as long, the first to come is the first to go.
// Go's own timers may be late by 1 ms in an idle process, which the kernel's are not.
func newLine(delay time.Duration) (chan answer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	line := make(chan answer, 1<<16)
	go func() {
		var fired [8]byte
		for a := range line {
			if left := time.Until(a.arrived.Add(delay)); left > 0 {
				once := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
				if err := unix.TimerfdSettime(fd, 0, &once, nil); err != nil {
					panic(err) // a bug: there is no other reason
				}
				if _, err := timer.Read(fired[:]); err != nil || binary.NativeEndian.Uint64(fired[:]) != 1 {
					panic(fmt.Sprint("timerfd: ", fired, err))
				}
			}
			close(a.due)
		}
	}()
	return line, nil
}

// clock has how long each answer took.
type clock struct {
	writing sync.RWMutex // read-locked from an answer's write until it is counted, so that no take misses one that has arrived

	mu          sync.Mutex
	took        []time.Duration
	connections int
}

func (c *clock) answered(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took)
}

func (c *clock) opened() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connections++
}

// take returns what was seen since the last take.
func (c *clock) take() Seen {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	took, connections := c.took, c.connections
	c.took, c.connections = nil, 0
	c.mu.Unlock()
	slices.Sort(took)
	at := func(share float64) float64 {
		if len(took) == 0 {
			return 0
		}
		return float64(took[int(share*float64(len(took)-1))]) / float64(time.Millisecond)
	}
	return Seen{P50: at(0.5), P95: at(0.95), P99: at(0.99), Connections: float64(connections)}
}

// clockedListener has its connections' answers measured by a clock.
type clockedListener struct {
	net.Listener
	clock *clock
}

func (l *clockedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.clock.opened()
	return &clockedConn{Conn: conn, clock: l.clock}, nil
}

// clockedConn carries a request at a time: it arrives with a read, and is answered with the write that follows.
type clockedConn struct {
	net.Conn
	clock   *clock
	arrived time.Time
}

func (c *clockedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.arrived = time.Now()
	}
	return n, err
}

func (c *clockedConn) Write(b []byte) (int, error) {
	c.clock.writing.RLock()
	defer c.clock.writing.RUnlock()
	n, err := c.Conn.Write(b)
	if err == nil {
		c.clock.answered(time.Since(c.arrived))
	}
	return n, err
}

// selfSigned returns a certificate as the Worker has one: of an elliptic curve.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, err
}
