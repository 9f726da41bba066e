package capacity

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// counted adds up a row as a reader of the table does; false when what was in a flush is not known.
func (l *Ledger) counted() (in, out int64, known bool) {
	if l.Flushing == nil || l.FlushingBefore == nil {
		return 0, 0, false
	}
	return l.WaitingBefore + *l.FlushingBefore + l.Received, l.Flushed + l.Dropped + l.Waiting + *l.Flushing + l.Unaccounted, true
}

// TestRows: what a row has of flushes, by what readings at 0, 10, … saw. The plateaus are from 10 to 20 and from 20 to 30.
func TestRows(t *testing.T) {
	t.Parallel()
	type row struct{ before, flushing, unended, unaccounted, later int64 } // before and flushing: -1 when not known
	at := func(received, flushed, waiting int64) Reading {
		return Reading{Received: 1000 + received, Flushed: 1000 + flushed, Waiting: waiting}
	}
	for name, c := range map[string]struct {
		course   []Reading
		flushing bool // at the last
		rows     [2]row
		run      row
	}{
		"no flush": {course: []Reading{at(0, 0, 0), at(0, 0, 0), at(100, 0, 100), at(200, 0, 200), at(200, 0, 200)}},
		"a flush under way between two plateaus": {
			course: []Reading{at(0, 0, 0), at(90, 0, 90), at(200, 0, 120), at(300, 80, 220), at(300, 300, 0)},
			rows:   [2]row{{flushing: 80}, {before: 80}},
		},
		"one at each reading": {
			course: []Reading{at(0, 0, 0), at(90, 0, 50), at(200, 40, 100), at(300, 100, 170), at(300, 300, 0)},
			rows:   [2]row{{before: 40, flushing: 60}, {before: 60, flushing: 30}},
		},
		"one that never counts what it took": {
			course: []Reading{at(0, 0, 0), at(100, 0, 100), at(200, 0, 150), at(300, 150, 100), at(300, 250, 0)},
			rows:   [2]row{{unaccounted: 50}, {}}, run: row{unaccounted: 50},
		},
		"one that may go on": {
			course: []Reading{at(0, 0, 0), at(100, 0, 100), at(200, 0, 150), at(300, 150, 100), at(300, 250, 0)}, flushing: true,
			rows: [2]row{{flushing: 50, unended: 50}, {before: 50, flushing: 50}}, run: row{flushing: 50, unended: 50},
		},
		"one after the load that never counts": {
			course: []Reading{at(0, 0, 0), at(100, 0, 100), at(200, 0, 200), at(300, 0, 300), at(300, 200, 0)},
			rows:   [2]row{{}, {later: 100}}, run: row{unaccounted: 100},
		},
		"one after the load that may go on": {
			course: []Reading{at(0, 0, 0), at(100, 0, 100), at(200, 0, 200), at(300, 0, 300), at(300, 200, 0)}, flushing: true,
			rows: [2]row{{}, {unended: 100}}, run: row{flushing: 100, unended: 100},
		},
		"a batch written twice": {
			course: []Reading{at(0, 0, 0), at(100, 0, 100), at(200, 300, 0), at(300, 400, 0), at(300, 400, 0)},
			rows:   [2]row{{before: -1, flushing: -1}, {before: -1, flushing: -1}}, run: row{unaccounted: -100},
		},
		"a tap on the queue before it is counted": {
			course: []Reading{at(0, 0, 0), at(100, 0, 100), at(200, 0, 201), at(300, 0, 300), at(300, 300, 0)},
			rows:   [2]row{{before: -1, flushing: -1}, {before: -1, flushing: -1}},
		},
	} {
		m := Measured{Plateaus: []Plateau{{Start: 10, Seconds: 10}, {Start: 20, Seconds: 10}}}
		for i, reading := range c.course {
			reading.Seconds = float64(10 * i)
			reading.Redirected = reading.Received - 1000
			m.Readings.Course = append(m.Readings.Course, reading)
		}
		m.Plateaus[0].Counts.Redirected, m.Plateaus[1].Counts.Redirected, m.Whole.Redirected = 200, 100, 300
		m.Readings.Settled, m.Readings.Flushing = true, c.flushing
		known := func(n *int64) int64 {
			if n == nil {
				return -1
			}
			return *n
		}
		got := func(l *Ledger) row {
			if in, out, known := l.counted(); known && in != out {
				t.Errorf("%s: %d came and %d are told of: %+v", name, in, out, l)
			}
			return row{known(l.FlushingBefore), known(l.Flushing), l.Unended, l.Unaccounted, l.UnaccountedLater}
		}
		if run := got(m.account()); run != c.run {
			t.Errorf("%s: the run %+v, want %+v", name, run, c.run)
		}
		for i, want := range c.rows {
			if row := got(m.Plateaus[i].Ledger); row != want {
				t.Errorf("%s: row %d %+v, want %+v", name, i, row, want)
			}
		}
	}
}

