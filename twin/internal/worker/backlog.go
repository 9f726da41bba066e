package worker

import (
	"context"
	"log"
	"sync/atomic"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const (
	backlogSize = 8192 // answered taps that may wait for the store; after that, answers wait
	batchSize   = 256  // most taps that travel to the store together
)

// backlog is the answered taps on their way to the store. It's bounded and loses nothing in silence: a tap is
// queued or counted as dropped.
type backlog struct {
	taps     chan store.Tap
	recorder *store.Recorder
	closing  chan struct{} // no tap comes any more
	done     chan struct{} // the last one is recorded

	batch   []store.Tap
	failing bool // the last batch failed: the next failure is no news

	added, queued, dropped atomic.Int64
}

func newBacklog(s *store.Store) *backlog {
	b := &backlog{
		taps:     make(chan store.Tap, backlogSize),
		recorder: store.NewRecorder(s),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	go b.work()
	return b
}

// add hands over a tap; it waits while the backlog is full.
func (b *backlog) add(t store.Tap) {
	b.added.Add(1)
	select {
	case b.taps <- t:
	case <-b.done:
		b.dropped.Add(1)
	}
}

// work records taps until the backlog is closed and empty.
func (b *backlog) work() {
	defer close(b.done)
	for {
		select {
		case t := <-b.taps:
			b.record(t)
		case <-b.closing:
			for len(b.taps) > 0 {
				b.record(<-b.taps)
			}
			return
		}
	}
}

// record sends a tap to the store, together with those that wait behind it.
func (b *backlog) record(t store.Tap) {
	b.batch = append(b.batch[:0], t)
	for len(b.batch) < batchSize && len(b.taps) > 0 {
		b.batch = append(b.batch, <-b.taps)
	}
	queued, err := b.recorder.Record(context.Background(), b.batch)
	b.queued.Add(int64(queued))
	b.dropped.Add(int64(len(b.batch) - queued))
	if err != nil && !b.failing {
		log.Printf("worker: the queue doesn't take taps, counting them as dropped: %v", err)
	}
	b.failing = err != nil
}

// drain waits until every tap added so far is recorded.
func (b *backlog) drain(ctx context.Context) error {
	added := b.added.Load()
	for b.queued.Load()+b.dropped.Load() < added {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

// close records what is left.
func (b *backlog) close() {
	close(b.closing)
	<-b.done
}
