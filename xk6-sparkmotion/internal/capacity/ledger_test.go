package capacity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// tappedSystem is a system under a run of three processes, that loses some taps and records others late, by its own count.
type tappedSystem struct {
	*rand.Rand
	parts   [3]*Recorder
	counted Reading
	late    []time.Time // when what is under way arrives
	lost    [2]int64    // in each plateau
	page    [2]int64
}

const ledgerHold = 100 * time.Second

// run lets the processes tap for two plateaus, the second of which loses a share; each reads as it does in a run.
func (s *tappedSystem) run(share float64) {
	for i := range s.parts {
		s.parts[i] = &Recorder{}
		s.parts[i].Schedule("tappers", holding(ledgerHold, 20, 40))
		s.probe(i)
	}
	for n := range 6000 {
		at, plateau := began.Add(time.Duration(n)*ledgerHold/2000), 0
		if n >= 2000 {
			at, plateau = began.Add(ledgerHold+time.Duration(n-2000)*ledgerHold/4000), 1
		}
		for i := range s.parts { // the first tap of a plateau reads
			if n == 0 || n == 2000 {
				s.read(i, at)
			}
		}
		i := s.IntN(len(s.parts))
		s.parts[i].Tap(Tap{Began: at, Ended: at, First: true, Redirected: true, Page: true, Host: "a", Scenario: "tappers", Start: began})
		s.page[plateau]++
		if plateau == 1 && s.Float64() < share {
			s.lost[plateau]++
		} else {
			s.late = append(s.late, at.Add(time.Duration(s.IntN(20))*time.Millisecond))
		}
		if n%500 == 250 {
			s.flush(at)
			s.read(s.IntN(len(s.parts)), at)
		}
	}
	for _, r := range s.parts {
		end := began.Add(2*ledgerHold + time.Second)
		s.arrive(end)
		r.Settle(end, s.counted, true, false)
	}
}

// probe makes the taps of a process's preflight, after which it reads for the first time.
func (s *tappedSystem) probe(i int) {
	s.counted.Received += 3
	s.counted.Waiting += 3
	s.parts[i].Baseline(began.Add(time.Duration(i-10)*time.Second), s.counted, 3, 0)
}

func (s *tappedSystem) read(i int, at time.Time) {
	s.arrive(at)
	s.parts[i].read(at, s.counted)
}

func (s *tappedSystem) flush(at time.Time) {
	s.arrive(at)
	s.counted.Flushed += s.counted.Waiting
	s.counted.Waiting = 0
}

// arrive records what was under way.
func (s *tappedSystem) arrive(by time.Time) {
	var later []time.Time
	for _, at := range s.late {
		if at.After(by) {
			later = append(later, at)
			continue
		}
		s.counted.Received++
		s.counted.Waiting++
	}
	s.late = later
}

// The ledger of three processes is that of the system, to the tap: its counters are read once, not summed, and the probes of each
// process's preflight are none of others'.
func TestLedgerOfProcesses(t *testing.T) {
	t.Parallel()
	for seed, share := range []float64{0, 0.002, 0.3, 1} {
		s := &tappedSystem{Rand: rand.New(rand.NewPCG(uint64(seed), 7)), counted: Reading{Received: 1000, Flushed: 700, Waiting: 300}}
		s.run(share)
		var parts []Part
		for i, r := range s.parts {
			text, err := json.Marshal(map[string]any{"capacity": Judge(r.Measured(fmt.Sprintf("%d/3:%d/3", i, i+1), all), Limits, nil)})
			if err != nil {
				t.Fatal(err)
			}
			report, err := Read(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, Part{fmt.Sprint(i), report})
		}
		r, err := Merge(parts)
		if err != nil {
			t.Fatal(err)
		}
		l := r.Ledger
		got := []int64{l.Redirected, *l.Lost, l.Received, l.Flushed, l.Waiting, l.Unaccounted, l.OtherTraffic}
		lost := s.lost[0] + s.lost[1]
		// 3 of the 9 probes were made before the first reading, the others are taps like any.
		want := []int64{6006, lost, 6006 - lost, s.counted.Flushed - 700, s.counted.Waiting, 0, 0}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("share %v: got %v, want %v", share, got, want)
		}
		for i, p := range r.Plateaus {
			// At a plateau's bound some are under way.
			if off := *p.Ledger.Lost - s.lost[i]; off < -5 || off > 5 {
				t.Errorf("share %v: %s lost %d, want %d", share, p.Name, *p.Ledger.Lost, s.lost[i])
			}
		}
		if sum := *r.Plateaus[0].Ledger.Lost + *r.Plateaus[1].Ledger.Lost; sum != lost {
			t.Errorf("share %v: the plateaus lost %d, and the run %d", share, sum, lost)
		}
	}
}