// flushedSystem is a system whose flushes take batches off the queue and count them when they end, read at any time.
type flushedSystem struct {
	*rand.Rand
	Reading
	hands   []int64 // batches that flushes have, one each
	dead    int64   // taken by flushes that ended without counting
	course  []Reading
	inHand  []int64 // at each reading
	perhaps struct{ dies, twice bool }
}

func (s *flushedSystem) step() {
	switch s.IntN(6) {
	case 0, 1:
		n := s.Int64N(3000)
		s.Received, s.Waiting, s.Redirected = s.Received+n, s.Waiting+n, s.Redirected+n
	case 2:
		n := min(s.Waiting, 5000)
		s.Waiting, s.hands = s.Waiting-n, append(s.hands, n)
	case 3:
		s.end()
	case 4, 5:
		s.read()
	}
}

// end ends a flush: it counts what it moved and dropped, puts a batch back that fails, or dies with it.
func (s *flushedSystem) end() {
	if len(s.hands) == 0 {
		return
	}
	n := s.hands[0]
	s.hands = s.hands[1:]
	switch s.IntN(5) {
	case 0:
		s.Waiting += n
	case 1:
		if s.perhaps.dies {
			s.dead += n
			return
		}
		s.Flushed += n
	case 2:
		if s.perhaps.twice {
			s.Flushed += n
		}
		s.Flushed += n
	default:
		dropped := s.Int64N(n + 1)
		s.Flushed, s.Dropped = s.Flushed+n-dropped, s.Dropped+dropped
	}
}

func (s *flushedSystem) read() {
	s.Seconds++
	inHand := int64(0)
	for _, n := range s.hands {
		inHand += n
	}
	s.course, s.inHand = append(s.course, s.Reading), append(s.inHand, inHand)
}

// TestRowsAddUp: whatever flushes do, and whenever readings are taken, each row adds up, the rows to the run; and where no flush dies and none
// writes twice, what was in flushes is what the system knows that it was.
func TestRowsAddUp(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any will do
	if os.Getenv("CI") != "" {
		seed = 21
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 21)) // #nosec G404 -- a simulation
	unknown, known := 0, 0
	for n := range 2000 {
		s := &flushedSystem{Rand: random, Reading: Reading{Received: 700, Flushed: 600, Dropped: 20, Waiting: 80}}
		s.perhaps.dies, s.perhaps.twice = n%4 == 1 || n%4 == 3, n%4 > 1
		s.read()
		for range 20 + random.IntN(100) {
			s.step()
		}
		open := random.IntN(2) == 0 // when the last reading is taken
		for !open && len(s.hands) > 0 {
			s.end()
		}
		s.read()
		m := Measured{Readings: Readings{Course: s.course, Settled: true, Flushing: open}}
		for i := range s.course[1:] { // plateaus between all readings, so that they add up to the run
			m.Plateaus = append(m.Plateaus, Plateau{Start: float64(i + 1), Seconds: 1})
		}
		m.Whole.Redirected = s.Redirected + 1 // not all of them in plateaus
		run := m.account()
		var received, unaccounted, unended int64
		for i := range m.Plateaus {
			l := m.Plateaus[i].Ledger
			received, unaccounted, unended = received+l.Received, unaccounted+l.Unaccounted, unended+l.Unended
			in, out, measured := l.counted()
			switch {
			case !measured:
				unknown++
				if !s.perhaps.twice {
					t.Fatalf("run %d, row %d: not measured: %+v", n, i, l)
				}
				continue
			case in != out, *l.Flushing < 0, *l.FlushingBefore < 0, l.Unaccounted < 0:
				t.Fatalf("run %d, row %d: %d came and %d are told of: %+v", n, i, in, out, l)
			case !s.perhaps.dies && !s.perhaps.twice && (*l.Flushing != s.inHand[i+1] || *l.FlushingBefore != s.inHand[i]):
				t.Fatalf("run %d, row %d: %d and %d were in flushes: %+v", n, i, s.inHand[i], s.inHand[i+1], l)
			}
			known++
		}
		in, out, measured := run.counted()
		if !measured || in != out || received != run.Received || unaccounted != max(0, run.Unaccounted) || unended != run.Unended {
			t.Fatalf("run %d: %d came and %d are told of; by rows received %d, unaccounted %d, unended %d: %+v",
				n, in, out, received, unaccounted, unended, run)
		}
		if !open && !s.perhaps.twice && run.Unaccounted != s.dead {
			t.Fatalf("run %d: %d unaccounted for, want %d", n, run.Unaccounted, s.dead)
		}
	}
	if unknown == 0 || known < unknown {
		t.Errorf("%d rows known, %d not: the simulation shows too little", known, unknown)
	}
}
