package capacity

// taken is how many more taps were off the queue and not counted at a reading than at the first one: a flush under way has them, or nobody. Below
// 0 when flushes have counted more than was received.
func (r *Readings) taken(at Reading) int64 { return at.Taken() - r.Course[0].Taken() }

// uncounted is how many of those no flush had counted by the last reading. A flush counts what it has taken when it ends, so that these are no
// more than are taken at any later reading:
//
//	taken  5 ┤  ┌──┐    ┌──┐          a flush, another, and one that never counts 2
//	       2 ┤  │  │    │  │   ┌────  uncounted from here on
//	       0 ┼──┘  └────┘  └───┘
func (r *Readings) uncounted(at Reading) int64 {
	return max(0, r.least(at, r.taken))
}

// least returns the least of a figure at any reading from one on, and at the last.
func (r *Readings) least(from Reading, figure func(Reading) int64) int64 {
	least := figure(r.last())
	for _, later := range r.Course {
		if later.Seconds >= from.Seconds {
			least = min(least, figure(later))
		}
	}
	return least
}

func (r *Readings) last() Reading { return r.Course[len(r.Course)-1] }

// row is the ledger from one reading to another. Of what was taken at a reading, what was counted later was in a flush then; so was the rest if
// a flush may have been under way at the last. Where more was counted than received, a batch was written twice, or a flush had taken some before
// the first reading: which of these, and so what flushes had in hand, is not known.
func (r *Readings) row(from, to Reading) *Ledger {
	l := between(from, to)
	before, after := r.uncounted(from), r.uncounted(to)
	l.Unaccounted = after - before
	if r.Flushing {
		l.Unended, l.Unaccounted = l.Unaccounted, 0
		before, after = 0, 0
	}
	if min(r.taken(from), r.taken(to), r.taken(r.last())) >= 0 {
		l.FlushingBefore, l.Flushing = new(r.taken(from)-before), new(r.taken(to)-after)
	}
	return l
}

// adopt adds what flushes took after a plateau that no tap followed, and never counted: it had waited at the plateau's end.
func (l *Ledger) adopt(r *Readings, end Reading) {
	later := r.uncounted(r.last()) - r.uncounted(end)
	if r.Flushing {
		l.Unended += later
		return
	}
	l.UnaccountedLater = later
}
