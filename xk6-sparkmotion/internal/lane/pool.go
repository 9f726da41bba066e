package lane

import (
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.k6.io/k6/v2/lib"
)

// Pool has the connections of a process that carry no tap now, so that there are about as many as taps are in flight, whichever VU makes
// these. Its zero value is empty.
type Pool struct {
	mu   sync.Mutex
	idle map[string]*idle // by what taps must have in common to share a connection
}

// of returns the idle connections for a link: those of the process, or the VU's own where k6's options ask for that.
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

// idle are the connections to one link that carry no tap now.
type idle struct {
	sessions tls.ClientSessionCache // for [Resumed]
	shared   bool                   // by the VUs of the process

	mu     sync.Mutex
	conns  []*conn       // the last used last
	busy   int           // connections that carry a tap
	lately time.Duration // that taps have been under way, the mean of about a hundred
}

func newIdle() *idle { return &idle{sessions: tls.NewLRUClientSessionCache(0)} }

// take returns an idle connection for a target's tap, or a new one, which is dialed when it sends.
func (i *idle) take(t *Target) *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.busy++
	n := len(i.conns)
	if n == 0 {
		return &conn{target: t}
	}
	c := i.conns[n-1]
	i.conns = slices.Delete(i.conns, n-1, n)
	c.target = t
	return c
}

// maxIdle is how long a connection is kept that nothing is sent on: a slow second may have needed many.
const maxIdle = 30 * time.Second

// put takes a connection back, open or not, and drops the one that was of no use for longest.
func (i *idle) put(c *conn, now time.Time) {
	c.used = now
	if oldest := i.add(c); oldest != nil {
		oldest.drop()
	}
}

// add returns the connection that was taken out, if one was.
func (i *idle) add(c *conn) (oldest *conn) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.busy--
	took := c.used.Sub(c.sent)
	if i.lately == 0 {
		i.lately = took
	}
	i.lately += (took - i.lately) / 100
	i.conns = append(i.conns, c)
	if first := i.conns[0]; c.used.Sub(first.used) > maxIdle {
		oldest = first
		i.conns = slices.Delete(i.conns, 0, 1)
	}
	return oldest
}
