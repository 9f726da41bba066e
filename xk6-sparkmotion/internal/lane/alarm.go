package lane

import "time"

// alarm is a timer that an idle process hears on time: Go's scheduler sleeps in whole milliseconds, and until something comes in. A [waker]
// has something come in when the timer is due. Without one, where the system has none to give, the timer is late by up to a millisecond.
type alarm struct {
	timer *time.Timer
	waker *waker
}

// shortest is the wait that a waker is worth. Where taps follow one another more closely, the process has no time to be idle, and a waker for
// each costs as much as the tap itself.
const shortest = 300 * time.Microsecond

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
	if left >= shortest {
		a.waker.wakeAfter(left) // not before the timer is due, or the scheduler goes back to sleep
	}
}

// stop ends it.
func (a *alarm) stop() {
	a.timer.Stop()
	a.waker.putBack()
}
