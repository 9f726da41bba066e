package lane

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/answer"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/ports"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/tapwire"
	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/vuhttp"
)

// conn is a connection to the Worker that carries one tap at a time. Several conns may send concurrently, so a conn touches nothing but
// itself while it sends.
type conn struct {
	target    *Target         // of the VU whose tap it carries
	wire      *tapwire.Conn   // nil before the first tap and after a close
	counted   *netext.Conn    // below wire, where k6 counts its bytes
	made      context.Context // of the iteration that dialed it
	peer      Peer
	used      time.Time // when its last tap ended
	locations locations

	request Request // the next tap, without its band, which is only in bytes
	bytes   []byte  // the request as it is sent, or the end of its URL for the VU's transport

	location []byte // buffer for the wire's Location, reused
}

// prepare writes the next tap into the connection's buffer.
func (c *conn) prepare(r Request) {
	c.bytes = c.bytes[:0]
	if c.target.Fast {
		c.bytes = tapwire.AppendRequest(c.bytes, c.target.header, c.target.path, r.Link, c.target.param, string(r.Band), r.Query, r.UTM)
	} else {
		c.bytes = append(append(c.bytes, r.Link...), c.target.param...)
		c.bytes = append(append(append(c.bytes, r.Band...), r.Query...), r.UTM...)
	}
	r.Band = nil
	c.request = r
}

// send sends the prepared tap and returns its result.
func (c *conn) send(ctx context.Context, state *lib.State) Result {
	r := Result{Target: c.target, Plateau: c.request.Plateau, Due: c.request.Due, Began: time.Now()}
	if c.target.Fast {
		c.overWire(ctx, state, &r)
	} else {
		c.overTransport(ctx, state, &r)
	}
	if r.Err != nil {
		r.Code, r.Text = classify(r.Err, c.request.Timeout, state)
	}
	r.Led = c.request.Hosts.Destination(r.Host)
	return r
}

// overWire sends the request on the kept connection, and once more on a new one if the kept one is stale: the server closed it before a
// byte came back, so nothing is known of the tap (RFC 9112, section 9.3.1).
func (c *conn) overWire(ctx context.Context, state *lib.State, r *Result) {
	if c.wire != nil && state.Options.NoVUConnectionReuse.Bool && c.made.Err() != nil {
		c.drop() // it belongs to another iteration
	}
	response := tapwire.Response{Location: c.location[:0]}
	kept, err := c.exchange(ctx, state, r, &response, false)
	if kept && stale(err, &response) {
		if !response.Wrote.IsZero() { // otherwise nothing had been sent
			r.Repeats++
		}
		response = tapwire.Response{Location: c.location[:0]}
		_, err = c.exchange(ctx, state, r, &response, true)
	}
	r.Peer, r.Proto, r.Status, r.Ended = c.peer, response.Proto, response.Status, response.Done
	r.time(&response)
	c.location = response.Location
	if err == nil {
		r.Location, r.Host = c.locations.find(response.Location)
		if r.Differs = response.Differs; r.Differs {
			r.Host = ""
		}
		r.wait = string(response.Wait)
		r.Source = sourceOf(response.ByNext, response.Length == 0)
		return
	}
	if ctx.Err() == nil {
		err = vuhttp.Late(err, c.request.Timeout)
	}
	if r.Status != 0 {
		err = &answer.Cut{Status: r.Status, Err: err, Header: !response.Header}
	}
	r.Err = err
}

// sourceOf returns where an answer came from: the Worker's own has no content, the Hub's has headers of Next.js.
func sourceOf(byNext, empty bool) Source {
	switch {
	case byNext:
		return Hub
	case empty:
		return KV
	}
	return Unknown
}

