package capacity

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// StopRule is when a run stops by itself: over a window of time this share of the taps or more failed, led to a fallback, or were lost.
// The zero value never stops one.
type StopRule struct {
	Errors float64
	Window time.Duration
}

// usualStop is what a rule that is given in part says of the rest.
var usualStop = StopRule{Errors: 0.5, Window: 10 * time.Second}

// UnmarshalText reads "off", or what a rule has, "errors:0.2,window:30s".
func (s *StopRule) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*s = StopRule{}
		return nil
	}
	rule := usualStop
	for part := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), ":")
		var err error
		switch name {
		case "errors":
			if rule.Errors, err = strconv.ParseFloat(value, 64); err != nil || !(rule.Errors > 0 && rule.Errors <= 1) {
				return fmt.Errorf("errors is a share of the taps, above 0 and up to 1, such as errors:0.2, got %q", value)
			}
		case "window":
			if rule.Window, err = time.ParseDuration(value); err != nil || rule.Window < time.Second {
				return fmt.Errorf("window is a time of 1s or more, such as window:30s, got %q", value)
			}
		default:
			return fmt.Errorf("off is expected, or errors and window, such as errors:0.5,window:10s, got %q", part)
		}
	}
	*s = rule
	return nil
}

func (s StopRule) String() string {
	if s == (StopRule{}) {
		return "off"
	}
	return fmt.Sprintf("errors:%v,window:%s", s.Errors, s.Window)
}

const (
	// windowParts is how many parts a window has: the switch looks when one of them is over.
	windowParts = 10
	// fewestToStop is how many taps a window must have: a single one that fails is not a system that does.
	fewestToStop = 10
)

// killSwitch watches the taps of the last window. It looks ten times a window, so that a tap costs it two sums and a glance at the clock.
type killSwitch struct {
	rule  StopRule
	now   windowPart
	until time.Time               // its end
	parts [windowParts]windowPart // that are over
	over  int                     // how many since the first tap began: before a whole window there is nothing to judge
}

// windowPart is what ended in a part of the window.
type windowPart struct{ taps, failed, fallback int64 }

// tap counts a tap, and reports whether it is time to look.
func (k *killSwitch) tap(t *Tap) (look bool) {
	if k.rule.Window == 0 || t.CutOff {
		return false
	}
	if look = !t.Ended.Before(k.until); look {
		k.turn(t)
	}
	k.now.taps++
	if !t.Redirected {
		k.now.failed++
		k.now.fallback += oneIf(t.Fallback)
	}
	return look
}

// turn begins the part that a tap has ended in. A first tap begins the window.
func (k *killSwitch) turn(t *Tap) {
	part := k.rule.Window / windowParts
	if k.until.IsZero() {
		k.until = t.Began.Add(part)
	}
	for !t.Ended.Before(k.until) {
		if t.Ended.Sub(k.until) > 2*k.rule.Window { // what is older is forgotten in any case
			k.until = t.Ended.Add(-k.rule.Window - part)
		}
		k.parts[k.over%windowParts], k.now = k.now, windowPart{}
		k.until = k.until.Add(part)
		k.over++
	}
}

// reason says why the run has to stop; "" when it has not. Lost is the share of the taps that were redirected and are lost, by the newest
// readings that tell.
func (k *killSwitch) reason(lost float64) string {
	var sum windowPart
	for _, p := range k.parts {
		sum = windowPart{sum.taps + p.taps, sum.failed + p.failed, sum.fallback + p.fallback}
	}
	if sum.taps < fewestToStop || k.over < windowParts {
		sum = windowPart{}
	}
	failed := ratio(sum.failed, sum.taps)
	if k.rule.Window == 0 || failed+(1-failed)*lost < k.rule.Errors {
		return ""
	}
	var said []string
	for _, s := range []struct {
		share float64
		what  string
	}{
		{ratio(sum.failed-sum.fallback, sum.taps), "of the taps failed"},
		{ratio(sum.fallback, sum.taps), "of the taps led to a fallback"},
		{lost, "of those redirected were lost"},
	} {
		if s.share > 0 {
			said = append(said, units.Percent(s.share)+" "+s.what)
		}
	}
	return fmt.Sprintf("The kill switch ended the run: over the last %s %s (STOP=%s).", k.rule.Window, listed(said), k.rule)
}

// lostOf is the share of the taps that were lost in the newest stretch of readings that tells and is at least a window long.
//
// What is missing at a reading may be under way, and what is under way arrives later: no more was lost by then than is missing at any later
// one. So the stretch ends at the reading before the last. Others' taps hide losses, and never make one.
func (k *killSwitch) lostOf(course []Reading) float64 {
	end := len(course) - 2
	if k.rule.Window == 0 || end < 1 {
		return 0
	}
	first := course[0]
	gone := min(missing(first, course[end]), missing(first, course[end+1]))
	begin, before := end-1, min(gone, missing(first, course[end-1]))
	for begin > 0 && course[end].at.Sub(course[begin].at) < k.rule.Window {
		begin--
		before = min(before, missing(first, course[begin]))
	}
	redirected := course[end].Redirected - course[begin].Redirected
	if redirected < fewestToStop || course[end].at.Sub(course[begin].at) < k.rule.Window {
		return 0
	}
	return ratio(max(0, gone)-max(0, before), redirected)
}

// StopWhen sets the rule by which a run stops, before its first tap.
func (r *Recorder) StopWhen(rule StopRule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killSwitch.rule = rule
}

// look has the kill switch judge.
func (r *Recorder) look(lost float64) {
	if reason := r.killSwitch.reason(lost); reason != "" {
		r.Stop(reason)
	}
}

// Stop has the run stopped, for a reason in one sentence. The first one stands.
func (r *Recorder) Stop(reason string) { r.stopped.CompareAndSwap(nil, &reason) }

// Stopped returns why the run has to stop; "" when it goes on.
func (r *Recorder) Stopped() string {
	if reason := r.stopped.Load(); reason != nil {
		return *reason
	}
	return ""
}
