package lane

import "time"

// alarm is a timer that an idle process hears on time: Go's scheduler sleeps in whole milliseconds, and until something comes in. A [waker]
// has something come in when the timer is due. Without one, where the system has none to give, the timer is late by up to a millisecond.
type alarm struct {
	timer *time.Timer
	waker *waker
}

// newAlarm returns one that is set to a moment.
func newAlarm(at time.Time) *alarm {
	a := &alarm{time.NewTimer(time.Until(at)), takeWaker()}
	a.set(at)
	return a
}

// set has it ring at a moment, when it has rung.
func (a *alarm) set(at time.Time) {
	left := time.Until(at)
	a.timer.Reset(left)
	a.waker.wakeAfter(left) // not before the timer is due, or the scheduler goes back to sleep
}

// stop ends it.
func (a *alarm) stop() {
	a.timer.Stop()
	a.waker.putBack()
}
