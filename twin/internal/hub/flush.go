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

const batchSize = 1000 // most entries a transaction

// A batch that is being written lies in a list of its own. Whichever reply is lost when a connection drops, the next
// flush finds the batch there, and takes it up again.

// take moves the oldest entries off the queue, in one step so that two flushes never share one.
// Taps are pushed on the left, so the oldest are on the right; they come out newest first, as they lie.
const take = `local batch = redis.call('LRANGE', KEYS[2], 0, -1)
if #batch == 0 then
	batch = redis.call('LRANGE', KEYS[1], -ARGV[1], -1)
	if #batch > 0 then
		redis.call('RPUSH', KEYS[2], unpack(batch))
		redis.call('LTRIM', KEYS[1], 0, -ARGV[1] - 1)
	end
end
return batch`

// giveBack returns the batch to the end of the queue that it came from, in its order.
const giveBack = `local batch = redis.call('LRANGE', KEYS[2], 0, -1)
if #batch > 0 then
	redis.call('RPUSH', KEYS[1], unpack(batch))
	redis.call('DEL', KEYS[2])
end
return #batch`

var lists = []string{store.Queue, store.Taken} // the scripts' KEYS

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
		more, err := h.batch(ctx, &res)
		if err != nil {
			return res, err
		}
		if !more {
			break
		}
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

// batch moves one batch into the database; more is false when that was the last one that makes sense now.
func (h *Hub) batch(ctx context.Context, res *result) (more bool, err error) {
	h.batching.Lock()
	defer h.batching.Unlock()
	if err := h.forget(ctx); err != nil {
		return false, err
	}
	entries, err := h.Store.Eval(ctx, take, lists, batchSize).StringSlice()
	if err != nil {
		return false, fmt.Errorf("take a batch off the queue: %w", err)
	}
	if len(entries) == 0 {
		return false, nil
	}
	written, err := h.write(ctx, entries)
	if err != nil {
		log.Printf("hub: a batch of %d goes back on the queue: %v", len(entries), err)
		h.failedBatches.Add(1)
		res.FailedBatches++
		if err := h.Store.Eval(ctx, giveBack, lists).Err(); err != nil {
			return false, fmt.Errorf("give a failed batch back to the queue: %w", err)
		}
		return false, nil // the database won't be better for the next batch
	}
	h.written = true
	res.Batches++
	res.Flushed += written
	return true, h.forget(ctx)
}

// forget deletes the batch that is in the database.
func (h *Hub) forget(ctx context.Context) error {
	if !h.written {
		return nil
	}
	if err := h.Store.Del(ctx, store.Taken).Err(); err != nil {
		return fmt.Errorf("forget a batch that is in the database: %w", err)
	}
	h.written = false
	return nil
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
