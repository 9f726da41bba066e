package control

import (
	"context"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/admin"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/hub"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/upstash"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/worker"
)

// drainTime is how long stats wait for what follows answers.
const drainTime = 5 * time.Second

// Stats is the whole twin in numbers, counted since its start.
type Stats struct {
	Ledger   Ledger        `json:"ledger"`
	Worker   worker.Stats  `json:"worker"`
	Queue    QueueStats    `json:"queue"`
	Hub      hub.Stats     `json:"hub"`
	Database RowStats      `json:"database"`
	Admin    admin.Stats   `json:"admin"`
	Upstash  upstash.Stats `json:"upstash"`
	Others   OthersStats   `json:"others"`
}

// Ledger is what truly became of every tap, by the twin's own count, whatever the system's counters say. When nothing goes
// away for good, KV + Hub = Received + Lost + Waiting, and Received = Flushed + Dropped + Pending.
type Ledger struct {
	KV       int64 `json:"kv"`       // redirected to their page by the Worker
	Hub      int64 `json:"hub"`      // redirected to their page by the Hub
	Fallback int64 `json:"fallback"` // redirected elsewhere, by either
	Received int64 `json:"received"` // put on the queue
	Lost     int64 `json:"lost"`     // redirected to their page, and recorded nowhere
	Waiting  int64 `json:"waiting"`  // neither yet
	Flushed  int64 `json:"flushed"`  // rows written
	Dropped  int64 `json:"dropped"`  // left out by flushes, for want of the band
	Pending  int64 `json:"pending"`  // on the queue; -1 when Redis doesn't answer
	Rows     int64 `json:"rows"`     // in the database, without those seeded

	Duplicated int64 `json:"duplicated"` // of them, rows of taps that had one already
}

// QueueStats count the taps that were sent to the queue.
type QueueStats struct {
	Queued  int64 `json:"queued"`  // LPUSH acknowledged
	Lost    int64 `json:"lost"`    // not acknowledged
	Waiting int64 `json:"waiting"` // not over yet
	Depth   int64 `json:"depth"`   // in the queue now; -1 when Redis doesn't answer
}

// RowStats count the taps in the database.
type RowStats struct {
	Rows    int64 `json:"rows"`    // all of them
	History int64 `json:"history"` // seeded at the start
	Faults  int64 `json:"faults"`
}

// Stats counts, once what follows the answers so far is over, or has taken too long.
func (c *Control) Stats(ctx context.Context) (s Stats, err error) {
	c.drain(ctx)
	s = Stats{Worker: c.Worker.Stats(), Hub: c.Hub.Stats(), Admin: c.Admin.Stats(), Upstash: c.Upstash.Stats(), Others: c.Others.Stats()}
	queued, lost, waiting := c.Worker.Recorded()
	s.Queue = QueueStats{Queued: queued, Lost: lost, Waiting: waiting}
	queued, lost, waiting = c.Hub.Recorded()
	s.Queue.Queued += queued
	s.Queue.Lost += lost
	s.Queue.Waiting += waiting
	if s.Queue.Depth, err = c.Store.Depth(ctx); err != nil {
		s.Queue.Depth = -1
	}
	s.Database = RowStats{History: c.Database.History(), Faults: c.Gates.Database.Struck()}
	s.Database.Rows, err = c.Database.Rows(ctx)
	s.Ledger = Ledger{
		KV: s.Worker.Hits, Hub: s.Hub.Pages, Fallback: s.Worker.Fallbacks + s.Worker.Unhandled + s.Hub.Fallbacks,
		Received: s.Queue.Queued, Lost: s.Queue.Lost, Waiting: s.Queue.Waiting, Flushed: s.Hub.Flushed, Dropped: s.Hub.Dropped,
		Pending: s.Queue.Depth, Rows: s.Database.Rows - s.Database.History,
		Duplicated: c.Database.Duplicated(),
	}
	return s, err
}

func (c *Control) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	_ = c.Worker.Drain(ctx) // what isn't over is counted as waiting
	for {
		if _, _, waiting := c.Hub.Recorded(); waiting == 0 || ctx.Err() != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
