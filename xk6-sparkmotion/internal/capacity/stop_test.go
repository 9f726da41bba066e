package capacity

import (
	"strings"
	"testing"
	"time"
)

func TestStopRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"off": "off", "errors:0.2": "errors:0.2,window:10s", "window:30s": "errors:0.5,window:30s", "errors:1, window:1m": "errors:1,window:1m0s",
		"errors:0.2,window:30s": "errors:0.2,window:30s",
	} {
		var rule StopRule
		if err := rule.UnmarshalText([]byte(text)); err != nil || rule.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, rule, err, want)
		}
	}
	for text, want := range map[string]string{
		"errors:0": "errors is a share", "errors:1.5": "errors is a share", "errors:NaN": "errors is a share", "errors": "errors is a share",
		"window:0.5s": "window is a time", "window:10": "window is a time", "window:-1s": "window is a time", "on": "off is expected", "": "off is expected",
		"errors:0.2;window:30s": "errors is a share", "off,errors:0.2": "off is expected",
	} {
		rule := usualStop
		if err := rule.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || rule != usualStop {
			t.Errorf("%s: got %v, %v; want %q", text, rule, err, want)
		}
	}
}

// FuzzStopRule checks that an accepted rule can be kept, and that its text means the same.
func FuzzStopRule(f *testing.F) {
	f.Add("errors:0.2,window:30s")
	f.Add("off")
	f.Add("window:1h2m,errors:1e-9")
	f.Fuzz(func(t *testing.T, text string) {
		var rule, again StopRule
		if rule.UnmarshalText([]byte(text)) != nil {
			return
		}
		if off := rule == (StopRule{}); !off && !(rule.Errors > 0 && rule.Errors <= 1 && rule.Window >= time.Second) {
			t.Errorf("%q: %+v", text, rule)
		}
		if err := again.UnmarshalText([]byte(rule.String())); err != nil || again != rule {
			t.Errorf("%q: %+v is %s, which is %+v, %v", text, rule, rule, again, err)
		}
	})
}

// stretch is a period in which taps end at a rate, and what becomes of shares of them.
type stretch struct {
	seconds, rate    int
	failed, fallback float64
	took             time.Duration
}

// The switch looks at the last window of taps, if it is whole; it stops a run at its share, and says why.
func TestKillSwitch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		rule   StopRule
		run    []stretch
		after  float64 // seconds until it stops; 0 for never
		reason string
	}{
		{"all well", usualStop, []stretch{{60, 50, 0, 0, 0}}, 0, ""},
		{"under half", usualStop, []stretch{{60, 50, 0.48, 0, 0}}, 0, ""},
		{"half", usualStop, []stretch{{60, 50, 0.5, 0, 0}}, 10, "50 % of the taps failed (STOP=errors:0.5,window:10s)"},
		{"dies", usualStop, []stretch{{30, 50, 0, 0, 0}, {60, 50, 1, 0, 0}}, 35, "over the last 10s 50 % of the taps failed"},
		{"fails from the start", usualStop, []stretch{{60, 50, 1, 0, 0}}, 10, "100 % of the taps failed"},
		{"recovers", usualStop, []stretch{{30, 50, 0, 0, 0}, {4, 50, 1, 0, 0}, {60, 50, 0, 0, 0}}, 0, ""},
		{"fallbacks", usualStop, []stretch{{30, 50, 0, 0, 0}, {60, 50, 0, 1, 0}}, 35, "50 % of the taps led to a fallback"},
		{"both", usualStop, []stretch{{60, 50, 0.2, 0.4, 0}}, 10, "20 % of the taps failed and 40 % of the taps led to a fallback"},
		{"hangs", usualStop, []stretch{{30, 50, 0, 0, 0}, {12, 50, 1, 0, 10 * time.Second}}, 31, "100 % of the taps failed"},
		{"too few", usualStop, []stretch{{100, 1, 0, 0, 0}, {2, 1, 1, 0, 0}}, 0, ""},
		{"few", usualStop, []stretch{{100, 1, 1, 0, 0}}, 10, "100 % of the taps failed"},
		{"another rule", StopRule{0.2, 30 * time.Second}, []stretch{{30, 50, 0, 0, 0}, {60, 50, 1, 0, 0}}, 36, "over the last 30s 20 % of the taps failed (STOP=errors:0.2,window:30s)"},
		{"off", StopRule{}, []stretch{{60, 50, 1, 0, 0}}, 0, ""},
		{"a long silence", usualStop, []stretch{{20, 50, 0, 0, 0}, {4000, 0, 0, 0, 0}, {6, 50, 1, 0, 0}}, 4021, "100 % of the taps failed"},
	} {
		var r Recorder
		r.StopWhen(c.rule)
		after := r.endsAfter(c.run)
		if after < c.after-0.05 || after > c.after+1.05 || !strings.Contains(r.Stopped(), c.reason) {
			t.Errorf("%s: stopped after %.2f s for %q, want %v", c.name, after, r.Stopped(), c.after)
		}
	}
}

