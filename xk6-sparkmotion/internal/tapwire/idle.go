package tapwire

import (
	"net"
	"syscall"
)

// peeker returns a function that tells, for one system call and no wait,
// whether reading from c would find bytes, an end of stream or an error; one
// that says false where that can't be known.
func peeker(c net.Conn) func() bool {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		c = t.NetConn()
	}
	never := func() bool { return false }
	s, ok := c.(syscall.Conn)
	if !ok {
		return never
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return never
	}
	var readable bool
	look := func(fd uintptr) { readable = fdReadable(fd) }
	return func() bool {
		readable = false
		// Control, unlike Read, works whatever the read deadline is. Its
		// error is that of a closed connection, which writing shows as well.
		_ = raw.Control(look)
		return readable
	}
}
