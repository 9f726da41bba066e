package capacity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// tappedSystem is a system under a run of three processes. It loses some taps and records others late, and counts both.
type tappedSystem struct {
	*rand.Rand
	parts   [3]*Recorder
	counted Reading
	late    []time.Time // when what is under way arrives
	lost    [2]int64    // in each plateau
	page    [2]int64
}

const ledgerHold = 100 * time.Second

// event is something that happens at a time.
type event struct {
	at time.Time
	do func()
}

// run makes the processes tap for two plateaus, the second of which loses a share. They begin at different times, after all probes, and
// read as in a real run: k6 gives two of them the scenario that samples.
func (s *tappedSystem) run(share float64) {
	s.probe()
	var events []event
	for n := range 6000 {
		at, plateau := time.Duration(n)*ledgerHold/2000, 0
		if n >= 2000 {
			at, plateau = ledgerHold+time.Duration(n-2000)*ledgerHold/4000, 1
		}
		i := s.IntN(len(s.parts))
		events = append(events, event{beganOf(i).Add(at), func() { s.tap(i, beganOf(i).Add(at), plateau, share) }})
		if n == 0 || n == 2000 { // the first tap of a plateau reads
			for i := range s.parts {
				events = append(events, event{beganOf(i).Add(at), func() { s.read(i, beganOf(i).Add(at)) }})
			}
		}
		if n%500 == 250 {
			i := s.IntN(2)
			events = append(events, event{beganOf(i).Add(at), func() { s.flush(beganOf(i).Add(at)); s.read(i, beganOf(i).Add(at)) }})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	for _, e := range events {
		e.do()
	}
	for _, r := range s.parts {
		end := began.Add(2*ledgerHold + 20*time.Second)
		s.arrive(end)
		r.Settle(end, s.counted, true, false)
	}
}

// beganOf returns when a process began.
func beganOf(i int) time.Time { return began.Add(time.Duration(i) * 1300 * time.Millisecond) }

// probe makes the probes of all preflights, interleaved; a process reads before its own and after them.
func (s *tappedSystem) probe() {
	var before [3]Reading
	var made [3]int
	for n, probe := range s.Perm(3 * len(s.parts)) {
		i := probe % len(s.parts)
		if made[i] == 0 {
			s.parts[i] = &Recorder{}
			s.parts[i].Schedule("tappers", holding(ledgerHold, 20, 40))
			before[i] = s.counted
		}
		s.counted.Received++
		s.counted.Waiting++
		if made[i]++; made[i] == 3 {
			s.parts[i].Baseline(began.Add(time.Duration(n-10)*time.Second), before[i], s.counted, 3, 0)
		}
	}
}

func (s *tappedSystem) tap(i int, at time.Time, plateau int, share float64) {
	s.parts[i].Tap(Tap{Began: at, Ended: at, First: true, Redirected: true, Page: true, Host: "a", Scenario: "tappers", Start: beganOf(i)})
	s.page[plateau]++
	if plateau == 1 && s.Float64() < share {
		s.lost[plateau]++
		return
	}
	s.late = append(s.late, at.Add(time.Duration(s.IntN(20))*time.Millisecond))
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

// arrive records what was under way and has arrived by a time.
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

// The ledger of three processes equals the system's, to the tap: its counters are read once, not summed, and the probes of the processes'
// preflights don't count as taps of others.
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
		// The probes were all made after the first reading, and count as taps.
		want := []int64{6009, lost, 6009 - lost, s.counted.Flushed - 700, s.counted.Waiting, 0, 0}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("share %v: got %v, want %v", share, got, want)
		}
		for i, p := range r.Plateaus {
			// At the end of a plateau, some are under way.
			if off := *p.Ledger.Lost - s.lost[i]; off < -5 || off > 5 {
				t.Errorf("share %v: %s lost %d, want %d", share, p.Name, *p.Ledger.Lost, s.lost[i])
			}
		}
		if sum := *r.Plateaus[0].Ledger.Lost + *r.Plateaus[1].Ledger.Lost; sum != lost {
			t.Errorf("share %v: the plateaus lost %d, and the run %d", share, sum, lost)
		}
	}
}

// A generator that stands still during a reading has seen fewer taps redirected than were received: these are not taps of others, and none
// of its own is lost.
func TestTapsUnderWayAtAReading(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	r.Schedule("tappers", holding(10*time.Second, 100, 200))
	r.Baseline(began.Add(-time.Second), Reading{}, Reading{Received: 3}, 3, 0)
	at := func(n int) time.Time { return began.Add(time.Duration(n) * 10 * time.Millisecond) }
	tap := func(began, ended time.Time) {
		r.Tap(Tap{Began: began, Ended: ended, First: true, Redirected: true, Page: true, Host: "a", Scenario: "tappers", Start: at(0)})
	}
	for n := range 950 {
		tap(at(n), at(n))
	}
	r.read(at(1000), Reading{Received: 3 + 1000}) // the last 50 are answered, but nobody has looked
	for n := range 50 {
		tap(at(950+n), at(1001))
	}
	for n := range 2000 {
		tap(at(1001).Add(time.Duration(n)*4*time.Millisecond), at(2000))
	}
	r.Settle(at(2001), Reading{Received: 3 + 3000}, true, false)
	l := Judge(r.Measured("", all), Limits, nil).Ledger
	if l.Redirected != 3000 || l.OtherTraffic != 0 || l.Lost == nil || *l.Lost != 0 {
		t.Errorf("got %+v", l)
	}
}

// Readings of several VUs overlap. One answered after a later one is just older: counters did not go back, or not once more.
func TestReadingsOutOfOrder(t *testing.T) {
	t.Parallel()
	r := &Recorder{}
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	for _, reading := range []struct {
		asked, answered int
		received        int64
	}{
		{0, 0, 1000}, {2, 3, 1200}, {1, 4, 1100}, // the last was delayed by the network
		{5, 6, 50}, {5, 7, 1250}, {8, 9, 150}, // Redis lost its data at 5
	} {
		r.read(at(reading.answered), Reading{Asked: at(reading.asked), Received: reading.received})
	}
	var got []int64
	for _, reading := range r.readings.Course {
		got = append(got, reading.Received)
	}
	if want := []int64{1000, 1200, 1250, 1350}; !slices.Equal(got, want) || r.readings.Resets != 1 {
		t.Errorf("got %v and %d resets, want %v and 1", got, r.readings.Resets, want)
	}
}
