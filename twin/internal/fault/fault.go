// Package fault lets a part of the twin misbehave on purpose, in ways a test can predict.
package fault

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Fault is how one part misbehaves. The zero value is a part that's well.
// Rates called "…Rate" from 0 to 1 are the share of requests; the others are per second.
type Fault struct {
	LatencyMs       float64 `json:"latencyMs,omitzero"`       // added to every answer
	AboveTaps       float64 `json:"aboveTaps,omitzero"`       // admin only: LatencyMs is added while more taps/s than this arrive
	ErrorRate       float64 `json:"errorRate,omitzero"`       // 0..1, answered with Status
	Status          int     `json:"status,omitzero"`          // of injected errors; 503 unless given
	HangRate        float64 `json:"hangRate,omitzero"`        // 0..1, never answered until the fault is lifted
	ResetRate       float64 `json:"resetRate,omitzero"`       // 0..1, connection reset (RST)
	ServiceTimeMs   float64 `json:"serviceTimeMs,omitzero"`   // a queue with Workers servers: its capacity is
	Workers         int     `json:"workers,omitzero"`         // Workers / ServiceTimeMs, 1 worker unless given
	ErrorsAboveRate float64 `json:"errorsAboveRate,omitzero"` // requests/s; what arrives above it is an error
	DrainRate       float64 `json:"drainRate,omitzero"`       // hub only: rows/s that a flush may write
	ReplyLostRate   float64 `json:"replyLostRate,omitzero"`   // database only: 0..1 of a flush's commits, whose reply is lost
}

// check returns an error that names the first value out of its range.
func (f *Fault) check() error {
	for name, share := range map[string]float64{"errorRate": f.ErrorRate, "hangRate": f.HangRate, "resetRate": f.ResetRate,
		"replyLostRate": f.ReplyLostRate} {
		if share < 0 || share > 1 {
			return fmt.Errorf("%s is %v; give a share from 0 to 1", name, share)
		}
	}
	for name, value := range map[string]float64{"latencyMs": f.LatencyMs, "aboveTaps": f.AboveTaps, "serviceTimeMs": f.ServiceTimeMs,
		"workers": float64(f.Workers), "errorsAboveRate": f.ErrorsAboveRate, "drainRate": f.DrainRate} {
		if value < 0 {
			return fmt.Errorf("%s is %v; it can't be negative", name, value)
		}
	}
	if f.AboveTaps > 0 && f.LatencyMs == 0 {
		return fmt.Errorf("aboveTaps needs latencyMs")
	}
	if f.Workers > 0 && f.ServiceTimeMs == 0 {
		return fmt.Errorf("workers needs serviceTimeMs")
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("status is %d; give an HTTP error from 400 to 599", f.Status)
	}
	return nil
}

// Verdict is what a gate decides about one request; the zero value lets it pass.
type Verdict struct {
	Status int  // answer with this HTTP status
	Reset  bool // reset the connection
}

// Gate stands before a part. With no fault set it costs one atomic load.
type Gate struct {
	plan   atomic.Pointer[plan]
	struck atomic.Int64
}

// Struck is how many requests were failed or reset on purpose.
func (g *Gate) Struck() int64 { return g.struck.Load() }

// DrainRate is the rows/s that a flush may write, 0 for no limit.
func (g *Gate) DrainRate() float64 {
	if p := g.plan.Load(); p != nil {
		return p.DrainRate
	}
	return 0
}

// LosesReply reports whether the reply to a commit is lost, and counts it.
func (g *Gate) LosesReply() bool {
	p := g.plan.Load()
	if p == nil || !happens(p.ReplyLostRate) {
		return false
	}
	g.struck.Add(1)
	return true
}

// Well reports whether no fault is set.
func (g *Gate) Well() bool { return g.plan.Load() == nil }

// Enter holds a request for as long as the fault says (or until done, or until the fault changes) and judges it.
func (g *Gate) Enter(done <-chan struct{}) Verdict {
	p := g.plan.Load()
	if p == nil {
		return Verdict{}
	}
	v := p.judge(done)
	if v != (Verdict{}) {
		g.struck.Add(1)
	}
	return v
}

// set replaces the gate's fault and lets go of the requests that the old one held.
func (g *Gate) set(f Fault, crowd *crowd) {
	var next *plan
	if f != (Fault{}) || crowd != nil {
		next = newPlan(f)
		next.crowd = crowd
	}
	if old := g.plan.Swap(next); old != nil {
		close(old.lifted)
	}
}

// plan is a fault at work.
type plan struct {
	Fault
	lifted  chan struct{}
	limiter *rate.Limiter
	servers servers
	crowd   *crowd // that taps add to, and that a latency may wait for
}

func newPlan(f Fault) *plan {
	p := &plan{Fault: f, lifted: make(chan struct{})}
	if p.Status == 0 {
		p.Status = 503
	}
	p.limiter = Limiter(f.ErrorsAboveRate)
	p.servers = newServers(max(f.Workers, 1), milliseconds(f.ServiceTimeMs))
	return p
}

func (p *plan) judge(done <-chan struct{}) Verdict {
	if p.AboveTaps == 0 && p.crowd != nil { // the Worker's
		p.crowd.add()
	}
	if !p.limiter.Allow() {
		return Verdict{Status: p.Status}
	}
	if happens(p.HangRate) {
		p.hold(nil, done)
	}
	pause := time.Duration(0)
	if p.AboveTaps == 0 || p.crowd.large() {
		pause = milliseconds(p.LatencyMs)
	}
	if p.ServiceTimeMs > 0 {
		pause += p.servers.next(time.Now())
	}
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		p.hold(timer.C, done)
	}
	switch {
	case happens(p.ResetRate):
		return Verdict{Reset: true}
	case happens(p.ErrorRate):
		return Verdict{Status: p.Status}
	}
	return Verdict{}
}

// hold waits for the timer (nil: none), the end of the request or the end of the fault.
func (p *plan) hold(timer <-chan time.Time, done <-chan struct{}) {
	select {
	case <-timer:
	case <-done:
	case <-p.lifted:
	}
}

func happens(share float64) bool { return share > 0 && rand.Float64() < share } // #nosec G404 -- chance, no secret

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
