package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"slices"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const (
	batchSize   = 1000            // most entries a transaction
	putBackTime = 5 * time.Second // how long a failed batch tries to go back on the queue
)

// take moves the oldest entries off the queue, in one step so that two flushes never share one.
// Taps are pushed on the left, so the oldest are on the right; they come out newest first, as they lie.
const take = `local batch = redis.call('LRANGE', KEYS[1], -ARGV[1], -1)
redis.call('LTRIM', KEYS[1], 0, -ARGV[1] - 1)
return batch`

// result is the cron's answer.
type result struct {
	Success       bool  `json:"success"`
	Flushed       int   `json:"flushed"`
	Batches       int   `json:"batches"`
	FailedBatches int   `json:"failedBatches"`
	Remaining     int64 `json:"remaining"`
	DurationMs    int64 `json:"durationMs"`
}

// flush moves the queue into the database, batch by batch, until it's empty, a batch fails or time is up.
// The error is Redis's; a failing database shows in FailedBatches.
func (h *Hub) flush(ctx context.Context) (result, error) {
	h.flushes.Add(1)
	start := time.Now()
	res := result{Success: true}
	for time.Since(start) < h.FlushTime && !h.closing() {
		entries, err := h.Store.Eval(ctx, take, []string{store.Queue}, batchSize).StringSlice()
		if err != nil {
			return res, fmt.Errorf("take a batch off the queue: %w", err)
		}
		if len(entries) == 0 {
			break
		}
		written, err := h.write(ctx, entries)
		if err != nil {
			log.Printf("hub: a batch of %d goes back on the queue: %v", len(entries), err)
			h.failedBatches.Add(1)
			res.FailedBatches++
			if err := h.putBack(ctx, entries); err != nil {
				return res, err
			}
			break // the database won't be better for the next batch
		}
		res.Batches++
		res.Flushed += written
		h.pace(start, res.Flushed)
	}
	remaining, err := h.Store.LLen(ctx, store.Queue).Result()
	if err != nil {
		return res, fmt.Errorf("ask for what remains: %w", err)
	}
	res.Remaining = remaining
	res.DurationMs = time.Since(start).Milliseconds()
	return res, nil
}

func (h *Hub) closing() bool {
	select {
	case <-h.Closing:
		return true
	default:
		return false
	}
}

// write puts a batch into the database, oldest first, and returns how many rows that made.
func (h *Hub) write(ctx context.Context, entries []string) (int, error) {
	taps := make([]event.Tap, 0, len(entries))
	for _, entry := range slices.Backward(entries) {
		var t event.Tap
		if err := json.Unmarshal([]byte(entry), &t); err != nil || t.BandID == "" {
			h.rejected.Add(1)
			log.Printf("hub: an entry of the queue is no tap and is left out: %v", err)
			continue
		}
		taps = append(taps, t)
	}
	if err := h.Database.InsertTaps(ctx, taps); err != nil {
		return 0, err
	}
	h.flushed.Add(int64(len(taps)))
	return len(taps), nil
}

// putBack returns a batch to the end of the queue that it came from, in its order.
// When Redis is away it tries again: a batch twice in the queue is better than none.
func (h *Hub) putBack(ctx context.Context, entries []string) error {
	args := make([]any, len(entries))
	for i, e := range entries {
		args[i] = e
	}
	push := func() error { return h.Store.RPush(ctx, store.Queue, args...).Err() }
	err := push()
	for start := time.Now(); err != nil && time.Since(start) < putBackTime && !h.closing(); {
		time.Sleep(50 * time.Millisecond)
		err = push()
	}
	if err != nil {
		h.lost.Add(int64(len(entries)))
		return fmt.Errorf("%d entries are lost, they went neither into the database nor back on the queue: %w", len(entries), err)
	}
	return nil
}

// pace holds a flush to the drain rate, if one is set.
func (h *Hub) pace(start time.Time, rows int) {
	rate := h.Gate.DrainRate()
	if rate == 0 {
		return
	}
	ahead := time.Duration(float64(rows)/rate*float64(time.Second)) - time.Since(start)
	select {
	case <-time.After(ahead):
	case <-h.Closing:
	}
}
