package lane

import "time"

// alarm is a timer that rings on time in an idle process: Go's scheduler sleeps in whole milliseconds, or until there is I/O. A [waker]
// makes I/O when the timer is due. Without one, if the system has none left, the timer is up to a millisecond late.
type alarm struct {
	timer *time.Timer
	waker *waker
}

// shortest is the shortest wait worth a waker. When taps follow each other more closely, the process is never idle, and a waker for each
// costs as much as the tap itself.
const shortest = 300 * time.Microsecond

// newAlarm returns an alarm set to a time.
func newAlarm(at time.Time) *alarm {
	a := &alarm{time.NewTimer(time.Until(at)), takeWaker()}
	a.set(at)
	return a
}

// set makes an alarm that has rung ring again at a time.
func (a *alarm) set(at time.Time) {
	left := time.Until(at)
	a.timer.Reset(left)
	if left >= shortest {
		a.waker.wakeAfter(left) // not before the timer is due, or the scheduler goes back to sleep
	}
}

// stop ends the alarm.
func (a *alarm) stop() {
	a.timer.Stop()
	a.waker.putBack()
}
