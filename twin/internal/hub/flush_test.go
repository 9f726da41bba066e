package hub

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/event"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/fault"
	"github.com/sparkmotion/xk6-sparkmotion/twin/internal/store"
)

// entry is tap number n, of one of the first event's bands.
func entry(n int) string {
	e := event.All[0]
	tap := event.Tap{BandID: e.BandID(n%bands + 1), EventID: e.ID, Mode: "live", WindowID: e.Windows[1].ID,
		RedirectURL: fmt.Sprintf("https://tap/%05d", n), TappedAt: time.UnixMilli(int64(n))}
	return string(tap.AppendJSON(nil))
}

func entries(first, last int) (all []any) {
	for n := first; n <= last; n++ {
		all = append(all, entry(n))
	}
	return all
}

// push puts taps numbered from first to last on the queue, in that order.
func (b bench) push(t *testing.T, taps ...any) {
	t.Helper()
	for piece := range slices.Chunk(taps, 1000) {
		if err := b.Store.LPush(t.Context(), store.Queue, piece...).Err(); err != nil {
			t.Error(err)
		}
	}
}

// rows are the numbers of the taps in the database, the newest first.
func (b bench) rows(t *testing.T) (numbers []int) {
	t.Helper()
	rows, err := b.Database.ExportTaps(t.Context(), "", time.UnixMilli(0), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var n int
		fmt.Sscanf(row.RedirectURL, "https://tap/%d", &n)
		numbers = append(numbers, n)
	}
	return numbers
}

// expectRows checks that the taps first to last are in the database, each once.
func (b bench) expectRows(t *testing.T, first, last int) {
	t.Helper()
	got := b.rows(t)
	slices.Sort(got)
	if len(got) != last-first+1 || len(got) > 0 && (got[0] != first || got[len(got)-1] != last) || len(slices.Compact(got)) != last-first+1 {
		t.Fatalf("%d rows from %d to %d, want %d to %d", len(got), slices.Min(got), slices.Max(got), first, last)
	}
}

func TestCronSecret(t *testing.T) {
	b := serve(t, time.Second)
	for _, authorization := range []string{"", "Bearer ", "Bearer secret2", "secret2", "Basic secret"} {
		if resp, body := b.get(t, "/api/cron/flush-taps", authorization); resp.StatusCode != 401 || body != `{"error":"Unauthorized"}`+"\n" {
			t.Errorf("%q: %d %s", authorization, resp.StatusCode, body)
		}
	}
}

func TestFlush(t *testing.T) {
	b := serve(t, time.Minute)
	b.push(t, entries(1, batchSize+500)...)
	r := b.cron(t)
	if r.DurationMs <= 0 {
		t.Error(r.DurationMs)
	}
	r.DurationMs = 0
	if want := (result{Success: true, Flushed: batchSize + 500, Batches: 2}); r != want {
		t.Errorf("%+v", r)
	}
	b.expectRows(t, 1, batchSize+500)
	if r := b.cron(t); r.Flushed != 0 || r.Batches != 0 {
		t.Errorf("an empty queue: %+v", r)
	}
	if n := b.counter(t, store.Flushed); n != fmt.Sprint(batchSize+500) {
		t.Error(n)
	}
	if n := b.counter(t, store.Dropped); n != "" {
		t.Error(n)
	}
}

func TestNewestFirst(t *testing.T) {
	b := serve(t, time.Second)
	b.gates.Replace(fault.Set{Hub: fault.Fault{DrainRate: batchSize / 2}}) // a batch takes longer than there is time
	b.push(t, entries(1, batchSize+10)...)
	if r := b.cron(t); r.Remaining != 10 {
		t.Errorf("%+v", r)
	}
	b.expectRows(t, 11, batchSize+10)
}

func TestTapsOfMissingBandsAreDropped(t *testing.T) {
	b := serve(t, time.Minute)
	unknown := strings.Replace(entry(1), event.All[0].BandID(2), "nobody", 1)
	b.push(t, entry(0), unknown, entry(2), unknown)
	if r := b.cron(t); r.Flushed != 2 || r.Dropped != 2 || r.Remaining != 0 || r.FailedBatches != 0 {
		t.Errorf("%+v", r)
	}
	if n := b.counter(t, store.Flushed) + b.counter(t, store.Dropped); n != "22" {
		t.Error(n)
	}
	if n, err := b.Database.DeleteBands(t.Context(), 1); n != 3*bands || err != nil {
		t.Fatal(n, err)
	}
	b.push(t, entries(3, 7)...)
	if r := b.cron(t); r.Flushed != 0 || r.Dropped != 5 {
		t.Errorf("deleted bands: %+v", r)
	}
}

