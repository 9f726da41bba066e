package store

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/port"
)

// errStopped is what the Worker sees of an embedded Redis that is stopped.
var errStopped = errors.New("the embedded Redis is stopped (POST /redis/start on the control address)")

// embedded is miniredis behind a front of its own. All commands pass the front, one at a time as in Redis.
//
// The front is there for LPUSH: miniredis copies the whole list for each, which makes a queue of 300,000 entries
// quadratic. So LPUSHes to the queue wait in pushed, and join miniredis's list in one copy before the first
// command that could see it. Nobody can tell the difference but by the clock.
type embedded struct {
	addr string

	gate     sync.Mutex
	redis    *miniredis.Miniredis
	pushed   []string // LPUSHed and acknowledged but not yet in miniredis's list, oldest first
	listed   int      // the length of miniredis's list while pushed isn't empty
	sessions map[*server.Peer]*session
	front    *server.Server // nil while stopped
	release  func()         // gives up the address, which nobody else gets meanwhile; nil unless stopped

	ticking chan struct{} // closed to stop the clock
	ticked  chan struct{} // closed when it has stopped
}

// session is what a connection has said that changes the meaning of its next commands.
type session struct {
	multi     bool // between MULTI and EXEC: commands are queued, not run
	elsewhere bool // may be in another database or subscribed
}

func startEmbedded(addr string) (*embedded, error) {
	e := &embedded{
		addr:     addr,
		redis:    miniredis.NewMiniRedis(),
		sessions: make(map[*server.Peer]*session),
		ticking:  make(chan struct{}),
		ticked:   make(chan struct{}),
	}
	conn, err := e.redis.Dial() // starts it without a listener
	if err != nil {
		return nil, err
	}
	_ = conn.Close()
	if err := e.start(); err != nil {
		return nil, err
	}
	go e.tick()
	return e, nil
}

// start listens on the address of before.
func (e *embedded) start() error {
	e.gate.Lock()
	defer e.gate.Unlock()
	if e.front != nil {
		return nil
	}
	e.letGo()
	front, err := server.NewServer(e.addr)
	if err != nil {
		return err
	}
	front.SetPreHook(e.serve)
	e.addr = front.Addr().String()
	e.front = front
	return nil
}

// stop closes the listener and every connection.
func (e *embedded) stop() error {
	e.gate.Lock()
	front := e.front
	e.front = nil
	e.gate.Unlock()
	if front == nil {
		return nil
	}
	front.Close() // waits for connections, whose last commands need the gate
	release, err := port.Hold(e.addr)
	e.gate.Lock()
	defer e.gate.Unlock()
	e.release = release
	return err
}

// letGo gives up the address of a server that is stopped. The gate is held.
func (e *embedded) letGo() {
	if e.release != nil {
		e.release()
		e.release = nil
	}
}

func (e *embedded) close() {
	_ = e.stop() // nobody starts it again
	e.gate.Lock()
	e.letGo()
	e.gate.Unlock()
	close(e.ticking)
	<-e.ticked
	e.redis.Close()
}

// tick lets time pass for EXPIRE, which in miniredis it doesn't by itself.
func (e *embedded) tick() {
	defer close(e.ticked)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-e.ticking:
			return
		case now := <-ticker.C:
			e.gate.Lock()
			if e.redis.TTL(Queue) > 0 {
				e.settle()
			}
			e.redis.FastForward(now.Sub(last))
			e.gate.Unlock()
			last = now
		}
	}
}

// batch gives f the means to run commands in a row, with none of anybody else's between them.
func (e *embedded) batch(f func(run func(*server.Peer, []string))) error {
	e.gate.Lock()
	defer e.gate.Unlock()
	if e.front == nil {
		return errStopped
	}
	f(e.run)
	return nil
}

// serve is the front's hook: it runs a command that came over a socket.
func (e *embedded) serve(c *server.Peer, name string, args ...string) bool {
	e.gate.Lock()
	defer e.gate.Unlock()
	e.run(c, append([]string{name}, args...))
	return true
}

// run executes one command, its name in upper case. The gate is held.
func (e *embedded) run(c *server.Peer, command []string) {
	switch name := command[0]; {
	case name == "LPUSH" && e.push(c, command):
		c.WriteInt(e.listed + len(e.pushed))
	case blocks(command):
		c.WriteError("ERR the twin's embedded Redis has no blocking commands: start the twin with REDIS_URL")
	default:
		if !blind(command) {
			e.settle()
		}
		e.note(c, name)
		e.redis.Server().Dispatch(c, command)
	}
}

// push keeps an LPUSH to the queue for later, unless miniredis itself has to see it.
func (e *embedded) push(c *server.Peer, command []string) bool {
	if len(command) < 3 || command[1] != Queue {
		return false
	}
	if s := e.sessions[c]; s != nil && (s.multi || s.elsewhere) {
		return false
	}
	if len(e.pushed) == 0 {
		list, err := e.redis.List(Queue)
		if err != nil && err != miniredis.ErrKeyNotFound {
			return false // no list: miniredis says WRONGTYPE
		}
		e.listed = len(list)
	}
	e.pushed = append(e.pushed, command[2:]...)
	return true
}

// settle brings the pushed entries into miniredis's list, on its left.
func (e *embedded) settle() {
	if len(e.pushed) == 0 {
		return
	}
	ttl := e.redis.TTL(Queue)
	list, _ := e.redis.List(Queue) // push made sure that it's a list or nothing
	slices.Reverse(e.pushed)
	all := slices.Concat(e.pushed, list)
	e.redis.Del(Queue)
	_, _ = e.redis.Push(Queue, all...)
	if ttl > 0 {
		e.redis.SetTTL(Queue, ttl)
	}
	clear(e.pushed)
	e.pushed = e.pushed[:0]
}

// note follows what a connection says about its next commands.
func (e *embedded) note(c *server.Peer, name string) {
	s := e.sessions[c]
	switch name {
	case "MULTI", "SELECT", "SUBSCRIBE", "PSUBSCRIBE":
		if s == nil {
			s = &session{}
			e.sessions[c] = s
			c.OnDisconnect(func() { e.forget(c) })
		}
		s.multi = s.multi || name == "MULTI"
		s.elsewhere = s.elsewhere || name != "MULTI"
	case "EXEC", "DISCARD":
		if s != nil {
			s.multi = false
		}
	}
}

func (e *embedded) forget(c *server.Peer) {
	e.gate.Lock()
	defer e.gate.Unlock()
	delete(e.sessions, c)
}

// forgetAll deletes everything.
func (e *embedded) forgetAll() {
	e.gate.Lock()
	defer e.gate.Unlock()
	clear(e.pushed)
	e.pushed = e.pushed[:0]
	e.redis.FlushAll()
}

func (e *embedded) depth() int64 {
	e.gate.Lock()
	defer e.gate.Unlock()
	e.settle()
	list, _ := e.redis.List(Queue)
	return int64(len(list))
}
