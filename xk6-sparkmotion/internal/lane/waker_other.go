//go:build !linux

package lane

import "time"

// waker is nil here.
type waker struct{}

func takeWaker() *waker { return nil }

func (*waker) wakeAfter(time.Duration) {}

func (*waker) putBack() {}