// stale reports whether it was the kept connection that was dead, rather than the server.
func stale(err error, r *tapwire.Response) bool {
	return err != nil && !r.Answered() && !errors.Is(err, os.ErrDeadlineExceeded) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// exchange sends the request, on a new connection if anew is set, and reports whether the connection had carried an earlier tap.
func (c *conn) exchange(ctx context.Context, state *lib.State, r *Result, response *tapwire.Response, anew bool) (kept bool, err error) {
	if c.wire == nil {
		response.Start, response.Done = r.Began, r.Began
		if err := c.connect(ctx, state, r, anew); err != nil {
			response.Done = time.Now()
			return false, err
		}
	}
	c.countFor(state)
	left := c.request.Timeout - time.Since(r.Began)
	if left <= 0 {
		response.Done = time.Now()
		return !r.Dialed, os.ErrDeadlineExceeded
	}
	err = c.wire.Exchange(ctx, left, c.bytes, response)
	if !response.KeepAlive || !c.keeps(state) {
		c.drop()
	}
	return !r.Dialed, err
}

// keeps reports whether other taps may use the connection.
func (c *conn) keeps(state *lib.State) bool {
	return c.target.kept == Kept && !state.Options.NoConnectionReuse.Bool
}

// connect takes over a connection that another tap is done with, or makes one, whichever is sooner. If the process does not share
// connections, it makes one immediately.
func (c *conn) connect(ctx context.Context, state *lib.State, r *Result, anew bool) error {
	limited, cancel := context.WithDeadline(ctx, r.Began.Add(c.request.Timeout))
	defer cancel()
	if idle := c.target.idle; idle.shared && c.keeps(state) {
		if err := idle.await(limited, c, anew); err != nil {
			return overdue(limited, ctx, err)
		}
		if c.wire != nil {
			return nil
		}
		defer idle.dialed(r)
	}
	if err := c.dial(limited, state, r); err != nil {
		return overdue(limited, ctx, err)
	}
	c.made = ctx
	return nil
}

// inherit takes over another conn's connection.
func (c *conn) inherit(from *conn) {
	c.wire, c.counted, c.made, c.peer = from.wire, from.counted, from.made, from.peer
	from.wire = nil
}

// dial connects through the VU's dialer, with its TLS settings.
func (c *conn) dial(ctx context.Context, state *lib.State, r *Result) error {
	c.peer = Peer{}
	start := time.Now()
	connection, err := state.Dialer.DialContext(ctx, "tcp", c.target.address)
	if err != nil {
		return err
	}
	r.Connecting, r.Opened = time.Since(start), opened(connection, state)
	if c.counted, _ = connection.(*netext.Conn); c.counted != nil {
		connection = visible{c.counted}
	}
	if c.target.secure {
		start := time.Now()
		if connection, err = c.handshake(ctx, connection, state); err != nil {
			return err
		}
		r.Handshaking = time.Since(start)
	}
	if host, _, err := net.SplitHostPort(connection.RemoteAddr().String()); err == nil {
		c.peer.IP = host
	}
	c.target.idle.open.Add(1)
	c.wire, r.Dialed = tapwire.NewConn(connection), true
	return nil
}

// opened describes the connection, which holds its port from now on.
func opened(connection net.Conn, state *lib.State) ports.Connection {
	from, _ := connection.LocalAddr().(*net.TCPAddr)
	to, _ := connection.RemoteAddr().(*net.TCPAddr)
	if from == nil || to == nil {
		return ports.Connection{}
	}
	return ports.Connection{From: from.AddrPort().Addr().Unmap(), To: unmapped(to.AddrPort()), Bound: state.Options.LocalIPs.Valid}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// countFor makes k6 count the connection's bytes for the VU whose tap it carries.
func (c *conn) countFor(state *lib.State) {
	if dialer, ok := state.Dialer.(*netext.Dialer); ok && c.counted != nil {
		c.counted.BytesRead, c.counted.BytesWritten = &dialer.BytesRead, &dialer.BytesWritten
	}
}

// overdue returns the tap's timeout in place of a dial error that it caused, as k6's client does.
func overdue(limited, ctx context.Context, err error) error {
	if limited.Err() != nil && ctx.Err() == nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (c *conn) handshake(ctx context.Context, connection net.Conn, state *lib.State) (net.Conn, error) {
	config := state.TLSConfig.Clone()
	if config.ServerName == "" {
		config.ServerName = c.target.host
	}
	config.NextProtos = []string{"http/1.1"}
	if c.target.kept == Resumed {
		config.ClientSessionCache = c.target.idle.sessions
	}
	secured := tls.Client(connection, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = connection.Close() // the handshake's error is the one to report
		return nil, err
	}
	negotiated := secured.ConnectionState()
	info, ocsp := netext.ParseTLSConnState(&negotiated)
	c.peer.TLSVersion, c.peer.OCSP = info.Version, ocsp.Status
	return secured, nil
}

// drop closes the connection, if there is one.
func (c *conn) drop() {
	if c.wire != nil {
		_ = c.wire.Close() // its error no longer matters
		c.wire = nil
		c.target.idle.open.Add(-1)
	}
}

// visible gives tapwire access to the socket below k6's byte counter, to notice that the server has closed a kept connection.
type visible struct{ *netext.Conn }

// SyscallConn implements [syscall.Conn].
func (v visible) SyscallConn() (syscall.RawConn, error) {
	if below, ok := v.Conn.Conn.(syscall.Conn); ok {
		return below.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// time splits the exchange into the parts that k6 names. Waiting lasts until the first byte, or until the end if none came.
func (r *Result) time(response *tapwire.Response) {
	r.Blocked = max(0, response.Start.Sub(r.Began))
	if response.Wrote.IsZero() {
		return
	}
	r.Sending = response.Wrote.Sub(response.Start)
	if !response.Answered() {
		r.Waiting = response.Done.Sub(response.Wrote)
		return
	}
	r.Waiting, r.Receiving = response.FirstByte.Sub(response.Wrote), response.Done.Sub(response.FirstByte)
}
