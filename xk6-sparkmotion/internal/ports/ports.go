// Package ports watches the ports of this machine that new connections take. One that is closed keeps its port for a while more (TIME_WAIT),
// so that a tap on a connection of its own each time can run out of them long before anything else.
package ports

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// timeWait is how long Linux keeps a closed connection's port from the next one to the same peer.
	timeWait = 60 * time.Second
	// slot is how finely connections are counted in time.
	slot = 100 * time.Millisecond

	warnAt = 0.7
	stopAt = 0.9
)

// Connection is one that was made.
type Connection struct {
	From  netip.Addr
	To    netip.AddrPort
	Bound bool // From was chosen (--local-ips): its port is taken before the kernel knows the peer, and is not reused while in TIME_WAIT
}

// Watch counts the connections of a process. Its zero value watches this machine; systems without a Linux /proc are not watched.
type Watch struct {
	Proc fs.FS // /proc

	once   sync.Once
	system *system // nil where there is none to read

	mu    sync.Mutex
	peers map[Connection]*window
}

// Use is how many ports the connections to a peer hold.
type Use struct {
	To          netip.AddrPort
	Held, Ports int
	For         time.Duration // that each is held
	reusable    bool          // tcp_tw_reuse would shorten that
}

// Opened counts a connection, and returns what those like it hold by then; false where nobody can tell.
func (w *Watch) Opened(c Connection, at time.Time) (Use, bool) {
	w.once.Do(func() {
		if w.Proc == nil {
			w.Proc = os.DirFS("/proc")
		}
		w.system = readSystem(w.Proc)
	})
	if w.system == nil || !c.To.IsValid() {
		return Use{}, false
	}
	use := Use{To: c.To, Ports: w.system.ports, For: w.system.holds(c)}
	use.reusable = !c.Bound && use.For == timeWait
	use.Held = w.count(c, at, use.For)
	if use.share() >= warnAt { // a server that closes first has the TIME_WAIT on its side: what the kernel counts is the truth
		if all, ok := sockets(w.Proc); ok {
			use.Held = min(use.Held, all)
		}
	}
	return use, true
}

func (w *Watch) count(c Connection, at time.Time, holds time.Duration) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	found, ok := w.peers[c]
	if !ok {
		if w.peers == nil {
			w.peers = make(map[Connection]*window)
		}
		found = &window{slots: make([]int, holds/slot+1)}
		w.peers[c] = found
	}
	return found.add(at)
}

// window counts what happened in the last slots of time.
type window struct {
	slots []int // a ring
	last  int64 // number of the newest, since 1970
	sum   int
}

func (w *window) add(at time.Time) int {
	now, size := at.UnixNano()/int64(slot), int64(len(w.slots))
	for w.last = max(w.last, now-size); w.last < now; {
		w.last++
		w.sum -= w.slots[w.last%size]
		w.slots[w.last%size] = 0
	}
	w.slots[w.last%size]++ // one that is told late counts as of now
	w.sum++
	return w.sum
}

func (u Use) share() float64 { return float64(u.Held) / float64(u.Ports) }

// Short reports whether ports run short.
func (u Use) Short() bool { return u.share() >= warnAt }

// Out reports whether there will be none in a moment.
func (u Use) Out() bool { return u.share() >= stopAt }

// String says what holds how many ports, and what to change.
func (u Use) String() string {
	return fmt.Sprintf("new connections to %s hold %d of this machine's %d ports, each for %s: %s", u.To, u.Held, u.Ports, u.For, u.advice())
}

func (u Use) advice() string {
	var advice []string
	if u.reusable {
		advice = append(advice, "set sysctl net.ipv4.tcp_tw_reuse=1")
	}
	if u.Ports < widest {
		advice = append(advice, `widen the range (sysctl net.ipv4.ip_local_port_range="1024 65535")`)
	}
	return strings.Join(append(advice, "use more machines, or more addresses (--local-ips)"), ", or ")
}

// widest is how many ports are a range that is as wide as people set it.
const widest = 60_000

// RanOut reports whether a connection could not be made for want of a port. Other programs, and other processes of a run, take ports too.
func RanOut(err error) bool {
	var call *os.SyscallError
	return errors.As(err, &call) && call.Syscall == "connect" && errors.Is(call.Err, syscall.EADDRNOTAVAIL)
}
