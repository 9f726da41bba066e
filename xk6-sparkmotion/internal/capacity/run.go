package capacity

import "time"

// Run tells one run from another. Fields that nobody has set are zero.
type Run struct {
	Title     string     `json:"title,omitempty"`
	Label     string     `json:"label,omitempty"` // given by whoever started it
	Name      string     `json:"name"`            // of the script, or the one that it gives the run
	Script    string     `json:"script,omitempty"`
	Began     *time.Time `json:"began"` // by this machine's clock
	Seconds   float64    `json:"seconds"`
	Host      string     `json:"host,omitempty"`       // that taps went to
	Scale     float64    `json:"scale,omitempty"`      // of the script's rates
	TimeScale float64    `json:"time_scale,omitempty"` // of its durations
	K6        string     `json:"k6,omitempty"`         // its version
	Extension string     `json:"extension,omitempty"`  // this module's version
}

// Took returns how long the run took.
func (r *Run) Took() time.Duration { return time.Duration(r.Seconds * float64(time.Second)) }

// with returns the run with another process's part: it lasts from the first that began to the last that ended.
func (r Run) with(other Run) Run {
	if r.Began == nil || other.Began == nil {
		r.Seconds = max(r.Seconds, other.Seconds)
		return r
	}
	began, ended := *r.Began, r.Began.Add(r.Took())
	if other.Began.Before(began) {
		began = *other.Began
	}
	if last := other.Began.Add(other.Took()); last.After(ended) {
		ended = last
	}
	r.Began, r.Seconds = &began, ended.Sub(began).Seconds()
	return r
}

// Usage is what a process has used of its machine.
type Usage struct {
	Cores   int     `json:"cores"`          // that it may use
	CPU     float64 `json:"cpu_seconds"`    // of all cores, since it was started
	Seconds float64 `json:"seconds"`        // since it was started
	PeakRSS int64   `json:"peak_rss_bytes"` // peak memory
}
