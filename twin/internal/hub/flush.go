package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/database"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

const batchSize = 5000 // most entries a transaction

// take removes the newest entries, in one step so that two flushes never share one. Nobody else keeps them: a batch whose
// reply is lost is lost.
const take = `local batch = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
redis.call('LTRIM', KEYS[1], #batch, -1)
return batch`

// result is the cron's answer.
type result struct {
	Success       bool  `json:"success"`
	Flushed       int   `json:"flushed"`
	Dropped       int   `json:"dropped"`
	Batches       int   `json:"batches"`
	FailedBatches int   `json:"failedBatches"`
	Remaining     int64 `json:"remaining"`
	DurationMs    int64 `json:"durationMs"`
}

// flush moves the queue into the database, batch by batch, until it's empty or time is up. The error is Redis's; a batch
// that the database doesn't take shows in FailedBatches, and is tried again.
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
	h.countFlush(res)
	err := store.Natively(ctx, func(ctx context.Context) (err error) {
		res.Remaining, err = h.Store.LLen(ctx, store.Queue).Result()
		return err
	})
	if err != nil {
		return res, fmt.Errorf("ask for what remains: %w", err)
	}
	res.DurationMs = time.Since(start).Milliseconds()
	return res, nil
}

// batch moves one batch into the database; more is false when there was none.
func (h *Hub) batch(ctx context.Context, res *result) (more bool, err error) {
	var entries []string
	err = store.Natively(ctx, func(ctx context.Context) (err error) {
		entries, err = h.Store.Eval(ctx, take, []string{store.Queue}, batchSize).StringSlice()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take a batch off the queue: %w", err)
	}
	if len(entries) == 0 {
		return false, nil
	}
	flushed, dropped, err := h.write(ctx, entries)
	res.Dropped += dropped
	h.dropped.Add(int64(dropped))
	if err == nil {
		res.Flushed += flushed
		res.Batches++
		h.flushed.Add(int64(flushed))
		h.batches.Add(1)
		return true, nil
	}
	if res.FailedBatches == 0 { // thousands may follow
		log.Printf("hub: a batch of %d goes back on the queue: %v", len(entries), err)
	}
	res.FailedBatches++
	h.failedBatches.Add(1)
	if err := h.giveBack(ctx, entries); err != nil {
		return false, fmt.Errorf("give a failed batch back to the queue: %w", err)
	}
	h.count(store.Failure{Kind: "cron_batch_failed", Reason: fmt.Sprintf("a batch of %d: %v", len(entries), err)})
	return true, nil
}

// giveBack puts a batch at the far end of the queue.
func (h *Hub) giveBack(ctx context.Context, entries []string) error {
	return store.Natively(ctx, func(ctx context.Context) error {
		_, err := h.Store.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, entry := range entries {
				pipe.RPush(ctx, store.Queue, entry)
			}
			return nil
		})
		return err
	})
}

func (h *Hub) closing() bool {
	select {
	case <-h.Closing:
		return true
	default:
		return false
	}
}

// write puts a batch into the database, and leaves out taps whose band isn't there. They are dropped also when the others
// then fail: as in the real one they count again when the batch is tried again.
func (h *Hub) write(ctx context.Context, entries []string) (flushed, dropped int, err error) {
	taps := make([]event.Tap, len(entries))
	bands := make([]string, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for i, entry := range entries {
		if err := json.Unmarshal([]byte(entry), &taps[i]); err != nil {
			return 0, 0, err
		}
		band := taps[i].BandID
		if band == "" {
			return 0, 0, errors.New("an entry without a band")
		}
		if !seen[band] {
			seen[band] = true
			bands = append(bands, band)
		}
	}
	ids, err := h.Database.BandRows(ctx, bands)
	if err != nil {
		return 0, 0, err
	}
	rows := make([]database.TapRow, 0, len(taps))
	for _, t := range taps {
		if id, ok := ids[t.BandID]; ok {
			rows = append(rows, database.TapRow{Tap: t, Band: id})
		}
	}
	return len(rows), len(taps) - len(rows), h.Database.InsertTaps(ctx, rows)
}

// countFlush adds a flush to the ledger.
func (h *Hub) countFlush(res result) {
	if res.Flushed == 0 && res.Dropped == 0 {
		return
	}
	h.follow(func(ctx context.Context) error {
		_, err := h.Store.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for key, n := range map[string]int{store.Flushed: res.Flushed, store.Dropped: res.Dropped} {
				if n > 0 {
					pipe.IncrBy(ctx, key, int64(n))
				}
			}
			return nil
		})
		return err
	})
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