// TestOneBadEntryFailsItsBatch again and again, until the time is up; its batch stays on the queue.
func TestOneBadEntryFailsItsBatch(t *testing.T) {
	for name, bad := range map[string]string{
		"no JSON":        "no JSON",
		"no band":        "{}",
		"unknown event":  strings.Replace(entry(1), event.All[0].ID, "nowhere", 1),
		"unknown window": strings.Replace(entry(1), event.All[0].Windows[1].ID, "nowhere", 1),
	} {
		t.Run(name, func(t *testing.T) {
			b := serve(t, time.Minute)
			b.push(t, entry(1), bad, entry(3))
			enough := make(chan struct{})
			b.Closing = enough // ends the flush once it has failed again
			go func() {
				defer close(enough)
				for end := time.Now().Add(time.Minute); b.Stats().FailedBatches < 2 && time.Now().Before(end); time.Sleep(time.Millisecond) {
				}
			}()
			again := b.cron(t)
			if again.FailedBatches < 2 || again.Flushed != 0 || again.Remaining != 3 {
				t.Errorf("%+v", again)
			}
			b.Closing, b.FlushTime = nil, 300*time.Millisecond
			r := b.cron(t)
			if r.FailedBatches < 1 || r.Flushed != 0 || r.Remaining != 3 || r.DurationMs < 300 {
				t.Errorf("%+v", r)
			}
			if n := b.counter(t, "monitoring:errors:cron_batch_failed"); n != fmt.Sprint(again.FailedBatches+r.FailedBatches) {
				t.Errorf("%s counted of %d and %d", n, again.FailedBatches, r.FailedBatches)
			}
			b.Store.LRem(t.Context(), store.Queue, 0, bad)
			b.FlushTime = time.Minute
			b.cron(t)
			if got := b.rows(t); !slices.Equal(got, []int{3, 1}) {
				t.Error("the others are", got)
			}
		})
	}
}

func TestFailedBatchGoesBackInOrder(t *testing.T) {
	b := serve(t, 50*time.Millisecond)
	b.push(t, entries(1, 100)...)
	before := b.Store.LRange(t.Context(), store.Queue, 0, -1).Val()
	b.Database.Stop()
	if r := b.cron(t); !r.Success || r.FailedBatches < 1 || r.Flushed != 0 || r.Remaining != 100 {
		t.Errorf("%+v", r)
	}
	after := b.Store.LRange(t.Context(), store.Queue, 0, -1).Val()
	if !slices.Equal(before, after) {
		t.Error("the queue's order has changed")
	}
	b.Database.Start()
	if r := b.cron(t); r.Flushed != 100 {
		t.Errorf("%+v", r)
	}
	b.expectRows(t, 1, 100)
}

func TestNothingLostNothingTwice(t *testing.T) {
	b := serve(t, time.Minute)
	const pushers, each = 4, 1500
	var pushing, flushing sync.WaitGroup
	for p := range pushers {
		pushing.Go(func() {
			for n := range each {
				b.push(t, entry(p*each+n+1))
			}
		})
	}
	done := make(chan struct{})
	for range 3 {
		flushing.Go(func() {
			for {
				b.get(t, "/api/cron/flush-taps", "Bearer secret")
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	flushing.Go(func() { // and the database goes away again and again
		for {
			select {
			case <-done:
				b.Database.Start()
				return
			case <-time.After(3 * time.Millisecond):
				b.Database.Stop()
				time.Sleep(time.Millisecond)
				b.Database.Start()
			}
		}
	})
	pushing.Wait()
	close(done)
	flushing.Wait()
	b.cron(t)
	b.expectRows(t, 1, pushers*each)
	if s := b.Stats(); s.Flushed != pushers*each || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	if n := b.counter(t, store.Flushed); n != fmt.Sprint(pushers*each) {
		t.Errorf("the ledger has %s", n)
	}
}

func TestDrainRate(t *testing.T) {
	b := serve(t, time.Minute)
	b.push(t, entries(1, 1000)...)
	b.gates.Replace(fault.Set{Hub: fault.Fault{DrainRate: 5000}})
	start := time.Now()
	b.cron(t)
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("drained 1000 rows in %v", took)
	}
}

// TestLostReply drops the connection while a batch comes back: Redis has let go of it, and the hub asks again, so the batch
// is lost. Dropped before Redis has the command, nothing is.
func TestLostReply(t *testing.T) {
	for executed, want := range map[bool]int{true: 10, false: batchSize + 10} {
		t.Run(fmt.Sprintf("executed %t", executed), func(t *testing.T) {
			line, url := dropper(t)
			b := serveOn(t, url, time.Minute)
			b.push(t, entries(1, batchSize+10)...)
			line.executed = executed
			line.countdown.Store(1)
			if r := b.cron(t); r.Flushed != want || r.Remaining != 0 {
				t.Errorf("%+v", r)
			}
			if line.countdown.Load() > 0 {
				t.Error("no connection was dropped")
			}
		})
	}
}

// TestLostReplyOfCommit loses the replies to commits: a batch goes back on the queue and is written again, as often as that happens. The
// twin's count of such rows is that of the rows themselves.
func TestLostReplyOfCommit(t *testing.T) {
	b := serve(t, 50*time.Millisecond)
	b.push(t, entries(1, 300)...)
	b.gates.Replace(fault.Set{Database: fault.Fault{ReplyLostRate: 1}})
	r := b.cron(t)
	if r.FailedBatches < 1 || r.Flushed != 0 || r.Remaining != 300 {
		t.Errorf("%+v", r)
	}
	if n, want := b.Database.Duplicated(), int64(300*(r.FailedBatches-1)); n != want {
		t.Errorf("%d rows too many, %d were written again", n, want)
	}
	b.gates.Replace(fault.Set{})
	if again := b.cron(t); again.Flushed != 300 || again.Remaining != 0 {
		t.Errorf("%+v", again)
	}
	b.push(t, entries(301, 400)...) // which are there once
	b.cron(t)
	rows := b.rows(t)
	slices.Sort(rows)
	distinct := len(slices.Compact(slices.Clone(rows)))
	if n := b.Database.Duplicated(); distinct != 400 || n != int64(len(rows)-distinct) || n != int64(300*r.FailedBatches) {
		t.Errorf("%d rows of %d taps; %d too many, the twin says", len(rows), distinct, n)
	}
}
