package lane

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// waker is a timerfd, which Go's scheduler polls together with its sockets. Nobody reads it: when it is ready, the scheduler wakes up, and
// then looks after the timers that are due.
type waker struct{ file *os.File }

// wakers holds those that no pacer uses. After a garbage collection or two, os.File closes them.
var wakers sync.Pool

// takeWaker returns a waker, or nil if the system has no file descriptor left.
func takeWaker() *waker {
	if w, ok := wakers.Get().(*waker); ok {
		return w
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	return &waker{os.NewFile(uintptr(fd), "timerfd")} // #nosec G115 -- file descriptors count up from 0
}

// wakeAfter makes w wake the scheduler after d.
func (w *waker) wakeAfter(d time.Duration) {
	if w == nil || d <= 0 {
		return
	}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	_ = raw.Control(func(fd uintptr) { // if this fails, the timer is late, and how late is measured
		_ = unix.TimerfdSettime(int(fd), 0, &at, nil) // #nosec G115 -- see takeWaker
	})
}

func (w *waker) putBack() {
	if w != nil {
		wakers.Put(w)
	}
}
