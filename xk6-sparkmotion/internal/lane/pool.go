package lane

import (
	"container/list"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.k6.io/k6/v2/lib"
)

// Pool holds the idle connections of a process. Its VUs share them, so that there are about as many connections as taps in flight. The zero
// value is empty.
type Pool struct {
	mu   sync.Mutex
	idle map[string]*idle // keyed by what taps must have in common to share a connection
}

// of returns the idle connections for a link: those of the process, or the VU's own if k6's options ask for that.
func (p *Pool) of(l Link, options *lib.Options) *idle {
	if options.NoVUConnectionReuse.Bool || options.LocalIPs.Valid {
		return newIdle()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := fmt.Sprint(l)
	found, ok := p.idle[key]
	if !ok {
		if p.idle == nil {
			p.idle = make(map[string]*idle)
		}
		found = newIdle()
		found.shared = true
		p.idle[key] = found
	}
	return found
}

// idle holds the idle connections to one link, and the taps that wait for one.
type idle struct {
	sessions tls.ClientSessionCache // for [Resumed]
	shared   bool                   // by the VUs of the process
	open     atomic.Int64           // connections, idle or not

	mu      sync.Mutex
	conns   []*conn // most recently used last
	waiting list.List
	dialing int           // taps that are making a connection
	nearest time.Duration // shortest time that making one has taken
	lately  time.Duration // how long answers take: a moving average of about 100
}

func newIdle() *idle { return &idle{sessions: tls.NewLRUClientSessionCache(0)} }

// take returns an idle connection for a target's tap, or a conn that is not connected yet.
func (i *idle) take(t *Target) *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.last()
	if c == nil {
		return &conn{target: t}
	}
	c.target = t
	return c
}

// last removes and returns the most recently used connection, or nil.
func (i *idle) last() *conn {
	n := len(i.conns)
	if n == 0 {
		return nil
	}
	c := i.conns[n-1]
	i.conns = slices.Delete(i.conns, n-1, n)
	return c
}

// maxIdle is how long an unused connection is kept: a slow second may have needed many.
const maxIdle = 30 * time.Second

// put takes a connection back after a tap, and drops the one that has been unused longest, after maxIdle.
func (i *idle) put(c *conn, r *Result) {
	c.used = r.Ended
	if oldest := i.add(c, r.Ended.Sub(r.Began)-r.Blocked); oldest != nil {
		oldest.drop()
	}
}

// add records how long an answer took, offers the connection, and returns an idle one that it removed, or nil.
func (i *idle) add(c *conn, took time.Duration) (oldest *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lately == 0 {
		i.lately = took
	}
	i.lately += (took - i.lately) / 100
	i.offer(c)
	if len(i.conns) == 0 {
		return nil
	}
	if first := i.conns[0]; c.used.Sub(first.used) > maxIdle {
		oldest = first
		i.conns = slices.Delete(i.conns, 0, 1)
	}
	return oldest
}

// offer gives an open connection to the tap that has waited longest, or else keeps it.
func (i *idle) offer(c *conn) {
	if c.target.Fast && c.wire == nil {
		return // closed
	}
	for e := i.waiting.Front(); e != nil; e = e.Next() {
		if w := e.Value.(*waiter); !w.anew {
			i.waiting.Remove(e)
			w.conn.inherit(c)
			close(w.ready)
			return
		}
	}
	i.conns = append(i.conns, c)
}

const (
	// dialEvery is the shortest average time between two handshakes of taps, while none has to wait for a core. A handshake costs both ends
	// as much as many taps: if a brief stall made hundreds begin together, the taps on open connections would wait for all of them.
	dialEvery = 2 * time.Millisecond
	// leastDialing connections may be made at once however near the system is: one of them may have lost a packet.
	leastDialing = 2
)

// waiter is a tap that waits for a connection.
type waiter struct {
	conn  *conn
	anew  bool          // takes no connection that was in use before
	ready chan struct{} // closed when it has a connection, or may make one
}

// await returns when c has a connection that another tap is done with, or may make one, whichever comes first. In the latter case the
// caller must call dialed afterwards. It fails only if ctx is done.
func (i *idle) await(ctx context.Context, c *conn, anew bool) error {
	w := &waiter{c, anew, make(chan struct{})}
	e := i.queue(w)
	if e == nil {
		return nil
	}
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	select {
	case <-w.ready: // in the meantime
		return nil
	default:
		i.waiting.Remove(e)
		return ctx.Err()
	}
}

// queue returns a waiter's place, or nil if it need not wait.
func (i *idle) queue(w *waiter) *list.Element {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !w.anew {
		if c := i.last(); c != nil { // released since the tap began
			w.conn.inherit(c)
			return nil
		}
	}
	if i.mayDial() {
		i.dialing++
		return nil
	}
	return i.waiting.PushBack(w)
}

// mayDial reports whether another tap may make a connection now. The farther away the system is, the more may at once.
func (i *idle) mayDial() bool {
	return i.dialing < max(leastDialing, int(i.nearest/dialEvery))
}

// dialed lets waiting taps make connections after a tap has made one, or failed to.
func (i *idle) dialed(r *Result) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.dialing--
	if took := r.Connect(); r.Dialed && (i.nearest == 0 || took < i.nearest) {
		i.nearest = took
	}
	for e := i.waiting.Front(); e != nil && i.mayDial(); e = i.waiting.Front() {
		i.waiting.Remove(e)
		i.dialing++
		close(e.Value.(*waiter).ready)
	}
}
