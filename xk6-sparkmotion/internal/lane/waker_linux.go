package lane

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// waker is a timerfd, which Go's scheduler waits for beside its sockets. Nobody reads it: that it is ready ends the scheduler's sleep, and
// it then looks after the timers that are due.
type waker struct{ file *os.File }

// wakers are those that no pacer uses. A garbage collection or two later they are closed, as os.File has it.
var wakers sync.Pool

// takeWaker returns nil where the system has no more files to give.
func takeWaker() *waker {
	if w, ok := wakers.Get().(*waker); ok {
		return w
	}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	return &waker{os.NewFile(uintptr(fd), "timerfd")} // #nosec G115 -- the system counts files up from 0
}

// wakeAfter has it wake the scheduler after a while.
func (w *waker) wakeAfter(d time.Duration) {
	if w == nil || d <= 0 {
		return
	}
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(d.Nanoseconds())}
	_ = raw.Control(func(fd uintptr) { // without it the timer is late, and how late is measured
		_ = unix.TimerfdSettime(int(fd), 0, &at, nil) // #nosec G115 -- see takeWaker
	})
}

func (w *waker) putBack() {
	if w != nil {
		wakers.Put(w)
	}
}
