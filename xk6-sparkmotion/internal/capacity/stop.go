package capacity

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/units"
)

// StopRule says when a run stops by itself: when this share of the taps or more has failed, led to a fallback, or been lost, over a window
// of time. The zero value never stops a run.
type StopRule struct {
	Errors float64
	Window time.Duration
}

// usualStop has the defaults for a rule that is given in part.
var usualStop = StopRule{Errors: 0.5, Window: 10 * time.Second}

// UnmarshalText reads "off", or a rule such as "errors:0.2,window:30s".
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
	// windowParts is the number of parts of a window: the switch looks when one of them is over.
	windowParts = 10
	// fewestToStop is how many taps a window needs: a single failed tap is not a failing system.
	fewestToStop = 10
)

// killSwitch watches the taps of the last window. It looks ten times a window, so a tap costs only two sums and a glance at the clock.
type killSwitch struct {
	rule  StopRule
	now   windowPart
	until time.Time               // end of now
	parts [windowParts]windowPart // that are over
	over  int                     // parts since the first tap began: before a whole window there is nothing to judge
}

// windowPart counts the taps that ended in a part of the window.
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

// turn begins the part in which a tap ended. The first tap begins the window.
func (k *killSwitch) turn(t *Tap) {
	part := k.rule.Window / windowParts
	if k.until.IsZero() {
		k.until = t.Began.Add(part)
	}
	for !t.Ended.Before(k.until) {
		if t.Ended.Sub(k.until) > 2*k.rule.Window { // anything older is forgotten anyway
			k.until = t.Ended.Add(-k.rule.Window - part)
		}
		k.parts[k.over%windowParts], k.now = k.now, windowPart{}
		k.until = k.until.Add(part)
		k.over++
	}
}

// reason returns why the run has to stop, or "" if it does not. lost is the share of the redirected taps that are lost, by the newest
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

// lostOf returns the share of the taps that were lost in the newest stretch of readings that tells and is at least a window long.
//
// What is missing at a reading may be under way and arrive later, so no more was lost by then than is missing at any later reading.
// Therefore the stretch ends at the reading before the last. Taps of others can hide losses, but never make one.
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

// StopWhen sets the rule by which a run stops. It must be called before the first tap.
func (r *Recorder) StopWhen(rule StopRule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.killSwitch.rule = rule
}

// look makes the kill switch judge.
func (r *Recorder) look(lost float64) {
	if reason := r.killSwitch.reason(lost); reason != "" {
		r.Stop(reason)
	}
}

// Stop makes the run stop, for a reason in one sentence. The first reason stands.
func (r *Recorder) Stop(reason string) { r.stopped.CompareAndSwap(nil, &reason) }

// Stopped returns why the run has to stop; "" if it goes on.
func (r *Recorder) Stopped() string {
	if reason := r.stopped.Load(); reason != nil {
		return *reason
	}
	return ""
}
