package database

import (
	"sync"
	"sync/atomic"
)

// repeats count the rows of taps that were written although they were there: their first commit's reply was lost, so that the flush
// took them for not written.
type repeats struct {
	rows atomic.Int64

	mu    sync.Mutex
	there map[TapRow]bool // written, and not known to be
}

// committed takes a batch that is in the database, and returns whether its reply is lost.
func (r *repeats) committed(taps []TapRow, lost bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !lost && len(r.there) == 0 {
		return false
	}
	if r.there == nil {
		r.there = make(map[TapRow]bool)
	}
	for _, tap := range taps {
		if r.there[tap] {
			r.rows.Add(1)
		}
		if lost {
			r.there[tap] = true
		} else {
			delete(r.there, tap)
		}
	}
	return lost
}
