// Package tapwire is the HTTP/1.1 wire of the fast tap lane: one GET written
// on a kept connection, one response read back, nothing allocated between.
//
// The caller dials, owns retries and metrics; this package owns the bytes,
// their limits, the clock and cancellation. It follows RFC 9112 for framing
// and refuses what two readers could frame differently.
package tapwire

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"time"
)

const (
	// step is how late, at most, a waiting read notices that its context is
	// done. Polling by read deadline costs nothing per exchange, where a
	// context.AfterFunc costs three allocations.
	step = 250 * time.Millisecond

	// bufferSize holds a usual redirect whole. A longer header line grows the
	// buffer, up to maxHead bytes, for as long as the connection lives.
	bufferSize = 4 << 10

	// idleCheck is the idle time from which on a connection is looked at
	// before its next exchange: the look is a system call, which a connection
	// that goes from tap to tap can do without.
	idleCheck = time.Millisecond
)

// Conn is one kept HTTP/1.1 connection. It carries one exchange at a time and
// is not safe for concurrent use, but for Close.
type Conn struct {
	conn net.Conn
	peek func() bool // whether a read would return at once, as far as that can be known

	buf  []byte
	r, w int // buf[r:w] is read from conn and not yet consumed

	ctx context.Context // of the exchange under way, spares every reader a parameter
	end time.Time       // when its timeout is over

	readBy, writeBy time.Time // deadlines set on conn
	idleSince       time.Time // when the last exchange ended; zero before the first
}

// NewConn makes a Conn of c, whose TLS handshake, if any, should be done: the
// first exchange would count it as sending time.
//
// Where c, or the connection below c's TLS, is a [syscall.Conn] (on Unix), an
// exchange after an idle millisecond starts with a look at whether the server
// sent something or closed meanwhile. Without it, or when that happens later, a
// closed connection shows when the response is read, and stray bytes pass for
// the response.
func NewConn(c net.Conn) *Conn {
	return &Conn{conn: c, peek: peeker(c), buf: make([]byte, bufferSize)}
}

// Close closes the connection; an exchange under way fails with net.ErrClosed.
func (c *Conn) Close() error { return c.conn.Close() }

// Exchange writes request and reads exactly one final response to it into r,
// within timeout (which must be positive). When r.KeepAlive is false on
// return, as it is after every error, the connection has been closed.
//
// r.Answered tells whether any byte came back. Errors are:
//   - io.EOF when the server closed before the first byte of its response,
//     io.ErrUnexpectedEOF when it closed within the response;
//   - a [ProtocolError] for bytes that are no well-formed response;
//   - ctx.Err(), noticed within 250 ms while reading, but only at the timeout
//     while writing: a TLS connection can't resume an interrupted write, and
//     a write blocks only when a peer leaves earlier requests unread;
//   - os.ErrDeadlineExceeded at the timeout, a net.Error whose Timeout() is true;
//   - whatever else the connection's Read and Write return, as it is.
func (c *Conn) Exchange(ctx context.Context, timeout time.Duration, request []byte, r *Response) error {
	r.reset()
	r.Start = time.Now()
	c.ctx, c.end = ctx, r.Start.Add(timeout)
	err := c.exchange(request, r)
	r.Done = time.Now()
	c.ctx, c.idleSince = nil, r.Done

	if err == io.EOF && r.Answered() {
		err = io.ErrUnexpectedEOF
	}
	// Bytes after a response belong to no request: what comes next on this
	// connection can't be matched to one (RFC 9112, section 9.2).
	r.KeepAlive = r.KeepAlive && err == nil && c.r == c.w
	if !r.KeepAlive {
		_ = c.conn.Close()
	}
	return err
}

func (c *Conn) exchange(request []byte, r *Response) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if !c.idleSince.IsZero() && r.Start.Sub(c.idleSince) >= idleCheck {
		if err := c.checkIdle(); err != nil {
			return err
		}
		r.Start = time.Now() // the look isn't part of sending
	}
	if err := c.write(request); err != nil {
		return err
	}
	r.Wrote = time.Now()
	runtime.Gosched()
	if err := c.armRead(r.Wrote); err != nil {
		return err
	}
	if err := c.fill(); err != nil {
		return err
	}
	r.FirstByte = time.Now()
	return c.readResponse(r)
}

// write sends b. Its deadline is kept between the exchange's end and one step
// later, so that it's set once a step and not once an exchange.
func (c *Conn) write(b []byte) error {
	if c.writeBy.Before(c.end) || c.writeBy.After(c.end.Add(step)) {
		c.writeBy = c.end.Add(step)
		if err := c.conn.SetWriteDeadline(c.writeBy); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return cmp.Or(c.ctx.Err(), os.ErrDeadlineExceeded)
	}
	return err
}

// armRead sees to it that a read started now wakes within a step and no later
// than the exchange's end. A deadline left from before that still lies ahead
// will do: waking early costs less than setting it for every exchange.
func (c *Conn) armRead(now time.Time) error {
	latest := now.Add(step)
	if c.end.Before(latest) {
		latest = c.end
	}
	if c.readBy.After(now) && !c.readBy.After(latest) {
		return nil
	}
	c.readBy = latest
	return c.conn.SetReadDeadline(latest)
}

// overdue says why an exchange whose deadline fired at now must end; nil when
// it was only a step's.
func (c *Conn) overdue(now time.Time) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if !now.Before(c.end) {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// fill reads at least one byte more into the buffer, which it first compacts,
// then doubles, when there is no room. io.EOF is returned as it is.
func (c *Conn) fill() error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.buf) {
		if c.r == 0 {
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
		} else {
			c.r, c.w = 0, copy(c.buf, c.buf[c.r:c.w])
		}
	}
	for {
		n, err := c.conn.Read(c.buf[c.w:])
		if n > 0 {
			c.w += n
			return nil // an error beside bytes comes again at the next read
		}
		if err == nil {
			return io.ErrNoProgress
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		now := time.Now()
		if err := c.overdue(now); err != nil {
			return err
		}
		if err := c.armRead(now); err != nil {
			return err
		}
	}
}

// checkIdle reports what happened on the connection while it was idle: nil for
// nothing, ErrUnsolicited, io.EOF, or the error of a broken connection. Peeking
// tells only that there is something to read; reading it tells a TLS session
// ticket, which is no cause for alarm, from data.
func (c *Conn) checkIdle() error {
	if !c.peek() {
		return nil
	}
	c.readBy = time.Now().Add(time.Millisecond)
	if err := c.conn.SetReadDeadline(c.readBy); err != nil {
		return err
	}
	n, err := c.conn.Read(c.buf)
	switch {
	case n > 0:
		return ErrUnsolicited
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	default:
		return err // io.EOF even for a reset, which the peek has used up
	}
}