// endsAfter makes taps until the switch stops the run, and returns after how many seconds it did; 0 if it did not.
func (r *Recorder) endsAfter(run []stretch) float64 {
	from := began
	for _, s := range run {
		for n := range s.seconds * s.rate {
			at := from.Add(time.Duration(n) * time.Second / time.Duration(s.rate))
			failed := every(s.failed, n)
			fallback := !failed && every(s.fallback/(1-min(s.failed, 0.99)), n-int(s.failed*float64(n)))
			r.Tap(Tap{Began: at, Ended: at.Add(s.took), First: true, Redirected: !failed && !fallback, Fallback: fallback, Host: "a"})
			if r.Stopped() != "" {
				return at.Sub(began).Seconds()
			}
		}
		from = from.Add(time.Duration(s.seconds) * time.Second)
	}
	return 0
}

// A loss is known if a later reading still lacks it; taps of others hide it.
func TestKillSwitchOfLosses(t *testing.T) {
	t.Parallel()
	at := func(s int, redirected, received int64) Reading {
		return Reading{at: began.Add(time.Duration(s) * time.Second), Redirected: redirected, Received: received}
	}
	for name, c := range map[string]struct {
		course []Reading
		want   float64
	}{
		"none":              {nil, 0},
		"two readings":      {[]Reading{at(0, 0, 0), at(5, 500, 0)}, 0},                                              // all may be under way
		"well":              {[]Reading{at(0, 0, 0), at(5, 500, 490), at(10, 1000, 988), at(15, 1500, 1495)}, 0.005}, // may be under way all the time
		"lost":              {[]Reading{at(0, 0, 0), at(5, 500, 500), at(10, 1000, 500), at(15, 1500, 500)}, 0.5},
		"lost for a window": {[]Reading{at(0, 0, 0), at(5, 500, 500), at(10, 1000, 500), at(15, 1500, 500), at(20, 2000, 500)}, 1},
		"arrived late":      {[]Reading{at(0, 0, 0), at(5, 500, 500), at(10, 1000, 500), at(15, 1500, 1500)}, 0},
		"lost long ago":     {[]Reading{at(0, 0, 0), at(5, 500, 0), at(10, 1000, 500), at(20, 2000, 1500), at(30, 3000, 2500)}, 0},
		"others tap":        {[]Reading{at(0, 0, 0), at(5, 500, 1000), at(10, 1000, 1500), at(15, 1500, 2000)}, 0},
		"seldom read":       {[]Reading{at(0, 0, 0), at(30, 3000, 3000), at(60, 6000, 3600), at(90, 9000, 3600)}, 0.8},
		"few":               {[]Reading{at(0, 0, 0), at(10, 9, 0), at(20, 18, 0)}, 0},
	} {
		k := killSwitch{rule: usualStop}
		if got := k.lostOf(c.course); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	var r Recorder
	r.StopWhen(usualStop)
	for n, reading := range []Reading{{}, {}, {}} {
		moment := began.Add(time.Duration(n) * 10 * time.Second)
		for range 100 {
			r.Tap(Tap{Began: moment, Ended: moment, First: true, Redirected: true, Host: "a", Page: true})
		}
		r.QueueSample(QueueSample{At: moment, Reading: &reading})
	}
	if want := "over the last 10s 100 % of those redirected were lost"; !strings.Contains(r.Stopped(), want) {
		t.Errorf("stopped for %q", r.Stopped())
	}
}
