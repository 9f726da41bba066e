package worker

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
)

const (
	maxWaiting = 65_536           // answered taps whose recording isn't over; one more is lost at once
	batchSize  = 256              // most taps that travel to the store together
	lifetime   = 30 * time.Second // of what follows an answer
	attempts   = 6                // of a request to Upstash, when the network fails
)

// errRefused is an error answer of Upstash's.
var errRefused = errors.New("an error was Upstash's answer")

// recorder does what follows an answer: one request to Upstash with a tap's eight commands. If that fails, the tap is lost,
// and another request tries to count that. When all is well with Upstash, taps that come together travel together; each is
// admitted by itself all the same.
type recorder struct {
	upstash *upstash.REST
	store   *store.Store
	taps    *store.Recorder
	batches chan store.Tap

	life    context.Context // ends with the worker
	end     context.CancelFunc
	closing chan struct{} // no tap comes any more
	done    chan struct{} // the last batch is recorded
	alone   sync.WaitGroup

	waiting, queued, lost atomic.Int64
}

func newRecorder(s *store.Store, u *upstash.REST) *recorder {
	r := &recorder{
		upstash: u, store: s, taps: store.NewRecorder(s), batches: make(chan store.Tap, maxWaiting),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	r.life, r.end = context.WithCancel(context.Background())
	go r.work()
	return r
}

// add takes over an answered tap.
func (r *recorder) add(t store.Tap) {
	if r.waiting.Add(1) > maxWaiting {
		r.lost.Add(1)
		r.waiting.Add(-1)
		return
	}
	switch {
	case !r.upstash.Well():
		r.alone.Go(func() { r.recordAlone(t) })
	case r.upstash.Admit(r.closing).Status != 0:
		r.lost.Add(1)
		r.alone.Go(func() { r.complain(t) })
	default:
		r.batches <- t // has room for all that wait
	}
}

// work records batches until the recorder is closed and none is left.
func (r *recorder) work() {
	defer close(r.done)
	batch := make([]store.Tap, 0, batchSize)
	for {
		select {
		case t := <-r.batches:
			batch = append(batch[:0], t)
			for len(batch) < batchSize && len(r.batches) > 0 {
				batch = append(batch, <-r.batches)
			}
			r.recordBatch(batch)
		case <-r.closing:
			if len(r.batches) == 0 {
				return
			}
		}
	}
}

func (r *recorder) recordBatch(batch []store.Tap) {
	for i, o := range r.taps.Record(r.life, batch) {
		r.count(o)
		if o.Failed {
			t := batch[i]
			r.alone.Go(func() { r.complain(t) })
			continue
		}
		r.waiting.Add(-1)
	}
}

// recordAlone makes one tap's request.
func (r *recorder) recordAlone(t store.Tap) {
	ctx, cancel := context.WithTimeout(r.life, lifetime)
	defer cancel()
	var o store.Outcome
	err := r.request(ctx, func() error {
		o = r.taps.Record(ctx, []store.Tap{t})[0]
		return nil
	})
	r.count(o)
	if err != nil || o.Failed {
		r.tell(ctx, t)
	}
	r.waiting.Add(-1)
}

func (r *recorder) count(o store.Outcome) {
	if o.Queued {
		r.queued.Add(1)
	} else {
		r.lost.Add(1)
	}
}

// complain tries to have a failed tap counted.
func (r *recorder) complain(t store.Tap) {
	ctx, cancel := context.WithTimeout(r.life, lifetime)
	defer cancel()
	r.tell(ctx, t)
	r.waiting.Add(-1)
}

func (r *recorder) tell(ctx context.Context, t store.Tap) {
	_ = r.request(ctx, func() error { return r.store.CountLogFailed(ctx, t.EventID) }) // nobody is told either
}

// failed tries to have an unhandled error counted.
func (r *recorder) failed(f store.Failure) {
	if r.waiting.Add(1) > maxWaiting {
		r.waiting.Add(-1)
		return
	}
	r.alone.Go(func() {
		ctx, cancel := context.WithTimeout(r.life, lifetime)
		defer cancel()
		_ = r.request(ctx, func() error { return r.store.CountFailure(ctx, f) })
		r.waiting.Add(-1)
	})
}

// request makes a request to Upstash as its client does: when the connection fails it's tried again, ever later; an error
// answer is final.
func (r *recorder) request(ctx context.Context, run func() error) error {
	for n := range attempts {
		v := r.upstash.Admit(ctx.Done())
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case v.Status != 0:
			return errRefused
		case !v.Reset:
			return run()
		}
		select {
		case <-time.After(time.Duration(math.Exp(float64(n)) * float64(50*time.Millisecond))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errRefused
}

// drain waits until what follows the answers so far is over.
func (r *recorder) drain(ctx context.Context) error {
	for r.waiting.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// close records the batches that are left, and gives up what waits by itself.
func (r *recorder) close() {
	close(r.closing)
	<-r.done
	r.end()
	r.alone.Wait()
}
