package ports

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// system is what Linux is set to.
type system struct {
	ports      int           // that connections may take
	reuse      int           // tcp_tw_reuse: 0 never, 1 always, 2 on loopback
	reuseAfter time.Duration // tcp_tw_reuse_delay
	timestamps bool          // without which nothing is reused
}

// readSystem returns nil where there is no such system.
func readSystem(proc fs.FS) *system {
	const ipv4 = "sys/net/ipv4/"
	var from, to, timestamps int
	if !scan(proc, ipv4+"ip_local_port_range", &from, &to) || to < from {
		return nil
	}
	s := &system{ports: to - from + 1, reuseAfter: time.Second}
	scan(proc, ipv4+"tcp_tw_reuse", &s.reuse)
	scan(proc, ipv4+"tcp_timestamps", &timestamps)
	s.timestamps = timestamps > 0
	var ms int
	if scan(proc, ipv4+"tcp_tw_reuse_delay", &ms) { // Linux 6.14; before, it is a second
		s.reuseAfter = time.Duration(max(0, min(ms, int(timeWait.Milliseconds())))) * time.Millisecond
	}
	return s
}

// holds is how long a connection keeps its port from others after it was made and closed.
func (s *system) holds(c Connection) time.Duration {
	reused := s.reuse == 1 || s.reuse == 2 && c.To.Addr().IsLoopback()
	if reused && s.timestamps && !c.Bound {
		return s.reuseAfter
	}
	return timeWait
}

// sockets is how many the kernel has, in use and in TIME_WAIT, to any peer.
func sockets(proc fs.FS) (int, bool) {
	text, err := fs.ReadFile(proc, "net/sockstat")
	if err != nil {
		return 0, false
	}
	_, line, _ := strings.Cut(string(text), "\nTCP: ")
	var inUse, orphans, waiting int
	_, err = fmt.Sscanf(line, "inuse %d orphan %d tw %d", &inUse, &orphans, &waiting)
	return inUse + waiting, err == nil
}

// scan reads numbers from a file.
func scan(proc fs.FS, name string, numbers ...any) bool {
	text, err := fs.ReadFile(proc, name)
	if err != nil {
		return false
	}
	_, err = fmt.Sscan(string(text), numbers...)
	return err == nil
}
