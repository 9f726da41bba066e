package meter

import (
	"cmp"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/capacity"
)

// lagProbe measures the generator's own lag: how long after it was due a tap at the canary is answered. For lack of a processor, any tap
// would start as late, or have its answer read as late: latencies and the arrival rate are then the generator's, not the system's. A slow
// system, which keeps VUs busy, does not count as lag.
type lagProbe struct {
	running atomic.Bool
	wanted  atomic.Bool  // there was a tap since the last beat
	lag     atomic.Int64 // ns: the largest not collected yet; -1 for none
	most    atomic.Int64 // ns that a beat may take; 0 for what the default limits allow
	memory  atomic.Int64 // bytes that Go's runtime held at the last full second; 0 once collected
}

const (
	beat = 10 * time.Millisecond
	// restBeats is how many beats without a tap stop the probe; the next tap starts it again.
	restBeats = 100
	// secondBeats is the number of beats in a second.
	secondBeats = int(time.Second / beat)
)

// LimitLag sets how long a tap at the canary may take before it counts as limited by the generator.
func (p *Process) LimitLag(most time.Duration) { p.probe.most.Store(int64(most)) }

// late reports whether a beat took longer than allowed.
func (p *lagProbe) late(lag time.Duration) bool {
	return lag > cmp.Or(time.Duration(p.most.Load()), capacity.MaxLag(capacity.Limits))
}

// want starts the probe, or keeps it going. The probe records each beat for the report: infrequent taps would collect only late ones.
func (p *lagProbe) want(recorder *capacity.Recorder) {
	if !p.wanted.Load() {
		p.wanted.Store(true)
	}
	if !p.running.Load() && p.running.CompareAndSwap(false, true) {
		p.lag.Store(-1)
		go p.run(recorder)
	}
}

// collect returns the largest lag of the beats since the last call, for k6's metrics.
func (p *lagProbe) collect(recorder *capacity.Recorder) (time.Duration, bool) {
	p.want(recorder)
	if p.lag.Load() < 0 {
		return 0, false
	}
	lag := p.lag.Swap(-1)
	return time.Duration(lag), lag >= 0
}

// run beats until there has been no tap for a while.
func (p *lagProbe) run(recorder *capacity.Recorder) {
	defer p.running.Store(false)
	timer := time.NewTimer(beat)
	defer timer.Stop()
	own := newCanary()
	defer own.close()
	for beats, idle := 0, 0; idle < restBeats; beats, idle = beats+1, idle+1 {
		if beats%secondBeats == 0 {
			p.memory.Store(memoryHeld())
		}
		due := time.Now().Add(beat)
		timer.Reset(beat)
		<-timer.C
		// The timer puts us at the front of the run queue; a tap whose answer has come is at the end of it.
		runtime.Gosched()
		own.tap()
		now := time.Now()
		lag := max(now.Sub(due), 0)
		recorder.Lag(capacity.Lag{At: now, Lag: lag, Late: p.late(lag)})
		// A beat that is collected between the load and the store counts twice.
		p.lag.Store(max(p.lag.Load(), int64(lag)))
		if p.wanted.Swap(false) {
			idle = 0
		}
	}
}

// memoryHeld returns how many bytes Go's runtime holds, as GOMEMLIMIT counts them: without those returned to the system.
func memoryHeld() int64 {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return int64(held[0].Value.Uint64() - held[1].Value.Uint64()) // #nosec G115 -- no machine has 2^63 bytes
}
